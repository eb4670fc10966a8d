"""Calls as Twilio makes them, signed by the vendor's own library."""

from __future__ import annotations

from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from core import WebhookRequest
from tests.adapters.cases import CALLBACK, PLAIN, called

SID, TOKEN = "AC" + "0" * 32, "t0ken-of-the-account"
SERVICE = "MG" + "1" * 32
SETTINGS = {"account_sid": SID, "auth_token": TOKEN, "service": SERVICE}
FORM = "application/x-www-form-urlencoded"


def signed(fields: dict[str, str], kind="receipt", url=CALLBACK, ref="", token=TOKEN) -> WebhookRequest:
    """A call as Twilio makes it."""
    url = url.replace("receipt", kind)
    url += f"?ref={ref}" if ref else ""
    signature = RequestValidator(token).compute_signature(url, fields)
    args = {"ref": ref} if ref else {}
    return called(urlencode(fields), FORM, kind, args, url, X_Twilio_Signature=signature)


def receipt(status: str, **more: str) -> WebhookRequest:
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": PLAIN.to, "AccountSid": SID, **more}
    return signed(fields, ref=PLAIN.ref)
