"""One-time links: the first administrator's set-up, forgotten passwords, invitations.

Signing in itself is Flask-Security's (core/web/signin.py).
"""

from __future__ import annotations

from flask import Blueprint, abort, url_for
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, Length

from core import mail
from core.contract.errors import Refusal
from core.db.models import User
from core.i18n import _, _l
from core.security import links, passwords, users
from core.web import signin
from core.web.access import public
from core.web.forms import Form, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("auth", __name__)


class _NewPassword(Form):
    password = PasswordField(
        _l("New password"),
        [DataRequired(), Length(max=passwords.MAX_LENGTH)],
        description=_l("A few words in a row are easy to remember and hard to guess."),
        render_kw={"autocomplete": "new-password", "minlength": passwords.MIN_LENGTH},
    )
    again = PasswordField(
        _l("Once more"),
        [EqualTo("password", _l("The two passwords differ."))],
        render_kw={"autocomplete": "new-password"},
    )


class _SetUp(_NewPassword):
    email = EmailField(_l("E-mail"), [DataRequired()], filters=[tidy], render_kw={"autocomplete": "username"})
    name = StringField(_l("Your name"), [Length(max=100)], filters=[tidy], render_kw={"autocomplete": "name"})


class _Forgot(Form):
    email = EmailField(_l("E-mail"), [DataRequired()], filters=[tidy], render_kw={"autocomplete": "username"})


@bp.get("/setup/<token>")
@public
def setup(token: str):
    """The first administrator, by the link `cooee init` printed."""
    _check(token, "setup")
    return page("auth/setup.html", form=_SetUp(), token=token)


@bp.post("/setup/<token>")
@public
def set_up(token: str):
    """Make the first administrator, who is signed in with it: the password was typed just now."""
    form = _SetUp()
    if form.validate_on_submit():
        try:
            user = users.set_up(token, form.email.data, form.password.data, form.name.data or "")
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            signin.begin(user)
            flash(_("You are the admin of this server, and signed in."))
            return redirect_hx(url_for("overview.index"))
    return page("auth/setup.html", status=422, form=form, token=token)


@bp.get("/link/<token>")
@public
def link(token: str):
    """Choose a password: an invitation or a reset."""
    found = _check(token, "invite", "reset", "mail")
    return page("auth/link.html", form=_NewPassword(), token=token, user=User.get_by_id(found.user_id))


@bp.post("/link/<token>")
@public
def choose(token: str):
    form = _NewPassword()
    found = _check(token, "invite", "reset", "mail")
    if form.validate_on_submit() and form.attempt(users.choose_password, token, form.password.data):
        flash(_("The new password is set. Sign in with it."))
        return redirect_hx(url_for("security.login"))
    return page("auth/link.html", status=422, form=form, token=token, user=User.get_by_id(found.user_id))


@bp.get("/forgot")
@public
def forgot():
    """Ask for a link by mail; says the same for known and unknown addresses."""
    return page("auth/forgot.html", form=_Forgot(), by_mail=mail.configured(rt()))


@bp.post("/forgot")
@public
def send_link():
    form = _Forgot()
    if not mail.configured(rt()):
        abort(404)
    if not form.validate_on_submit():
        return page("auth/forgot.html", status=422, form=form, by_mail=True)
    user = User.get_or_none((User.email == form.email.data.lower()) & (User.active == True))  # noqa: E712
    if user is not None:
        address = links.person_link(rt(), user.id, "mail")
        text = _(
            "Somebody asked for a new password for %(email)s at Cooee.\n\n%(link)s\n\n"
            "The link works once, for one hour. If it was not you, do nothing.",
            email=user.email,
            link=address,
        )
        mail.send_later(rt(), user.email, _("A new password for Cooee"), text)
    flash(_("If we know this address, a link is on its way. It works for one hour."), "info")
    return redirect_hx(url_for("security.login"))


def _check(token: str, *purposes: str):
    found = links.find(token)
    if found is None or found.purpose not in purposes:
        abort(404, _("This link was used or has expired. Ask for a new one."))
    return found
