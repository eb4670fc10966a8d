"""Puts the webhooks' fast path in front of the application it is registered with."""

from __future__ import annotations

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from core.web import hooksapp

bp = Blueprint("webhooks", __name__)


@bp.record_once
def put_in_front(state: BlueprintSetupState) -> None:
    """`/hooks/…` never reaches Flask's routing; see hooksapp."""
    state.app.wsgi_app = hooksapp.wrap(state.app.wsgi_app, state.app.extensions["cooee"])
