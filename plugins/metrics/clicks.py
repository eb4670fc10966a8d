"""Clicks: people who followed a link of a text, of the people it reached.

Only clicks that count as a person's (docs/links.md); what is most likely a preview, a scanner or a crawler
stands in the detail.  There is no open rate: nobody can see a text being read.
"""

from __future__ import annotations

from collections.abc import Mapping

from core import Metric, MetricValue, Scope, hookimpl
from core.measure import clicks, shares


class Clicks(Metric):
    """Share of the people whose text held a link and reached them; none for a campaign without links."""

    name = "clicks"
    title = "Clicks"

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        if scope.campaign_id is not None and not clicks.has_links(scope.campaign_id, scope.variant):
            return {}
        found = clicks.followed(scope)
        automatic = clicks.automatic(scope.campaign_id)
        return {
            "clicks": shares.of_reached(found.people, found.delivered, found.unproven, automatic=automatic)
        }


@hookimpl
def register_metrics():
    return [Clicks]
