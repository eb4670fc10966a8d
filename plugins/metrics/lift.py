"""What the text itself changed, of campaigns that kept people aside: orders, how much more, money.

The groups are compared as the lot drew them, once 72 hours (money: 7 days) have passed (core.measure.lift).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from core import Metric, MetricValue, Scope, clock, hookimpl
from core.audience.events import money
from core.measure import lift


class Lift(Metric):
    """Incremental orders and revenue with intervals; nothing for a campaign that kept nobody aside."""

    name = "lift"
    title = "Bought because of it"
    slow = True

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        if scope.campaign_id is None or scope.variant is not None or scope.account_id is not None:
            return {}
        found = lift.read(scope.campaign_id)
        if found is None:
            return {}
        detail = {
            "verdict": found.verdict, "until": clock.from_ms(found.until).isoformat(timespec="seconds"),
            "texted": found.texted.people, "texted_bought": found.texted.bought,
            "kept": found.kept.people, "kept_bought": found.kept.bought,
        }  # fmt: skip
        made = {"incremental_orders": self._of(found.orders, found, unit="count", detail=detail)}
        if found.rise and isfinite(found.rise[2]):
            made["lift"] = self._of(found.rise, found)
        if found.money:
            made["incremental_revenue"] = self._of(found.money, found, unit="micros", currency=money.house())
        return made

    @staticmethod
    def _of(three: tuple[float, float, float] | None, found: lift.Lift, **more) -> MetricValue:
        return MetricValue(
            value=three[1] if three else None, numerator=found.texted.bought, denominator=found.texted.people,
            interval=(three[0], three[2]) if three else None, **more,
        )  # fmt: skip


@hookimpl
def register_metrics():
    return [Lift]
