"""Arrival within a time of the submit, while texts are still younger than that.

Delivered so far ÷ submitted would take every young text for a lost one.  What is not known yet widens the interval:
its lower end takes all young texts as lost, its upper end as arrived; while they are many there are only counts.
The pages of arrival, which read receipts by the second, use the estimator of Aalen and Johansen instead
(`core.measure.arrival.survival`).
"""

from __future__ import annotations

from core import clock
from core.contract.types import MetricValue, Scope
from core.db import database
from core.db.codes import State
from core.i18n import _
from core.measure import counts, stats
from core.measure.shares import share

FIVE_MINUTES_MS, DAY_MS = 5 * clock.MINUTE_MS, clock.DAY_MS
#: With more of the texts too young to tell, a share would say more of the clock than of the provider.
_YOUNG_MAX = 0.1
_RECEIPTS = (State.delivered, State.undelivered, State.expired)


def within(scope: Scope, wait_ms: int, found: counts.Counts | None = None) -> MetricValue:
    """The share of a scope's submitted texts that arrived within `FIVE_MINUTES_MS` or `DAY_MS`.

    `detail` holds how many are too "young" to tell, or that its accounts never sent "receipts".
    """
    c = found or counts.read(scope)
    arrived = c.in_5m if wait_ms == FIVE_MINUTES_MS else c.in_24h
    if silent(scope, c):
        return MetricValue(
            None, arrived, c.submitted, detail={"receipts": 0}, note=_("No receipt ever came this way.")
        )
    many = young(scope, wait_ms) if c.pending else 0
    if not many:
        return share(arrived, c.submitted)
    note, detail = _("Still moving: receipts may come for 72 hours."), {"young": many}
    if many > _YOUNG_MAX * c.submitted:
        return MetricValue(None, arrived, c.submitted, detail=detail, note=note)
    low, high = stats.wilson(arrived, c.submitted), stats.wilson(arrived + many, c.submitted)
    return MetricValue(
        arrived / c.submitted, arrived, c.submitted, (low[0], high[1]), detail=detail, note=note
    )


def young(scope: Scope, wait_ms: int) -> int:
    """Texts without a receipt that were submitted so short a time ago, at least; by the hour, as the counters are."""
    now = clock.now_ms()
    if scope.campaign_id is not None:
        ended = database.scalar("SELECT finished_at FROM campaign WHERE id = ?", (scope.campaign_id,))
        if ended and ended + wait_ms <= now:
            return 0
    condition, params = counts.where(scope)
    return int(
        database.scalar(
            f"SELECT SUM(n) FROM tally WHERE hour >= ? AND state = ? AND {condition}",
            ((now - wait_ms) // clock.HOUR_MS, State.accepted.value, *params),
        )
        or 0
    )


def silent(scope: Scope, found: counts.Counts) -> bool:
    """Were texts submitted, and did none of their accounts ever send a receipt?"""
    if not found.submitted or found.delivered or found.failed:
        return False
    condition, params = counts.where(scope)
    return not database.scalar(
        f"SELECT 1 FROM tally WHERE hour > 0 AND n > 0 AND state IN ({database.in_list(len(_RECEIPTS))}) "
        f"AND account_id IN (SELECT account_id FROM tally WHERE hour > 0 AND n > 0 AND state = ? AND {condition}) "
        "LIMIT 1",
        (*map(int, _RECEIPTS), State.accepted.value, *params),
    )
