"""The last two steps before a launch: time, and the page of truth with its one button."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for
from flask_security import current_user
from wtforms.fields.choices import SelectChoice

from core import clock
from core.contract.errors import Refusal
from core.db.codes import MARKETING, Cls
from core.db.models import Account, Campaign, Segment
from core.i18n import _
from core.measure import stats
from core.sending import approval, dryrun, findings, log, options, people
from core.timing import hours, windows, zones
from core.web import format, steps
from core.web.access import allow, may
from core.web.forms import choices
from core.web.render import page, redirect_hx, rt

#: Share of people assumed to buy anyway when nothing is known yet, for "what we will learn".
BASE_RATE = 0.02


# --- 4 time -------------------------------------------------------------------------------------------


@steps.bp.get("/<int:id>/time")
@allow("view")
def time(id: int):
    campaign = steps.opened(id)
    chosen = options.read(campaign.options)
    zone = chosen.zone or str(format.reader_zone())
    form = steps.TimeForm(
        data={
            "when": "later" if campaign.send_at else "now",
            "at": datetime.fromisoformat(chosen.at) if chosen.at else None,
            "zone": zone,
            "rate": chosen.rate,
            "window": chosen.window,
            "until": _wall(campaign.not_after, zone),
            "budget": None if campaign.budget_micros is None else campaign.budget_micros / 1_000_000,
            "quiet_hours": chosen.quiet_hours,
        }
    )
    return _time_page(form, campaign)


@steps.bp.post("/<int:id>/time")
@allow("campaigns.edit")
def save_time(id: int):
    campaign, form = steps.opened(id), steps.TimeForm()
    form.when.choices = _starts()
    if form.validate_on_submit():
        try:
            _save_time(form, campaign)
            return steps.following(id, "time")
        except Refusal as refusal:
            form.refuse(refusal)
    return _time_page(form, campaign, 422)


def _save_time(form: steps.TimeForm, campaign: Campaign) -> None:
    zone = form.zone.data or rt().settings.zone
    zones.zone_info(zone)
    if form.when.data == "later" and not form.at.data:
        raise Refusal(_("Choose the day and time of the start."), field="at")
    if form.when.data == "later" and zones.wall_to_ms(form.at.data, zone) <= clock.now_ms():
        raise Refusal(_("That time has passed; choose a later one or start at once."), field="at")
    until = form.until.data and _end(form.until.data, zone)
    if until and until <= max(clock.now_ms(), zones.wall_to_ms(form.at.data, zone) if form.at.data else 0):
        raise Refusal(_("The end lies before the start."), field="until")
    chosen: dict[str, Any] = {"rate": form.rate.data, "window": form.window.data}
    if form.when.data == "later":
        chosen["zone"] = zone
    if may("settings.edit"):
        chosen["quiet_hours"] = None if form.quiet_hours.data else "off"
    steps.save(
        campaign, options=chosen, not_after=until,
        at=form.at.data.isoformat() if form.when.data == "later" else "",
        budget_micros=None if form.budget.data is None else round(form.budget.data * 1_000_000),
    )  # fmt: skip


def _end(wall: datetime, zone: str) -> int:
    try:
        return zones.wall_to_ms(wall, zone)
    except Refusal as refusal:
        raise Refusal(str(refusal), field="until") from None


def _starts() -> list[SelectChoice]:
    return choices([("now", _("At once, after the launch")), ("later", _("At a time"))])


def _wall(ms: int | None, zone: str) -> datetime | None:
    return None if not ms else clock.from_ms(ms).astimezone(zones.zone_info(zone)).replace(tzinfo=None)


def _time_page(form: steps.TimeForm, campaign: Campaign, status: int = 200):
    form.when.choices = _starts()
    cls, now = Cls(campaign.cls), clock.now_ms()
    try:
        coming = windows.coming(zones.zone_info(form.zone.data or "UTC").key, now)[:6]
    except Refusal:
        coming = []
    start, end = hours.house_hours()
    _row, report = steps.kept(campaign)
    return page(
        "campaigns/time.html", status=status, form=form, campaign=campaign, steps=steps.rail(campaign, "time"),
        coming=coming, windows=[windows.label(window) for window in windows.RECOMMENDED],
        house=windows.label((start, end)), rules=_rules(cls, report), marketing=cls in MARKETING,
    )  # fmt: skip


def _rules(cls: Cls, report) -> list:
    found = report.countries if report else people.countries()
    by_id = {rule.id: rule for country in found for rule in hours.rules(rt(), cls, country)}
    return list(by_id.values())


# --- 5 confirm ----------------------------------------------------------------------------------------


@steps.bp.get("/<int:id>/confirm")
@allow("view")
def confirm(id: int):
    return truth(id)


def truth(id: int, status: int = 200):
    """The page of truth; with status 409 as the answer to a button of a page that was older."""
    campaign = steps.opened(id)
    row, report = steps.kept(campaign)
    if steps.polled_to_the_end(row):
        return redirect_hx(url_for("campaigns.wizard.confirm", id=id))
    account = Account.get_or_none(Account.id == campaign.account_id)
    needed = report and approval.why_needed(
        rt(), campaign, report.messages + report.holdout, report.cost_micros
    )
    return page(
        "campaigns/confirm.html", fragment="campaigns/_confirm.html", status=status, campaign=campaign,
        rule_titles={rule.title: rule.title for rule in rt().plugins.rules.values()},
        steps=steps.rail(campaign, "confirm"), check=row, report=report, account=account,
        ready=steps.first_open(campaign) == "confirm", needed=needed, segment=store_name(campaign.segment_id),
        templates=steps.templates_of(campaign), mine=current_user.email in approval.authors(campaign), log=log.lines(id, 10),
        effect=_effect(report) if report and Cls(campaign.cls) in MARKETING else None,
        base=BASE_RATE, zones=_zones(report) if report else [], variant_name=findings.variant_name,
    )  # fmt: skip


def store_name(segment_id: int | None) -> str:
    """The name of a segment, '' without one."""
    segment = Segment.get_or_none(Segment.id == segment_id)
    return segment.name if segment else ""


def _effect(report: dryrun.Report) -> float | None:
    """The smallest rise (a share) these two groups can show with 80 % power (docs/measurement.md)."""
    if not report.holdout or not report.messages:
        return None
    return stats.detectable(BASE_RATE, report.messages, report.holdout)


def _zones(report: dryrun.Report) -> list[dict[str, Any]]:
    """When texting starts and ends in each country, on the clocks of its first zone."""
    out = []
    for span in report.spans[:8]:
        name = zones.zones_of(span["country"], rt().settings.default_region)[0]
        out.append(
            span | {"zone": name, "from": _wall(span["since"], name), "to": _wall(span["until"], name)}
        )
    return out
