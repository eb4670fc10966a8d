"""Shops that call Cooee: payloads written after the vendors' documents, signed as the vendors sign them."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path

from core.audience.sources import hooks

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "a shop's secret"
SHOPS = {
    "shopify": ("x-shopify-hmac-sha256", "x-shopify-topic"),
    "woocommerce": ("x-wc-webhook-signature", "x-wc-webhook-topic"),
}


def payload(name: str) -> dict:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def signed(kind: str, topic: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    signature, named = SHOPS[kind]
    digest = hmac.digest(secret.encode(), body, "sha256")
    return {
        signature: base64.b64encode(digest).decode(),
        named: topic,
        "content-type": "application/json",
    }


def call(rt, source, topic: str, data: dict) -> hooks.Answer:
    body = json.dumps(data).encode()
    return hooks.receive(rt, source.token, signed(source.kind, topic, body), body)
