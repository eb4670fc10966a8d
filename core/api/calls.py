"""One call of the API, from its token to its answer.

1. Token, where it comes from, scope and rate: 401, 403, 429.
2. Parameters and body: 404, 413, 415, 400, 422.
3. The work, once for an Idempotency-Key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Response, current_app, request

from core.api import shape
from core.api.endpoint import Call, Endpoint, Param
from core.api.idempotency import KEY_MAX, Answer, answered, once, refused
from core.api.problems import Problem
from core.contract.errors import Refusal
from core.db import bulk
from core.i18n import _, _n
from core.runtime import Runtime
from core.security import networks, throttle, tokens

#: 1,000 rows with all their fields; only who has a token may send so much.
MAX_BODY_BYTES = 8 << 20
JSON = "application/json"
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MAX}}}")
_INTEGER = re.compile(r"-?[0-9]{1,16}")


def view(endpoint: Endpoint) -> Callable[..., Response]:
    """The view function of an endpoint."""
    checks = {param.name: shape.checker(param.schema, param.name) for param in endpoint.params}
    check_body = shape.checker(endpoint.body) if endpoint.body is not None else None

    def call(**path: str) -> Response:
        return _response(_call(endpoint, checks, check_body, path))

    return call


def _call(
    endpoint: Endpoint,
    checks: Mapping[str, shape.Check],
    check_body: shape.Check | None,
    path: Mapping[str, str],
) -> Answer:
    rt: Runtime = current_app.extensions["cooee"]
    try:
        token = _token()
        _within_rate(rt, token)
        if endpoint.scope not in token.scopes:
            sentence = _("This token lacks the scope %(scope)s.", scope=endpoint.scope)
            raise Problem("forbidden", sentence, field=endpoint.scope)
        key = _key() if endpoint.keyed else ""
        raw = _raw(endpoint)
    except Problem as problem:
        return refused(problem)

    def work() -> Answer:
        params = _params(endpoint, checks, path)
        body = _body(raw, check_body, rows=bool(endpoint.row)) if check_body else None
        try:
            made = endpoint.work(Call(rt, token, params, body, key))
        except Refusal as refusal:
            # A name in the body that nobody has is no wrong address.
            if refusal.status == 404 and not path:
                raise Problem("invalid", str(refusal), field=refusal.field) from None
            raise
        return Answer(endpoint.status, JSON, orjson.dumps(made))

    if not key:
        return answered(work)
    same = b"\0".join((request.method.encode(), request.full_path.encode(), raw))
    try:
        return once(rt.keys, token.id, key, same, work, atomic=endpoint.atomic)
    except Problem as problem:
        return refused(problem)


def _token() -> tokens.Token:
    kind, _space, text = request.headers.get("Authorization", "").partition(" ")
    token = tokens.find(text.strip()) if kind.lower() == "bearer" else None
    if token is None:
        if kind:
            _one_more_try()
        raise Problem("unauthorized", _("Send a valid token: Authorization: Bearer TOKEN.") if not kind else _(
            "This token is unknown, expired or revoked; make one with `cooee token add`."
        ))  # fmt: skip
    address = request.remote_addr or ""
    if token.networks and not networks.within(address, token.networks):
        _one_more_try()
        raise Problem("forbidden", _("This token does not work from %(address)s.", address=address))
    tokens.used(token)
    return token


def _one_more_try() -> None:
    """Count a call with a token that does not work, by its source.  Raises `Problem` when there were too many."""
    source = throttle.network(request.remote_addr or "")
    if wait_s := throttle.hit("api.token", source, throttle.BY_IP):
        raise Problem(
            "too-many",
            _n(
                "Too many tries with a wrong token; wait %(n)s second.",
                "Too many tries with a wrong token; wait %(n)s seconds.",
                wait_s,
            ),
            wait_s=wait_s,
        )


def _within_rate(rt: Runtime, token: tokens.Token) -> None:
    limit = throttle.Limit(rt.settings.api_per_minute, 60)
    # A counter need not survive a power cut.
    with bulk.repeatable():
        wait_s = throttle.hit("api.rate", str(token.id), (limit,))
    if wait_s:
        sentence = _n(
            "This token may call %(most)s times a minute; wait %(n)s second.",
            "This token may call %(most)s times a minute; wait %(n)s seconds.",
            wait_s,
            most=limit.n,
        )
        raise Problem("too-many", sentence, wait_s=wait_s)


def _key() -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise Problem(
            "invalid",
            _("An Idempotency-Key has 1 to %(max)s visible ASCII characters.", max=KEY_MAX),
            field="Idempotency-Key",
        )
    return key


def _raw(endpoint: Endpoint) -> bytes:
    """The body as it came; b"" where none is wanted."""
    if endpoint.body is None:
        return b""
    request.max_content_length = MAX_BODY_BYTES
    if endpoint.bare and not request.get_data():
        return b"{}"
    if request.mimetype != JSON and not request.mimetype.endswith("+json"):
        raise Problem("not-json")
    return request.get_data(cache=False)


def _body(raw: bytes, check: shape.Check, *, rows: bool) -> Any:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem("malformed", _("The body is no JSON: %(why)s.", why=error)) from None
    fault = check(body)
    # Rows of a batch are looked at one by one.
    if fault is None and not rows and b"\\u0000" in raw:
        fault = shape.without_nul(body)
    if fault:
        raise Problem("invalid", fault.sentence, field=fault.field or None)
    return body


def _params(endpoint: Endpoint, checks: Mapping[str, shape.Check], path: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for param in endpoint.params:
        given = [path[param.name]] if param.where == "path" else request.args.getlist(param.name)
        if len(given) > 1:
            raise Problem(
                "invalid", _("%(field)s stands twice in the address.", field=param.name), field=param.name
            )
        if not given:
            found[param.name] = param.schema.get("default")
            continue
        value = _typed(param, given[0])
        fault = checks[param.name](value) or shape.without_nul(value)
        if fault and param.where == "path":
            raise Problem("not-found")
        if fault:
            raise Problem("invalid", fault.sentence, field=param.name)
        found[param.name] = value
    return found


def _typed(param: Param, text: str) -> Any:
    if param.schema.get("type") == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return text


def _response(answer: Answer) -> Response:
    made = Response(answer.body, answer.status, content_type=answer.content_type)
    if answer.replayed:
        made.headers["Idempotent-Replayed"] = "true"
    if answer.status == 401:
        made.headers["WWW-Authenticate"] = "Bearer"
    if answer.wait_s:
        made.headers["Retry-After"] = str(answer.wait_s)
    return made
