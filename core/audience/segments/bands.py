"""Dimensions of a cross-tab, and those whose values fall into bands: numbers, ages, months.

A dimension is one SQL expression, evaluated beside the segment's condition in a single scan, with the words
of each value and the rule that means exactly the people of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from core.audience.segments.context import Context
from core.audience.segments.ops import day_number, from_day_number
from core.audience.segments.words import month_words, shown
from core.clock import to_ms
from core.contract.types import FieldInfo
from core.db import database
from core.i18n import _

#: Values of one axis at most, "others" and "no value" among them.
MOST = 12
_AGES = (18, 25, 35, 45, 55, 65)
_PARTS = 5
_SAMPLE = 50_000

Rule = dict[str, Any]
Condition = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Dimension:
    """`sql` gives a person's value (NULL: none); `words` and `rule` are asked for the values that occur.

    `order`: the values of bands, in the order they are shown; other dimensions show the greatest first.
    `bits`: labels by bit, of which a person may have several; the value is then a mask of them.
    `others` is the rule of everyone with a value that is not one of these, None where that cannot be.
    """

    key: str
    title: str
    sql: str
    words: Callable[[Any], str]
    rule: Callable[[Any], Rule]
    params: Sequence[Any] = ()
    order: Sequence[Any] = ()
    bits: Mapping[int, str] = field(default_factory=dict)
    others: Callable[[list[Any]], Rule] | None = None


def field_rule(info: FieldInfo, op: str, value: Any = None) -> Rule:
    return {"segmenter": "attribute", "field": info.key, "op": op} | (
        {} if value is None else {"value": value}
    )


def contact_rule(key: str, op: str, value: Any = None) -> Rule:
    return {"segmenter": "contact", "field": key, "op": op} | ({} if value is None else {"value": value})


def _banded(column: str, cuts: Sequence[Any]) -> tuple[str, list[Any]]:
    """SQL of the band a value falls into: 0 below the first cut, up to len(cuts) from the last on."""
    whens = "".join(f" WHEN {column} < ? THEN {i}" for i in range(len(cuts)))
    return f"CASE WHEN {column} IS NULL THEN NULL{whens} ELSE {len(cuts)} END", list(cuts)


def ranges(
    key: str, title: str, column: str, cuts: Sequence[float], leaf: Rule, empty: bool = False
) -> Dimension:
    """Bands of a number: under 100 · 100 to under 200 · 200 or more."""
    sql, params = _banded(column, cuts)

    def bounds(band: int) -> tuple[float | None, float | None]:
        return (cuts[band - 1] if band else None, cuts[band] if band < len(cuts) else None)

    def words(band: int | None) -> str:
        if band is None:
            return _("no value")
        low, high = bounds(band)
        if low is None and high is None:
            return _("any value")
        if low is None:
            return _("under %(high)s", high=shown(high))
        if high is None:
            return _("%(low)s or more", low=shown(low))
        return _("%(low)s to under %(high)s", low=shown(low), high=shown(high))

    def rule(band: int | None) -> Rule:
        if band is None:
            return {**leaf, "op": "empty"}
        low, high = bounds(band)
        parts = [{**leaf, "op": "gte", "value": low}] if low is not None else []
        parts += [{**leaf, "op": "lt", "value": high}] if high is not None else []
        return parts[0] if len(parts) == 1 else {"all": parts} if parts else {**leaf, "op": "not_empty"}

    order = (*range(len(cuts) + 1), *([None] if empty else []))
    return Dimension(key, title, sql, words, rule, params=params, order=order)


def quintiles(info: FieldInfo, ctx: Context, where: Condition) -> Dimension:
    """Five bands of about equal size, cut by a sample of the segment; the counts are of everyone."""
    sql, params = where
    column = f"profile.{info.column}"
    highest = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    step = max(1, highest // _SAMPLE)
    rows = database.query(
        f"SELECT {column} FROM profile WHERE profile.contact_id % ? = 0 AND {column} IS NOT NULL AND ({sql})",
        (step, *params),
    )
    values = sorted(value for (value,) in rows)
    at = (values[len(values) * part // _PARTS] for part in range(1, _PARTS)) if values else ()
    cuts = [int(cut) if cut == int(cut) else cut for cut in sorted(set(at)) if cut > values[0]]
    leaf = {"segmenter": "attribute", "field": info.key}
    return ranges(info.key, _(info.title), column, cuts, leaf, empty=True)


def days(info: FieldInfo, ctx: Context, where: Condition) -> Dimension:
    """The age for birthdays, the month for other dates."""
    return _age(info, ctx) if info.key == "birthday" else _months(info, ctx)


def _age(info: FieldInfo, ctx: Context) -> Dimension:
    """Ages as of today.  The rule names the days of birth, so that it means the same people tomorrow."""
    # Someone is n years old from the day `n` years after their birth on.
    limits = [_years_before(ctx.today, age) for age in reversed(_AGES)]
    sql, params = _banded(f"profile.{info.column}", [day_number(day) + 1 for day in limits])
    ages = (None, *_AGES)

    def at(band: int) -> int:
        return len(_AGES) - band

    def words(band: int | None) -> str:
        if band is None:
            return _("no value")
        if band == 0:
            return _("%(low)s or more", low=_AGES[-1])
        low = ages[at(band)]
        return f"{low}–{ages[at(band) + 1] - 1}" if low else _("under %(high)s", high=_AGES[0])

    def rule(band: int | None) -> Rule:
        if band is None:
            return field_rule(info, "empty")
        if band == 0:
            return field_rule(info, "lte", limits[0].isoformat())
        if band == len(limits):
            return field_rule(info, "gt", limits[-1].isoformat())
        first = from_day_number(day_number(limits[band - 1]) + 1)
        return field_rule(info, "between", [first.isoformat(), limits[band].isoformat()])

    order = (*range(len(limits), -1, -1), None)
    return Dimension(info.key, _("Age"), sql, words, rule, params=params, order=order)


def _years_before(day: date, years: int) -> date:
    """The latest day of birth of someone `years` old; who was born on 29 February ages on 1 March."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _months(info: FieldInfo, ctx: Context) -> Dimension:
    """Nine months up to this one, what was earlier, and what is yet to come."""
    firsts = [*_firsts(ctx.today, MOST - 3)]
    firsts.append(_next_month(firsts[-1]))
    sql, params = _banded(f"profile.{info.column}", [day_number(day) for day in firsts])

    def words(band: int | None) -> str:
        if band is None:
            return _("no value")
        return _("later") if band == len(firsts) else _month_or_earlier(band, firsts)

    def rule(band: int | None) -> Rule:
        if band is None:
            return field_rule(info, "empty")
        if band == len(firsts):
            return field_rule(info, "gte", firsts[-1].isoformat())
        if band == 0:
            return field_rule(info, "lt", firsts[0].isoformat())
        return field_rule(info, "between", _span(firsts[band - 1]))

    order = (*range(len(firsts) + 1), None)
    return Dimension(info.key, _(info.title), sql, words, rule, params=params, order=order)


