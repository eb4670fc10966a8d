"""Vonage's SMS API: one text a request, receipts and inbound texts by webhook, signed where that is switched on.

API: developer.vonage.com/en/api/sms, …/messaging/sms/guides/delivery-receipts, …/troubleshooting-sms,
…/getting-started/concepts/signing-messages, …/api/developer/account (balance); read 2026-11-21.

There is no idempotency key and no definitive search by a reference: a lost answer stays in doubt until a receipt
comes, which carries our reference as `client-ref`.  A long text has an id and a receipt for each of its parts: it
is delivered when all are, and fails with the first that fails.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from wtforms import SelectField, StringField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import (
    BadResponse,
    Balance,
    Forged,
    Gateway,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    WebhookRequest,
    clock,
    hookimpl,
)
from core import Form as BaseForm
from core.content import parts
from core.contract.payloads import time_of
from core.gateway import fields_of, form_body, micros, said
from core.i18n import _l
from plugins.providers import _settings

#: Prices and the balance are in it, wherever the account is.
CURRENCY = "EUR"
#: Follows our reference in the `client-ref` of a text of several parts: no receipt says that there are others.
LONG = ".long"
#: Characters of a callback at most; a longer one is refused.
CALLBACK_MOST = 100
#: Texts on the wire at once, where receipts settle a doubt.
WINDOW = 50
#: Seconds a text may wait (`ttl` is in milliseconds).
VALID_S = (20, 604_800)
#: A signed call older than this is refused.
AGE_S = 300

STATUS = {
    **dict.fromkeys(("accepted", "buffered", "unknown"), "accepted"),
    "delivered": "delivered",
    "failed": "undelivered",
    "expired": "expired",
    "rejected": "rejected",
}
#: `status-N` is a refused submit, `err-N` the err-code of a receipt: the vendor counts both from 1.
ERRORS = {
    **dict.fromkeys(("status-1", "status-5", "err-8", "err-99"), "temporary"),
    **dict.fromkeys(("status-4", "status-8", "status-9", "status-14", "status-33", "err-15"), "account"),
    **dict.fromkeys(("status-2", "status-3", "status-6", "status-12", "err-10", "err-14"), "content"),
    **dict.fromkeys(("err-6", "err-50", "err-51", "err-52", "err-53", "err-54"), "content"),
    **dict.fromkeys(("status-7", "err-4"), "blocked"),
    **dict.fromkeys(("status-11", "status-15", "status-29", "err-5", "err-11", "err-13"), "route"),
    **dict.fromkeys(("err-2", "err-7", "err-12"), "handset"),
    "err-3": "number",
    "err-9": "optout",
    "err-16": "limit",
}
#: Octets of a Unicode text in one part.
ONE_UCS2 = 140
DIGESTS = ("md5hash", "md5", "sha1", "sha256", "sha512")


class Form(BaseForm):
    """The key and secret of the account, and how calls are signed."""

    api_key = StringField(
        _l("API key"), [v.InputRequired()], description=_l("On the first page of the Vonage dashboard.")
    )
    api_secret = StringField(_l("API secret"), [v.InputRequired()], render_kw={"secret": True})
    signature_secret = _settings.signature_secret()
    signature_method = SelectField(
        _l("Signature method"),
        choices=[
            SelectChoice("md5hash", _l("MD5 hash")),
            *(SelectChoice(name, f"{name.upper()} HMAC") for name in DIGESTS[1:]),
        ],
        default="sha256",
        description=_l("As it stands beside the signature secret."),
    )
    valid_s = _settings.valid_s(*VALID_S)
    entity_id = StringField(
        _l("Entity id"),
        [v.Optional()],
        default="",
        description=_l("Only for India: the principal entity of the DLT register."),
    )
    content_id = StringField(
        _l("Content id"), [v.Optional()], default="", description=_l("Only for India: the DLT template.")
    )
    endpoint = _settings.api_address("https://rest.nexmo.com")


class Vonage(Gateway):
    """Texts through Vonage, once Nexmo."""

    name = "vonage"
    title = "Vonage"
    about = _l("Texts to nearly every country through Vonage's SMS API, with receipts, replies and prices.")
    Form = Form
    ERRORS = ERRORS
    group = "world"
    pushes = True

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.echoes_reference = bool(self.callback())
        self.window = WINDOW if self.echoes_reference else None

    def request(self, messages: Sequence[Outgoing]):
        from core.http import Request

        (message,) = messages
        callback = self.callback()
        fields = {
            "api_key": self.settings["api_key"],
            "api_secret": self.settings["api_secret"],
            "from": message.sender.lstrip("+"),
            "to": message.to.lstrip("+"),
            "text": message.text,
            "type": "text" if message.encoding == "gsm7" else "unicode",
            "ttl": str(self.valid_s(message, self.settings["valid_s"]) * 1000),
            "client-ref": _named(message),
            "status-report-req": "1",
            "callback": callback if len(callback) <= CALLBACK_MOST else "",
            "entity-id": self.settings["entity_id"],
            "content-id": self.settings["content_id"],
        }
        body = form_body([(name, value) for name, value in fields.items() if value])
        headers = ("Content-Type: application/x-www-form-urlencoded",)
        return Request(self.settings["endpoint"].rstrip("/") + "/sms/json", body, headers)

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        rows = data["messages"]
        refused = [row for row in rows if said(row, "status") != "0"]
        if not rows or (refused and len(refused) < len(rows)):
            raise BadResponse("The answer says yes to some parts of the text and no to others.")
        if refused:
            return [self.refusal(*self.fault(data))]
        ids = [said(row, "message-id") for row in rows]
        if not all(ids):
            raise BadResponse("The answer names no message.")
        prices = [micros(said(row, "message-price")) for row in rows]
        cost = None if None in prices else sum(price or 0 for price in prices)
        return [Result("accepted", " ".join(ids), parts=len(rows), cost_micros=self.priced(cost, CURRENCY))]

    def fault(self, data: Any) -> tuple[str, str]:
        rows = data.get("messages") if isinstance(data, dict) else None
        row = rows[0] if isinstance(rows, list) and rows else {}
        status = said(row, "status")
        return f"status-{status}" if status else "", said(row, "error-text")

    def balance(self) -> Balance:
        from core.http import Request

        key, secret = (quote(self.settings[name], safe="") for name in ("api_key", "api_secret"))
        base = self.settings["endpoint"].rstrip("/")
        data = self.ask(Request(f"{base}/account/get-balance?api_key={key}&api_secret={secret}"))
        amount = micros(said(data, "value"), signed=True)
        if amount is None:
            raise BadResponse("The answer tells no balance.")
        return Balance(amount, CURRENCY)

    # --- webhooks -----------------------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        secret = self.settings["signature_secret"]
        if not secret:
            return
        try:
            fields = fields_of(request)
        except BadResponse:
            fields = {}
        if not signed(fields, secret, self.settings["signature_method"]):
            raise Forged("The sig of the call does not fit the signature secret.")
        try:
            age = clock.now_ms() / 1000 - float(said(fields, "timestamp"))
        except ValueError:
            age = math.inf
        if not abs(age) <= AGE_S:
            raise Forged("The call is older than five minutes, or has no timestamp.")

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        fields = fields_of(request)
        if request.kind == "inbound":
            yield self._inbound(fields)
        else:
            yield from self._receipts(fields)

    def _receipts(self, fields: Mapping[str, Any]) -> Iterable[Receipt]:
        """One for a call, but for a part of a long text that arrived: the text is on its way until all have."""
        named = said(fields, "client-ref")
        ref = named.removesuffix(LONG)
        told = self._receipt(fields, ref)
        if ref != named and (told.state == "delivered" or told.cost_micros is not None):
            # That it was sent at all settles a doubt; the id tells which part arrived, and what that part costs.
            arrived = told.state == "delivered"
            yield self.receipt("accepted", ref) if arrived else told._replace(cost_micros=None)
            told = told._replace(ref=None)
        yield told

    def _receipt(self, fields: Mapping[str, Any], ref: str) -> Receipt:
        state, code = STATUS.get(said(fields, "status").lower()), said(fields, "err-code")
        failed = state not in ("delivered", "accepted") and code not in ("", "0")
        return self.receipt(
            state,
            ref,
            said(fields, "messageId"),
            code=f"err-{code}" if failed else "",
            at=time_of(said(fields, "message-timestamp") or None),
            cost_micros=self.priced(micros(said(fields, "price")), CURRENCY),
        )

    def _inbound(self, fields: Mapping[str, Any]) -> Inbound:
        sender, words = said(fields, "msisdn"), said(fields, "text")
        if not sender or "text" not in fields:
            raise BadResponse("The inbound text has no sender or no words.")
        at = time_of(said(fields, "message-timestamp") or None)
        number = sender if sender.startswith("+") else f"+{sender}"
        return Inbound(number, words, said(fields, "to"), said(fields, "messageId") or None, at)


def _named(message: Outgoing) -> str:
    """What receipts call a text."""
    in_one = (
        parts.count(message.text)[1] == 1
        if message.encoding == "gsm7"
        else len(message.text.encode("utf-16-be")) <= ONE_UCS2
    )
    return message.ref if in_one else message.ref + LONG


def signed(fields: Mapping[str, Any], secret: str, method: str) -> bool:
    """Does `sig` fit the other fields: in order of their names, & and = in values written as _?"""
    text = "".join(
        f"&{name}={value.replace('&', '_').replace('=', '_') if isinstance(value, str) else value}"
        for name, value in sorted(fields.items())
        if name != "sig"
    )
    if method == "md5hash":
        wanted = hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()
    else:
        wanted = hmac.digest(secret.encode(), text.encode(), method).hex()
    return hmac.compare_digest(said(fields, "sig").lower().encode(), wanted.encode())


@hookimpl
def register_providers():
    return [Vonage]
