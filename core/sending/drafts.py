"""Drafts: a campaign before its launch.  A draft is saved at every step and may be incomplete.

States handled here: draft → approval (asked) → approved, and scheduled (launched for later).  Every change
brings a campaign back to draft, and with it voids an approval.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core import clock
from core.content import links
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import MARKETING, Cls
from core.db.models import Account, Campaign, Segment, Template, Variant, VariantText
from core.i18n import _
from core.security import audit
from core.sending import log, options
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

#: States in which a campaign may still be changed.
OPEN = ("draft", "approval", "approved", "scheduled")
NAME_MAX = 120
SALT_BITS = 62
#: Setting with the highest id a deleted draft had.
_DELETED = "campaign.deleted"

#: Columns `edit` takes besides `templates`, `options` and `at`.
_COLUMNS = ("name", "segment_id", "account_id", "holdout_bp", "budget_micros", "not_after")


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
        _apply(rt, get(campaign_id), given, who)
    return campaign_id


def _insert(name: str, cls: int, who: str, **columns: Any) -> int:
    # As a mapping: peewee's own `cls` argument hides the column of that name.
    row = {
        "name": _name(name),
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


def edit(rt: Runtime, campaign_id: int, who: str = "", **given: Any) -> None:
    """Change a campaign that has not started; it becomes a draft again.

    Takes name, segment_id, account_id, holdout_bp, budget_micros, not_after, `templates` as a list of
    (template id, weight), `at` as ISO 8601 (or "" for at once) and `options` as a mapping.  Raises `Refusal`,
    with status 409 when the campaign has started.
    """
    with database.write_tx():
        changed = database.execute(
            "UPDATE campaign SET state = 'draft', launch_key = NULL, snapshot = '', rule = '', "
            "approved_by = '', approved_snapshot = '' "
            f"WHERE id = ? AND state IN ({database.in_list(len(OPEN))})",
            (campaign_id, *OPEN),
        ).rowcount
        campaign = get(campaign_id)
        if not changed:
            raise Refusal(
                _(
                    "“%(name)s” is %(state)s and can no longer be changed; duplicate it.",
                    name=campaign.name,
                    state=campaign.state,
                ),
                status=409,
            )
        VariantText.delete().where(VariantText.campaign_id == campaign_id).execute()
        _apply(rt, campaign, given, who)
        log.write(campaign_id, who, "edited", ", ".join(sorted(given)))


def _apply(rt: Runtime, campaign: Campaign, given: Mapping[str, Any], who: str) -> None:
    given = dict(given)
    templates = given.pop("templates", None)
    extra = given.pop("options", None)
    at = given.pop("at", None)
    unknown = set(given) - set(_COLUMNS)
    if unknown:
        raise TypeError(f"drafts: unknown columns {sorted(unknown)}")
    if "name" in given:
        given["name"] = _name(given["name"])
    _exists(Segment, given.get("segment_id"), _("There is no such segment."), "segment")
    _exists(Account, given.get("account_id"), _("There is no such account."), "account")
    if templates is not None:
        given["cls"] = _set_variants(campaign.id, templates)
    stored = json.loads(campaign.options)
    if extra is not None:
        stored |= _checked_options(campaign, stored, options.check(extra), who)
    if at is not None:
        given |= _start(rt, stored, at)
    if given.get("not_after"):
        _check_end(given["not_after"], given.get("send_at", campaign.send_at))
    given["options"] = json.dumps({k: v for k, v in stored.items() if v is not None}, sort_keys=True)
    holdout_bp = given.get("holdout_bp", campaign.holdout_bp)
    if not 0 <= holdout_bp <= 9_000:
        raise Refusal(
            _("A holdout of %(n)s %% is outside 0 to 90 %%.", n=f"{holdout_bp / 100:g}"), field="holdout"
        )
    if holdout_bp and Cls(given.get("cls", campaign.cls)) not in MARKETING:
        raise Refusal(
            _("One-time codes and notices have no holdout: everyone they concern must get them."),
            field="holdout",
        )
    Campaign.update(given).where(Campaign.id == campaign.id).execute()


def _name(name: str) -> str:
    name = " ".join((name or "").split())
    if not name:
        raise Refusal(_("A campaign needs a name."), field="name")
    if name.startswith("direct:"):
        raise Refusal(_("Names that start with direct: are kept for single messages."), field="name")
    if len(name) > NAME_MAX:
        raise Refusal(
            _("The name has %(n)s characters; %(most)s are the most.", n=len(name), most=NAME_MAX),
            field="name",
        )
    return name


def _exists(model, value: int | None, sentence: str, field: str) -> None:
    if value is not None and not model.select().where(model.id == value).exists():
        raise Refusal(sentence, field=field)


def _set_variants(campaign_id: int, templates: Sequence[tuple[int, int]]) -> int:
    """Replace the variants; returns the class of their templates."""
    rows = {row.id: row for row in Template.select().where(Template.id.in_([t for t, _ in templates] or [0]))}
    for template_id, weight in templates:
        if template_id not in rows:
            raise Refusal(_("There is no template %(id)s.", id=template_id), field="template")
        if not 1 <= weight <= 10_000:
            raise Refusal(_("A weight of %(n)s is outside 1 to 10000.", n=weight), field="weight")
    if len({t for t, _ in templates}) != len(templates):
        raise Refusal(_("The same template twice cannot be compared with itself."), field="template")
    classes = {row.cls for row in rows.values()}
    if len(classes) > 1:
        names = ", ".join(f"{row.name} ({Cls(row.cls).name})" for row in rows.values())
        raise Refusal(
            _("Variants must share one class; these do not: %(names)s.", names=names), field="template"
        )
    Variant.delete().where(Variant.campaign_id == campaign_id).execute()
    for idx, (template_id, weight) in enumerate(templates):
        Variant.create(campaign_id=campaign_id, idx=idx, template_id=template_id, weight=weight)
    return classes.pop() if classes else Cls.mass


def _checked_options(campaign: Campaign, old: dict, new: dict[str, Any], who: str) -> dict[str, Any]:
    if "quiet_hours" in new and new["quiet_hours"] != old.get("quiet_hours"):
        audit.record(who, "campaign.quiet_hours", f"campaign {campaign.id}", str(new["quiet_hours"] or "on"))
    return new


def _start(rt: Runtime, stored: dict[str, Any], at: str) -> dict[str, Any]:
    """Columns for a start time; wall time and zone go to the options, so that it can be worked out again."""
    if not at:
        stored["at"] = stored["zone"] = None
        return {"send_at": None}
    send_at, stored["at"], stored["zone"] = zones.parse_at(at, stored.get("zone") or rt.settings.zone)
    return {"send_at": send_at}


def _check_end(not_after: int, send_at: int | None) -> None:
    if not_after <= clock.now_ms():
        raise Refusal(_("The campaign's end has passed; choose a later one."), field="not_after")
    if send_at and not_after <= send_at:
        raise Refusal(_("The campaign's end lies before its start."), field="not_after")


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
