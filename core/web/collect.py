"""What shops and their pages call: order webhooks, the script of a site, and its pixel.  No sign-in."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, current_app, request

from core.audience.sources import hooks, site, store
from core.contract.errors import Refusal
from core.db.models import EventSource
from core.security import throttle
from core.security.throttle import Limit
from core.sending.links import person_of
from core.web.access import body_limit, public
from core.web.render import rt
from core.web.signin import client_net

bp = Blueprint("collect", __name__)
#: Calls of one visitor's network; a page sends one or two.
LIMITS = (Limit(120, 60), Limit(2_000, 3600))
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_ANYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin"}


@bp.post("/in/<token>")
@public
@body_limit(1)
def webhook(token: str):
    """An order of a shop."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = hooks.receive(rt(), token, headers, request.get_data())
    return Response(answer.text, answer.status, content_type="text/plain; charset=utf-8")


@bp.get("/t/<token>.js")
@public
def script(token: str):
    """The script a site's pages load."""
    _site(token)
    response = current_app.send_static_file("collect.js")
    response.headers.update(_ANYWHERE)
    return response


@bp.post("/t/<token>")
@public
def collect(token: str):
    """What a page tells of its visitor: {"code" | "person", "events": […]}."""
    source = _site(token)
    origin = request.headers.get("Origin", "")
    if not site.allowed_origin(source, origin):
        raise Refusal("This page is none of the addresses of the site.", status=403)
    _slow_down()
    try:
        data = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Refusal("The body is no JSON.", status=400) from None
    if not isinstance(data, dict):
        raise Refusal("The body is no object.", status=400)
    contact_id = _contact(source, data.get("code"), data.get("person"))
    if contact_id:
        site.receive(rt(), source, contact_id, data)
    # The same whether we know the visitor or not: a page must not be able to ask who is a contact.
    return Response(status=204, headers=_ANYWHERE | {"Access-Control-Allow-Origin": origin, "Vary": "Origin"})


@bp.get("/t/<token>.gif")
@public
def pixel(token: str):
    """One event by an image, for pages without scripts: ?e=view&item=…&c=CODE or p=HASH, and consent=1."""
    source, args = _site(token), request.args
    referrer = urlsplit(request.headers.get("Referer", ""))
    from_site = site.allowed_origin(source, f"{referrer.scheme}://{referrer.netloc}")
    if args.get("consent") == "1" and from_site and request.headers.get("Sec-GPC") != "1":
        _slow_down()
        contact_id = _contact(source, args.get("c"), args.get("p"))
        if contact_id:
            row = {"type": args.get("e", "view"), "item": args.get("item"), "category": args.get("category")}
            site.receive(rt(), source, contact_id, {"events": [row]})
    return Response(_PIXEL, content_type="image/gif", headers=_ANYWHERE)


def _site(token: str) -> EventSource:
    source = store.by_token(token)
    if source is None or source.kind != store.SITE or not source.enabled:
        raise Refusal("There is no such site.", status=404)
    return source


def _slow_down() -> None:
    wait_s = throttle.hit("collect", client_net(), LIMITS)
    if wait_s:
        raise Refusal("Too many calls from one address.", status=429)


def _contact(source: EventSource, code: object, person: object) -> int:
    """Who it is: by the code of a short link, else by the hash of the number; 0 for nobody."""
    if isinstance(code, str) and code:
        found = person_of(rt(), code)
        if found is not None:
            return found.contact_id
    return site.contact_of(source, person) if isinstance(person, str) and person else 0
