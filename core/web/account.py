"""One's own account: how pages look, sessions, the second step."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from flask import Blueprint, request, session, url_for
from flask_security import current_user
from wtforms import SelectField, StringField
from wtforms.validators import Length

from core.contract.errors import Refusal
from core.db import database
from core.db.models import User
from core.i18n import LANGUAGES, _, _l, _n
from core.measure import overview
from core.security import sessions
from core.security.roles import role_of
from core.web.access import allow, public, signed_in
from core.web.forms import Form, choices, tidy, zone_choices
from core.web.menu import THEMES
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("account", __name__, url_prefix="/settings")
YEAR_S = 31_536_000


class _Person(Form):
    name = StringField(_l("Your name"), [Length(max=100)], filters=[tidy], render_kw={"autocomplete": "name"})
    language = SelectField(_l("Language"))
    zone = SelectField(_l("Time zone"))
    theme = SelectField(
        _l("Colours"),
        choices=choices([("", _l("Like the system")), ("light", _l("Light")), ("dark", _l("Dark"))]),
    )


@bp.get("/account")
@signed_in
def index():
    return page("settings/account.html", form=_person_form(obj=current_user), **_account())


@bp.post("/account")
@signed_in
def save():
    form = _person_form()
    if not form.validate_on_submit():
        return page("settings/account.html", status=422, form=form, **_account())
    with database.write_tx():
        User.update(
            name=form.name.data or "",
            language=form.language.data,
            zone=form.zone.data,
            theme=form.theme.data,
        ).where(User.id == current_user.id).execute()
    flash(_("Saved."))
    return redirect_hx(url_for("account.index"))


@bp.post("/account/sessions/<int:record_id>/end")
@signed_in
def end_session(record_id: int):
    if not sessions.revoke(current_user.id, record_id):
        raise Refusal(_("That session is over already."), status=404)
    flash(_("That session is over."))
    return redirect_hx(url_for("account.index"))


@bp.post("/account/sessions/end")
@signed_in
def end_other_sessions():
    n = sessions.end_all(current_user.id, but=session.get("sid"))
    flash(_n("%(n)s other session ended.", "%(n)s other sessions ended.", n))
    return redirect_hx(url_for("account.index"))


@bp.get("/needs")
@allow("view")
def needs():
    """How many things need somebody, for the menu; empty when nothing does.  Asked for after the page."""
    return str(len(overview.machine(rt().settings) + overview.needs()) or "")


@bp.post("/language")
@public
def language():
    """Choose the language: kept with the person, or in a cookie before signing in."""
    return _choose("language", request.form.get("language", ""), tuple(LANGUAGES))


@bp.post("/theme")
@public
def theme():
    return _choose("theme", request.form.get("theme", ""), THEMES)


def _account() -> dict:
    return {
        "sessions": sessions.of(current_user.id, session.get("sid")),
        "role": role_of(current_user),
        "codes_left": len(json.loads(current_user.mf_recovery_codes or "[]")),
    }


def _person_form(**kwargs) -> _Person:
    form = _Person(**kwargs)
    form.language.choices = choices([("", _("Like the browser")), *LANGUAGES.items()])
    form.zone.choices = zone_choices(_("Like the house"))
    return form


def _choose(name: str, value: str, allowed: tuple[str, ...]):
    """Keep a choice of looks with the person or in a cookie, and go back to the page it was made on."""
    value = value if value in allowed else allowed[0]
    if current_user.is_authenticated:
        kept = "" if value == "auto" else value
        with database.write_tx():
            User.update({getattr(User, name): kept}).where(User.id == current_user.id).execute()
    back = urlsplit(request.form.get("next", "/"))
    target = back._replace(scheme="", netloc="").geturl() if back.path.startswith("/") else "/"
    response = redirect_hx("/" + target.lstrip("/\\"))
    secure = rt().settings.public_url.startswith("https")
    response.set_cookie(f"cooee_{name}", value, max_age=YEAR_S, secure=secure, httponly=True, samesite="Lax")
    return response
