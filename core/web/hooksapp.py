"""Webhooks on a fast path in front of Flask: `POST /hooks/<account token>/<kind>`.

A Flask request costs 100 µs and more before its view runs; providers send thousands of receipts a second.
The path is answered here with nothing in between; everything else goes on to the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from core.contract.types import WebhookRequest
from core.sending.webhooks import UNKNOWN, Answer, Receiver

if TYPE_CHECKING:
    from core.runtime import Runtime

PREFIX = "/hooks/"
MAX_BODY_BYTES = 1 << 20
METHODS = ("POST", "GET", "PUT")
TOO_LARGE: Answer = (413, "text/plain", "too large")
WRONG_METHOD: Answer = (405, "text/plain", "use POST")

_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

WsgiApp = Callable[[dict[str, Any], Callable], Iterable[bytes]]


def wrap(app: WsgiApp, rt: Runtime) -> WsgiApp:
    """`app` with the webhooks in front."""
    receiver = Receiver(rt)
    public_url = rt.settings.public_url

    def wsgi(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return app(environ, start_response)
        status, content_type, text = _answer(receiver, public_url, path, environ)
        body = text.encode()
        headers = [
            ("Content-Type", f"{content_type}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Server", "Cooee"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        if status == 503:
            headers.append(("Retry-After", "1"))
        start_response(_STATUS.get(status, f"{status} Status"), headers)
        return [body]

    return wsgi


def _answer(receiver: Receiver, public_url: str, path: str, environ: dict[str, Any]) -> Answer:
    token, _, kind = path[len(PREFIX) :].partition("/")
    if not receiver.wants(token, kind):
        return UNKNOWN
    method = environ["REQUEST_METHOD"]
    if method not in METHODS:
        return WRONG_METHOD
    body = _body(environ)
    if body is None:
        return TOO_LARGE
    query = environ.get("QUERY_STRING", "")
    headers = {
        name[5:].replace("_", "-").lower(): environ[name] for name in environ if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    args: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True) if query else ():
        args.setdefault(name, value)
    url = f"{public_url}{path}?{query}" if query else f"{public_url}{path}"
    remote = environ.get("REMOTE_ADDR", "")
    return receiver.receive(token, WebhookRequest(kind, method, url, headers, args, body, remote))


def _body(environ: dict[str, Any]) -> bytes | None:
    """The body, or None when it is too large."""
    length = environ.get("CONTENT_LENGTH")
    if length and length.isdigit():
        if int(length) > MAX_BODY_BYTES:
            return None
        return environ["wsgi.input"].read(int(length))
    body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    return body if len(body) <= MAX_BODY_BYTES else None
