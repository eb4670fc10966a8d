"""Tokens of programs: made here, shown once, revoked here."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_security import current_user
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from core.db import settings
from core.i18n import _, _l
from core.security import spending, tokens
from core.sending import atmost
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("tokens", __name__, url_prefix="/settings/api")

DAYS = (
    ("30", _l("30 days")),
    ("90", _l("90 days")),
    ("365", _l("One year")),
    ("0", _l("Until it is revoked")),
)


class CheckboxesField(SelectMultipleField):
    """Several of a list, each a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class _New(Form):
    name = StringField(
        _l("Name of the program"), [DataRequired(), Length(max=tokens.MAX_NAME)], filters=[tidy],
        description=_l("It stands in the audit log beside whatever the program does."),
    )  # fmt: skip
    scopes = CheckboxesField(_l("What it may do"), [DataRequired()], choices=choices(tokens.SCOPES.items()))
    days = SelectField(_l("Works for"), choices=choices(DAYS), default=str(tokens.DEFAULT_DAYS))
    networks = TextAreaField(
        _l("Works from"), [Optional(), Length(max=4000)], render_kw={"rows": 2, "placeholder": "192.0.2.0/24"},
        description=_l("Addresses and networks of the program, one on each line; empty: from everywhere."),
    )  # fmt: skip
    cap = StringField(
        _l("May spend a day"), [Optional(), Length(max=30)], filters=[tidy], render_kw={"placeholder": "50 CNY"},
        description=_l("Messages, codes and campaigns it orders, at the prices of the accounts; empty: no limit."),
    )  # fmt: skip


@bp.get("")
@allow("settings.edit")
def index():
    return _page(_New())


@bp.post("")
@allow("settings.edit")
def add():
    """Make a token and show it, this once."""
    form, made = _New(), []

    def work() -> None:
        sources = (form.networks.data or "").replace(",", " ").split()
        cap = atmost.cap(form.cap.data) if form.cap.data else None
        made.append(
            tokens.create(
                current_user.email,
                form.name.data,
                form.scopes.data,
                int(form.days.data),
                sources=sources,
                cap=cap,
            )
        )

    if not (form.validate_on_submit() and form.attempt(work)):
        return _page(form, status=422)
    text, token = made[0]
    return page("settings/token.html", text=text, token=token, base=_base())


@bp.post("/<int:token_id>/revoke")
@allow("settings.edit")
def revoke(token_id: int):
    token = tokens.revoke(current_user.email, token_id)
    flash(_("“%(name)s” is revoked; its next call is refused.", name=token.name))
    return redirect_hx(url_for("tokens.index"))


def _page(form: _New, status: int = 200):
    every = tokens.listed()
    spent = spending.spent([token.id for token in every], settings.house_zone(rt().settings.zone))
    return page("settings/tokens.html", status=status, form=form, tokens=every, spent=spent, base=_base())


def _base() -> str:
    return rt().settings.public_url + "/api/v1"
