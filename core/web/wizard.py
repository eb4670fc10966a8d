"""The first three steps before a launch: audience → content → checks; finale.py has time and confirm.

Every step is a page of its own with a plain form; what is entered is saved in the draft before the next step
opens, so nothing is lost when someone stops in between.
"""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_security import current_user

from core.audience.segments import compile as compile_rule
from core.audience.segments import figures, store
from core.content import drafts as wording
from core.content import templates as texts
from core.contract.errors import Refusal
from core.db.codes import MARKETING, Cls
from core.db.models import Account, Campaign, Segment, Template
from core.i18n import _
from core.sending import drafts
from core.sending.routes import rules
from core.web import steps
from core.web.access import allow
from core.web.forms import choices
from core.web.render import page, redirect_hx, rt

#: Share kept aside by size of the audience, in per cent (docs/measurement.md).
HOLDOUT = ((50_000, 10), (500_000, 5), (10**12, 2))
VARIANTS_MAX = 6


# --- 1 audience ---------------------------------------------------------------------------------------


def fresh():
    """The first step of a campaign that does not exist yet; `campaigns.new` shows it."""
    form = steps.AudienceForm(data={"segment": request.args.get("segment", type=int)})
    return _audience_page(form, None)


@steps.bp.post("/new")
@allow("campaigns.edit")
def create():
    return _save_audience(steps.AudienceForm(), None)


@steps.bp.get("/<int:id>/audience")
@allow("view")
def audience(id: int):
    campaign = steps.opened(id)
    shown = {"name": campaign.name, "segment": campaign.segment_id, "holdout": campaign.holdout_bp / 100}
    return _audience_page(steps.AudienceForm(data=shown), campaign)


@steps.bp.post("/<int:id>/audience")
@allow("campaigns.edit")
def save_audience(id: int):
    return _save_audience(steps.AudienceForm(), steps.opened(id))


def _save_audience(form: steps.AudienceForm, campaign: Campaign | None):
    _segments(form)
    if form.validate_on_submit():
        try:
            given = {"segment_id": form.segment.data, "holdout_bp": round((form.holdout.data or 0) * 100)}
            if campaign is None:
                id = drafts.add(rt(), name=form.name.data, who=current_user.email, **given)
            else:
                id = campaign.id
                steps.save(campaign, name=form.name.data, **given)
            return steps.following(id, "audience")
        except Refusal as refusal:
            form.refuse(refusal)
    return _audience_page(form, campaign, 422)


def _segments(form: steps.AudienceForm) -> list[Segment]:
    rows = list(Segment.select().order_by(Segment.name))
    form.segment.choices = choices((row.id, row.name) for row in rows)
    return rows


def _audience_page(form: steps.AudienceForm, campaign: Campaign | None, status: int = 200):
    rows = _segments(form)
    chosen = form.segment.data or (rows[0].id if rows else None)
    cls = Cls(campaign.cls) if campaign else Cls.mass
    return page(
        "campaigns/audience.html", status=status, form=form, campaign=campaign, steps=steps.rail(campaign, "audience"),
        any_segment=bool(rows), reach=_reach(chosen, cls), marketing=cls in MARKETING,
    )  # fmt: skip


@steps.bp.get("/reach")
@allow("view")
def reach():
    """The figures beside the choice of a segment, by their own small request."""
    found = _reach(request.args.get("segment", type=int), Cls.mass)
    return page("campaigns/_reach.html", fragment="campaigns/_reach.html", reach=found)


def _reach(segment_id: int | None, cls: Cls) -> dict[str, Any] | None:
    segment = Segment.get_or_none(Segment.id == segment_id)
    if segment is None:
        return None
    try:
        condition = compile_rule(rt(), store.rule_of(segment))
        _kept_by, found, everyone = figures.counts(rt(), [], condition, cls)
    except Refusal as refusal:
        return {"segment": segment, "problem": str(refusal)}
    percent = next(share for most, share in HOLDOUT if found.may < most)
    return {"segment": segment, "figures": found, "everyone": everyone, "holdout": percent}


