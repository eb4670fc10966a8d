"""MessageBird's SMS API (Bird's first one, rest.messagebird.com): one text to many numbers in one request.

API: developers.messagebird.com/api/sms-messaging, …/api/#authentication, …/api/webhook-signature, …/api/balance;
docs.bird.com "SMS Platform Extended Error Codes"; read 2026-11-21.

There is no idempotency key and no definitive search by a reference: a lost answer stays in doubt until a receipt
comes.  A reference names a request, so it names a text only where the request carries one; receipts are
matched by request and number.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from wtforms import IntegerField, StringField
from wtforms import validators as v

from core import (
    BadResponse,
    Balance,
    Forged,
    Gateway,
    Inbound,
    Outgoing,
    ProviderError,
    Receipt,
    Result,
    WebhookRequest,
    hookimpl,
)
from core import Form as BaseForm
from core.contract.payloads import time_of
from core.gateway import fields_of, micros, said
from core.i18n import _l
from plugins.providers import _jwt, _settings

#: Numbers in one request at most.
RECIPIENTS_MOST = 50
#: Texts on the wire at once, where receipts settle a doubt.
WINDOW = 50
#: The clocks of the vendor and ours may differ by this many seconds (as in the vendor's own libraries).
LEEWAY_S = 5

STATUS = {
    **dict.fromkeys(("scheduled", "sent", "buffered"), "accepted"),
    "delivered": "delivered",
    "expired": "expired",
    "delivery_failed": "undelivered",
}
#: `api-N` is a refused request, a bare number the statusErrorCode of a receipt, words its statusReason.
ERRORS = {
    **dict.fromkeys(("api-2", "api-25", "insufficient balance"), "account"),
    **dict.fromkeys(("api-9", "api-21", "carrier rejected"), "content"),
    **dict.fromkeys(("api-99", "32", "33", "34", "35", "36", "received network error"), "temporary"),
    **dict.fromkeys(("1", "5", "7", "9", "12", "unknown subscriber"), "number"),
    **dict.fromkeys(("6", "27", "31", "unavailable subscriber"), "handset"),
    **dict.fromkeys(("8", "10", "11", "21"), "route"),
    **dict.fromkeys(("103", "opted out"), "optout"),
    "13": "blocked",
    "capacity limit reached": "limit",
}
#: What `type` of a balance stands for.
CURRENCIES = {"euros": "EUR", "pounds": "GBP", "dollars": "USD"}


class Form(BaseForm):
    """The access key, and the key that signs calls."""

    access_key = StringField(
        _l("Access key"),
        [v.InputRequired()],
        render_kw={"secret": True},
        description=_l("A live key of the dashboard's Developers page."),
    )
    signing_key = StringField(
        _l("Signing key"),
        [v.Optional()],
        default="",
        render_kw={"secret": True},
        description=_l("From the same page; then calls without a right signature are refused."),
    )
    batch = IntegerField(
        _l("Numbers in one request"),
        [v.NumberRange(1, RECIPIENTS_MOST)],
        default=1,
        description=_l("Numbers with the same words travel together. With 1 a lost answer is cleared by its receipt."),
    )  # fmt: skip
    valid_s = _settings.valid_s(1, 172_800)
    endpoint = _settings.api_address("https://rest.messagebird.com")


class MessageBird(Gateway):
    """Texts through MessageBird."""

    name = "messagebird"
    title = "MessageBird"
    about = _l(
        "Texts worldwide through MessageBird (Bird), one by one, or up to 50 numbers with the same words at once."
    )
    Form = Form
    ERRORS = ERRORS
    group = "world"
    pushes = True

    def __init__(self, settings, callback_url=""):
        self.per_request = settings["batch"]
        super().__init__(settings, callback_url)
        self.echoes_reference = self.per_request == 1 and bool(self.callback())
        self.window = WINDOW if self.echoes_reference else self.per_request
        self._headers = (
            f"Authorization: AccessKey {settings['access_key']}",
            "Content-Type: application/json",
            "Accept: application/json",
        )

    def alike(self, message: Outgoing) -> Hashable:
        return message.text, message.sender, message.encoding, message.cls

    def request(self, messages: Sequence[Outgoing]):
        from core.http import Request

        first = messages[0]
        fields = {
            "originator": first.sender.lstrip("+"),
            "body": first.text,
            "recipients": [message.to.lstrip("+") for message in messages],
            "datacoding": "plain" if first.encoding == "gsm7" else "unicode",
            "validity": self.valid_s(first, self.settings["valid_s"]),
            # Reports come only for texts that have a reference.
            "reference": first.ref if len(messages) == 1 else f"batch-{first.ref}",
            "reportUrl": self.callback(),
        }
        body = orjson.dumps({name: value for name, value in fields.items() if value})
        return Request(self.settings["endpoint"].rstrip("/") + "/messages", body, self._headers)

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result | ProviderError]:
        made, rows = said(data, "id"), data["recipients"]["items"]
        if not made:
            raise BadResponse("The answer names no message.")
        answered = {said(row, "recipient"): row for row in rows}
        return [self._result(made, message, answered) for message in messages]

    def _result(self, made: str, message: Outgoing, answered: dict[str, Any]) -> Result | ProviderError:
        number = message.to.lstrip("+")
        row = answered.get(number)
        if row is None:
            return Result("unknown", code="bad_response", reason="The answer does not name the number.")
        state = STATUS.get(said(row, "status"))
        if state != "accepted":
            if state in ("undelivered", "expired"):
                return self.refused_one(self._code(row) or said(row, "status"), said(row, "statusReason"))
            return Result("unknown", code="bad_response", reason="The answer has no known status.")
        parts = int(said(row, "messagePartCount") or 0) or None
        price = self.priced(micros(said(row.get("price"), "amount")), said(row.get("price"), "currency"))
        return Result("accepted", f"{made}:{number}", parts=parts, cost_micros=price)

    def _code(self, row: dict[str, Any]) -> str:
        """The number of an error; its words where the number is none or nobody knows it."""
        code, words = said(row, "statusErrorCode"), said(row, "statusReason").lower().replace("_", " ")
        code = "" if code == "0" else code
        return words if words in self.errors and code not in self.errors else code

    def fault(self, data: Any) -> tuple[str, str]:
        rows = data.get("errors") if isinstance(data, dict) else None
        row = rows[0] if isinstance(rows, list) and rows else {}
        code = said(row, "code")
        return f"api-{code}" if code else "", said(row, "description")

    def balance(self) -> Balance:
        from core.http import Request

        base = self.settings["endpoint"].rstrip("/")
        data = self.ask(Request(f"{base}/balance", headers=self._headers))
        amount, kind = micros(said(data, "amount"), signed=True), said(data, "type").lower()
        if amount is None:
            raise BadResponse("The answer tells no balance.")
        if kind == "credits":
            return Balance(units=amount // 1_000_000)
        return Balance(amount, CURRENCIES.get(kind))

    # --- webhooks -----------------------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        key = self.settings["signing_key"]
        if not key:
            return
        token = request.headers.get("messagebird-signature-jwt", "")
        claims = _jwt.claims(
            token, key, issuer="MessageBird", leeway_s=LEEWAY_S, needs=("iat", "nbf", "exp", "jti")
        )
        fits = _same(claims.get("url_hash"), request.url.encode())
        if request.body or "payload_hash" in claims:
            fits = fits and _same(claims.get("payload_hash"), request.body)
        if not fits:
            raise Forged("The signature is for another address or other words.")

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        """Reports are GET with everything in the query, inbound texts JSON or a form."""
        fields = fields_of(request)
        yield self._inbound(fields) if request.kind == "inbound" else self._receipt(fields)

    def _receipt(self, fields: dict[str, Any]) -> Receipt:
        made, number = said(fields, "id"), said(fields, "recipient").lstrip("+")
        ref, state = said(fields, "reference"), STATUS.get(said(fields, "status"))
        return self.receipt(
            state,
            "" if ref.startswith("batch-") else ref,
            f"{made}:{number}" if made and number else "",
            code="" if state in ("accepted", "delivered") else self._code(fields),
            reason=said(fields, "statusReason"),
            at=_instant(said(fields, "statusDatetime")),
            cost_micros=self.priced(micros(said(fields, "price[amount]")), said(fields, "price[currency]")),
        )

    def _inbound(self, fields: dict[str, Any]) -> Inbound:
        sender, name = said(fields, "originator").lstrip("+"), "body" if "body" in fields else "payload"
        if not sender or name not in fields:
            raise BadResponse("The inbound text has no sender or no words.")
        at = _instant(said(fields, "createdDatetime"))
        return Inbound(
            f"+{sender}", said(fields, name), said(fields, "recipient"), said(fields, "id") or None, at
        )


def _instant(text: str) -> datetime | None:
    """ISO 8601; texts to short codes have 20261121093000, in UTC."""
    if text.isdigit() and len(text) == 14:
        text = f"{text[:8]}T{text[8:]}"
    return time_of(text) if "T" in text else None


def _same(given: Any, raw: bytes) -> bool:
    return hmac.compare_digest(str(given).encode(), hashlib.sha256(raw).hexdigest().encode())


@hookimpl
def register_providers():
    return [MessageBird]
