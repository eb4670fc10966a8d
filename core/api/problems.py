"""Errors of the API: `application/problem+json` (RFC 9457) with a type that never changes.

Every error below /api/v1 has this shape, also those no endpoint saw: an unknown address, a wrong method, a
crash.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response

from core.contract.errors import Refusal
from core.i18n import _, lazy

CONTENT_TYPE = "application/problem+json"
PREFIX = "/api/"
_TYPE = "urn:cooee:problem:"

#: Kind → (status, title, the sentence when nobody said a better one).
KINDS: dict[str, tuple[int, str, Any]] = {
    "malformed": (400, "Malformed request", lazy("The request cannot be read.")),
    "unauthorized": (401, "No valid token", lazy("Send a valid token: Authorization: Bearer TOKEN.")),
    "forbidden": (403, "Not allowed", lazy("This token may not do that.")),
    "not-found": (404, "Not found", lazy("There is nothing at this address.")),
    "wrong-method": (405, "Wrong method", lazy("This address does not take this method.")),
    "conflict": (409, "Conflict", lazy("Something else came first; read again and repeat.")),
    "too-large": (413, "Too large", lazy("The request is too large; send it in parts.")),
    "not-json": (415, "Not JSON", lazy("Send the body as JSON with Content-Type: application/json.")),
    "invalid": (422, "Invalid input", lazy("The request does not fit.")),
    "key-reused": (422, "Key used for another call", lazy("This Idempotency-Key belongs to another call.")),
    "too-many": (429, "Too many calls", lazy("Too many calls; wait before the next one.")),
    "spend-cap": (429, "Spend cap reached", lazy("This token may not spend so much today.")),
    "otp-limit": (429, "Too many codes", lazy("Too many codes; wait before the next one.")),
    "internal": (500, "Internal error", lazy("Something went wrong on our side.")),
    "unavailable": (503, "Not available now", lazy("Not available now; try again later.")),
}
_BY_STATUS = {status: kind for kind, (status, _title, _words) in reversed(KINDS.items())}

SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [_TYPE + kind for kind in KINDS]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "One sentence for a person, in the language asked for."},
        "field": {"type": "string", "description": "The input at fault, e.g. to, or consent.mass.source."},
        "instance": {"type": "string", "description": "Names this very error in the log of the server."},
    },
}


class Problem(Refusal):
    """A call is refused for a reason of the API itself.  `kind` is one of `KINDS`."""

    def __init__(self, kind: str, detail: str = "", *, field: str | None = None, wait_s: int = 0):
        super().__init__(detail, field=field, status=KINDS[kind][0])
        self.kind = kind
        self.wait_s = wait_s


def body(kind: str, detail: str = "", *, field: str = "", error_id: str = "", status: int = 0) -> bytes:
    """The JSON of a problem."""
    usual, title, words = KINDS[kind]
    made = {
        "type": _TYPE + kind,
        "title": title,
        "status": status or usual,
        "detail": detail or str(words),
    }
    if field:
        made["field"] = field
    if error_id:
        made["instance"] = f"urn:cooee:error:{error_id}"
    return orjson.dumps(made)


def kind_of(refusal: Refusal) -> str:
    """The kind of a refusal of any room, by its status."""
    return getattr(refusal, "kind", "") or _BY_STATUS.get(refusal.status, "invalid")


def of(refusal: Refusal) -> bytes:
    """The JSON of a refusal of any room."""
    return body(kind_of(refusal), str(refusal), field=refusal.field or "", status=refusal.status)


def response(code: int, detail: str = "", error_id: str = "") -> Response:
    """The answer to an error no endpoint saw; for the application's error handlers."""
    kind = _BY_STATUS.get(code) or ("internal" if code >= 500 else "malformed")
    if error_id and not detail:
        detail = _("Something went wrong on our side; it was noted as %(id)s.", id=error_id)
    made = body(kind, detail, error_id=error_id, status=code)
    answer = Response(made, code, content_type=CONTENT_TYPE)
    if code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
