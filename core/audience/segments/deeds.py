"""Who did something so many times: conditions over `event_stat`, and over `event` where that does not tell.

`event_stat` knows number, sum, first and the latest four times of each contact and type.  What it cannot answer
(a stretch with an end, more than four, an item) it narrows down to candidates, whose own events are then read;
these lie together.
"""

from __future__ import annotations

from typing import Any

from peewee import SQL, fn

from core.audience.segments.logic import EVERYONE, among, complement
from core.audience.segments.spans import Span
from core.contract.types import SegmentContext
from core.db.models import Event, EventStat

#: Times of the latest events, newest first.
LATEST = (EventStat.at1, EventStat.at2, EventStat.at3, EventStat.at4)


def at_least(type_id: int, times: int, span: Span, ctx: SegmentContext, match: Any = None):
    """People with at least `times` events of a type in a span, of those that `match` (over `Event`).

    0 times is everyone.
    """
    if times <= 0:
        return EVERYONE
    mine = EventStat.type == type_id
    if match is None and span.open:
        return among(EventStat, mine & (EventStat.n >= times), ctx)
    if match is None and span.until is None and times <= len(LATEST):
        return among(EventStat, mine & (LATEST[times - 1] >= span.since), ctx)
    if match is None and span.since is None and times == 1:
        return among(EventStat, mine & (EventStat.first_at < span.until), ctx)
    return among(EventStat, _candidates(type_id, times, span) & _counted(type_id, times, span, match), ctx)


def first(type_id: int, span: Span, ctx: SegmentContext, match: Any = None):
    """People whose first event of a type (of those that `match`) lies in a span."""
    if match is None:
        return among(EventStat, (EventStat.type == type_id) & span.holds(EventStat.first_at), ctx)
    found = _candidates(type_id, 1, span) & _counted(type_id, 1, span, match)
    return among(EventStat, found & ~_any(type_id, match & span.before(Event.at)), ctx)


def last(type_id: int, span: Span, ctx: SegmentContext, match: Any = None):
    """People whose latest event of a type (of those that `match`) lies in a span."""
    if match is None:
        return among(EventStat, (EventStat.type == type_id) & span.holds(EventStat.at1), ctx)
    found = _candidates(type_id, 1, span) & _counted(type_id, 1, span, match)
    return among(EventStat, found & ~_any(type_id, match & span.after(Event.at)), ctx)


def summed(type_id: int, span: Span, ctx: SegmentContext, match: Any = None):
    """`compared(op, micros)` makes the condition that the sum of amounts is >= or > that; nothing sums to 0."""
    mine = EventStat.type == type_id
    total = EventStat.sum_micros if match is None and span.open else total_of((type_id,), span, match)

    def compared(op: str, micros: int):
        def over(floor: int):
            return total > floor

        floor = micros - 1 if op == ">=" else micros
        if floor < 0:
            return complement(among(EventStat, mine & ~over(floor), ctx))
        return among(EventStat, _candidates(type_id, 1, span) & over(floor), ctx)

    return compared


def total_of(types: tuple[int, ...], span: Span, match: Any = None, *, of: Any = None, row: Any = EventStat):
    """The sum of `of` (default: amounts) over the events of the contact of `row`, 0 without any; whole numbers."""
    value = Event.amount_micros if of is None else of
    where = (Event.contact_id == row.contact_id) & Event.type.in_(types) & span.holds(Event.at)
    if match is not None:
        where &= match
    # A sum of 64-bit numbers is of another kind on PostgreSQL.
    return Event.select(fn.COALESCE(fn.SUM(value), 0).cast("BIGINT")).where(where)


def _candidates(type_id: int, times: int, span: Span):
    """People who may have so many events in the span, as far as `event_stat` knows."""
    made = EventStat.type == type_id
    if times > 1:
        made &= EventStat.n >= times
    if span.since is not None:
        made &= LATEST[min(times, len(LATEST)) - 1] >= span.since
    if span.until is not None:
        made &= EventStat.first_at < span.until
    return made


def _counted(type_id: int, times: int, span: Span, match: Any):
    condition = span.holds(Event.at) if match is None else match & span.holds(Event.at)
    if times == 1:
        return _any(type_id, condition)
    mine = (Event.contact_id == EventStat.contact_id) & (Event.type == type_id)
    return Event.select(fn.COUNT(SQL("*"))).where(mine & condition) >= times


def _any(type_id: int, condition: Any):
    mine = (Event.contact_id == EventStat.contact_id) & (Event.type == type_id)
    return fn.EXISTS(Event.select(SQL("1")).where(mine & condition))
