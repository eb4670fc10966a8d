"""Counting: what became of the messages of each hour, by account, class, country and carrier.

A job reads the hours in which the counters moved since it last looked, from the messages of the campaigns that
sent then, and writes those hours anew: running it again changes nothing, losing a run loses nothing.  Receipts
re-open an hour; the older it is the less often (each time after an eighth of its age), so that receipts trickling in
for days cost few readings.  A few hours that wait longest are read anew each minute whatever their age, so that a
late receipt is seen within minutes, not days.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import clock
from core.db import database
from core.db.codes import State

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Receipts are due for so long; an hour without news keeps up with the clock.
OPEN_H = 72
#: Receipts that come even later count for so long (a receipt of an unknown message is kept as long).
_LATE_H = 14 * 24
#: So many hours a round are read anew before their time, once what is known of them is this old.
_EARLY, _EARLY_MS = 4, 10 * clock.MINUTE_MS
#: A receipt falls under the first of these seconds after the submit that it came by; later ones under the last.
EDGES_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400)
BUCKETS = len(EDGES_S) + 1
CAME, FELL = (tuple(f"{kind}_{i}" for i in range(BUCKETS)) for kind in ("came", "fell"))
UNKNOWN = "unknown"
#: Reasons kept of one cell; the rest stand under "…".
_REASONS = 12
#: A message on its way through an account: the states that count here.
_WIRED = (State.accepted, State.delivered, State.undelivered, State.expired, State.rejected)
#: Single messages go within this of their making, so older ids need not be looked at.
_DIRECT_MS = 4 * clock.DAY_MS

#: (hour, account, class, country, carrier)
Key = tuple[int, int, int, str, str]


@dataclass(slots=True)
class Cell:
    """One row of `arrival_cell` under collection."""

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    rejected: int = 0
    in_5m: int = 0
    in_24h: int = 0
    parts: int = 0
    cost_micros: int = 0
    into_s: int = 0
    open_s: int = 0
    came: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    fell: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    reasons: dict[str, int] = field(default_factory=dict)

    def add(
        self, state: State, bucket: int, reason: str | None, n: int, parts: int, cost: int, into_s: int
    ) -> None:
        """Count `n` messages of one state, receipt time and reason."""
        if state is State.rejected:
            self.rejected += n
        else:
            self.sent, self.parts, self.cost_micros = (
                self.sent + n,
                self.parts + parts,
                self.cost_micros + cost,
            )
            self.into_s += into_s
        if state is State.accepted:
            self.open_s += into_s
        elif state is State.delivered:
            self.delivered += n
            self.came[bucket] += n
            self.in_5m += n if bucket <= _FIVE_MINUTES else 0
            self.in_24h += n if bucket < BUCKETS - 1 else 0
        elif state in (State.undelivered, State.expired):
            self.failed += n
            self.fell[bucket] += n
        if reason is not None:
            self.reasons[reason] = self.reasons.get(reason, 0) + n

    def row(self) -> tuple:
        """The columns after the key."""
        most = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))
        kept = dict(most[:_REASONS])
        if len(most) > _REASONS:
            kept["…"] = kept.get("…", 0) + sum(n for _reason, n in most[_REASONS:])
        return (
            self.sent, self.delivered, self.failed, self.rejected, self.in_5m, self.in_24h, self.parts,
            self.cost_micros, self.into_s, self.open_s, *self.came, *self.fell, json.dumps(kept, ensure_ascii=False),
        )  # fmt: skip


_FIVE_MINUTES = EDGES_S.index(300)
_COLUMNS = (
    "hour", "account_id", "cls", "country", "carrier", "sent", "delivered", "failed", "rejected", "in_5m",
    "in_24h", "parts", "cost_micros", "into_s", "open_s", *CAME, *FELL, "reasons",
)  # fmt: skip
_BUCKET = (
    "CASE WHEN m.state NOT IN (4, 5, 6) THEN 0 "
    + " ".join(
        f"WHEN m.final_at - m.submitted_at <= {edge * 1000} THEN {i}" for i, edge in enumerate(EDGES_S)
    )
    + f" ELSE {BUCKETS - 1} END"
)
_READ = (
    "SELECT m.submitted_at / 3600000 AS h, m.account_id AS a, m.cls AS c, p.country AS country, "
    f"n.carrier AS carrier, m.state AS s, {_BUCKET} AS b, "
    "CASE WHEN m.state IN (5, 6, 7) THEN COALESCE(m.reason, '') END AS why, "
    "COUNT(*), SUM(m.parts), SUM(m.cost_micros), SUM(m.submitted_at % 3600000) / 1000 "
    "FROM message m LEFT JOIN profile p ON p.contact_id = m.contact_id "
    "LEFT JOIN number_info n ON n.contact_id = m.contact_id "
    "WHERE {source} AND m.state IN (3, 4, 5, 6, 7) AND m.submitted_at >= ? AND m.submitted_at < ? "
    "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
)


def count(rt: Runtime | None = None, *_ids: int) -> int:
    """Job, each minute: write anew the hours that moved; returns how many."""
    now = clock.now_ms()
    this = now // clock.HOUR_MS
    marks = _marks(this - _LATE_H)
    known = {
        hour: (mark, read_at)
        for hour, mark, read_at in database.query(
            "SELECT hour, mark, read_at FROM arrival_hour WHERE hour >= ?", (this - _LATE_H,)
        )
    }
    moved = {hour: mark for hour, mark in marks.items() if known.get(hour, ("", 0))[0] != mark}
    due = [hour for hour in moved if hour not in known or _due(hour, known[hour][1], now)]
    waiting = sorted(
        (known[hour][1], hour) for hour in moved if hour not in due and now - known[hour][1] >= _EARLY_MS
    )
    due += [hour for _read_at, hour in waiting[:_EARLY]]
    same = [hour for hour in marks if hour not in moved and hour >= this - OPEN_H]
    for hours in _runs(sorted(due)):
        database.retry_locked(_write, hours, _read(hours), {hour: marks[hour] for hour in hours}, now)
    if same:
        database.retry_locked(_still, same, now)
    return len(due)


def recount(first: int, last: int) -> None:
    """Write anew all hours from `first` to `last` (epoch ms // 3,600,000), whatever was counted of them: after
    messages were written past the counters' job (`cooee demo`)."""
    hours = list(range(first, last + 1))
    marks = dict.fromkeys(hours, "") | _marks(first)
    database.retry_locked(_write, hours, _read(hours), marks, clock.now_ms())


def _marks(first: int) -> dict[int, str]:
    """{hour: what the counters say of it}; taken before the messages are read, so that a change after it shows."""
    found: dict[int, list[str]] = {}
    for hour, state, n in database.query(
        f"SELECT hour, state, SUM(n) FROM tally WHERE hour >= ? AND hour > 0 AND state IN "
        f"({database.in_list(len(_WIRED))}) GROUP BY hour, state ORDER BY hour, state",
        (first, *map(int, _WIRED)),
    ):
        found.setdefault(int(hour), []).append(f"{state}:{n}")
    return {hour: " ".join(parts) for hour, parts in found.items()}


def _due(hour: int, read_at: int, now: int) -> bool:
    """Is it time to read an hour again, in which something moved?"""
    age = now - hour * clock.HOUR_MS
    return now - read_at >= max(0, age - clock.HOUR_MS) // 8


def _runs(hours: Sequence[int]) -> Iterator[list[int]]:
    """Hours that follow each other: one reading of the messages each."""
    run: list[int] = []
    for hour in hours:
        if run and hour != run[-1] + 1:
            yield run
            run = []
        run.append(hour)
    if run:
        yield run


def sources(first: int, last: int) -> list[tuple[str, tuple[int, ...]]]:
    """Where the messages of these hours are: (condition on `message m`, its parameters), one a campaign.

    A campaign is read by its own index.  Single messages share a campaign for ever, so of those only recent
    ids are; the sum keeps the planner from taking all of them.
    """
    least = (first * clock.HOUR_MS - _DIRECT_MS) << 20
    return [
        ("m.campaign_id = ?", (campaign_id,))
        if segment_id is not None
        else ("m.id >= ? AND m.campaign_id + 0 = ?", (least, campaign_id))
        for campaign_id, segment_id in database.query(
            "SELECT id, segment_id FROM campaign WHERE id IN "
            "(SELECT campaign_id FROM tally WHERE hour >= ? AND hour <= ? AND n > 0)",
            (first, last),
        )
    ]


def _read(hours: Sequence[int]) -> dict[Key, Cell]:
    found: dict[Key, Cell] = {}
    start, end = hours[0] * clock.HOUR_MS, (hours[-1] + 1) * clock.HOUR_MS
    for condition, params in sources(hours[0], hours[-1]):
        for (
            hour,
            account,
            cls,
            country,
            carrier,
            state,
            bucket,
            why,
            n,
            parts,
            cost,
            into,
        ) in database.execute(_READ.format(source=condition), (*params, start, end)):
            key = (int(hour), account, cls, country or "", carrier or UNKNOWN)
            cell = found.setdefault(key, Cell())
            cell.add(State(state), int(bucket), why, int(n), int(parts or 0), int(cost or 0), int(into))
    return found


def _write(hours: Sequence[int], found: dict[Key, Cell], marks: dict[int, str], now: int) -> None:
    with database.write_tx():
        database.execute("DELETE FROM arrival_cell WHERE hour >= ? AND hour <= ?", (hours[0], hours[-1]))
        database.copy_rows(
            "arrival_cell", _COLUMNS, ((*key, *cell.row()) for key, cell in sorted(found.items()))
        )
        database.executemany(
            "INSERT INTO arrival_hour (hour, mark, read_at) VALUES (?, ?, ?) "
            "ON CONFLICT (hour) DO UPDATE SET mark = excluded.mark, read_at = excluded.read_at",
            [(hour, mark, now) for hour, mark in sorted(marks.items())],
        )


def _still(hours: Sequence[int], now: int) -> None:
    """Nothing moved in these hours until now."""
    with database.write_tx():
        database.execute(
            f"UPDATE arrival_hour SET read_at = ? WHERE hour IN ({database.in_list(len(hours))})",
            (now, *hours),
        )
