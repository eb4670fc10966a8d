"""Cost: parts × price, per submitted message, its parts and per delivered message, in the account's currency."""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import costs, counts


class Cost(Metric):
    """Money spent at providers; other costs (labour, discounts) are not in it.  Without a price: not known."""

    name = "cost"
    title = "Cost"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        c, spent = counts.read(scope), costs.of(scope)
        currency = next(iter(spent)) if len(spent) == 1 else None
        # In several currencies there is no sum; what was spent in each stands beside it.
        detail = {"by_currency": spent} if len(spent) > 1 else {}
        micros, accepted = (c.cost_micros, c.submitted_micros) if currency else (None, None)

        def each(spent: int | None, n: int) -> MetricValue:
            return MetricValue(
                value=spent / n if n and spent is not None else None, numerator=spent, denominator=n, unit="micros",
                currency=currency, detail=detail,
            )  # fmt: skip

        return {
            "cost": MetricValue(
                value=micros if c.attempted else None, numerator=micros, denominator=c.attempted, unit="micros",
                currency=currency, detail=detail,
            ),
            "parts": MetricValue(
                value=c.parts if c.submitted else None, numerator=c.parts, denominator=c.submitted, unit="count"
            ),
            "cost_per_message": each(accepted, c.submitted),
            "cost_per_part": each(accepted, c.parts),
            "cost_per_delivered": each(micros, c.delivered),
        }  # fmt: skip


@hookimpl
def register_metrics():
    return [Cost]
