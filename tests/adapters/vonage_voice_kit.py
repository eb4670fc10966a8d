"""Calls as Vonage makes them about calls, with a token."""

from __future__ import annotations

import hashlib

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core import WebhookRequest
from tests.adapters.cases import CALLBACK, PLAIN, called, seconds

APP, SIGNING = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "signing-s3cret-of-the-account-123456"


def pem(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY = rsa.generate_private_key(65537, 2048)
PEM = pem(KEY)
SETTINGS = {"application_id": APP, "private_key": PEM, "signature_secret": SIGNING}


def signed(body: bytes, secret=SIGNING, ago=0.0, **claims) -> WebhookRequest:
    """A call as Vonage makes it."""
    said = {
        "iat": seconds(ago), "jti": "j", "iss": "Vonage", "api_key": "abcd1234", "application_id": APP,
        "payload_hash": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    token = jwt.encode(said | claims, secret, algorithm="HS256")
    url = f"{CALLBACK}?ref={PLAIN.ref}"
    return called(body, args={"ref": PLAIN.ref}, url=url, Authorization=f"Bearer {token}")


def event(status: str, **more) -> bytes:
    return orjson.dumps(
        {"from": "12025550100", "to": PLAIN.to[1:], "uuid": "u1", "conversation_uuid": "CON-1", "status": status,
         "direction": "outbound", "timestamp": "2026-11-21T12:00:01.220Z", **more}
    )  # fmt: skip
