"""Mounts the table of endpoints below /api/v1."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, current_app

from core.api import (
    calls,
    campaigns,
    contacts,
    dossiers,
    events,
    items,
    messages,
    openapi,
    otp,
    segments,
    trials,
)
from core.api.endpoint import Endpoint
from core.web.access import public

_NOUNS = (contacts, events, items, messages, otp, campaigns, segments, trials, dossiers)
ENDPOINTS: tuple[Endpoint, ...] = tuple(line for noun in _NOUNS for line in noun.ENDPOINTS)
SCHEMAS = {name: schema for noun in _NOUNS for name, schema in noun.SCHEMAS.items()}

bp = Blueprint("api", __name__, url_prefix=openapi.BASE)


@bp.get("/openapi.json")
@public
def document():
    """What can be called, for programs that read it."""
    rt = current_app.extensions["cooee"]
    made = openapi.document(ENDPOINTS, SCHEMAS, rt.settings.public_url)
    return Response(orjson.dumps(made, default=str), content_type=calls.JSON)


def _rule(endpoint: Endpoint) -> str:
    """The path as Flask writes it; the name of a segment may hold a slash."""
    return endpoint.path.replace("{name}", "<path:name>").replace("{", "<").replace("}", ">")


for _line in ENDPOINTS:
    # Who may call is decided by the token, in calls.
    bp.add_url_rule(
        _rule(_line), _line.name, public(calls.view(_line)), methods=[_line.method], merge_slashes=False
    )
