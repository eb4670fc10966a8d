"""What a draft is given – its columns, templates, options and start – read, checked and stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core import clock
from core.contract.errors import Refusal
from core.db.codes import MARKETING, Cls
from core.db.models import Account, Campaign, Segment, Template, Variant
from core.i18n import _
from core.security import audit
from core.sending import options
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

NAME_MAX = 120
#: A start may be this long past: programs say "now" by clocks of their own.
_PAST_MS = 5 * clock.MINUTE_MS
#: Columns besides `templates`, `options` and `at`.
COLUMNS = ("name", "segment_id", "account_id", "holdout_bp", "budget_micros", "not_after")


def apply(rt: Runtime, campaign: Campaign, given: Mapping[str, Any], who: str) -> None:
    """Store it inside the caller's `write_tx`; `given` as for `drafts.edit`.  Raises `Refusal`."""
    given = dict(given)
    templates = given.pop("templates", None)
    extra = given.pop("options", None)
    at = given.pop("at", None)
    unknown = set(given) - set(COLUMNS)
    if unknown:
        raise TypeError(f"given: unknown columns {sorted(unknown)}")
    if "name" in given:
        given["name"] = checked_name(given["name"])
    _exists(Segment, given.get("segment_id"), _("There is no such segment."), "segment")
    _exists(Account, given.get("account_id"), _("There is no such account."), "account")
    if templates is not None:
        given["cls"] = _set_variants(campaign.id, templates)
    stored = json.loads(campaign.options)
    if extra is not None:
        stored |= _checked_options(campaign, stored, options.check(extra), who)
    if at is not None:
        given |= _start(rt, stored, at, campaign.send_at)
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


def checked_name(name: str) -> str:
    """The name as it is kept.  Raises `Refusal`."""
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


def _start(rt: Runtime, stored: dict[str, Any], at: str, was: int | None) -> dict[str, Any]:
    """Columns for a start time; wall time and zone go to the options, so that it can be worked out again."""
    if not at:
        stored["at"] = stored["zone"] = None
        return {"send_at": None}
    send_at, stored["at"], stored["zone"] = zones.parse_at(at, stored.get("zone") or rt.settings.zone)
    if send_at < clock.now_ms() - _PAST_MS and send_at != was:
        raise Refusal(
            _(
                "%(at)s is past, and the texts would leave at once; choose a later time, or none to start at once.",
                at=at,
            ),
            field="at",
        )
    return {"send_at": send_at}


def _check_end(not_after: int, send_at: int | None) -> None:
    if not_after <= clock.now_ms():
        raise Refusal(_("The campaign's end has passed; choose a later one."), field="not_after")
    if send_at and not_after <= send_at:
        raise Refusal(_("The campaign's end lies before its start."), field="not_after")
