"""Comparisons: how each turns into SQL and into words, by kind of value.

Segmenters that compare a column use `compare` and `sentence`.  Kinds are those of contact fields (text,
choice, number, date, bool), `instant` (epoch milliseconds, where 0 or NULL means never) and `mask` (bits, any
of which means yes).

"is not" and "is none of" mean exactly the people "is" does not match, those without a value included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from core import amounts
from core.audience.segments.context import Context
from core.audience.segments.logic import NOBODY, complement
from core.clock import DAY_MS, to_ms
from core.contract.errors import Refusal
from core.contract.types import SegmentContext
from core.db import text as sql_text
from core.i18n import _

_EPOCH = date(1970, 1, 1)
_MAX_DAYS = 36_500

_TEXT = ("eq", "ne", "in", "not_in", "contains", "starts_with", "empty", "not_empty")
_ORDER = ("gt", "gte", "lt", "lte", "between")
#: kind → the comparisons it knows, in the order the builder shows them.
OPS: Mapping[str, Sequence[str]] = {
    "choice": ("eq", "ne", "in", "not_in", "contains", "starts_with", "empty", "not_empty"),
    "text": _TEXT,
    "number": ("eq", "ne", *_ORDER, "in", "not_in", "empty", "not_empty"),
    "date": ("within_days", "older_than_days", "eq", "ne", *_ORDER, "empty", "not_empty"),
    "instant": ("within_days", "older_than_days", "eq", "ne", *_ORDER, "empty", "not_empty"),
    "bool": ("eq", "ne", "empty", "not_empty"),
    "mask": ("eq", "ne"),
}
#: Comparisons that take no value; a list; exactly two; a number of days.
BARE = frozenset({"empty", "not_empty"})
LISTS = frozenset({"in", "not_in"})
DAYS = frozenset({"within_days", "older_than_days"})
#: "is not" is the exact complement of "is".
_COMPLEMENTS = {"ne": "eq", "not_in": "in", "not_empty": "empty"}


def check_op(kind: str, op: Any, title: str) -> str:
    """The comparison if this kind knows it; else `Refusal` with those it knows."""
    if op not in OPS[kind]:
        raise Refusal(
            _(
                "%(field)s (%(kind)s) has no comparison %(op)s; it takes one of %(known)s.",
                field=title,
                kind=kind,
                op=repr(op),
                known=", ".join(OPS[kind]),
            ),
            field="op",
        )
    return op


def read_value(kind: str, op: str, value: Any, title: str) -> Any:
    """The value of a rule as Python sees it: str, float, date, bool, a list or pair of them, int days, None.

    Raises `Refusal` that says what the comparison takes.
    """
    if op in BARE:
        return None
    if op in DAYS:
        return _days(value, title)
    if op in LISTS:
        if not isinstance(value, list | tuple):
            raise _wrong(title, value, _("a list of values"))
        return [_one(kind, item, title) for item in value]
    if op == "between":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise _wrong(title, value, _("two values, from and to"))
        return [_one(kind, item, title) for item in value]
    if op in ("contains", "starts_with"):
        if not isinstance(value, str) or not value:
            raise _wrong(title, value, _("some text"))
        return value
    return _one(kind, value, title)


def read_param(kind: str, op: str, value: Any, key: str) -> Any:
    """`read_value` of a parameter that has a name of its own, which a refusal then names."""
    try:
        return read_value(kind, op, value, key)
    except Refusal as refusal:
        raise Refusal(str(refusal), field=key) from None


def compare(column, kind: str, op: Any, value: Any, ctx: Context, title: str, choices=None):
    """The peewee expression of one comparison.

    `value` is the rule's raw value; `choices` maps the text of a choice to its code.  A choice that does not
    exist matches nobody.  Raises `Refusal`.
    """
    check_op(kind, op, title)
    value = read_value(kind, op, value, title)
    if op in _COMPLEMENTS:
        return complement(_compare(column, kind, _COMPLEMENTS[op], value, ctx, choices))
    return _compare(column, kind, op, value, ctx, choices)


def day_number(day: date) -> int:
    """Days since 1970-01-01, as date fields store them."""
    return (day - _EPOCH).days


def from_day_number(days: int) -> date:
    """The date of a stored day number."""
    return _EPOCH + timedelta(days=days)


def _compare(column, kind: str, op: str, value: Any, ctx: Context, choices: Any):
    if kind == "instant":
        return (column > 0) & _instant(column, op, value, ctx) if op != "empty" else _never(column)
    if op == "empty":
        missing = column.is_null()
        return missing | (column == "") if kind == "text" else missing
    if kind == "choice":
        return _choice(column, op, value, choices)
    if kind == "date":
        return _date(column, op, value, ctx)
    if kind == "mask":
        return column != 0 if value else column == 0
    if kind == "bool":
        value = int(value)
    if op == "contains":
        return sql_text.contains(column, value)
    if op == "starts_with":
        return sql_text.starts_with(column, value)
    return _ordered(column, op, value)


def _ordered(column, op: str, value: Any):
    match op:
        case "eq":
            return column == value
        case "in":
            return column.in_(value) if value else NOBODY
        case "gt":
            return column > value
        case "gte":
            return column >= value
        case "lt":
            return column < value
        case "lte":
            return column <= value
    return column.between(*value)


def _choice(column, op: str, value: Any, choices: Mapping[str, int]):
    """Texts are looked up in the dictionary, so that the scan compares integers."""
    if op == "eq":
        codes = [choices[value]] if value in choices else []
    elif op == "in":
        codes = [choices[item] for item in value if item in choices]
    else:
        test = str.__contains__ if op == "contains" else str.startswith
        wanted = sql_text.small(value)
        codes = [code for text, code in choices.items() if test(sql_text.small(text), wanted)]
    if not codes:
        return NOBODY
    return column == codes[0] if len(codes) == 1 else column.in_(codes)


def _date(column, op: str, value: Any, ctx: Context):
    today = day_number(ctx.today)
    if op == "within_days":
        return column.between(today - value, today)
    if op == "older_than_days":
        return column < today - value
    if op == "between":
        return column.between(*map(day_number, value))
    return _ordered(column, op, day_number(value))


def _never(column):
    return column.is_null() | (column == 0)


def _instant(column, op: str, value: Any, ctx: Context):
    """Days are those of the instance's zone; "before" a day means before it begins."""
    if op == "within_days":
        return column >= ctx.now_ms - value * DAY_MS
    if op == "older_than_days":
        return column < ctx.now_ms - value * DAY_MS
    first, last = value if op == "between" else (value, value)
    begins, ends = midnight(first, ctx), midnight(last + timedelta(days=1), ctx)
    match op:
        case "gt":
            return column >= ends
        case "gte":
            return column >= begins
        case "lt":
            return column < begins
        case "lte":
            return column < ends
    return (column >= begins) & (column < ends)


