"""Growth: how many people a segment has had, day by day, and who joined or left between two nights.

Each night a job counts every saved segment and keeps one bit a person in it, so that the next night can say
how many joined and how many left; a count on a page gives the day a figure when the night has not.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.audience.segments.compile import compile, render
from core.audience.segments.context import Context
from core.contract.errors import Refusal
from core.db import database
from core.db.deadline import TooSlow, deadline
from core.db.models import Segment, SegmentDay, SegmentSnapshot

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.segments")

#: At night nobody waits for the answer.
_NIGHT_S = 60.0
_SHOWN_DAYS = 90


@dataclass(frozen=True, slots=True)
class Day:
    """People on a day (days since 1970-01-01); `joined` and `gone` None where no night is there to compare."""

    day: int
    n: int
    joined: int | None
    gone: int | None


def days(segment_id: int, most: int = _SHOWN_DAYS) -> list[Day]:
    """The figures of a segment, oldest first."""
    rows = database.query(
        "SELECT day, n, joined, gone FROM segment_day WHERE segment_id = ? ORDER BY day DESC LIMIT ?",
        (segment_id, most),
    )
    return [Day(*row) for row in reversed(rows)]


def today(rt: Runtime) -> int:
    """The day it is in the instance's zone, as `Day.day` counts."""
    return Context(rt).day


def note(rt: Runtime, segment_id: int, people: int) -> None:
    """Keep a count made on a page as the figure of its day, unless the night has one."""
    with database.write_tx():
        database.execute(
            "INSERT INTO segment_day (segment_id, day, n) VALUES (?, ?, ?) "
            "ON CONFLICT (segment_id, day) DO UPDATE SET n = excluded.n WHERE segment_day.joined IS NULL",
            (segment_id, today(rt), people),
        )


def due(rt: Runtime) -> None:
    """Queue every segment the night has not counted yet.  Hourly; the first time after midnight does it."""
    rows = database.query(
        "SELECT s.id FROM segment s LEFT JOIN segment_snapshot t ON t.segment_id = s.id AND t.day >= ? "
        "WHERE t.segment_id IS NULL ORDER BY s.id",
        (today(rt),),
    )
    for (segment_id,) in rows:
        rt.enqueue("growth", segment_id)


def record(rt: Runtime, segment_id: int) -> None:
    """Count a segment for today and compare it with the night before.  Twice a day changes nothing.

    A segment that takes too long, or whose rule cannot be read any more, is left for tomorrow.
    """
    segment, ctx = Segment.get_or_none(Segment.id == segment_id), Context(rt)
    before = SegmentSnapshot.get_or_none(SegmentSnapshot.segment_id == segment_id)
    if segment is None or (before and before.day >= ctx.day):
        return
    try:
        members = bits(_members(rt, segment, ctx))
    except (Refusal, TooSlow) as error:
        log.warning("growth: segment %s was not counted: %s", segment_id, error)
        _keep(segment, ctx.day, None, before)
        return
    _keep(segment, ctx.day, members, before)


def forget(segment_id: int, *, rule_only: bool = False) -> None:
    """Inside `write_tx()`: the segment goes, or (`rule_only`) means other people from now on."""
    SegmentSnapshot.delete().where(SegmentSnapshot.segment_id == segment_id).execute()
    if not rule_only:
        SegmentDay.delete().where(SegmentDay.segment_id == segment_id).execute()
    else:
        newest = database.scalar("SELECT MAX(day) FROM segment_day WHERE segment_id = ?", (segment_id,))
        database.execute(
            "UPDATE segment_day SET joined = NULL, gone = NULL WHERE segment_id = ? AND day = ?",
            (segment_id, newest),
        )


def bits(ids: Iterable[int]) -> bytes:
    """One bit an id, id 0 first."""
    made = bytearray()
    for number in ids:
        if number >> 3 >= len(made):
            made.extend(bytes((number >> 3) + 1 - len(made) + 4096))
        made[number >> 3] |= 1 << (number & 7)
    return bytes(made)


def compared(before: bytes, now: bytes) -> tuple[int, int]:
    """(joined, gone) between two sets of bits."""
    old, new = int.from_bytes(before, "little"), int.from_bytes(now, "little")
    return (new & ~old).bit_count(), (old & ~new).bit_count()


def _members(rt: Runtime, segment: Segment, ctx: Context) -> Iterable[int]:
    sql, params = render(compile(rt, json.loads(segment.rule), ctx=ctx.within(segment.name)))
    with deadline(_NIGHT_S):
        return [row[0] for row in database.query(f"SELECT contact_id FROM profile WHERE {sql}", params)]


def _keep(segment: Segment, day: int, members: bytes | None, before: SegmentSnapshot | None) -> None:
    joined = gone = None
    if members is not None and before is not None and len(before.bits):
        joined, gone = compared(zlib.decompress(bytes(before.bits)), members)
    with database.write_tx():
        same = database.scalar("SELECT rule FROM segment WHERE id = ?", (segment.id,)) == segment.rule
        if not same:
            return  # changed or deleted while it was counted; the next hour counts it anew
        database.execute(
            "INSERT INTO segment_snapshot (segment_id, day, bits) VALUES (?, ?, ?) "
            "ON CONFLICT (segment_id) DO UPDATE SET day = excluded.day, bits = excluded.bits",
            (segment.id, day, b"" if members is None else zlib.compress(members)),
        )
        if members is not None:
            n = int.from_bytes(members, "little").bit_count()
            database.execute(
                "INSERT INTO segment_day (segment_id, day, n, joined, gone) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (segment_id, day) DO UPDATE SET n = excluded.n, joined = excluded.joined, "
                "gone = excluded.gone",
                (segment.id, day, n, joined, gone),
            )
