"""One-time codes: figures, what the guard holds back, its rules, and the words."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from core import clock, mail
from core.i18n import _, _l
from core.measure import stats as shares
from core.sending.otp import alarms, calling, guard, rules, stats, wording
from core.web import charts, format
from core.web.access import allow
from core.web.durations import DurationField
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("otp", __name__, url_prefix="/settings/otp")


def _number(label, name: str, words=None):
    return IntegerField(label, [InputRequired(), NumberRange(*rules.BOUNDS[name])], description=words)


def _time(label, name: str, words=None):
    return DurationField(label, *rules.BOUNDS[name], description=words)


class _Rules(Form):
    length = _number(_l("Characters of a code"), "length")
    alphabet = SelectField(
        _l("Made of"),
        choices=choices([("digits", _l("digits")), ("alnum", _l("letters and digits nobody mixes up"))]),
    )
    ttl_s = _time(_l("Good for"), "ttl_s")
    attempts = _number(_l("Wrong tries until it is void"), "attempts")
    gap_s = _time(_l("Ask again after"), "gap_s")
    resends = _number(_l("Codes after the first without one being used"), "resends")
    fallback_s = _time(_l("Call when no receipt came after"), "fallback_s", _l("0: never."))
    countries = StringField(
        _l("Countries that get codes"), [Optional(), Length(max=1000)], filters=[tidy],
        description=_l("Codes such as CN, US, GB; empty: the country of this instance only."),
    )  # fmt: skip
    number_hour = _number(_l("To a number in an hour"), "number_hour", _l("0: no limit."))
    number_day = _number(_l("To a number in a day"), "number_day")
    prefix_hour = _number(
        _l("To a prefix in an hour"), "prefix_hour", _l("The first seven digits of a number.")
    )
    ip_hour = _number(_l("For an address in an hour"), "ip_hour", _l("Where the program tells it."))
    minute = _number(_l("In all in a minute"), "minute")
    hour = _number(_l("In all in an hour"), "hour")
    adjacent = _number(_l("Neighbouring numbers that are a run"), "adjacent", _l("Within 20 of each other."))
    adjacent_s = _time(_l("… within"), "adjacent_s")
    ratio_percent = _number(_l("Block a prefix when fewer codes are used (percent)"), "ratio_percent")
    ratio_min = _number(_l("… of at least so many"), "ratio_min")
    block_s = _time(_l("Block for"), "block_s", _l("For instance 30 min, 6 h or 2 d."))
    alarm_hour = _number(_l("Codes in an hour"), "alarm_hour", _l("0: no alarm."))
    alarm_success = _number(_l("Arrived or used below (percent)"), "alarm_success")
    alarm_growth = _number(_l("Growth over the hour before (percent)"), "alarm_growth")


class _Words(Form):
    text = TextAreaField(_l("Text"), [Optional(), Length(max=wording.TEXT_MAX)], render_kw={"rows": 2})
    call = TextAreaField(_l("Call"), [Optional(), Length(max=wording.TEXT_MAX)], render_kw={"rows": 2})
    lang = StringField(validators=[DataRequired()])


@bp.get("")
@allow("view")
def index():
    """Figures of the last day."""
    return page(
        "otp/index.html",
        totals=stats.totals(),
        chart=_chart(),
        countries=stats.countries(),
        prefixes=stats.prefixes(),
        refusals=[(guard.sentence(reason), n) for reason, n in stats.refusals()],
        blocked=[(*row[:2], guard.sentence(row[2]), *row[3:]) for row in guard.blocked()],
        alarms=[
            (alarms.words(kind), prefix, detail, at) for _id, kind, prefix, detail, at in alarms.unseen()
        ],
        can_call=bool(calling.able(rt())),
        mailed=mail.configured(rt()),
        interval=shares.wilson,
    )


@bp.post("/allow")
@allow("settings.edit")
def allow_again():
    prefix = request.form.get("prefix", "")
    guard.allow(prefix, current_user.email)
    flash(_("Numbers that begin with +%(prefix)s get codes again.", prefix=prefix))
    return redirect_hx(url_for(".index"))


@bp.post("/seen")
@allow("settings.edit")
def seen():
    alarms.seen(current_user.email)
    return redirect_hx(url_for(".index"))


@bp.get("/rules")
@allow("settings.edit")
def limits():
    known = rules.now()
    data = asdict(known) | {"countries": ", ".join(known.countries or ())}
    return page("otp/rules.html", form=_Rules(formdata=None, data=data), region=rt().settings.default_region)


@bp.post("/rules")
@allow("settings.edit")
def save_limits():
    form = _Rules()

    def work() -> None:
        given = {name: form[name].data for name in asdict(rules.Rules()) if name != "countries"}
        codes = [code for code in (form.countries.data or "").upper().replace(",", " ").split() if code]
        rules.save(given | {"countries": codes or None}, current_user.email)

    if not (form.validate_on_submit() and form.attempt(work)):
        return page("otp/rules.html", status=422, form=form, region=rt().settings.default_region)
    flash(_("Saved."))
    return redirect_hx(url_for(".limits"))


@bp.get("/texts")
@allow("settings.edit")
def texts():
    return _texts()


@bp.post("/texts")
@allow("settings.edit")
def save_texts():
    form = _Words()

    def work() -> None:
        wording.change(form.lang.data, form.text.data or "", form.call.data or "", current_user.email)

    if not (form.validate_on_submit() and form.attempt(work)):
        return _texts(form, status=422)
    flash(_("Saved."))
    return redirect_hx(url_for(".texts"))


# --- helpers --------------------------------------------------------------------------------------------


def _texts(wrong: _Words | None = None, status: int = 200):
    used = wording.texts()
    lines = [
        (lang, name, used[lang][0], used[lang][1], used[lang] != (text, call))
        for lang, (name, text, call) in wording.TEXTS.items()
    ]
    return page("otp/texts.html", status=status, lines=lines, wrong=wrong, max=wording.TEXT_MAX)


def _chart():
    hours = stats.by_hour()
    if not any(sent for _hour, sent, _verified in hours):
        return None
    zone = format.reader_zone()
    labels = [f"{clock.from_ms(hour * clock.HOUR_MS).astimezone(zone).hour}:00" for hour, _s, _v in hours]
    series = [
        charts.Series(_("sent"), [sent for _hour, sent, _v in hours], "c1"),
        charts.Series(_("used"), [used for _hour, _s, used in hours], "c2"),
    ]
    return charts.line(
        series, labels, title=_("One-time codes an hour, last day"), width=960, height=220
    ), charts.legend(series)
