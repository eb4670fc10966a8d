"""Counters of messages, moved in the transaction that moves the rows.

A row counts under (campaign, variant, account, hour of submit, state); `hour` is 0 while `submitted_at` is
null.  `recount` says what the rows themselves say; `cooee verify` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core import clock
from core.db import database

#: (campaign, variant, account, hour, state)
Key = tuple[int, int, int, int, int]
#: (n, parts, cost_micros, in_5m, in_24h), each may be negative
Delta = tuple[int, int, int, int, int]

_UPSERT = (
    "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (campaign_id, variant, account_id, hour, state) DO UPDATE SET n = tally.n + excluded.n, "
    "parts = tally.parts + excluded.parts, cost_micros = tally.cost_micros + excluded.cost_micros, "
    "in_5m = tally.in_5m + excluded.in_5m, in_24h = tally.in_24h + excluded.in_24h"
)
_KEY = "campaign_id, variant, account_id, COALESCE(submitted_at, 0) / 3600000, state"


def hour_of(submitted_at: int | None) -> int:
    """The hour a row counts under: that of its submit, 0 before."""
    return (submitted_at or 0) // clock.HOUR_MS


def move(deltas: Mapping[Key, Delta]) -> None:
    """Add `deltas` to the counters.  Inside `write_tx()`, as its last statement.

    Keys are written in order, so that two transactions never wait for each other in a circle.
    """
    rows = [(*key, *delta) for key, delta in sorted(deltas.items()) if any(delta)]
    if rows:
        database.executemany(_UPSERT, rows)


class Deltas(dict[Key, Delta]):
    """Deltas under collection.

    >>> deltas = Deltas()
    >>> deltas.add((1, 0, 0, 0, 0), -2)
    >>> deltas.add((1, 0, 7, 490000, 2), 2, parts=2, cost_micros=90000)
    """

    def add(
        self, key: Key, n: int, parts: int = 0, cost_micros: int = 0, in_5m: int = 0, in_24h: int = 0
    ) -> None:
        """Add to what stands under `key`."""
        old = self.get(key)
        if old is None:
            self[key] = (n, parts, cost_micros, in_5m, in_24h)
        else:
            self[key] = (old[0] + n, old[1] + parts, old[2] + cost_micros, old[3] + in_5m, old[4] + in_24h)


def by_state(campaign_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Counts by state of these campaigns: {campaign: {state: n}}, zeros left out."""
    ids = sorted(set(campaign_ids))
    counts: dict[int, dict[int, int]] = {campaign: {} for campaign in ids}
    for at in range(0, len(ids), 500):
        some = ids[at : at + 500]
        for campaign, state, n in database.query(
            "SELECT campaign_id, state, SUM(n) FROM tally "
            f"WHERE campaign_id IN ({database.in_list(len(some))}) GROUP BY campaign_id, state HAVING SUM(n) <> 0",
            some,
        ):
            counts[campaign][state] = int(n)
    return counts


def stored(campaign_id: int) -> dict[Key, tuple[int, int, int]]:
    """What the counters of a campaign say: {key: (n, parts, cost_micros)}, zeros left out."""
    return {
        tuple(row[:5]): (int(row[5]), int(row[6]), int(row[7]))
        for row in database.query(
            "SELECT campaign_id, variant, account_id, hour, state, n, parts, cost_micros FROM tally "
            "WHERE campaign_id = ? AND (n <> 0 OR parts <> 0 OR cost_micros <> 0)",
            (campaign_id,),
        )
    }


def recount(campaign_id: int) -> dict[Key, tuple[int, int, int]]:
    """What the rows of a campaign say, in the shape of `stored`.  Reads every row."""
    return {
        tuple(row[:5]): (int(row[5]), int(row[6]), int(row[7]))
        for row in database.query(
            f"SELECT {_KEY}, COUNT(*), SUM(parts), SUM(cost_micros) FROM message "
            "WHERE campaign_id = ? GROUP BY 1, 2, 3, 4, 5",
            (campaign_id,),
        )
    }
