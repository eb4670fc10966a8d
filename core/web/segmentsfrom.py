"""Segments out of a campaign's report: one click opens the builder with the rule filled in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, request, url_for

from core.audience.labels import all_labels
from core.audience.segments import figures
from core.contract.errors import Refusal
from core.db.models import Campaign
from core.i18n import _
from core.web.access import allow
from core.web.render import page, rt

bp = Blueprint("from", __name__, url_prefix="/from")

Rule = dict[str, Any]


@dataclass(slots=True)
class Offer:
    """A segment that may be made: what it is called, whom it means, how many they are."""

    title: str
    rule: Rule
    name: str
    n: int | None = None

    @property
    def url(self) -> str:
        """The builder with this rule and name."""
        return url_for("segments.new", rule=json.dumps(self.rule, ensure_ascii=False), name=self.name)


@bp.get("/<int:campaign_id>")
@allow("view")
def offers(campaign_id: int):
    """Loaded by the report once it stands; counting may take seconds."""
    campaign = Campaign.get_or_none(Campaign.id == campaign_id) or abort(404)
    names = [label.name for label in all_labels()]
    asked = request.args.get("label", "")
    label = asked if asked in names else next(iter(names), "")
    made, problem = offered(campaign, label), ""
    try:
        for offer, n in zip(made, figures.tallies(rt(), [offer.rule for offer in made]), strict=True):
            offer.n = n
    except Refusal as refusal:
        problem = str(refusal)
    return page(
        "segments/from.html",
        fragment="segments/_from.html",
        campaign=campaign,
        offers=made,
        labels=names,
        label=label,
        problem=problem,
    )


def offered(campaign: Campaign, label: str) -> list[Offer]:
    """What a report offers; buyers are told apart by `label` when there is one."""

    def did(outcome: str) -> Rule:
        return {"segmenter": "campaign", "campaign": campaign.id, "outcome": outcome}

    def did_not(outcome: str) -> Rule:
        return did(outcome) | {"did_not": True}

    out = {"segmenter": "consent", "class": "mass", "state": "no"}
    rows: list[tuple[str, list[Rule]]] = [
        (_("Delivered, not clicked"), [did("delivered"), did_not("clicked")]),
        (_("Clicked, not bought"), [did("clicked"), did_not("converted")]),
        (_("Bought"), [did("converted")]),
        (_("Replied"), [did("replied")]),
        (_("Replied that they want no more"), [did("refused")]),
        (_("Received it, and opted out by now"), [did("received"), out]),
        (_("Failed"), [did("failed")]),
        (_("Not reached"), [did_not("delivered")]),
    ]
    if label:
        carries = {"segmenter": "label", "label": label}
        rows.insert(3, (_("Bought, with the label “%(label)s”", label=label), [did("converted"), carries]))
    return [
        Offer(
            title, {"all": rules}, _("%(campaign)s: %(what)s", campaign=campaign.name[:40], what=title)[:80]
        )
        for title, rules in rows
    ]
