"""Settings of the house; one's own account is core/web/account.py."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from flask_security import current_user
from wtforms import (
    BooleanField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from core.audience import keywords
from core.contract.errors import Refusal
from core.db import database
from core.db import settings as stored
from core.i18n import _, _l
from core.security import audit
from core.sending import approval, judge, monthly
from core.sending.dossiers import barring
from core.timing import hours
from core.web import meanwhile
from core.web.access import allow, signed_in
from core.web.forms import AmountField, Form, choices, tidy, zone_choices
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("settings", __name__, url_prefix="/settings")


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
    four_eyes_cost = AmountField(
        _l("… or above this cost"),
        [NumberRange(0, 1_000_000_000)],
        description=_l("In the currency of the account; 0 does not ask."),
    )
    month_budget = AmountField(
        _l("Budget of a month"),
        [Optional(), NumberRange(0, 1_000_000_000)],
        description=_l(
            "The Overview tells how long it lasts, a check which campaign goes above it; nothing is stopped."
        ),
    )
    month_currency = SelectField(_l("Currency of that budget"), [Optional()], validate_choice=False)
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
    return _hours_page(form)


@bp.post("/hours")
@allow("settings.edit")
def save_hours():
    form = _with_rules(_Hours())
    try:
        if not form.validate_on_submit():
            return _hours_page(form, 422)
        _store_hours(form)
    except Refusal as refusal:
        form.refuse(refusal)
        return _hours_page(form, 409 if refusal.status == 409 else 422, refusal)
    return redirect_hx(url_for("settings.sending_hours"))


def _store_hours(form: _Hours) -> None:
    """Only what was changed; a rule that came after the page was loaded is not on it and stays in force."""
    now, marked = _hours_now(), set(form.rules.data or [])
    typed = {"start": form.start.data, "end": form.end.data} | {
        f"rule:{name}": name in marked for name in rt().plugins.rules
    }
    kept = now | meanwhile.settle(typed, now, action="settings.hours", about="hours")
    with database.write_tx():
        hours.set_house_hours(kept["start"], kept["end"])
        off = sorted(name for name in rt().plugins.rules if not kept[f"rule:{name}"])
        _store("hours", {hours.RULES_OFF_KEY: off}, f"{kept['start']}–{kept['end']} off: {off}")


def _hours_now() -> dict[str, Any]:
    """What the form of sending hours shows, by key."""
    kept = stored.get(hours.HOURS_KEY, hours.DEFAULT_HOURS)
    off = set(stored.get(hours.RULES_OFF_KEY, []))
    return {"start": kept["start"], "end": kept["end"]} | {
        f"rule:{name}": name not in off for name in rt().plugins.rules
    }


def _hours_page(form: _Hours, status: int = 200, refusal: Refusal | None = None):
    return page(
        "settings/hours.html", status=status, form=_with_rules(form), rules=rt().plugins.rules,
        marked=form.rules.data or [], seen=meanwhile.carried(_hours_now(), refusal),
    )  # fmt: skip


@bp.get("/rules")
@allow("settings.edit")
def rules():
    return page("settings/rules.html", form=_rules_form(), seen=meanwhile.seen(_rules_now()))


@bp.post("/rules")
@allow("settings.edit")
def save_rules():
    form, refused = _with_currencies(_Rules()), None
    if form.validate_on_submit():
        try:
            _store_rules(form)
            return redirect_hx(url_for("settings.rules"))
        except Refusal as refusal:
            form.refuse(refused := refusal)
    status = 409 if refused and refused.status == 409 else 422
    return page(
        "settings/rules.html", status=status, form=form, seen=meanwhile.carried(_rules_now(), refused)
    )


def _store_rules(form: _Rules) -> None:
    typed = {
        approval.RECIPIENTS_KEY: form.four_eyes.data,
        approval.COST_KEY: int(form.four_eyes_cost.data * 1_000_000),
        approval.WAIVER_KEY: form.waiver.data,
        monthly.KEY: monthly.value(form.month_budget.data, form.month_currency.data),
        judge.PAUSE_AFTER_KEY: form.pause_after.data,
        barring.KEY: form.papers.data,
        keywords.SCOPE: form.stop_scope.data,
    }
    if changed := meanwhile.settle(typed, _rules_now(), action="settings.rules", about="rules"):
        _store("rules", changed)
    else:
        flash(_("Nothing was changed."), "info")


def _rules_now() -> dict[str, Any]:
    """The settings behind the form of rules, as they are kept."""
    defaults = {
        approval.RECIPIENTS_KEY: approval.RECIPIENTS_DEFAULT,
        approval.COST_KEY: 0,
        approval.WAIVER_KEY: True,
        monthly.KEY: None,
        judge.PAUSE_AFTER_KEY: judge.PAUSE_AFTER,
        barring.KEY: False,
        keywords.SCOPE: "all",
    }
    return {key: stored.get(key, default) for key, default in defaults.items()}


# --- helpers --------------------------------------------------------------------------------------------


def _with_rules(form: _Hours) -> _Hours:
    form.rules.choices = choices((name, name) for name in rt().plugins.rules)
    return form


def _with_currencies(form: _Rules) -> _Rules:
    """A budget kept in a currency that no account has any more still shows it."""
    names = dict.fromkeys([*filter(None, [form.month_currency.data]), *monthly.currencies()])
    form.month_currency.choices = choices((name, name) for name in names)
    return form


def _rules_form() -> _Rules:
    now = _rules_now()
    budget = now[monthly.KEY] or {"micros": 0, "currency": ""}
    made = _Rules(
        formdata=None,
        data={
            "four_eyes": now[approval.RECIPIENTS_KEY],
            "four_eyes_cost": now[approval.COST_KEY] / 1_000_000,
            "waiver": now[approval.WAIVER_KEY],
            "month_budget": budget["micros"] / 1_000_000 or None,
            "month_currency": budget["currency"],
            "pause_after": now[judge.PAUSE_AFTER_KEY],
            "papers": now[barring.KEY],
            "stop_scope": now[keywords.SCOPE],
        },
    )
    return _with_currencies(made)


def _store(section: str, values: dict, detail: str = "") -> None:
    with database.write_tx():
        for key, value in values.items():
            stored.put(key, value)
        audit.record(current_user.email, f"settings.{section}", section, detail or str(values))
    flash(_("Saved."))
