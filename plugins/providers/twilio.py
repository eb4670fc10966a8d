"""Twilio's Programmable Messaging: one text a request, receipts and inbound texts by signed webhook.

API: twilio.com/docs/messaging/api/message-resource, …/messaging/guides/outbound-message-status-in-status-callbacks,
…/messaging/twiml (webhook parameters), twilio.com/docs/api/errors; read 2026-11-21.

There is no idempotency key and no search by a reference of ours: a lost answer stays in doubt until a receipt
comes.  Receipts carry our reference, because it stands in the query of the callback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wtforms import StringField
from wtforms import validators as v

from core import BadResponse, Inbound, Outgoing, Receipt, Result, WebhookRequest, hookimpl
from core.gateway import fields_of, micros, said
from core.i18n import _l
from plugins.providers import _settings, _twilio

#: Seconds a text may wait at Twilio at most (ValidityPeriod).
VALID_MOST_S = 36_000
#: Texts on the wire at once, where receipts settle a doubt.
WINDOW = 50

STATUS = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), "accepted"),
    **dict.fromkeys(("delivered", "read"), "delivered"),
    **dict.fromkeys(("undelivered", "partially_delivered"), "undelivered"),
    **dict.fromkeys(("failed", "canceled"), "rejected"),
}
#: Failures that are the end of the validity period.
EXPIRED = frozenset({"30036"})
#: What a refused submit says in a 201.
REFUSED = frozenset({"failed", "undelivered", "canceled"})

ERRORS = {
    **_twilio.COMMON,
    **dict.fromkeys(("21614", "30005", "30006"), "number"),
    "21610": "optout",
    "30004": "blocked",
    **dict.fromkeys(("21611", "30001", "30017", "30020", "30021", "30022", "30410", "63018"), "temporary"),
    **dict.fromkeys(("30003", "30008"), "handset"),
    **dict.fromkeys(("30023", "30027"), "limit"),
    **dict.fromkeys(("21602", "21617", "30007", "30018", "30019", "30024", "30032"), "content"),
    **dict.fromkeys(
        ("21408", "21603", "21606", "21609", "21612", "21703", "21704", "21705", "30034"), "route"
    ),
}


class Form(_twilio.AccountForm):
    """Senders are numbers, names, or a messaging service."""

    service = StringField(
        _l("Messaging service SID"),
        [v.Optional(), v.Regexp(r"MG[0-9a-fA-F]{32}$", message=_l("It begins with MG and has 34 characters."))],
        default="",
        description=_l("Chooses the number where the account and the campaign name no sender."),
    )  # fmt: skip
    valid_s = _settings.valid_s(1, VALID_MOST_S)
    endpoint = _settings.api_address(_twilio.ENDPOINT)


class Twilio(_twilio.Twilio):
    """Texts through Twilio."""

    name = "twilio"
    title = "Twilio"
    about = _l("Texts to nearly every country, with receipts, replies and prices; one text a request.")
    Form = Form
    ERRORS = ERRORS

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.window = WINDOW if self.echoes_reference else None

    def request(self, messages: Sequence[Outgoing]):
        (message,) = messages
        sender = message.sender or self.settings["service"]
        named = "MessagingServiceSid" if sender.startswith("MG") and len(sender) == 34 else "From"
        return self.post(
            "Messages",
            (
                ("To", message.to),
                (named, sender),
                ("Body", message.text),
                ("ValidityPeriod", str(self.valid_s(message, self.settings["valid_s"]))),
                ("StatusCallback", self.callback(message.ref)),
            ),
        )

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        sid, status = said(data, "sid"), said(data, "status")
        if not sid or status not in STATUS:
            raise BadResponse("The answer names no message.")
        if status in REFUSED:
            return [self.refusal(*self.fault(data))]
        parts = int(said(data, "num_segments") or 0) or None
        price = self.priced(micros(data.get("price")), said(data, "price_unit"))
        return [Result("accepted", sid, parts=parts, cost_micros=price)]

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        fields = fields_of(request)
        yield self._inbound(fields) if request.kind == "inbound" else self._receipt(request, fields)

    def _receipt(self, request: WebhookRequest, fields: dict[str, Any]) -> Receipt:
        state = STATUS.get(said(fields, "MessageStatus", "SmsStatus"))
        code = said(fields, "ErrorCode")
        if code in EXPIRED and state in ("rejected", "undelivered"):
            state = "expired"
        ref, sid = request.args.get("ref", ""), said(fields, "MessageSid", "SmsSid")
        return self.receipt(state, ref, sid, code=code, reason=said(fields, "ErrorMessage"))

    def _inbound(self, fields: dict[str, Any]) -> Inbound:
        sender, sid = said(fields, "From"), said(fields, "MessageSid", "SmsSid")
        if not sender or "Body" not in fields:
            raise BadResponse("The inbound text has no sender or no words.")
        return Inbound(sender, said(fields, "Body"), said(fields, "To"), sid or None)


@hookimpl
def register_providers():
    return [Twilio]
