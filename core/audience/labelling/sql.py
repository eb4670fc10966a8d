"""What kinds write their SQL with: whom a run looks at, and at which instant.

A statement of a kind gives rows (contact_id, value, evidence, confidence), at most one a contact; `value`
says which label of the rule it is, 0 where there is only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from core import clock, zones
from core.audience.segments import Context
from core.db import database
from core.db.codes import EventType

if TYPE_CHECKING:
    from core.runtime import Runtime

#: What counts as buying: an order, or one item of it.
BUYING = (int(EventType.purchase), int(EventType.order_item))
#: Weights are summed as whole millionths, so that the order of events changes nothing.
MICRO = 1_000_000
#: Events it takes for a share to be worth half: confidence = share · n / (n + SHRINK).
SHRINK = 3

#: SQL and its values.
Sql = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Contacts of one step: a range of ids (low, high], or those in `relabel_scope`."""

    low: int = 0
    high: int | None = None

    def on(self, alias: str) -> Sql:
        """The condition on `<alias>.contact_id`."""
        if self.high is None:
            return f"{alias}.contact_id IN (SELECT contact_id FROM relabel_scope)", []
        return f"{alias}.contact_id > ? AND {alias}.contact_id <= ?", [self.low, self.high]


@dataclass
class Step:
    """One evaluation: whom, when, and what the rule learnt before."""

    rt: Runtime
    now_ms: int
    scope: Scope
    state: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def context(self) -> Context:
        """What segments are compiled with."""
        return Context(self.rt, at_ms=self.now_ms)

    @property
    def zone(self) -> tzinfo:
        """The instance's zone."""
        return self.context.zone

    @property
    def today(self) -> date:
        """The day it is in the instance's zone."""
        return self.context.today

    def window(self, alias: str, within_days: int) -> Sql:
        """The condition "in the last days", 0 meaning ever; what is dated ahead of now does not count."""
        if not within_days:
            return f"{alias}.at <= ?", [self.now_ms]
        return f"{alias}.at > ? AND {alias}.at <= ?", [self.now_ms - within_days * clock.DAY_MS, self.now_ms]


def events(
    step: Step, types: Sequence[int], within_days: int, more: str = "", values: Sequence[Any] = ()
) -> Sql:
    """ "FROM event e WHERE …": events of some types (none: all) in a window, of the people of this step."""
    who, whom = step.scope.on("e")
    when, since = step.window("e", within_days)
    what = f" AND e.type IN ({database.in_list(len(types))})" if types else ""
    return f"FROM event e WHERE {who}{what} AND {when}{more}", [*whom, *types, *since, *values]


def weight(half_life_days: float, now_ms: int) -> Sql:
    """2^(-age/half-life) in whole millionths of the event `e`."""
    age = "CAST(e.at - ? AS double precision) / ?"
    return (
        f"CAST(ROUND({MICRO} * POWER(CAST(2 AS double precision), {age})) AS bigint)",
        [now_ms, float(half_life_days * clock.DAY_MS)],
    )


def shrunk(share: str, n: str) -> str:
    """A share that few events make doubtful: share · n / (n + SHRINK), to two decimals."""
    return rounded(f"CAST({share} AS double precision) * {n} / ({n} + {SHRINK})")


def rounded(value: str) -> str:
    """To two decimals: a confidence that moves by less is not written anew each night."""
    return f"CAST(ROUND(CAST({value} AS numeric), 2) AS double precision)"


def fill_zones(step: Step, within_days: int, *, contacts: bool) -> None:
    """Put into `relabel_zone` how far clocks were ahead of UTC, by country, from when till when.

    A contact lives in the first zone of its country; '*' is the instance's zone.  Spans matter because a
    window may hold a change to summer time.
    """
    start = step.now_ms - within_days * clock.DAY_MS
    wanted: list[tuple[str, tzinfo]] = [("*", step.zone)]
    if contacts:
        where, values = step.scope.on("p")
        fallback = step.rt.settings.default_region
        for (country,) in database.query(f"SELECT DISTINCT p.country FROM profile p WHERE {where}", values):
            wanted.append((country, zones.zone_info(zones.zones_of(country, fallback)[0])))
    database.execute("DELETE FROM relabel_zone")
    database.executemany(
        "INSERT INTO relabel_zone (country, from_at, to_at, ahead_ms) VALUES (?, ?, ?, ?)",
        [
            (country, *span)
            for country, zone in wanted
            for span in _spans(zone, start // clock.DAY_MS, step.now_ms // clock.DAY_MS + 1)
        ],
    )


@lru_cache(maxsize=1024)
def _spans(zone: tzinfo, first_day: int, last_day: int) -> list[tuple[int, int, int]]:
    """(from, to, ahead), all ms, of the days between; changes are found to the minute."""
    edges = [(day * clock.DAY_MS, _ahead(zone, day * clock.DAY_MS)) for day in range(first_day, last_day + 1)]
    spans, begin, ahead = [], edges[0][0], edges[0][1]
    for (before, _old), (after, new) in zip(edges, edges[1:], strict=False):
        if new != ahead:
            change = _change(zone, before, after)
            spans.append((begin, change, ahead))
            begin, ahead = change, new
    return [*spans, (begin, edges[-1][0], ahead)]


def _change(zone: tzinfo, before: int, after: int) -> int:
    old = _ahead(zone, before)
    while after - before > clock.MINUTE_MS:
        middle = (before + after) // 2 // clock.MINUTE_MS * clock.MINUTE_MS
        if middle <= before:
            break
        before, after = (middle, after) if _ahead(zone, middle) == old else (before, middle)
    return after


def _ahead(zone: tzinfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset()
    return int(offset.total_seconds() * 1000) if offset else 0


#: Tables of one connection that a step works with.  On PostgreSQL they stay for the session as well.
_TEMPORARY = (
    "CREATE TEMP TABLE IF NOT EXISTS relabel_scope (contact_id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_zone (country TEXT NOT NULL, from_at BIGINT NOT NULL, "
    "to_at BIGINT NOT NULL, ahead_ms BIGINT NOT NULL, PRIMARY KEY (country, from_at))",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_wanted (contact_id INTEGER NOT NULL PRIMARY KEY, "
    "value INTEGER NOT NULL, evidence INTEGER NOT NULL, confidence DOUBLE PRECISION NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_map (value INTEGER NOT NULL PRIMARY KEY, label_id INTEGER NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_bits (contact_id INTEGER NOT NULL PRIMARY KEY, bits BIGINT NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_new (contact_id INTEGER NOT NULL, label_id INTEGER NOT NULL, "
    "evidence INTEGER NOT NULL, confidence DOUBLE PRECISION NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS relabel_gone (contact_id INTEGER NOT NULL, label_id INTEGER NOT NULL, "
    "evidence INTEGER NOT NULL, expires_at BIGINT)",
)


def prepare_connection() -> None:
    """Make the temporary tables of this connection; called at the start of a run or preview."""
    for statement in _TEMPORARY:
        database.execute(statement)


def clear(*tables: str) -> None:
    """Empty temporary tables."""
    for table in tables:
        database.execute(f"DELETE FROM {table}")
