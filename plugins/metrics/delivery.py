"""Delivery: what was submitted, what arrived and how soon, what failed and why.

Definitions (docs/measurement.md): arrival within T = delivered within T of the submit ÷ submitted, told once few
texts are younger than T; delivery = delivered ÷ (delivered + failed).  A missing receipt is not a failure: it is
pending for 72 hours, then unknown.  Text messages have no "opened".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from core import Metric, MetricValue, Scope, clock, hookimpl
from core.db.codes import State
from core.i18n import _
from core.measure import arrived, counts
from core.measure.shares import share


class Delivery(Metric):
    """Figures from the counters; reasons from the messages of one campaign."""

    name = "delivery"
    title = "Delivery"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        c = counts.read(scope)
        moving = _("Still moving: receipts may come for 72 hours.") if c.pending else ""
        whole = scope.campaign_id is not None and scope.variant is None
        failed = (
            counts.reasons(scope.campaign_id, State.undelivered, State.expired, sent=True) if whole else {}
        )
        rejected = counts.reasons(scope.campaign_id, State.rejected, sent=True) if whole else {}
        return {
            "submitted": share(c.submitted, c.attempted),
            "delivered": share(c.delivered, c.delivered + c.failed, note=moving),
            "arrived_5m": arrived.within(scope, arrived.FIVE_MINUTES_MS, c),
            "arrived_24h": arrived.within(scope, arrived.DAY_MS, c),
            "failed": share(c.failed, c.delivered + c.failed, detail=failed),
            "rejected": share(c.rejected, c.attempted, detail=rejected),
            "pending": share(c.pending, c.submitted),
            "unknown": share(c.unknown, c.submitted),
            "in_doubt": share(c.in_doubt, c.attempted),
        }

    def series(self, scope: Scope) -> Sequence[tuple[datetime, float | None]]:
        return [
            (clock.from_ms(hour * clock.HOUR_MS), delivered / submitted if submitted else None)
            for hour, submitted, delivered in counts.by_hour(scope)
        ]


@hookimpl
def register_metrics():
    return [Delivery]
