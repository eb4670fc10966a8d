"""Cost: parts × price, per message and per delivered message, in the currency of the price table."""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import costs, counts


class Cost(Metric):
    """Money spent at providers; other costs (labour, discounts) are not in it.  Without a price: not known."""

    name = "cost"
    title = "Cost"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        c, currency = counts.read(scope), costs.currency_of(scope)

        def each(n: int) -> MetricValue:
            return MetricValue(
                value=c.cost_micros / n if n and currency else None, numerator=c.cost_micros, denominator=n,
                unit="micros", currency=currency,
            )  # fmt: skip

        return {
            "cost": MetricValue(
                value=c.cost_micros if c.attempted and currency else None, numerator=c.cost_micros, denominator=c.attempted,
                unit="micros", currency=currency,
            ),
            "parts": MetricValue(
                value=c.parts if c.attempted else None, numerator=c.parts, denominator=c.attempted, unit="count"
            ),
            "cost_per_message": each(c.attempted),
            "cost_per_part": each(c.parts),
            "cost_per_delivered": each(c.delivered),
        }  # fmt: skip


@hookimpl
def register_metrics():
    return [Cost]
