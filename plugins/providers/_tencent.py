"""Requests to Tencent Cloud, signed with TC3-HMAC-SHA256.

cloud.tencent.com/document/api/382/52067 (signature v3), read 2026-11-22; agrees with
tencentcloud-sdk-python-common 3.1.195 (tests/adapters/test_tencent.py).
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core import clock
from core.http import Request

ALGORITHM, SERVICE = "TC3-HMAC-SHA256", "sms"
JSON = "application/json; charset=utf-8"


def authorization(
    secret_id: str, secret_key: str, host: str, body: bytes, at_s: int, service: str = SERVICE
) -> str:
    """The Authorization header of a POST of JSON at an instant (epoch seconds)."""
    day = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
    headers, names = f"content-type:{JSON}\nhost:{host}\n", "content-type;host"
    canonical = "\n".join(("POST", "/", "", headers, names, hashlib.sha256(body).hexdigest()))
    scope = f"{day}/{service}/tc3_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"{ALGORITHM}\n{at_s}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def signed(
    endpoint: str, secret_id: str, secret_key: str, region: str, action: str, version: str, body: bytes
) -> Request:
    """A call with a JSON body."""
    host, at_s = urlsplit(endpoint).netloc, clock.now_ms() // 1000
    headers = (
        f"Host: {host}",
        f"Content-Type: {JSON}",
        f"X-TC-Action: {action}",
        f"X-TC-Version: {version}",
        f"X-TC-Timestamp: {at_s}",
        f"X-TC-Region: {region}",
        f"Authorization: {authorization(secret_id, secret_key, host, body, at_s)}",
    )
    return Request(f"{endpoint.rstrip('/')}/", body, headers, "POST")
