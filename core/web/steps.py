"""The steps of a campaign before its launch: their forms, their order and their states in the rail."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    DecimalField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from core.contract.errors import Refusal
from core.db import database
from core.db.models import Campaign
from core.i18n import _, lazy
from core.sending import checking, drafts
from core.sending.routes import rules
from core.web.forms import AmountField, Form, tidy
from core.web.render import flash, htmx, redirect_hx, rt

bp = Blueprint("wizard", __name__)

STEPS = ("audience", "content", "checks", "time", "confirm")
#: What browsers send for a datetime-local field, and take as its value.
_WALL = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class AudienceForm(Form):
    name = StringField(
        lazy("Campaign name"), filters=[tidy], validators=[InputRequired(), Length(max=drafts.NAME_MAX)]
    )
    segment = SelectField(lazy("Segment"), coerce=int, validators=[InputRequired()])
    holdout = DecimalField(
        lazy("Kept aside to measure, %"), default=0, places=None, validators=[Optional(), NumberRange(0, 90)],
        description=lazy("These people get nothing on purpose; comparing both groups shows what the text changed."),
    )  # fmt: skip


class ContentForm(Form):
    account = SelectField(lazy("Through"), coerce=int, validators=[InputRequired()])


class _Elsewhere(Optional):
    """Empty belongs to another choice of the form, so the field is not marked as one that may stay empty."""

    def __init__(self) -> None:
        super().__init__()
        self.field_flags = {}


class TimeForm(Form):
    when = RadioField(lazy("Start"), default="now")
    at = DateTimeLocalField(lazy("Day and time"), format=_WALL, validators=[_Elsewhere()])
    zone = StringField(lazy("Time zone"), filters=[tidy])
    rate = DecimalField(
        lazy("At most, messages a second"),
        places=None,
        validators=[Optional(), NumberRange(0.001, 1_000_000)],
    )
    until = DateTimeLocalField(
        lazy("Nothing after"), format=_WALL, validators=[Optional()],
        description=lazy("What has not left by then is not sent: an offer that ended helps nobody."),
    )  # fmt: skip
    budget = AmountField(
        lazy("Budget"), validators=[Optional(), NumberRange(0)],
        description=lazy("The campaign pauses before it costs more."),
    )  # fmt: skip
    window = IntegerField(
        lazy("Messages a wire window"), validators=[Optional(), NumberRange(1, 5000)],
        description=lazy("At most this many can be in doubt when a worker dies."),
    )  # fmt: skip
    quiet_hours = BooleanField(lazy("Keep to the allowed hours of each country"), default=True)


def first_open(campaign: Campaign) -> str:
    """The first step that lacks something; the last when all is there."""
    if campaign.segment_id is None:
        return "audience"
    if not drafts.texts(campaign) or not _has_way(campaign):
        return "content"
    return "confirm"


def _has_way(campaign: Campaign) -> bool:
    return campaign.account_id is not None or bool(rules.in_force(campaign.cls))


def rail(campaign: Campaign | None, current: str) -> list[tuple[str, str, str | None, str]]:
    """The steps with their states, for `ui.rail`."""
    words = {
        "audience": _("Audience"), "content": _("Content"), "checks": _("Checks"), "time": _("Time"),
        "confirm": _("Confirm"),
    }  # fmt: skip
    done: set[str] = set()
    bad: set[str] = set()
    if campaign is not None:
        done |= {"audience"} if campaign.segment_id else set()
        if drafts.texts(campaign) and _has_way(campaign):
            done |= {"content", "time"}
        if {"audience", "content"} <= done:
            _row, report = kept(campaign)
            if report is not None:
                (bad if report.blocks else done).add("checks")
    out = []
    for step in STEPS:
        state = "current" if step == current else "bad" if step in bad else "done" if step in done else "todo"
        url = url_for(f"campaigns.wizard.{step}", id=campaign.id) if campaign is not None else None
        out.append((step, words[step], url if step != current else None, state))
    return out


def kept(campaign: Campaign):
    """(the last check of the campaign as it stands, its report); Nones when there is none."""
    try:
        return checking.kept(rt(), campaign)
    except Refusal:
        return None, None


def templates_of(campaign: Campaign) -> list[tuple[int, str]]:
    """The templates whose texts it sends, once each, as (id, name): where findings are mended."""
    return database.query(
        "SELECT DISTINCT t.id, t.name FROM variant v JOIN template t ON t.id = v.template_id "
        "WHERE v.campaign_id = ? ORDER BY t.id",
        (campaign.id,),
    )


def opened(id: int) -> Campaign:
    """The campaign, if its steps may still be seen.  Raises `Refusal` (409)."""
    campaign = drafts.get(id)
    if campaign.state not in drafts.OPEN or drafts.is_direct(campaign):
        raise Refusal(_("This campaign was launched; its steps are closed."), status=409)
    return campaign


def save(campaign: Campaign, **given) -> None:
    """Keep what a step says, check the draft anew, and tell what became of a plan.  Raises `Refusal`."""
    was = drafts.edit(rt(), campaign.id, current_user.email, **given)
    now = drafts.get(campaign.id)
    if was == "scheduled":
        flash(
            _("It was scheduled. Changed, it is a draft again: nothing goes out until it is launched anew."),
            "warn",
        )
    elif was in ("approval", "approved"):
        flash(_("Changed, it is a draft again: approval has to be asked for anew."), "warn")
    elif now.state != "draft":
        flash(_("Nothing was changed; it stays as it was."), "info")
    if now.state == "draft" and (drafts.texts(now) or "segment_id" not in given):
        recheck(now.id)


def following(campaign_id: int, step: str):
    """After a saved step: the next one, or the list when the person wanted to stop here."""
    if "later" in request.form:
        if drafts.get(campaign_id).state == "draft":
            flash(_("The draft is saved."))
        return redirect_hx(url_for("campaigns.index"))
    return redirect_hx(url_for(f"campaigns.wizard.{STEPS[STEPS.index(step) + 1]}", id=campaign_id))


def polled_to_the_end(check) -> bool:
    """A fragment asked how far the check is, and it is over: the whole page is due."""
    return bool(htmx) and (check is None or check.state != "running")


def recheck(campaign_id: int) -> bool:
    """Run the check when the draft has what it needs; what is missing is told once, and False returned."""
    try:
        checking.check(rt(), campaign_id)
    except Refusal as refusal:
        flash(str(refusal), "warn")
        return False
    return True
