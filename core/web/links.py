"""Puts the short links' fast path in front of the application, and the page for links that do not work."""

from __future__ import annotations

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from core.web import linkapp
from core.web.access import public
from core.web.render import page

bp = Blueprint("links", __name__)


@bp.get("/l/")
@public
def gone():
    """The same page and status for a code that never was and one that expired: a guess learns nothing."""
    return page("links/gone.html", status=404)


@bp.record_once
def put_in_front(state: BlueprintSetupState) -> None:
    """`/l/…` never reaches Flask's routing; see linkapp."""
    state.app.wsgi_app = linkapp.wrap(state.app.wsgi_app, state.app.extensions["cooee"])
