"""Rows as they are, with all their columns, for keeping them aside and putting them back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from core.db import database


def columns(table: str) -> list[str]:
    """The names of a table's columns as they are now."""
    return [column.name for column in database.proxy.get_columns(table)]


def rows(table: str, key: str, value: int, lock: str = "") -> list[dict[str, Any]]:
    """All rows of a key, as column → value; `lock` is appended (" FOR UPDATE")."""
    names = columns(table)
    quoted = ", ".join(f'"{name}"' for name in names)
    found = database.query(f"SELECT {quoted} FROM {table} WHERE {key} = ?{lock}", (value,))
    return [dict(zip(names, map(_value, values), strict=True)) for values in found]


def row(table: str, key: str, value: int, lock: str = "") -> dict[str, Any] | None:
    """The one row of a key, or None."""
    found = rows(table, key, value, lock)
    return found[0] if found else None


def insert(table: str, row: Mapping[str, Any]) -> None:
    """Put a row back; columns that are gone meanwhile are left out."""
    there = set(columns(table))
    kept = {column: unplain(value) for column, value in row.items() if column in there}
    names = ", ".join(f'"{column}"' for column in kept)
    database.execute(
        f"INSERT INTO {table} ({names}) VALUES ({database.in_list(len(kept))})", tuple(kept.values())
    )


def _value(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def plain(value: Any) -> Any:
    """Bytes as JSON holds them."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def unplain(value: Any) -> Any:
    """What `plain` made, as it was."""
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value
