"""Calls as MessageBird makes them."""

from __future__ import annotations

import hashlib

import jwt

from core import WebhookRequest
from tests.adapters.cases import seconds

KEY, SIGNING = "live_aCc3ss-k3y", "s1gning-key-of-the-account".ljust(64, "x")
SETTINGS = {"access_key": KEY, "signing_key": SIGNING, "batch": 50}


def signed(request: WebhookRequest, key=SIGNING, ago=0.0, algorithm="HS256", **claims) -> WebhookRequest:
    """A call as MessageBird makes it."""
    said = {
        "iss": "MessageBird", "iat": seconds(ago), "nbf": seconds(ago), "exp": seconds(ago - 60), "jti": "j1",
        "url_hash": hashlib.sha256(request.url.encode()).hexdigest(),
    }  # fmt: skip
    if request.body:
        said["payload_hash"] = hashlib.sha256(request.body).hexdigest()
    token = jwt.encode(said | claims, key, algorithm=algorithm)
    headers = {**request.headers, "messagebird-signature-jwt": token}
    return WebhookRequest(request.kind, request.method, request.url, headers, request.args, request.body)
