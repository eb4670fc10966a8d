"""Opt-outs: people who said stop within 72 hours of a message, of the people it reached.

One opt-out blames the last message before it and no other; by reply, by link or through the carrier alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import counts, optouts, shares


class OptOuts(Metric):
    """Share of the contacts it reached; also per 1,000 messages."""

    name = "optouts"
    title = "Opt-outs"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        out, proven = optouts.told(scope)
        reached = counts.read(scope)
        return {
            "optouts": shares.of_reached(out, reached.delivered, out - proven),
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
