"""Signing requests to AWS: Signature Version 4.

API: docs.aws.amazon.com/IAM "Create a signed AWS API request", read 2026-11-21.

Written here, because botocore weighs 100 MB unpacked for these forty lines, repeats requests by itself and does
not go through `core.http`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit


def sign(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    key: str,
    secret: str,
    scope: tuple[str, str],
    at: datetime,
) -> list[str]:
    """The header lines of a POST to a service's root, signed with a key for (region, service) as of `at`."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    given = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    given |= {"host": urlsplit(url).netloc, "x-amz-date": stamp}
    names = ";".join(sorted(given))
    request = "\n".join(
        (
            "POST",
            "/",
            "",
            *(f"{name}:{given[name]}" for name in sorted(given)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    where = "/".join((stamp[:8], *scope, "aws4_request"))
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, where, hashlib.sha256(request.encode()).hexdigest()))
    signing = f"AWS4{secret}".encode()
    for step in where.split("/"):
        signing = hmac.digest(signing, step.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    lines = [f"{name}: {value}" for name, value in given.items() if name != "host"]
    return [
        *lines,
        f"Authorization: AWS4-HMAC-SHA256 Credential={key}/{where}, SignedHeaders={names}, Signature={signature}",
    ]