def created(ctx: Context) -> Dimension:
    """The month someone was added, in the instance's zone."""
    firsts = [*_firsts(ctx.today, MOST - 1)]
    cuts = [to_ms(datetime.combine(day, time(), ctx.zone)) for day in firsts]
    sql, params = _banded("profile.created_at", cuts)

    def rule(band: int) -> Rule:
        if band == 0:
            return contact_rule("created", "lt", firsts[0].isoformat())
        if band == len(firsts):
            return contact_rule("created", "gte", firsts[-1].isoformat())
        return contact_rule("created", "between", _span(firsts[band - 1]))

    return Dimension(
        "created",
        _("Added"),
        sql,
        lambda band: _month_or_earlier(band, firsts),
        rule,
        params=params,
        order=tuple(range(len(firsts) + 1)),
    )


def _month_or_earlier(band: int, firsts: Sequence[date]) -> str:
    return month_words(firsts[band - 1]) if band else _("earlier")


def _firsts(today: date, n: int) -> Iterator[date]:
    """The first days of `n` months, this one last."""
    month = today.year * 12 + today.month - 1
    return (date(at // 12, at % 12 + 1, 1) for at in range(month - n + 1, month + 1))


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _span(first: date) -> list[str]:
    last = from_day_number(day_number(_next_month(first)) - 1)
    return [first.isoformat(), last.isoformat()]
