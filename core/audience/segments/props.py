"""Properties of events (JSON in a text column) as SQL, alike on both databases."""

from __future__ import annotations

import json
import math

from peewee import Case, Value, fn

from core.db.database import is_postgres


def number(column, name: str):
    """The property as a floating point number; NULL where it is missing or no number."""
    if is_postgres():
        kind, value = fn.jsonb_typeof(_value(column, name)), _text(column, name)
        return Case(None, [(kind == "number", value.cast("DOUBLE PRECISION"))])
    kind = fn.json_type(column, _path(name))
    return Case(None, [(kind.in_(["integer", "real"]), fn.json_extract(column, _path(name)).cast("REAL"))])


def equals(column, name: str, value: str | float | bool):
    """The property is this text, number or yes/no; 5 and "5", yes and true are the same."""
    text = _plain(value)
    condition = _is_text(column, name, text)
    as_number = _as_number(value)
    if as_number is not None:
        condition |= number(column, name) == as_number
    word = text.strip().lower()
    if word in ("true", "yes", "false", "no"):
        condition |= _is_bool(column, name, word in ("true", "yes"))
    return condition


def _is_text(column, name: str, text: str):
    if is_postgres():
        return (fn.jsonb_typeof(_value(column, name)) == "string") & (_text(column, name) == text)
    return (fn.json_type(column, _path(name)) == "text") & (fn.json_extract(column, _path(name)) == text)


def _is_bool(column, name: str, yes: bool):
    kind = "true" if yes else "false"
    if is_postgres():
        return (fn.jsonb_typeof(_value(column, name)) == "boolean") & (_text(column, name) == kind)
    return fn.json_type(column, _path(name)) == kind


def _plain(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:.15g}"


def _as_number(value: str | float | bool) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        made = float(value)
    except ValueError:
        return None
    return made if math.isfinite(made) else None


def _path(name: str) -> str:
    return f"$.{json.dumps(name, ensure_ascii=False)}"


def _value(column, name: str):
    return fn.jsonb_extract_path(column.cast("JSONB"), Value(name).cast("TEXT"))


def _text(column, name: str):
    return fn.jsonb_extract_path_text(column.cast("JSONB"), Value(name).cast("TEXT"))
