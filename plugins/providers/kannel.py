"""Kannel: the open SMS gateway, by its sendsms interface.

Vendor: Kannel (kannel.org), 1.4 and its forks  ·  API: User Guide, "Using the HTTP interface to send SMS
messages" and "Delivery Reports"; answers as in gw/smsbox.c  ·  read: 2026-11-22

One text a request.  Kannel splits long texts itself and cuts those above its `max-messages` without a word,
so longer ones are refused here.  It has neither look-up nor idempotency; receipts carry our reference because
we write it into the dlr-url of each text.  Its calls are not signed: the secret path is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from wtforms import StringField
from wtforms import validators as v

from core import (
    BadResponse,
    Form,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    WebhookRequest,
    hookimpl,
)
from core.contract.payloads import time_of
from core.gateway import form_of
from core.http import Request, Response
from core.i18n import _l
from plugins.providers import _smsc

#: Ask for all: delivered 1, failed 2, queued 4, taken by the SMS centre 8, refused by it 16.
DLR_MASK = 31
#: The value of %d in a dlr-url.
STATUS = {"1": "delivered", "2": "undelivered", "4": "accepted", "8": "accepted", "16": "rejected"}
#: `stat` of an SMPP receipt (SMPP 3.4, appendix B) inside %A, where it says more than %d.
STAT = {"EXPIRED": "expired", "REJECTD": "rejected"}
#: The first words of smsbox's refusals, and SMPP 3.4 command status of a NACK by the SMS centre.
ERRORS = {
    "authorization failed for sendsms": "account",
    "denied": "account",
    "not routable": "route",
    "temporal failure": "temporary",
    "sender missing and no global set": "route",
    "empty receiver number not allowed": "number",
    "missing receiver number": "number",
    "garbage to field": "number",
    "0x0000000b": "number",
    "0x00000033": "number",
    "0x0000000a": "route",
    "0x00000014": "temporary",
    "0x00000058": "temporary",
    "0x00000008": "temporary",
    "0x0000000d": "account",
    "0x0000000e": "account",
    "0x0000000f": "account",
}
#: smsbox writes this with 503 for a refusal by bearerbox; any other 503 proves nothing.
TEMPORAL = "temporal failure"
#: Placeholders Kannel fills in a dlr-url.
ESCAPES = "state=%d&id=%F&at=%T&smsc=%i&reply=%A"


class Settings(Form):
    """What an account needs: a `sendsms-user` group of Kannel's configuration."""

    endpoint = _smsc.address(_l("Address of sendsms"), "http://127.0.0.1:13013/cgi-bin/sendsms")
    username = StringField(_l("User name"), [v.InputRequired()])
    password = StringField(_l("Password"), [v.InputRequired()], render_kw={"secret": True})
    smsc = StringField(
        _l("SMS centre"),
        [v.Optional()],
        default="",
        description=_l("An smsc-id of Kannel; empty lets Kannel choose."),
    )
    validity_min = _smsc.validity_min()
    most_parts = _smsc.most_parts(10)


class Kannel(_smsc.SmscGateway):
    """Sends by sendsms, one GET a text."""

    name = "kannel"
    title = "Kannel"
    about = _l("The open SMS and WAP gateway of your own; receipts and inbound texts by URL.")
    Form = Settings
    ERRORS = ERRORS

    def read(self, body: bytes) -> str:
        """smsbox answers in plain words."""
        return body.decode("utf-8", "replace").strip()

    def request(self, messages: Sequence[Outgoing]) -> Request:
        (message,) = messages
        fields = {
            "username": self.settings["username"],
            "password": self.settings["password"],
            "to": message.to,
            "text": message.text,
            "charset": "UTF-8",
            "coding": "2" if message.encoding == "ucs2" else "0",
            "dlr-mask": str(DLR_MASK),
            "dlr-url": f"{self.callback_url}?ref={message.ref}&{ESCAPES}",
            "validity": self.minutes(message),
            "priority": self.priority(message),
        }  # fmt: skip
        if message.sender:
            fields["from"] = message.sender
        if self.settings["smsc"]:
            fields["smsc"] = self.settings["smsc"]
        return Request(f"{self.settings['endpoint']}?{urlencode(fields, quote_via=quote)}")

    def taken(self, messages: Sequence[Outgoing], data: str) -> Sequence[Result]:
        if not data.startswith(("0:", "3:", "Sent.")):
            raise BadResponse(f"Kannel answered {data[:60]!r}.")
        found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", data)
        return [Result("accepted", found and found[0])]

    def fault(self, data: str) -> tuple[str, str]:
        words = re.sub(r"[^a-z ]", "", data[:200].lower())
        return next((code for code in self.errors if words.startswith(code)), ""), data

    def declined(self, response: Response, data: str) -> Result:
        code, reason = self.fault(data)
        if response.status == 503 and code == TEMPORAL:
            return self.refusal(code, self.plain(reason))
        return super().declined(response, data)

    # --- receipts, inbound texts ------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest):
        yield _inbound(request) if request.kind == "inbound" else _receipt(_fields(request))

    def webhook_reply(self, request: WebhookRequest) -> tuple[int, str, str]:
        """Nothing: Kannel texts back to the person what an inbound call is answered with."""
        return 200, "text/plain", "" if request.kind == "inbound" else "ok"


# --- small parsers --------------------------------------------------------------------------------------


def _fields(request: WebhookRequest) -> Mapping[str, Any]:
    return request.args or form_of(request.body)


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    state, ref, reply = STATUS.get(fields.get("state", "")), fields.get("ref"), fields.get("reply", "")
    if state is None or not ref:
        raise BadResponse("The report of Kannel names no message or has no known state.")
    nack = re.match(r"NACK/(?:0x([0-9a-fA-F]+)|(\d+))", reply)
    stat = re.search(r"stat:(\w+)", reply)
    err = re.search(r"err:(\w+)", reply)
    code: str | None = None
    if nack:
        code = f"0x{int(nack[1], 16) if nack[1] else int(nack[2]):08x}"
    elif state != "delivered":
        code = err[1] if err and err[1].strip("0") else stat[1] if stat else None
    if stat and state == "undelivered":
        state = STAT.get(stat[1], state)
    return Receipt(state, ref, fields.get("id") or None, time_of(fields.get("at") or None), code)


def _inbound(request: WebhookRequest) -> Inbound:
    """get-url with the parameters of docs/providers.md, or post-url with X-Kannel-… headers."""
    headers = request.headers
    if headers.get("x-kannel-from"):
        charset = re.search(r"charset=([\w-]+)", headers.get("content-type", ""))
        try:
            text = request.body.decode(charset[1] if charset else "utf-8")
        except (UnicodeDecodeError, LookupError):
            raise BadResponse("The inbound text is in no known character set.") from None
        sender, to, at = (
            headers["x-kannel-from"],
            headers.get("x-kannel-to", ""),
            headers.get("x-kannel-time"),
        )
        return Inbound(sender, text, to, None, time_of(at))
    fields = _fields(request)
    if not fields.get("from") or "text" not in fields:
        raise BadResponse("The inbound text has no sender or no words.")
    at = time_of(fields.get("at") or None)
    return Inbound(fields["from"], fields["text"], fields.get("to", ""), fields.get("id") or None, at)


@hookimpl
def register_providers():
    return [Kannel]
