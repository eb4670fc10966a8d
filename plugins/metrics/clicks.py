"""Clicks: people who followed a link of a text, of the people it reached.

Only clicks that count as a person's (docs/links.md); what is most likely a preview, a scanner or a crawler
stands in the detail.  There is no open rate: nobody can see a text being read.
"""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import clicks, counts, stats


class Clicks(Metric):
    """Share of delivered contacts; none for a campaign without links."""

    name = "clicks"
    title = "Clicks"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        if scope.campaign_id is not None and not clicks.has_links(scope.campaign_id):
            return {}
        people, reached = clicks.people(scope), counts.read(scope)
        # A receipt may come after the click, or never.
        within = min(people, reached.delivered)
        return {
            "clicks": MetricValue(
                value=people / reached.delivered if reached.delivered else None,
                numerator=people,
                denominator=reached.delivered,
                interval=stats.wilson(within, reached.delivered),
                detail={"automatic": clicks.automatic(scope.campaign_id)},
            )
        }


@hookimpl
def register_metrics():
    return [Clicks]
