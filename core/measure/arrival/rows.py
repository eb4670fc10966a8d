"""The messages themselves, in the order of their submit: for the alarm, which cannot wait for an hour's end."""

from __future__ import annotations

from dataclasses import dataclass

from core import clock
from core.db import database
from core.db.codes import State
from core.measure.arrival import cells

#: Messages read in one go.
LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Row:
    """One message the provider accepted; `final_at` is when its receipt said what became of it."""

    submitted_at: int
    account_id: int
    carrier: str
    state: State
    final_at: int | None

    def arrived(self, wait_ms: int) -> bool:
        """Did it arrive within this time of its submit?"""
        return self.state is State.delivered and (self.final_at or 0) - self.submitted_at <= wait_ms


_SQL = (
    "SELECT m.submitted_at, m.account_id, n.carrier, m.state, m.final_at FROM message m "
    "LEFT JOIN number_info n ON n.contact_id = m.contact_id "
    "WHERE {source} AND m.state IN (3, 4, 5, 6) AND m.submitted_at >= ? AND m.submitted_at < ?{more}"
)


def between(first: int, until: int, account_id: int | None = None) -> list[Row]:
    """Messages submitted in [first, until), by submit time; of one account where told."""
    more, also = (" AND m.account_id = ?", (account_id,)) if account_id is not None else ("", ())
    found = [
        Row(submitted, account, carrier or cells.UNKNOWN, State(state), final)
        for source, params in cells.sources(first // clock.HOUR_MS, until // clock.HOUR_MS)
        for submitted, account, carrier, state, final in database.execute(
            _SQL.format(source=source, more=more), (*params, first, until, *also)
        )
    ]
    return sorted(found, key=lambda row: (row.submitted_at, row.account_id, row.final_at or 0))


def slice_end(first: int, until: int) -> int:
    """How far to read from `first` so that it is about `LIMIT` messages at most; the counters tell."""
    hour = first // clock.HOUR_MS
    most = database.scalar(
        "SELECT MAX(n) FROM (SELECT SUM(n) AS n FROM tally WHERE hour >= ? AND hour <= ? GROUP BY hour) AS busy",
        (hour, until // clock.HOUR_MS),
    )
    span = clock.HOUR_MS if not most or most <= LIMIT else clock.HOUR_MS * LIMIT // int(most)
    return min(until, first + span)
