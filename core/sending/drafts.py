"""Drafts: a campaign before its launch.  A draft is saved at every step and may be incomplete.

States handled here: draft → approval (asked) → approved, and scheduled (launched for later).  Every change
brings a campaign back to draft, and with it voids an approval; saving what is there already changes nothing.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from core import clock
from core.content import links
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import Cls
from core.db.models import Campaign, Variant, VariantText
from core.i18n import _
from core.security import audit
from core.sending import log
from core.sending.given import COLUMNS, apply, checked_name
from core.sending.given import NAME_MAX as NAME_MAX

if TYPE_CHECKING:
    from core.runtime import Runtime

#: States in which a campaign may still be changed.
OPEN = ("draft", "approval", "approved", "scheduled")
SALT_BITS = 62
#: Setting with the highest id a deleted draft had.
_DELETED = "campaign.deleted"


def get(campaign_id: int) -> Campaign:
    """A campaign.  Raises `Refusal` (404) when there is none."""
    found = Campaign.get_or_none((Campaign.id == campaign_id) & (Campaign.created_at.is_null(False)))
    if found is None:
        raise Refusal(
            _("There is no campaign %(id)s; `cooee campaign list` shows them.", id=campaign_id), status=404
        )
    return found


def add(rt: Runtime, *, name: str, who: str = "", **given: Any) -> int:
    """Make a draft and return its id; `given` as for `edit`.  Raises `Refusal`."""
    with database.write_tx():
        campaign_id = _insert(name, Cls.mass, who)
        log.write(campaign_id, who, "created")
        apply(rt, get(campaign_id), given, who)
    return campaign_id


def _insert(name: str, cls: int, who: str, **columns: Any) -> int:
    # As a mapping: peewee's own `cls` argument hides the column of that name.
    row = {
        "name": checked_name(name),
        "cls": int(cls),
        "salt": secrets.randbits(SALT_BITS),
        "created_by": who,
        "created_at": clock.now_ms(),
    }
    return Campaign.insert(row | columns | new_id()).execute()


def new_id() -> dict[str, int]:
    """The column `id` of a new campaign, inside `write_tx()`; {} where the database counts by itself.

    SQLite would give the highest id again once its draft is deleted, and audit and logs know the old one by it.
    """
    if database.is_postgres():
        return {}
    highest = database.scalar("SELECT COALESCE(MAX(id), 0) FROM campaign")
    return {"id": max(highest, settings.get(_DELETED, 0)) + 1}


def edit(rt: Runtime, campaign_id: int, who: str = "", **given: Any) -> str:
    """Change a campaign that has not started; it becomes a draft again, unless what is given is as it was.

    Returns the state it was in, "" where nothing changed.  With nothing given it becomes a draft all the same.

    Takes name, segment_id, account_id, holdout_bp, budget_micros, not_after, `templates` as a list of
    (template id, weight), `at` as ISO 8601 (or "" for at once) and `options` as a mapping.  Raises `Refusal`,
    with status 409 when the campaign has started.
    """
    with database.write_tx():
        # Nobody launches it from here to the commit.
        held = database.execute(
            f"UPDATE campaign SET state = state WHERE id = ? AND state IN ({database.in_list(len(OPEN))})",
            (campaign_id, *OPEN),
        ).rowcount
        campaign = get(campaign_id)
        if not held:
            raise Refusal(
                _(
                    "“%(name)s” is %(state)s and can no longer be changed; duplicate it.",
                    name=campaign.name,
                    state=campaign.state,
                ),
                status=409,
            )
        before = _chosen(campaign_id)
        apply(rt, campaign, given, who)
        if given and _chosen(campaign_id) == before:
            return ""
        database.execute(
            "UPDATE campaign SET state = 'draft', launch_key = NULL, snapshot = '', rule = '', "
            "approved_by = '', approved_snapshot = '' WHERE id = ?",
            (campaign_id,),
        )
        VariantText.delete().where(VariantText.campaign_id == campaign_id).execute()
        log.write(campaign_id, who, "edited", ", ".join(sorted(given)))
    return campaign.state


def _chosen(campaign_id: int) -> list[tuple]:
    """All that `edit` can change."""
    return [
        *database.query(
            f"SELECT {', '.join(COLUMNS)}, cls, send_at, options FROM campaign WHERE id = ?", (campaign_id,)
        ),
        *database.query(
            "SELECT idx, template_id, weight FROM variant WHERE campaign_id = ? ORDER BY idx", (campaign_id,)
        ),
    ]


def variants(campaign_id: int) -> list[Variant]:
    """The arms of a campaign in their order."""
    return list(Variant.select().where(Variant.campaign_id == campaign_id).order_by(Variant.idx))


def texts(campaign: Campaign) -> dict[int, dict[str, tuple[str, int]]]:
    """{variant: {language: (words, template version)}}: frozen ones after the launch, current ones before.

    Addresses that became short links stand as they were written.
    """
    frozen = database.query(
        "SELECT idx, lang, body, template_version FROM variant_text WHERE campaign_id = ? ORDER BY idx, lang",
        (campaign.id,),
    )
    rows = frozen or database.query(
        "SELECT v.idx, t.lang, t.body, t.version FROM variant v JOIN template_text t "
        "ON t.template_id = v.template_id WHERE v.campaign_id = ? AND t.version = "
        "(SELECT MAX(u.version) FROM template_text u WHERE u.template_id = t.template_id AND u.lang = t.lang) "
        "AND t.body <> '' "
        "ORDER BY v.idx, t.lang",
        (campaign.id,),
    )
    urls = links.targets(campaign.id) if frozen else {}
    out: dict[int, dict[str, tuple[str, int]]] = {}
    for idx, lang, body, version in rows:
        out.setdefault(idx, {})[lang] = (links.unmarked(body, urls), version)
    return out


def default_langs(campaign_id: int) -> dict[int, str]:
    """{variant: default language of its template}, for people whose language has no text."""
    rows = database.query(
        "SELECT v.idx, t.default_lang FROM variant v JOIN template t ON t.id = v.template_id WHERE v.campaign_id = ?",
        (campaign_id,),
    )
    return dict(rows)


def duplicate(campaign_id: int, who: str = "", name: str = "") -> int:
    """A new draft with the same audience, texts and options but no start time; returns its id."""
    old = get(campaign_id)
    if is_direct(old):
        raise Refusal(_("Single messages have no campaign to duplicate."))
    kept = {k: v for k, v in json.loads(old.options).items() if k in ("window", "rate")}
    with database.write_tx():
        new_id = _insert(
            name or f"{old.name} (2)"[:NAME_MAX],
            old.cls,
            who,
            segment_id=old.segment_id,
            account_id=old.account_id,
            holdout_bp=old.holdout_bp,
            budget_micros=old.budget_micros,
            options=json.dumps(kept),
        )
        for arm in variants(campaign_id):
            Variant.create(campaign_id=new_id, idx=arm.idx, template_id=arm.template_id, weight=arm.weight)
        log.write(new_id, who, "created", f"copy of {campaign_id}")
    return new_id


def delete(campaign_id: int, who: str = "") -> None:
    """Remove a draft for good.  Raises `Refusal` (409) once it was launched."""
    with database.write_tx():
        campaign = get(campaign_id)
        gone = database.execute(
            "DELETE FROM campaign WHERE id = ? AND state IN ('draft', 'approval', 'approved')", (campaign_id,)
        ).rowcount
        if not gone:
            raise Refusal(
                _(
                    "“%(name)s” is %(state)s; only drafts can be deleted.",
                    name=campaign.name,
                    state=campaign.state,
                ),
                status=409,
            )
        settings.put(_DELETED, max(campaign_id, settings.get(_DELETED, 0)))
        for table in ("variant", "variant_text", "link", "campaign_log", "campaign_check"):
            database.execute(f"DELETE FROM {table} WHERE campaign_id = ?", (campaign_id,))
        audit.record(who, "campaign.deleted", f"campaign {campaign_id}", campaign.name)


def own(campaign_id: int) -> Campaign:
    """A campaign that people made.  Raises `Refusal` (404) for those that carry single messages, too."""
    campaign = get(campaign_id)
    if is_direct(campaign):
        raise Refusal(
            _(
                "%(id)s carries single messages and is no campaign; they stand under Messages.",
                id=campaign_id,
            ),
            status=404,
        )
    return campaign


def is_direct(campaign: Campaign) -> bool:
    """True for the campaigns that carry single messages."""
    return campaign.name.startswith("direct:") and campaign.segment_id is None and not campaign.created_by
