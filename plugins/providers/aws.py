"""AWS End User Messaging SMS (pinpoint-sms-voice-v2), or SNS where an account has only that.

API: docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2 (SendTextMessage), …/sms-voice/latest/userguide
"Event types for SMS", "Two-way SMS"; SNS API reference (Publish); service model 2022-03-31; read 2026-11-21.

One text a request, no idempotency, no search: a lost answer stays in doubt until an event comes, which carries
our reference in its context.  Events and inbound texts come through SNS topics.  SNS's own Publish gives no
events to an address, so texts sent by it stay "accepted".  There is no balance to ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from wtforms import SelectField, StringField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import (
    BadResponse,
    Forged,
    Gateway,
    Inbound,
    Outgoing,
    ProviderError,
    Receipt,
    Result,
    WebhookRequest,
    clock,
    hookimpl,
)
from core import Form as BaseForm
from core.contract.payloads import time_of
from core.gateway import form_body, micros, parsed, said
from core.i18n import _l
from plugins.providers import _aws, _settings, _sns

#: Texts on the wire at once, where events settle a doubt.
WINDOW = 50
#: Prices in events are in it, whatever the region.
CURRENCY = "USD"
#: Seconds a text may wait (TimeToLive).
VALID_S = (5, 259_200)

#: eventType without TEXT_.  SUCCESSFUL means that the carrier took it, UNKNOWN that it never said more.
STATUS = {
    **dict.fromkeys(("QUEUED", "PENDING", "SENT", "SUCCESSFUL", "UNKNOWN"), "accepted"),
    "DELIVERED": "delivered",
    **dict.fromkeys(("UNREACHABLE", "CARRIER_UNREACHABLE"), "undelivered"),
    "TTL_EXPIRED": "expired",
    **dict.fromkeys(("INVALID", "INVALID_MESSAGE", "BLOCKED", "CARRIER_BLOCKED", "SPAM", "PROTECT_BLOCKED"), "rejected"),
}  # fmt: skip

#: Events, reasons and names of exceptions, and names of request fields that were refused, by what they mean.
_MEANINGS = {
    "account": "AccessDeniedException INSUFFICIENT_ACCOUNT_REPUTATION ACCOUNT_DISABLED UnrecognizedClientException "
    "InvalidSignatureException SignatureDoesNotMatch InvalidClientTokenId ExpiredTokenException AuthorizationError "
    "MissingAuthenticationTokenException IncompleteSignature MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT AccessDenied",
    "temporary": "ThrottlingException Throttling",
    "handset": "UNREACHABLE CARRIER_UNREACHABLE",
    "number": "INVALID DestinationPhoneNumber",
    "optout": "DESTINATION_PHONE_NUMBER_OPTED_OUT",
    "blocked": "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
    "content": "INVALID_MESSAGE BLOCKED CARRIER_BLOCKED SPAM MessageBody",
    "route": "PROTECT_BLOCKED DESTINATION_PHONE_NUMBER_NOT_VERIFIED NO_ORIGINATION_IDENTITIES_FOUND "
    "ResourceNotFoundException DESTINATION_COUNTRY_BLOCKED DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION "
    "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY INTERNATIONAL_SENDING_NOT_SUPPORTED PRICE_OVER_THRESHOLD "
    "SENDER_ID_NOT_REGISTERED SENDER_ID_NOT_SUPPORTED SENDER_ID_REQUIRES_REGISTRATION COUNTRY_NOT_ENABLED "
    "NUMBER_CAPABILITIES_MISMATCH MESSAGE_TYPE_MISMATCH RESOURCE_NOT_ACTIVE REGISTRATION_NOT_COMPLETE "
    "OriginationIdentity",
}
ERRORS = {code: kind for kind, codes in _MEANINGS.items() for code in codes.split()}
#: Reasons that say less than the field they are about.
_OF_A_FIELD = frozenset({"FIELD_VALIDATION_FAILED", "INVALID_PARAMETER", "CANNOT_PARSE", "OTHER", ""})


class Form(BaseForm):
    """A key that may send, where from, and the topics events come through."""

    access_key_id = StringField(
        _l("Access key ID"),
        [v.InputRequired()],
        description=_l("Of an IAM user that may only sms-voice:SendTextMessage (or sns:Publish)."),
    )
    secret_access_key = StringField(_l("Secret access key"), [v.InputRequired()], render_kw={"secret": True})
    region = StringField(
        _l("Region"), [v.InputRequired(), v.Regexp(r"[a-z]{2}(-[a-z]+)+-\d$")], default="us-east-1"
    )
    api = SelectField(
        _l("Send by"),
        choices=[
            SelectChoice("sms-voice", "End User Messaging SMS"),
            SelectChoice("sns", _l("SNS (no receipts)")),
        ],
        default="sms-voice",
    )
    origin = StringField(
        _l("Origination identity"),
        [v.Optional()],
        default="",
        description=_l(
            "A pool, number or sender ID, used where the account and the campaign name no sender."
        ),
    )
    configuration_set = StringField(
        _l("Configuration set"),
        [v.Optional()],
        default="",
        description=_l(
            "Its event destination is the SNS topic that calls us; without one there are no receipts."
        ),
    )
    topics = StringField(
        _l("ARNs of the SNS topics"),
        [v.Optional()],
        default="",
        description=_l(
            "With commas. Calls from other topics are refused; a subscription is confirmed by itself."
        ),
    )
    max_price = StringField(
        _l("Highest price of a part, US dollars"),
        [v.Optional(), v.Regexp(r"\d{1,2}\.\d{1,5}$", message=_l("Such as 0.05"))],
        default="",
    )
    valid_s = _settings.valid_s(*VALID_S)
    endpoint = StringField(
        _l("Address of the API"),
        [v.Optional()],
        default="",
        description=_l("Empty: that of the region. A test server otherwise."),
    )


class Aws(Gateway):
    """Texts through AWS."""

    name = "aws"
    title = "AWS End User Messaging"
    about = _l("Texts through Amazon's SMS service (once Pinpoint), with events through SNS topics.")
    Form = Form
    ERRORS = ERRORS
    group = "world"
    pushes = True
    #: A confirmation of a subscription needs the network, so all calls are read by a worker, a second later.
    inbound_kinds = ()

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self._service = settings["api"]
        self.echoes_reference = self._service == "sms-voice" and bool(settings["configuration_set"])
        self.window = WINDOW if self.echoes_reference else None
        self._url = (
            settings["endpoint"] or f"https://{self._service}.{settings['region']}.amazonaws.com"
        ).rstrip("/") + "/"
        self._topics = frozenset(settings["topics"].replace(",", " ").split())
        self._certificates = _sns.Certificates(lambda url: self.fetch(url))

    def request(self, messages: Sequence[Outgoing]):
        from core.http import Request

        (message,) = messages
        sender = message.sender or self.settings["origin"]
        kind = "PROMOTIONAL" if message.cls == "mass" else "TRANSACTIONAL"
        if self._service == "sns":
            headers, body = self._publish(message, sender, kind)
        else:
            headers, body = self._send_text(message, sender, kind)
        lines = _aws.sign(
            self._url, body, headers, key=self.settings["access_key_id"],
            secret=self.settings["secret_access_key"], scope=(self.settings["region"], self._service), at=clock.now(),
        )  # fmt: skip
        return Request(self._url, body, lines)

    def _send_text(self, message: Outgoing, sender: str, kind: str) -> tuple[dict[str, str], bytes]:
        fields = {
            "DestinationPhoneNumber": message.to,
            "OriginationIdentity": sender,
            "MessageBody": message.text,
            "MessageType": kind,
            "ConfigurationSetName": self.settings["configuration_set"],
            "MaxPrice": self.settings["max_price"],
            "TimeToLive": self.valid_s(message, self.settings["valid_s"]),
            "Context": {"ref": message.ref},
        }
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage",
        }
        return headers, orjson.dumps({name: value for name, value in fields.items() if value})

    def _publish(self, message: Outgoing, sender: str, kind: str) -> tuple[dict[str, str], bytes]:
        by_number = sender.startswith("+") or sender.isdigit()
        names = {
            "AWS.SNS.SMS.SMSType": kind.capitalize(),
            "AWS.SNS.SMS.MaxPrice": self.settings["max_price"],
            "AWS.MM.SMS.OriginationNumber" if by_number else "AWS.SNS.SMS.SenderID": sender,
        }
        fields = {
            "Action": "Publish",
            "Version": "2010-03-31",
            "PhoneNumber": message.to,
            "Message": message.text,
        }
        for n, (name, value) in enumerate(((name, value) for name, value in names.items() if value), 1):
            at = f"MessageAttributes.entry.{n}"
            fields[f"{at}.Name"], fields[f"{at}.Value.StringValue"] = name, value
            fields[f"{at}.Value.DataType"] = "Number" if name.endswith("MaxPrice") else "String"
        return {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, form_body(fields)

    def read(self, body: bytes) -> Any:
        """JSON, or the two XML answers of SNS."""
        if not body.lstrip().startswith(b"<"):
            return parsed(body)
        text = body.decode("utf-8", "replace")
        found = {
            name: match[1]
            for name, tag in (("MessageId", "MessageId"), ("__type", "Code"), ("message", "Message"))
            if (match := re.search(rf"<{tag}>([^<]*)</{tag}>", text))
        }
        return found or None

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        made = said(data, "MessageId")
        if not made:
            raise BadResponse("The answer names no message.")
        return [Result("accepted", made)]

    def fault(self, data: Any) -> tuple[str, str]:
        name, reason = said(data, "__type", "code").rpartition("#")[2], said(data, "Reason", "reason")
        words = said(data, "message", "Message")
        fields = data.get("Fields") if isinstance(data, dict) else None
        if name == "ValidationException" and reason in _OF_A_FIELD and isinstance(fields, list) and fields:
            return said(fields[0], "Name"), said(fields[0], "Message") or words
        return reason or name, words

    # --- webhooks -----------------------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        message = parsed(request.body)
        if not isinstance(message, dict) or said(message, "TopicArn") not in self._topics:
            raise Forged("The call comes from no SNS topic of this account.")
        _sns.check_time(message)
        _sns.check_signature(message, self._certificates.get)

    def fetch(self, url: str) -> bytes:
        """What an address of SNS answers: a certificate, or to a confirmation."""
        return _sns.fetched(self.outgoing, url)

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        message = parsed(request.body)
        kind = said(message, "Type")
        if kind == "SubscriptionConfirmation":
            self._confirm(said(message, "SubscribeURL"))
            return
        if kind == "UnsubscribeConfirmation":
            return
        event = parsed(said(message, "Message").encode())
        if kind != "Notification" or not isinstance(event, dict):
            raise BadResponse("The call is no notification with an event.")
        yield self._inbound(event, message) if "messageBody" in event else self._receipt(event)

    def _confirm(self, url: str) -> None:
        if not _sns.from_sns(url):
            raise BadResponse("The confirmation does not lead to SNS.")
        try:
            self.fetch(url)
        except ProviderError as error:
            raise BadResponse(
                f"The subscription was not confirmed, request it again in SNS: {error}"
            ) from None

    def _receipt(self, event: Mapping[str, Any]) -> Receipt:
        word = said(event, "eventType").removeprefix("TEXT_")
        state, parts, at = STATUS.get(word), said(event, "totalMessageParts"), said(event, "eventTimestamp")
        price, fee = (micros(said(event, name)) for name in ("totalMessagePrice", "totalCarrierFee"))
        return self.receipt(
            state,
            said(event.get("context"), "ref"),
            said(event, "messageId"),
            code=word if state not in ("accepted", "delivered") else "",
            reason=said(event, "messageStatusDescription"),
            at=time_of(at or None),
            parts=int(parts) if parts.isdigit() and int(parts) else None,
            cost_micros=self.priced(None if price is None else price + (fee or 0), CURRENCY),
        )

    def _inbound(self, event: Mapping[str, Any], message: Mapping[str, Any]) -> Inbound:
        sender = said(event, "originationNumber")
        if not sender:
            raise BadResponse("The inbound text has no sender.")
        id_, at = said(event, "inboundMessageId"), time_of(said(message, "Timestamp") or None)
        return Inbound(sender, said(event, "messageBody"), said(event, "destinationNumber"), id_ or None, at)


@hookimpl
def register_providers():
    return [Aws]
