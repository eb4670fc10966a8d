"""Settings of the house, and the audit log; one's own account is core/web/account.py."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import (
    BooleanField,
    DecimalField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import DataRequired, Length, NumberRange

from core.audience import keywords
from core.db import database
from core.db import settings as stored
from core.db.models import Audit
from core.i18n import _, _l
from core.security import audit
from core.sending import approval, judge
from core.sending.dossiers import barring
from core.timing import hours
from core.web.access import allow, signed_in
from core.web.forms import Form, choices, tidy, zone_choices
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("settings", __name__, url_prefix="/settings")
PAGE = 50


class _General(Form):
    brand = StringField(
        _l("Name of the brand"),
        [Length(max=60)],
        filters=[tidy],
        description=_l("What people know you by; the signature check looks for it in each text."),
    )
    zone = SelectField(
        _l("Time zone"),
        description=_l("For pages of people who chose none, and for start times of campaigns."),
    )


class _Hours(Form):
    start = StringField(_l("Earliest"), [DataRequired()], render_kw={"type": "time"})
    end = StringField(_l("Latest"), [DataRequired()], render_kw={"type": "time"})
    rules = SelectMultipleField(_l("Rules in force"))


class _Rules(Form):
    four_eyes = IntegerField(
        _l("Second pair of eyes above this many people"),
        [NumberRange(0, 100_000_000)],
        description=_l(
            "A larger campaign starts only after a second person approved exactly what will be sent."
        ),
    )
    four_eyes_cost = DecimalField(
        _l("… or above this cost"),
        [NumberRange(0, 1_000_000_000)],
        description=_l("In the currency of the account; 0 does not ask."),
    )
    waiver = BooleanField(_l("Allow admins to waive approval for one campaign (approve=off)"))
    pause_after = IntegerField(
        _l("Pause a campaign after this many failures in a row"),
        [NumberRange(1, 1_000_000)],
        description=_l("The campaign page then says why; somebody looks and resumes."),
    )
    papers = BooleanField(
        _l("A provider without a passed dossier may not send mass texts"),
        description=_l(
            "Codes and notices go on. Providers → Papers shows who has passed; the simulator needs none."
        ),
    )
    stop_scope = SelectField(
        _l("What a STOP ends"),
        choices=choices([("all", _l("All texts")), ("marketing", _l("Marketing only"))]),
        description=_l("US rules take a STOP as the end of all texts, codes and notices too."),
    )


@bp.get("")
@signed_in
def index():
    return page("settings/index.html")


@bp.get("/general")
@allow("settings.edit")
def general():
    form = _General(data={"brand": stored.get("brand", ""), "zone": stored.get("zone", "")})
    form.zone.choices = zone_choices(_("as configured: %(zone)s", zone=rt().settings.zone))
    return page("settings/general.html", form=form, settings=rt().settings)


@bp.post("/general")
@allow("settings.edit")
def save_general():
    form = _General()
    form.zone.choices = zone_choices(_("as configured: %(zone)s", zone=rt().settings.zone))
    if not form.validate_on_submit():
        return page("settings/general.html", status=422, form=form, settings=rt().settings)
    _store("general", {"brand": form.brand.data or "", "zone": form.zone.data or ""})
    return redirect_hx(url_for("settings.general"))


@bp.get("/hours")
@allow("settings.edit")
def sending_hours():
    kept = stored.get(hours.HOURS_KEY, hours.DEFAULT_HOURS)
    off = set(stored.get(hours.RULES_OFF_KEY, []))
    form = _Hours(data={**kept, "rules": [name for name in rt().plugins.rules if name not in off]})
    return page(
        "settings/hours.html", form=_with_rules(form), rules=rt().plugins.rules, marked=form.rules.data
    )


@bp.post("/hours")
@allow("settings.edit")
def save_hours():
    form = _with_rules(_Hours())
    ok = form.validate_on_submit()

    def work() -> None:
        with database.write_tx():
            hours.set_house_hours(form.start.data, form.end.data)
            off = sorted(set(rt().plugins.rules) - set(form.rules.data or []))
            _store("hours", {hours.RULES_OFF_KEY: off}, f"{form.start.data}–{form.end.data} off: {off}")

    if not (ok and form.attempt(work)):
        marked = form.rules.data or []
        return page("settings/hours.html", status=422, form=form, rules=rt().plugins.rules, marked=marked)
    return redirect_hx(url_for("settings.sending_hours"))


@bp.get("/rules")
@allow("settings.edit")
def rules():
    return page("settings/rules.html", form=_rules_form())


@bp.post("/rules")
@allow("settings.edit")
def save_rules():
    form = _Rules()
    if not form.validate_on_submit():
        return page("settings/rules.html", status=422, form=form)
    _store(
        "rules",
        {
            approval.RECIPIENTS_KEY: form.four_eyes.data,
            approval.COST_KEY: int(form.four_eyes_cost.data * 1_000_000),
            approval.WAIVER_KEY: form.waiver.data,
            judge.PAUSE_AFTER_KEY: form.pause_after.data,
            barring.KEY: form.papers.data,
            keywords.SCOPE: form.stop_scope.data,
        },
    )
    return redirect_hx(url_for("settings.rules"))


@bp.get("/audit")
@allow("settings.edit")
def audit_log():
    """Who did what, newest first, paged by key."""
    who, what = request.args.get("who", "").strip(), request.args.get("what", "").strip()
    before, after = request.args.get("before", type=int), request.args.get("after", type=int)
    rows = Audit.select()
    if who:
        rows = rows.where(Audit.who.contains(who) | Audit.object.contains(who))
    if what:
        rows = rows.where(Audit.action.startswith(what))
    if after:
        rows = list(rows.where(Audit.id > after).order_by(Audit.id).limit(PAGE))[::-1]
    else:
        rows = rows.where(Audit.id < before) if before else rows
        rows = list(rows.order_by(Audit.id.desc()).limit(PAGE))
    first = rows[0].id if rows else 0
    last = rows[-1].id if rows else 0
    newer = (before or after) and first and database.scalar("SELECT max(id) FROM audit") > first
    older = rows and (len(rows) == PAGE or after)
    keep = {key: value for key, value in (("who", who), ("what", what)) if value}
    return page(
        "settings/audit.html",
        fragment="settings/_audit.html",
        rows=rows,
        who=who,
        what=what,
        newer=url_for(".audit_log", after=first, **keep) if newer else None,
        older=url_for(".audit_log", before=last, **keep) if older else None,
    )


# --- helpers --------------------------------------------------------------------------------------------


def _with_rules(form: _Hours) -> _Hours:
    form.rules.choices = choices((name, name) for name in rt().plugins.rules)
    return form


def _rules_form() -> _Rules:
    return _Rules(
        formdata=None,
        data={
            "four_eyes": stored.get(approval.RECIPIENTS_KEY, approval.RECIPIENTS_DEFAULT),
            "four_eyes_cost": stored.get(approval.COST_KEY, 0) / 1_000_000,
            "waiver": stored.get(approval.WAIVER_KEY, True),
            "pause_after": stored.get(judge.PAUSE_AFTER_KEY, judge.PAUSE_AFTER),
            "papers": stored.get(barring.KEY, False),
            "stop_scope": stored.get(keywords.SCOPE, "all"),
        },
    )


def _store(section: str, values: dict, detail: str = "") -> None:
    with database.write_tx():
        for key, value in values.items():
            stored.put(key, value)
        audit.record(current_user.email, f"settings.{section}", section, detail or str(values))
    flash(_("Saved."))
