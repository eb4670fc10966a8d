"""Short links on a fast path in front of Flask: `GET /l/<code>`, and `GET /<code>` on a link host of its own.

A redirect costs a tenth of a Flask request here.  A code nobody has goes on to the page of `core.web.links`,
which is the same for unknown and expired ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from peewee import InterfaceError, OperationalError

from core import clock
from core.db import database
from core.sending.clicks.redirect import Redirector

if TYPE_CHECKING:
    from core.runtime import Runtime

PREFIX = "/l/"
#: What the page for dead links needs; the rest of the application is not on the link host.
_DRESS = ("/static/", "/vendor/")
#: Codes nobody has that one network may try in a minute before it only gets a short no.
MISSES = 60
_MINUTE_S = 60.0
_KEPT = 10_000

WsgiApp = Callable[[dict[str, Any], Callable], Iterable[bytes]]

_ALWAYS = (
    ("Content-Length", "0"),
    # Every click must come here, and no target may see which link it was.
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Server", "Cooee"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
)


def wrap(app: WsgiApp, rt: Runtime, redirector: Redirector | None = None) -> WsgiApp:
    """`app` with the short links in front."""
    redirector = redirector or Redirector(rt)
    misses = _Misses()
    own = urlsplit(rt.settings.link_url).netloc.lower()
    host = own if own != urlsplit(rt.settings.public_url).netloc.lower() else ""

    def wsgi(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(PREFIX):
            code = path[3:]
        elif host and environ.get("HTTP_HOST", "").lower() == host and not path.startswith(_DRESS):
            code = path[1:]
        else:
            return app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD", "OPTIONS"):
            start_response("405 Method Not Allowed", [*_ALWAYS, ("Allow", "GET, HEAD, OPTIONS")])
            return []
        try:
            url = redirector.follow(code, environ)
        except (OperationalError, InterfaceError):
            database.reopen()
            start_response("503 Service Unavailable", [*_ALWAYS, ("Retry-After", "1")])
            return []
        if url is None:
            if misses.too_many(redirector.net(environ.get("REMOTE_ADDR", ""))):
                start_response("429 Too Many Requests", [*_ALWAYS, ("Retry-After", "60")])
                return []
            # The page lives at one address, whatever was typed, and says the same to everyone.
            return app(environ | {"PATH_INFO": "/l/", "QUERY_STRING": ""}, start_response)
        if method == "OPTIONS":
            start_response("204 No Content", [*_ALWAYS[1:], ("Allow", "GET, HEAD, OPTIONS")])
            return []
        start_response("302 Found", [("Location", url), *_ALWAYS])
        return []

    return wsgi


class _Misses:
    """Counts codes nobody has, a network, over the current minute.  Approximate on purpose."""

    def __init__(self) -> None:
        self._until = 0.0
        self._n: dict[int, int] = {}

    def too_many(self, net: int) -> bool:
        now = clock.monotonic()
        if now >= self._until or len(self._n) >= _KEPT:
            self._until, self._n = now + _MINUTE_S, {}
        self._n[net] = n = self._n.get(net, 0) + 1
        return n > MISSES
