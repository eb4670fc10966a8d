"""Tokens of programs: made here, shown once, revoked here."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_security import current_user
from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from core.i18n import _, _l
from core.security import tokens
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
        made.append(tokens.create(current_user.email, form.name.data, form.scopes.data, int(form.days.data)))

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
    return page("settings/tokens.html", status=status, form=form, tokens=tokens.listed(), base=_base())


def _base() -> str:
    return rt().settings.public_url + "/api/v1"
