"""Calls as Vonage makes them, signed by the vendor's own library."""

from __future__ import annotations

from vonage_http_client.auth import Auth

from tests.adapters.cases import PLAIN, seconds

KEY, SECRET, SIGNING = "abcd1234", "Secr3t-of-the-account", "signing-s3cret"
SETTINGS = {"api_key": KEY, "api_secret": SECRET, "signature_secret": SIGNING}


def signature(fields: dict[str, str], secret=SIGNING, method="sha256") -> str:
    return Auth(api_key=KEY, signature_secret=secret, signature_method=method).sign_params(dict(fields))


def stamped(fields: dict[str, str], ago=0.0, **how) -> dict[str, str]:
    fields = fields | {"timestamp": str(seconds(ago)), "nonce": "n1"}
    return fields | {"sig": signature(fields, **how)}


def receipt(status: str, code="0") -> dict[str, str]:
    return {
        "msisdn": PLAIN.to[1:], "to": "Shop", "network-code": "46000", "messageId": "0C01", "price": "0.03",
        "status": status, "scts": "2611211200", "err-code": code, "message-timestamp": "2026-11-21 12:00:01",
        "api-key": KEY, "client-ref": PLAIN.ref,
    }  # fmt: skip
