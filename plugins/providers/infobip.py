"""Infobip's SMS API, version 3: many texts, each with words of its own, in one request.

API: infobip.com/docs/api/channels/sms (send: /sms/3/messages, delivery reports, inbound),
…/docs/developer-resources/api-fundamentals/message-status-codes and error-code-reference, …/api/platform/account
(balance); read 2026-11-21.

Message ids are ours, so receipts carry our reference, and a repeated id is refused as REJECTED_DUPLICATE_MESSAGE_ID:
the first text was taken.  How long ids are remembered is not said, so nothing is sent again because of it.
Calls carry no signature; the address is the secret, and a user name and password may be asked for.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from wtforms import StringField
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
from core.gateway import basic, micros, parsed, said
from core.i18n import _l
from plugins.providers import _settings

#: Texts in one request; the vendor names no limit, this keeps one lost answer from putting many in doubt.
PER_REQUEST = 100
#: Seconds a text may wait (48 hours).
VALID_MOST_S = 172_800

#: By `groupName`; DELIVERED_TO_OPERATOR is on its way, though of the group DELIVERED.
STATUS = {
    "PENDING": "accepted",
    "ACCEPTED": "accepted",
    "OK": "accepted",
    "DELIVERED": "delivered",
    "UNDELIVERABLE": "undelivered",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}
ON_ITS_WAY = frozenset({"DELIVERED_TO_OPERATOR"})
DUPLICATE = "REJECTED_DUPLICATE_MESSAGE_ID"

#: Names of statuses (REJECTED_…) and of network errors (EC_…), by what they mean.
_MEANINGS = {
    "account": "REJECTED_NOT_ENOUGH_CREDITS REJECTED_PREPAID_PACKAGE_EXPIRED EC_MONTHLY_LIMIT_REACHED "
    "EC_ACCOUNT_ACCESS_DENIED UNAUTHORIZED E401",
    "number": "REJECTED_PREFIX_MISSING REJECTED_DESTINATION EC_UNKNOWN_SUBSCRIBER EC_UNIDENTIFIED_SUBSCRIBER "
    "EC_DEACTIVATED_LIST EC_DEST_ADDRESS_UNABLE_TO_RECEIVE_SMS EC_INVALID_REQUEST_DESTINATION",
    "optout": "EC_CONTENT_BLOCKED EC_SC_BLOCKED_BY_END_USER",
    "blocked": "REJECTED_DND REJECTED_DESTINATION_BLOCKLISTED EC_BLACKLISTED_DESTINATIONADDRESS "
    "EC_IMSI_BLACKLISTED EC_CALL_BARRED",
    "temporary": "REJECTED_SYSTEM_ERROR UNDELIVERABLE_REJECTED_PLATFORM EC_SYSTEM_FAILURE",
    "handset": "EC_ABSENT_SUBSCRIBER EC_ABSENT_SUBSCRIBER_SM EC_SUBSCRIBER_BUSY_FOR_MT_SMS "
    "EC_TEMPORARY_HANDSET_FAILURE EC_USER_OUT_OF_CREDIT",
    "limit": "REJECTED_FLOODING_FILTER EC_DESTINATION_FLOODING EC_LIMIT_REACHED EC_QUOTA_REACHED",
    "content": "REJECTED_MESSAGE_TOO_LONG EC_MSG_TEXT_TOO_LONG EC_REJECTED_SPAM_BY_OPERATOR SIGNALS_BLOCKED "
    "EC_BLOCKED_BY_CAMPAIGN_BLACKLIST",
    "route": "REJECTED_NETWORK REJECTED_SOURCE REJECTED_SENDER REJECTED_ROUTE_NOT_AVAILABLE "
    "REJECTED_DESTINATION_NOT_REGISTERED EC_INVALID_SOURCE_ADDRESS EC_BLACKLISTED_SENDERADDRESS "
    "EC_CAMPAIGNID_NOT_PROVISIONED",
}
ERRORS = {code: kind for kind, codes in _MEANINGS.items() for code in codes.split()}


class Form(BaseForm):
    """The API key with its own address, and who may call."""

    api_key = StringField(
        _l("API key"),
        [v.InputRequired()],
        render_kw={"secret": True},
        description=_l("With the scope sms:message:send; for the balance also account-management:manage."),
    )
    endpoint = StringField(
        _l("Address of the API"),
        [v.InputRequired(), v.Regexp(r"https?://[^\s/]+/?$", message=_l("Such as https://abc123.api.infobip.com"))],
        default="https://api.infobip.com",
        description=_l("Your own base URL, on the first page of the portal."),
    )  # fmt: skip
    webhook_user = StringField(
        _l("User name of calls"),
        [v.Optional()],
        default="",
        description=_l("Optional: Basic credentials you give Infobip for calls of our address."),
    )
    webhook_password = StringField(
        _l("Password of calls"), [v.Optional()], default="", render_kw={"secret": True}
    )
    valid_s = _settings.valid_s(60, VALID_MOST_S)


class Infobip(Gateway):
    """Texts through Infobip."""

    name = "infobip"
    title = "Infobip"
    about = _l(
        "Texts worldwide through Infobip: a hundred different texts in one request, receipts in batches."
    )
    Form = Form
    ERRORS = ERRORS
    group = "world"
    pushes = True
    per_request = PER_REQUEST
    concurrency = 8

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.echoes_reference = bool(self.callback())
        self.window = PER_REQUEST if self.echoes_reference else None
        self._base = settings["endpoint"].rstrip("/")
        self._headers = (
            f"Authorization: App {settings['api_key']}",
            "Content-Type: application/json",
            "Accept: application/json",
        )
        self._caller = ""
        if settings["webhook_password"]:
            self._caller = basic(settings["webhook_user"], settings["webhook_password"]).partition(": ")[2]

    def request(self, messages: Sequence[Outgoing]):
        from core.http import Request

        body = orjson.dumps({"messages": [self._message(message) for message in messages]})
        return Request(f"{self._base}/sms/3/messages", body, self._headers)

    def _message(self, message: Outgoing) -> dict[str, Any]:
        seconds, callback = self.valid_s(message, self.settings["valid_s"]), self.callback()
        made: dict[str, Any] = {
            "destinations": [{"to": message.to.lstrip("+"), "messageId": message.ref}],
            "content": {"text": message.text},
            "options": {"validityPeriod": {"amount": max(1, seconds // 60), "timeUnit": "MINUTES"}},
        }
        if message.sender:
            made["sender"] = message.sender
        if callback:
            made["webhooks"] = {"delivery": {"url": callback}, "contentType": "application/json"}
        return made

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result | ProviderError]:
        answered = {said(row, "messageId"): row for row in data["messages"]}
        return [self._result(message, answered.get(message.ref)) for message in messages]

    def _result(self, message: Outgoing, row: Any) -> Result | ProviderError:
        status = row.get("status") if isinstance(row, dict) else None
        state, name = STATUS.get(said(status, "groupName")), said(status, "name")
        if state is None:
            return Result("unknown", code="bad_response", reason="The answer does not name the text.")
        if name == DUPLICATE or state in ("accepted", "delivered"):
            parts = said(row.get("details"), "messageCount") or said(row, "smsCount", "messageCount")
            return Result("accepted", message.ref, parts=int(parts or 0) or None)
        return self.refused_one(name, said(status, "description"))

    def fault(self, data: Any) -> tuple[str, str]:
        """The words of version 3, and of the older ones."""
        if not isinstance(data, dict):
            return "", ""
        old = data.get("requestError")
        old = old.get("serviceException") if isinstance(old, dict) else None
        return said(data, "errorCode") or said(old, "messageId"), said(data, "description") or said(
            old, "text"
        )

    def balance(self) -> Balance:
        from core.http import Request

        data = self.ask(Request(f"{self._base}/account/1/balance", headers=self._headers))
        amount = micros(said(data, "balance"), signed=True)
        if amount is None:
            raise BadResponse("The answer tells no balance.")
        return Balance(amount, said(data, "currency") or None)

    # --- webhooks -----------------------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        given = request.headers.get("authorization", "")
        if self._caller and not hmac.compare_digest(given.encode(), self._caller.encode()):
            raise Forged("The call has not the user name and password that were set.")

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        """Up to some hundred rows; gives what it understands, then raises for what it does not."""
        data = parsed(request.body)
        rows = data.get("results") if isinstance(data, dict) else None
        if not isinstance(rows, list) or not rows:
            raise BadResponse("The call has no results.")
        read, trouble = self._inbound if request.kind == "inbound" else self._receipt, None
        for row in rows:
            try:
                yield read(row)
            except BadResponse as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _receipt(self, row: Any) -> Receipt:
        status, error, price = (
            row.get(name) if isinstance(row, dict) else None for name in ("status", "error", "price")
        )
        name, state = said(status, "name"), STATUS.get(said(status, "groupName"))
        code = ""
        if name in ON_ITS_WAY:
            state = "accepted"
        elif state not in ("delivered", "accepted"):
            code = said(error, "name") if said(error, "id") not in ("", "0") else name
        ref, parts = said(row, "messageId"), said(row, "messageCount", "smsCount")
        count = int(parts) if parts.isdigit() and int(parts) else None
        each = micros(said(price, "pricePerMessage"))
        return self.receipt(
            state,
            ref,
            ref,
            code=code,
            reason=said(error, "description") or said(status, "description"),
            at=time_of(said(row, "doneAt") or None),
            parts=count,
            # The price of a message is that of one part.
            cost_micros=self.priced(each and each * (count or 1), said(price, "currency")),
        )

    def _inbound(self, row: Any) -> Inbound:
        sender = said(row, "from", "sender").lstrip("+")
        if not sender or "text" not in row:
            raise BadResponse("The inbound text has no sender or no words.")
        number = f"+{sender}" if sender.isdigit() else sender
        at = time_of(said(row, "receivedAt") or None)
        return Inbound(
            number, said(row, "text"), said(row, "to", "destination"), said(row, "messageId") or None, at
        )


@hookimpl
def register_providers():
    return [Infobip]
