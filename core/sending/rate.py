"""Messages a second, over all workers: GCRA on one column of the account (or campaign, or sender).

`tat_us` is the theoretical arrival time of the next message in epoch µs.  A message may go while that is no
further ahead than the burst; each one moves it on by one interval.  It is read and written in the transaction
that marks the messages, so two workers cannot both take the last place.
"""

from __future__ import annotations

import math

from core.db import database

#: A burst is a tenth of a second's worth: gateways count by the second.
BURST_SHARE = 0.1
#: Further ahead than this means that the clock was set back: start anew.
FAR_US = 60_000_000
_TABLES = ("account", "campaign", "sender")


def burst(rate_per_s: float) -> int:
    """Messages that may go at once after a pause."""
    return max(1, int(rate_per_s * BURST_SHARE))


def allow(table: str, row_id: int, rate_per_s: float, want: int, now: int) -> tuple[int, float]:
    """(how many of `want` may go at `now`, seconds until the next may).  Locks the row on PostgreSQL."""
    gap = 1_000_000 / rate_per_s
    ahead = _tat(table, row_id, gap, now) - now * 1000
    free = math.floor(burst(rate_per_s) - ahead / gap)
    granted = max(0, min(want, free))
    # After these the next place is free once the arrival time is again within the burst.
    wait_us = ahead + (granted + 1 - burst(rate_per_s)) * gap
    return granted, max(0.0, wait_us) / 1_000_000


def spend(table: str, row_id: int, rate_per_s: float, n: int, now: int) -> None:
    """Take `n` places, in the transaction that asked `allow`."""
    gap = 1_000_000 / rate_per_s
    tat = _tat(table, row_id, gap, now) + n * gap
    database.execute(f"UPDATE {_checked(table)} SET tat_us = ? WHERE id = ?", (int(tat), row_id))


def _tat(table: str, row_id: int, gap: float, now: int) -> float:
    lock = " FOR NO KEY UPDATE" if database.is_postgres() else ""
    stored = database.scalar(f"SELECT tat_us FROM {_checked(table)} WHERE id = ?{lock}", (row_id,)) or 0
    now_us = now * 1000
    return now_us if stored > now_us + FAR_US + gap else max(stored, now_us)


def _checked(table: str) -> str:
    if table not in _TABLES:
        raise ValueError(f"{table} has no rate")
    return table
