"""The classes of messages: what the house says about each, one page a class."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import BooleanField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import NumberRange, Optional

from core.content import wording
from core.db import classes
from core.db.codes import MARKETING, Cls
from core.i18n import _, _l
from core.sending import accounts
from core.timing import hours
from core.web.access import allow
from core.web.durations import DurationField
from core.web.forms import AmountField, Form, choices, tidy
from core.web.render import flash, page, redirect_hx

bp = Blueprint("classes", __name__, url_prefix="/settings/classes")

#: Minutes the page asks for where the rules have seconds.
_MINUTE = 60


def _number(label, name: str, words: str = "", unit: int = 1):
    least, most = classes.BOUNDS[name]
    return IntegerField(
        label, [Optional(), NumberRange(-(-least // unit), most // unit)], description=words or None
    )


class _Rules(Form):
    lane = SelectField(
        _l("Place in the queue"), coerce=int,
        description=_l("A lower number goes first. A code never waits behind marketing."),
    )  # fmt: skip
    start = StringField(_l("Earliest"), [Optional()], filters=[tidy], render_kw={"type": "time"})
    end = StringField(
        _l("Latest"), [Optional()], filters=[tidy], render_kw={"type": "time"},
        description=_l("In the recipient's own time; empty: as the law says. Law and sending hours always hold."),
    )  # fmt: skip
    latest_min = IntegerField(
        _l("Send a single message within (minutes)"),
        [NumberRange(1, 43_200, _l("Say within how many minutes a single message is sent."))],
        description=_l("Later than that nobody waits for it."),
    )
    second_after_s = DurationField(
        _l("Second text when no receipt came after"), *classes.BOUNDS["second_after_s"], optional=True,
        description=_l("For instance 90 s or 2 min. It goes another way, and the person may get both. Empty: never."),
    )  # fmt: skip
    cap_day = _number(
        _l("At most a person in 24 hours"), "cap_day", _l("Over all campaigns; empty: no limit.")
    )
    cap_week = _number(_l("At most a person in 7 days"), "cap_week")
    consent = BooleanField(_l("Only people who agreed"))
    price = AmountField(
        _l("Highest price of a part"), [Optional(), NumberRange(0, 1_000_000)],
        description=_l("In the currency of the account. A message that costs more waits; a code is not sent."),
    )  # fmt: skip
    every_account = BooleanField(_l("Any account may carry it"))
    must = TextAreaField(
        _l("A text holds one of"),
        [Optional()],
        render_kw={"rows": 3},
        description=_l("One word or phrase a line."),
    )
    never = TextAreaField(_l("A text never holds"), [Optional()], render_kw={"rows": 3})
    no_link = BooleanField(_l("No links"))
    max_parts = _number(_l("Parts at most"), "max_parts")
    words_for = SelectField(
        _l("These words are asked of"),
        choices=choices([("", _l("every text")), ("CN", _l("texts to mainland China"))]),
    )


@bp.get("")
@allow("settings.edit")
def index():
    return redirect_hx(url_for(".edit", name="otp"))


@bp.get("/<any(otp, notice, mass, voice):name>")
@allow("settings.edit")
def edit(name: str):
    return _page(name, _filled(name))


@bp.post("/<any(otp, notice, mass, voice):name>")
@allow("settings.edit")
def save(name: str):
    form = _bare()
    chosen = request.form.getlist("accounts", type=int)

    def work() -> None:
        classes.save(name, _changes(name, form, chosen), current_user.email)

    if not (form.validate_on_submit() and form.attempt(work)):
        return _page(name, form, status=422, chosen=chosen)
    flash(_("Saved."))
    return redirect_hx(url_for(".edit", name=name))


@bp.post("/<any(otp, notice):name>/preset")
@allow("settings.edit")
def preset(name: str):
    """Take over the words carriers in China ask for."""
    classes.save(name, wording.PRESETS[name], current_user.email)
    flash(_("The words for China are taken over."))
    return redirect_hx(url_for(".edit", name=name))


# --- helpers --------------------------------------------------------------------------------------------


def _bare(**given) -> _Rules:
    form = _Rules(**given)
    form.lane.choices = choices((n, str(n)) for n in range(10))
    return form


def _filled(name: str) -> _Rules:
    rules = classes.of_now(Cls[name])
    data = classes.plain(rules) | {
        "start": _clock(rules.hours[0]) if rules.hours else "",
        "end": _clock(rules.hours[1]) if rules.hours else "",
        "latest_min": rules.latest_s // _MINUTE,
        "price": None if rules.price_max_micros is None else rules.price_max_micros / 1_000_000,
        "every_account": rules.accounts is None,
        "must": "\n".join(rules.must),
        "never": "\n".join(rules.never),
    }
    return _bare(formdata=None, data=data)


def _clock(minute: int) -> str:
    # A field for times knows no 24:00.
    return f"{min(minute, 1439) // 60:02d}:{min(minute, 1439) % 60:02d}"


def _changes(name: str, form: _Rules, chosen: list[int]) -> dict:
    span = None
    if form.start.data or form.end.data:
        span = [hours.minutes(form.start.data or "00:00"), hours.minutes(form.end.data or "24:00")]
        span[1] = 1440 if span[1] == 1439 else span[1]
    marketing = Cls[name] in MARKETING
    return {
        "lane": form.lane.data,
        "hours": span,
        "latest_s": form.latest_min.data * _MINUTE,
        "second_after_s": form.second_after_s.data if Cls[name] in classes.SECOND else None,
        "cap_day": form.cap_day.data,
        "cap_week": form.cap_week.data,
        "consent": marketing or form.consent.data,
        "price_max_micros": None if form.price.data is None else int(form.price.data * 1_000_000),
        "accounts": None if form.every_account.data else chosen,
        "must": _lines(form.must.data),
        "never": _lines(form.never.data),
        "no_link": form.no_link.data,
        "max_parts": form.max_parts.data,
        "words_for": form.words_for.data,
    }


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _page(name: str, form: _Rules, status: int = 200, chosen: list[int] | None = None):
    rules = classes.of_now(Cls[name])
    return page(
        "classes/edit.html",
        status=status,
        form=form,
        name=name,
        names=[cls.name for cls in Cls],
        marketing=Cls[name] in MARKETING,
        second=Cls[name] in classes.SECOND,
        preset=name in wording.PRESETS,
        accounts=accounts.every(),
        chosen=chosen if chosen is not None else rules.accounts or (),
        house=hours.house_hours(),
    )
