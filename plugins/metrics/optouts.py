"""Opt-outs: people who said stop within 72 hours of a message, of the people it reached.

One opt-out blames the last message before it and no other; by reply, by link or through the carrier alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import counts, optouts, stats


class OptOuts(Metric):
    """Share of delivered contacts; also per 1,000 messages."""

    name = "optouts"
    title = "Opt-outs"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        out, reached = optouts.count(scope), counts.read(scope)
        return {
            "optouts": MetricValue(
                value=out / reached.delivered if reached.delivered else None,
                numerator=out,
                denominator=reached.delivered,
                interval=stats.wilson(min(out, reached.delivered), reached.delivered),
            ),
            "optouts_per_1000": MetricValue(
                value=1000 * out / reached.submitted if reached.submitted else None,
                numerator=out,
                denominator=reached.submitted,
                unit="count",
            ),
        }


@hookimpl
def register_metrics():
    return [OptOuts]
