"""What somebody sent when the session had ended meanwhile: it stays in the browser until they are signed in again.

A form posted too late is answered with a page that carries it as hidden fields and sends it once more.  Nothing
is kept on the server, and nothing that a password box held goes back into a page.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request, session, url_for
from werkzeug.exceptions import HTTPException

from core.clock import MINUTE_MS
from core.i18n import _, _n
from core.security import sessions
from core.web.render import htmx, page

#: Set in the cookie when the record behind it is found dead; gone with the next sign-in.
ENDED = "ended"
#: What is typed by hand fits; what does not is sent to the sign-in page as before.
_MOST_BYTES = 200_000
#: Forms that hold credentials, and those of the sign-in itself.
_SECRET_BLUEPRINTS = ("security", "auth", "account", "people", "providers", "tokens", "plugins", "sources")
_SECRET_WORDS = ("password", "secret", "token")


def why() -> str:
    """Why somebody has to sign in again; "" where no session had begun."""
    if not session.get(ENDED):
        return ""
    return _n(
        "You were signed out after %(n)s minute without use.",
        "You were signed out after %(n)s minutes without use.",
        sessions.IDLE_MS // MINUTE_MS,
    )


def may_hold() -> bool:
    """Is it a form of ours that can be sent once more?  One from elsewhere must not come back as a button."""
    return (
        request.method == "POST"
        and from_here()
        and not request.files
        and (request.content_length or 0) <= _MOST_BYTES
        and (request.blueprint or "").split(".")[0] not in _SECRET_BLUEPRINTS
    )


def from_here() -> bool:
    """Does the browser say that the request comes from a page of ours?"""
    origin = request.headers.get("Origin", "")
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or (
        origin not in ("", "null") and urlsplit(origin).netloc == request.host
    )


def came_from() -> str | None:
    """The page of ours a form stood on, as an address to come back to: what the browser says, else the form's own
    address where that is a page, too."""
    back = urlsplit(request.referrer or "")
    if back.netloc == request.host and back.path.startswith("/") and not back.path.startswith("//"):
        return f"{back.path}?{back.query}" if back.query else back.path
    try:
        current_app.url_map.bind("").match(request.path, "GET")
    except HTTPException:
        return None
    return None if htmx else request.path


def answer(sentence: str):
    """The page that asks to sign in, in another tab, and to send the form once more."""
    fields = [
        (key, value)
        for key, value in request.form.items(multi=True)
        if key != "csrf_token" and not any(word in key.lower() for word in _SECRET_WORDS)
    ]
    return page(
        "errors/held.html",
        status=401,
        sentence=sentence or _("You are not signed in any more."),
        fields=fields,
        to=request.full_path.rstrip("?"),
        sign_in=url_for("security.login", next=came_from()),
        code=401,
    )
