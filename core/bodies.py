"""Small tools for vendors' files: reading and writing bodies, credentials and prices.

Plugins have them from `core.gateway`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from core.contract.errors import BadResponse
from core.contract.types import WebhookRequest


def parsed(body: bytes) -> Any:
    """JSON where the body is JSON; None otherwise."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def form_body(fields: Iterable[tuple[str, str]] | dict[str, str]) -> bytes:
    """A body as HTML forms send it."""
    return urlencode(fields if isinstance(fields, dict) else list(fields)).encode()


def said(row: Any, *names: str) -> str:
    """The first plain value (text or number) an object has under one of these names; "" without one."""
    for name in names if isinstance(row, Mapping) else ():
        value = row.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def fields_of(request: WebhookRequest) -> dict[str, Any]:
    """What a call says in one object: JSON, a form, or the query where there is no body.

    Raises `BadResponse`.
    """
    body = request.body.strip()
    if not body:
        return dict(request.args)
    data = parsed(body) if body[:1] in (b"{", b"[") else form_of(body)
    if not isinstance(data, dict) or not data:
        raise BadResponse("The body is neither a JSON object nor a form.")
    return data


def form_of(body: bytes) -> dict[str, str]:
    """The first value of each name of a form.  Raises `BadResponse`."""
    found: dict[str, str] = {}
    try:
        for name, value in parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000):
            found.setdefault(name, value)
    except ValueError:
        raise BadResponse("The body is no form.") from None
    return found


def basic(user: str, password: str) -> str:
    """The header of HTTP Basic credentials."""
    return "Authorization: Basic " + b64encode(f"{user}:{password}".encode()).decode()


def micros(amount: Any, *, signed: bool = False) -> int | None:
    """Micro-units of a vendor's price such as "-0.00750" (the sign says who pays); None without one.

    `signed` for balances, which may be below zero.
    """
    try:
        found = round(float(amount) * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if signed else abs(found)
