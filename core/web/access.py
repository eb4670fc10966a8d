"""Who may call what.  Every route declares its permission, or the application does not start.

    @bp.get("/contacts")
    @allow("view")
    def index(): …

A route without a declaration would be a hole nobody sees; so `check_declared` refuses to start, and `guard`
refuses to answer, whatever is not declared.  Plugins' pages are private ("view") unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, abort, current_app, redirect, render_template, request, session, url_for
from flask_security import current_user

from core.i18n import _
from core.security import secondfactor
from core.security.roles import PERMISSIONS, permissions_of
from core.web import held
from core.web.render import flash, htmx, hx

View = TypeVar("View", bound=Callable)

#: Anyone, signed in or not.
PUBLIC = "public"
#: Whoever is signed in, whatever the role: one's own account.
SIGNED_IN = "signed in"

#: Routes of libraries, declared here because their views are not ours.
LIBRARY_ROUTES = {
    "static": PUBLIC,
    "security.static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "security.two_factor_token_validation": PUBLIC,
    "security.mf_recovery": PUBLIC,
    "security.verify": SIGNED_IN,
    "security.change_password": SIGNED_IN,
    "security.two_factor_setup": SIGNED_IN,
    "security.mf_recovery_codes": SIGNED_IN,
}
#: What somebody may do who must have a second step and has none: set it up, for which the password is asked once more.
#: Signing out and the choice of a language are public.
SETTING_UP = (
    "security.two_factor_setup",
    "security.two_factor_setup_validate",
    "security.verify",
)
#: Where the address waits in the session that somebody wanted before the second step came in between.
WANTED = "wanted"
#: Blueprints whose callers are programs with a credential of their own: no CSRF token, no session.
MACHINE_BLUEPRINTS = ("webhooks", "api", "health", "public", "collect", "trialphone")


def allow(permission: str) -> Callable[[View], View]:
    """Declare the permission a view needs; one of `core.security.roles.PERMISSIONS`."""
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission!r} is no permission; there are {', '.join(PERMISSIONS)}")
    return _mark("cooee_permission", permission)


def public(view: View) -> View:
    """Declare that anyone may call a view (sign-in pages, webhooks that check their own secret …)."""
    return _mark("cooee_permission", PUBLIC)(view)


def signed_in(view: View) -> View:
    """Declare that whoever is signed in may call a view: pages of one's own account."""
    return _mark("cooee_permission", SIGNED_IN)(view)


def body_limit(megabytes: int) -> Callable[[View], View]:
    """Let a view take bodies larger than the usual 1 MB, e.g. uploads."""
    return _mark("cooee_body_limit", megabytes * 1024 * 1024)


def _mark(name: str, value: object) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, name, value)
        return view

    return mark


def permission_of(app: Flask, endpoint: str) -> str | None:
    """What an endpoint declared; None when it declared nothing."""
    declared = getattr(app.view_functions.get(endpoint), "cooee_permission", None)
    if declared is None:
        declared = LIBRARY_ROUTES.get(endpoint)
    if declared is None and endpoint.split(".")[0] in app.extensions.get("cooee_plugin_blueprints", ()):
        declared = "view"
    return declared


def check_declared(app: Flask) -> None:
    """Refuse to start when a route declares no permission; names all of them."""
    naked = sorted({r.endpoint for r in app.url_map.iter_rules() if not permission_of(app, r.endpoint)})
    if naked:
        raise RuntimeError(
            f"These routes declare no permission: {', '.join(naked)}. "
            "Put @allow(…), @signed_in or @public of core.web.access below the route."
        )


def may(permission: str) -> bool:
    """Does the current person hold this permission?  Also a global of the templates."""
    return bool(current_user.is_authenticated and permission in permissions_of(current_user))


def passes(needed: str | None) -> bool:
    """May the current person call what declared `needed`?"""
    if needed == PUBLIC:
        return True
    return current_user.is_authenticated and (needed == SIGNED_IN or bool(needed and may(needed)))


def widen_body() -> None:
    """Before anything reads the form (the CSRF check does): more than 1 MB where the view takes it, and
    only from people who may call it."""
    limit = getattr(current_app.view_functions.get(request.endpoint), "cooee_body_limit", None)
    if limit and passes(permission_of(current_app, request.endpoint)):
        request.max_content_length = limit


def guard():
    """Before each request: let pass, send to the sign-in page, or refuse."""
    if request.endpoint is None:
        return None  # an unknown address: 404 or 405
    needed = permission_of(current_app, request.endpoint)
    if needed != PUBLIC and request.endpoint not in SETTING_UP and owes_second_step():
        return _to_second_step()
    if passes(needed):
        return None
    if not current_user.is_authenticated:
        return to_login()
    return abort(403, _("Your role does not include this. An admin can change it on the People page."))


def owes_second_step() -> bool:
    """Must the current person set up a second step before anything else?  Also a global of the templates."""
    return bool(current_user.is_authenticated and secondfactor.owed(current_user))


def second_step_demanded() -> bool:
    """Must the current person have a second step, so that it cannot be switched off?  Also a global of the templates."""
    return bool(current_user.is_authenticated and secondfactor.demanded(current_user))


def _to_second_step():
    """Pages lead to where it is set up and, afterwards, back; a fragment loads the whole page there."""
    if after := _here():
        session[WANTED] = after
    url = url_for("security.two_factor_setup")
    return hx("", 403, redirect=url) if htmx else redirect(url, 303)


def _here() -> str | None:
    """The page that is asked for; None where it could not be asked for again."""
    return request.full_path.rstrip("?") if request.method == "GET" and not htmx else None


def to_login():
    """Pages lead to the sign-in page and back.

    Where a session ended, what was typed stays: a fragment answers with a message beside the page, and a form
    with a page that sends it once more.
    """
    why = held.why()
    after = _here() or held.came_from()
    url = url_for("security.login", next=after if after != "/" else None)
    if why and htmx:
        words = render_template("errors/_ended.html", why=why, sign_in=url)
        return hx(words, 401, retarget="#flash", reswap="outerHTML")
    if why and held.may_hold():
        return held.answer(why)
    if why and not htmx:
        flash(why, "info")
    return hx("", 401, redirect=url) if htmx else redirect(url)
