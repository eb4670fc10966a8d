"""People who sign in: for administrators."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import EmailField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from core.contract.errors import Refusal
from core.db.models import User
from core.i18n import _, _l
from core.security import secondfactor, users
from core.security.roles import ROLES
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("people", __name__, url_prefix="/people")

ROLE_WORDS = {
    "viewer": _l("Viewer: sees everything but whole numbers"),
    "marketer": _l("Marketer: contacts, segments, templates and campaigns"),
    "approver": _l("Approver: marketer who may approve others' campaigns"),
    "admin": _l("Admin: everything, also providers, settings and people"),
}


class _Add(Form):
    email = EmailField(_l("E-mail"), [DataRequired()], filters=[tidy])
    name = StringField(_l("Full name"), [Length(max=100)], filters=[tidy])
    role = SelectField(_l("Role"), choices=choices(ROLE_WORDS.items()), default="marketer")


class _SecondStep(Form):
    second_factor = RadioField(
        _l("Who must have one"), choices=choices(secondfactor.POLICIES.items()),
        description=_l("Whoever must and has none is led to set it up on the next page, before anything else."),
    )  # fmt: skip


@bp.get("")
@allow("people.edit")
def index():
    return page("people/index.html", **_context())


@bp.post("")
@allow("people.edit")
def add():
    """Add a person and show the one-time link to give them."""
    form = _Add()
    made: list[User] = []

    def work() -> None:
        made.append(
            users.add(current_user.email, form.email.data, form.role.data, None, form.name.data or "")
        )

    if not (form.validate_on_submit() and form.attempt(work)):
        return page("people/index.html", status=422, **_context(form=form))
    link = users.invite(rt(), current_user.email, made[0])
    return page("people/link.html", user=made[0], link=link, purpose="invite")


@bp.post("/second-step")
@allow("people.edit")
def second_step():
    """Say who must have a second step at sign-in."""
    form, own = _SecondStep(), bool(current_user.tf_primary_method)
    wanted = form.second_factor.data
    if form.validate_on_submit() and form.attempt(secondfactor.choose, current_user.email, wanted, own=own):
        flash(_("Saved."))
        return redirect_hx(url_for("people.index"))
    return page("people/index.html", status=422, **_context(policy=form))


@bp.post("/<int:user_id>/role")
@allow("people.edit")
def role(user_id: int):
    user = _user(user_id)
    users.set_role(current_user.email, user, request.form.get("role", ""))
    flash(_("%(email)s has a new role and must sign in again.", email=user.email))
    return redirect_hx(url_for("people.index"))


@bp.post("/<int:user_id>/disable")
@allow("people.edit")
def disable(user_id: int):
    user = _user(user_id)
    if user.id == current_user.id:
        raise Refusal(_("You cannot disable yourself; another admin can."))
    users.set_active(current_user.email, user, False)
    flash(_("%(email)s is signed out and cannot come in any more.", email=user.email))
    return redirect_hx(url_for("people.index"))


@bp.post("/<int:user_id>/enable")
@allow("people.edit")
def enable(user_id: int):
    user = _user(user_id)
    users.set_active(current_user.email, user, True)
    flash(_("%(email)s may sign in again.", email=user.email))
    return redirect_hx(url_for("people.index"))


@bp.post("/<int:user_id>/reset")
@allow("people.edit")
def reset(user_id: int):
    """Void the password and show a one-time link; with `second_factor` TOTP goes, too."""
    user = _user(user_id)
    if not user.active:
        raise Refusal(_("%(email)s is disabled; enable the account first.", email=user.email))
    link = users.reset(rt(), current_user.email, user, second_factor=request.form.get("second_factor") == "y")
    return page("people/link.html", user=user, link=link, purpose="reset")


@bp.post("/<int:user_id>/invite")
@allow("people.edit")
def invite(user_id: int):
    """A fresh link for somebody who has not come in yet."""
    user = _user(user_id)
    if user.last_seen_at or not user.active:
        raise Refusal(_("%(email)s has signed in already; use reset.", email=user.email))
    link = users.invite(rt(), current_user.email, user)
    return page("people/link.html", user=user, link=link, purpose="invite")


def _user(user_id: int) -> User:
    user = User.get_or_none(User.id == user_id)
    if user is None:
        raise Refusal(_("There is no such person."), status=404)
    return user


def _context(form: _Add | None = None, policy: _SecondStep | None = None) -> dict:
    people = users.listed()
    return {
        "form": form or _Add(formdata=None),
        "policy": policy or _SecondStep(formdata=None, data={"second_factor": secondfactor.policy()}),
        "people": people,
        "missing": secondfactor.missing(people),
        "roles": list(ROLES),
        "role_words": ROLE_WORDS,
    }
