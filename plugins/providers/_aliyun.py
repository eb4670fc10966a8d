"""Requests to Alibaba Cloud, signed as V3 (ACS3-HMAC-SHA256).

help.aliyun.com/document_detail/2593177 "V3 request body & signature", read 2026-11-22; agrees with
alibabacloud_openapi_util 0.2.4 and with the page's own example (tests/adapters/test_aliyun.py).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from core import clock
from core.http import Request

ALGORITHM = "ACS3-HMAC-SHA256"


def authorization(
    key: str, secret: str, method: str, query: str, headers: Mapping[str, str], digest: str
) -> str:
    """The Authorization header; `headers` with lower-case names are all signed, `query` is canonical."""
    names = sorted(headers)
    canonical = "\n".join(
        (method, "/", query, "".join(f"{n}:{headers[n]}\n" for n in names), ";".join(names), digest)
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret.encode(), text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key},SignedHeaders={';'.join(names)},Signature={signature}"


def encoded(fields: Mapping[str, str]) -> str:
    """Fields sorted and escaped as RFC 3986 has it: the canonical query, and a form."""
    return "&".join(f"{quote(k, safe='~')}={quote(str(val), safe='~')}" for k, val in sorted(fields.items()))


def signed(
    endpoint: str, key: str, secret: str, action: str, version: str,
    query: Mapping[str, str], form: Mapping[str, str] | None = None,
) -> Request:  # fmt: skip
    """A call of the RPC style: parameters in the query, long ones in the form of the body."""
    line, body = encoded(query), encoded(form).encode() if form else b""
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": urlsplit(endpoint).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": digest,
        "x-acs-date": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-version": version,
    }
    if form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    lines = [f"{name}: {value}" for name, value in headers.items() if name != "content-type"]
    lines += [
        "Accept: application/json",
        f"Content-Type: {headers.get('content-type', 'application/octet-stream')}",
        f"Authorization: {authorization(key, secret, 'POST', line, headers, digest)}",
    ]
    return Request(f"{endpoint.rstrip('/')}/?{line}", body, tuple(lines), "POST")