# --- 2 content ----------------------------------------------------------------------------------------


@steps.bp.get("/<int:id>/content")
@allow("view")
def content(id: int):
    campaign = steps.opened(id)
    form = steps.ContentForm(data={"account": campaign.account_id or 0})
    weights = {arm.template_id: arm.weight for arm in drafts.variants(id)} or _only()
    return _content_page(form, campaign, weights)


@steps.bp.post("/<int:id>/content")
@allow("campaigns.edit")
def save_content(id: int):
    campaign, form = steps.opened(id), steps.ContentForm()
    _accounts(form)
    weights = {
        template_id: request.form.get(f"weight-{template_id}", default=1, type=int) or 1
        for template_id in request.form.getlist("template", type=int)
    }
    if form.validate_on_submit():
        try:
            if not weights:
                raise Refusal(_("Choose at least one text."), field="template")
            if len(weights) > VARIANTS_MAX:
                raise Refusal(_("Compare at most %(n)s texts.", n=VARIANTS_MAX), field="template")
            steps.save(campaign, account_id=form.account.data or None, templates=list(weights.items()))
            return steps.following(id, "content")
        except Refusal as refusal:
            form.refuse(refusal)
    return _content_page(form, campaign, weights, 422)


def _only() -> dict[int, int]:
    """Where there is one text, it is chosen already."""
    offered = [row.template.id for row in texts.listing() if row.texts]
    return {offered[0]: 1} if len(offered) == 1 else {}


def _accounts(form: steps.ContentForm) -> list[Account]:
    rows = list(Account.select().where(Account.enabled == True).order_by(Account.name))  # noqa: E712
    by_routes = [(0, _("as the routes say"))] if rules.every() else []
    named = (
        (row.id, row.name if row.name == row.provider else f"{row.name} · {row.provider}") for row in rows
    )
    form.account.choices = choices([*by_routes, *named])
    return rows


def _content_page(form: steps.ContentForm, campaign: Campaign, weights: dict[int, int], status: int = 200):
    accounts = _accounts(form)
    offered = [row for row in texts.listing() if row.texts]
    offered += [
        texts.Row(row, {lang: t.body for lang, t in texts.texts(row.id).items()}, 1)
        for row in Template.select().where(Template.archived == True, Template.id.in_(list(weights) or [0]))  # noqa: E712
    ]
    chosen = [row for row in offered if row.template.id in weights]
    return page(
        "campaigns/content.html", status=status, form=form, campaign=campaign, steps=steps.rail(campaign, "content"),
        offered=sorted(offered, key=lambda row: row.template.id not in weights), weights=weights,
        any_account=bool(accounts), phones=[_phone(campaign, row) for row in chosen[:3]],
    )  # fmt: skip


def _phone(campaign: Campaign, row) -> dict[str, str]:
    lang, body = next(iter(row.texts.items()))
    shown = wording.preview(rt(), body, lang)
    return {"name": row.template.name, "text": shown.text or shown.problem}


# --- 3 checks -----------------------------------------------------------------------------------------


@steps.bp.get("/<int:id>/checks")
@allow("view")
def checks(id: int):
    campaign = steps.opened(id)
    row, report = steps.kept(campaign)
    if steps.polled_to_the_end(row):
        return redirect_hx(url_for("campaigns.wizard.checks", id=id))
    return page(
        "campaigns/checks.html", fragment="campaigns/_checks.html", campaign=campaign, steps=steps.rail(campaign, "checks"),
        templates=steps.templates_of(campaign),
        check=row, report=report, ready=steps.first_open(campaign) == "confirm",
    )  # fmt: skip


@steps.bp.post("/<int:id>/checks")
@allow("campaigns.edit")
def run_checks(id: int):
    step = "confirm" if request.form.get("back") == "confirm" else "checks"
    refused = {} if steps.recheck(steps.opened(id).id) else {"refused": 1}
    return redirect_hx(url_for(f"campaigns.wizard.{step}", id=id, **refused))