def midnight(day: date, ctx: SegmentContext) -> int:
    """Epoch milliseconds at which a day begins in the instance's zone."""
    return to_ms(datetime.combine(day, time(), ctx.zone))


def _one(kind: str, value: Any, title: str) -> Any:
    if kind == "number":
        return _number(value, title)
    if kind in ("date", "instant"):
        return _day(value, title)
    if kind in ("bool", "mask"):
        return _bool(value, title)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise _wrong(title, value, _("a text"))
    # JSON of a program may write 5 for the text "5".
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _number(value: Any, title: str) -> float:
    if isinstance(value, str):
        try:
            value = float(amounts.read(value))
        except Refusal:
            raise _wrong(title, value, _("a number")) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(title, value, _("a number"))
    return float(value)


def _day(value: Any, title: str) -> date:
    try:
        day = date.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise _wrong(title, value, _("a day such as 2026-01-31")) from None
    if not 1800 <= day.year <= 2200:
        raise _wrong(title, value, _("a day between 1800 and 2200"))
    return day


def _bool(value: Any, title: str) -> bool:
    if isinstance(value, str):
        value = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}.get(
            value.strip().lower()
        )
    if value in (0, 1) and value is not None:
        return bool(value)
    raise _wrong(title, value, _("yes, or no"))


def _days(value: Any, title: str) -> int:
    number = _number(value, title)
    if number != int(number) or not 0 <= number <= _MAX_DAYS:
        raise _wrong(title, value, _("a whole number of days from 0 to %(most)s", most=f"{_MAX_DAYS:,}"))
    return int(number)


def _wrong(title: str, value: Any, takes: str) -> Refusal:
    if value in (None, "", []):
        return Refusal(
            _("%(field)s is compared with nothing; it takes %(takes)s.", field=title, takes=takes),
            field="value",
        )
    return Refusal(
        _(
            "%(field)s is compared with %(value)s; it takes %(takes)s.",
            field=title,
            value=repr(value),
            takes=takes,
        ),
        field="value",
    )
