"""The exact thing that is checked, approved and launched, as one hash.

It covers the audience's rule, the words of every variant in every language with its share, the account and
its prices, holdout, start, budget and options.  Whatever of these changes makes another snapshot.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from core.audience import labels, segments
from core.audience.segments import rules
from core.content.vendortexts import store as vendortexts
from core.db import database
from core.db.models import Campaign
from core.sending import drafts, people
from core.sending.routes import estimate

if TYPE_CHECKING:
    from core.runtime import Runtime


def frozen_rule(rt: Runtime, campaign: Campaign) -> Any:
    """The audience's rule with saved segments written out.  Raises `Refusal`."""
    return json.loads(campaign.rule) if campaign.rule else segments.frozen(rt, people.rule_of(campaign))


def _by_id(rule: Any) -> Any:
    """The rule with labels by id: another name is the same label, and another label of that name is not."""
    known = {label.name: label.id for label in labels.all_labels()}
    return rules.mapped(
        rule,
        lambda leaf: (
            {**leaf, "label": known.get(str(leaf.get("label")), leaf.get("label"))}
            if leaf["segmenter"] == "label"
            else leaf
        ),
    )


def take(rt: Runtime, campaign: Campaign) -> str:
    """SHA-256 of a campaign as it stands, in hex.  Raises `Refusal` while it has no audience."""
    chosen = {k: v for k, v in json.loads(campaign.options).items() if k != "approve"}
    prices = database.query(
        "SELECT country, cls, micros_per_part, currency, from_at FROM price WHERE account_id = ? "
        "ORDER BY country, cls, from_at",
        (campaign.account_id or 0,),
    )
    document = {
        "rule": _by_id(frozen_rule(rt, campaign)),
        "class": campaign.cls,
        "texts": {
            str(idx): {lang: body for lang, (body, _version) in sorted(langs.items())}
            for idx, langs in sorted(drafts.texts(campaign).items())
        },
        "weights": [[arm.idx, arm.weight] for arm in drafts.variants(campaign.id)],
        "account": campaign.account_id,
        "prices": [list(row) for row in prices],
        "holdout_bp": campaign.holdout_bp,
        "send_at": campaign.send_at,
        "not_after": campaign.not_after,
        "budget_micros": campaign.budget_micros,
        "options": chosen,
        "salt": campaign.salt,
    }
    if campaign.account_id is None:
        document["route_prices"] = estimate.snapshot(campaign.cls)
    if mapped := vendortexts.of_campaign(campaign.id):
        document["vendor"] = mapped
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
