"""Lines of the timeline that are texts: those sent, in the words they were sent in, and the replies."""

from __future__ import annotations

import re
from collections import defaultdict

from core import ids, secrecy
from core.audience.deeds import Edge, Line
from core.audience.quality import merged
from core.db import database
from core.db.codes import Cls, State
from core.db.sets import among, listed
from core.i18n import pick_language

#: What stands for a link in frozen words (core.content.links).
_MARK = re.compile(r"\{\{@(\d+)\}\}")


def sent(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    """Messages to this contact and those it became one with; `text` is None where there were no words, or they are gone."""
    rows = database.query(
        "SELECT m.id, COALESCE(m.submitted_at, m.id >> 20) AS at, m.state, m.reason, m.cls, m.campaign_id, "
        "m.variant, m.parts, m.cost_micros, m.final_at, m.submitted_at, m.account_id, "
        "t.body, c.name, c.currency "
        "FROM message m LEFT JOIN campaign c ON c.id = m.campaign_id "
        f"LEFT JOIN message_text t ON t.message_id = m.id WHERE m.contact_id {among()} "
        "AND (COALESCE(m.submitted_at, m.id >> 20), m.id) < (?, ?) ORDER BY 2 DESC, 1 DESC LIMIT ?",
        (listed(merged.ids_of(contact_id)), *edge, limit),
    )
    bodies = _variant_texts(contact_id, {(row[5], row[6]) for row in rows if row[12] is None})
    return [
        (
            at,
            id_,
            State(state).name,
            secrecy.shown(cls, body) if body is not None else bodies.get((campaign_id, variant)),
            {
                "message_id": id_,
                "reason": reason or "",
                "cls": Cls(cls).name,
                "parts": parts,
                "campaign_id": campaign_id,
                "account_id": account_id,
                "campaign": campaign or "",
                "variant": variant,
                "merged": body is not None,
                "cost_micros": cost,
                "currency": currency or "",
                "final_at": final_at,
                "submitted_at": submitted_at,
                "created_at": ids.at_ms(id_),
            },
        )
        for (
            id_, at, state, reason, cls, campaign_id, variant, parts, cost, final_at, submitted_at, account_id,
            body, campaign, currency,
        ) in rows
    ]  # fmt: skip


def _variant_texts(contact_id: int, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The frozen words of variants in the language they were sent in: the contact's, else the template's own."""
    if not wanted:
        return {}
    language = database.scalar("SELECT language FROM profile WHERE contact_id = ?", (contact_id,)) or ""
    campaigns = sorted({campaign for campaign, _variant in wanted})
    targets = {
        (campaign, idx): url
        for campaign, idx, url in database.query(
            f"SELECT campaign_id, idx, url FROM link WHERE campaign_id IN ({database.in_list(len(campaigns))})",
            campaigns,
        )
    }
    bodies: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    defaults: dict[tuple[int, int], str] = {}
    for campaign, idx, lang, body, default in database.query(
        "SELECT t.campaign_id, t.idx, t.lang, t.body, m.default_lang FROM variant_text t "
        "LEFT JOIN variant v ON v.campaign_id = t.campaign_id AND v.idx = t.idx "
        "LEFT JOIN template m ON m.id = v.template_id "
        f"WHERE t.campaign_id IN ({database.in_list(len(campaigns))}) ORDER BY t.lang",
        campaigns,
    ):
        # A link shows where it leads.
        bodies[campaign, idx][lang] = _MARK.sub(
            lambda mark, of=campaign: targets.get((of, int(mark[1])), mark[0]), body
        )
        defaults[campaign, idx] = default or lang
    found = {key: texts[pick_language(texts, language, defaults[key])] for key, texts in bodies.items()}
    # What a person's values belong in was not written for them, or is gone: the bare template is no text.
    return {key: words for key, words in found.items() if "{{" not in words}


def replies(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    """What came back."""
    rows = database.query(
        "SELECT id, received_at, body, intent, account_id FROM inbound "
        f"WHERE contact_id {among()} AND (received_at, id) < (?, ?) ORDER BY received_at DESC, id DESC LIMIT ?",
        (listed(merged.ids_of(contact_id)), *edge, limit),
    )
    return [
        (at, id_, intent, body, {"inbound_id": id_, "account_id": account_id})
        for id_, at, body, intent, account_id in rows
    ]
