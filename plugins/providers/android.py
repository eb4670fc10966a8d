"""SMS Gateway for Android: an Android phone as a gateway, direct, by its cloud or by a server of your own.

Vendor: SMSGate (capcom6)  ·  API: app/src/main/assets/api/swagger.json; webhooks as in
modules/webhooks/payload/SmsEventPayload.kt and plugins/PayloadSingingPlugin.kt  ·  read: 2026-11-22

One number a request: the schema allows 100, issue 223 tells of failures above 10.  The id of a message is our
reference, so it is idempotent: 409 says that it was taken before, which is an acceptance and takes a message
out of doubt.  `GET /messages/<id>` tells the state for look-ups and polls.  The same event may come twice with
different ids (issues 301, 310, 372): states only move up, and an inbound text is named by phone, hash and time.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from wtforms import IntegerField, StringField
from wtforms import validators as v

from core import (
    BadResponse,
    Forged,
    Form,
    Found,
    Gateway,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    WebhookRequest,
    clock,
    hookimpl,
)
from core.contract.errors import ProviderError
from core.contract.payloads import time_of
from core.gateway import basic, parsed
from core.http import Request, Response
from core.i18n import _, _l
from plugins.providers._android import sealed

#: A signed call older (or newer) than this is a replay.
FRESH_S = 300
#: From this priority on the limits and pauses of the app are passed over.
PRIORITY_OTP = 100
#: State of a message or a recipient, and the event of a webhook.
STATUS = {
    "Pending": "accepted",
    "Processed": "accepted",
    "Sent": "accepted",
    "Cancelling": "accepted",
    "Delivered": "delivered",
    "Failed": "undelivered",
    "Cancelled": "rejected",
    "sms:sent": "accepted",
    "sms:delivered": "delivered",
    "sms:failed": "undelivered",
    "sms:cancelled": "rejected",
}
RECEIVED = "sms:received"
#: When each event happened.
AT = ("deliveredAt", "failedAt", "cancelledAt", "sentAt")
#: Android's SmsManager names, as the app writes them in front of a reason.
ERRORS = {
    "RESULT_ERROR_RADIO_OFF": "temporary",
    "RESULT_ERROR_NO_SERVICE": "temporary",
    "RESULT_ERROR_LIMIT_EXCEEDED": "limit",
    "RESULT_ERROR_GENERIC_FAILURE": "other",
    "RESULT_ERROR_NULL_PDU": "content",
    "RESULT_ERROR_FDN_CHECK_FAILURE": "route",
    "RESULT_ERROR_SHORT_CODE_NOT_ALLOWED": "number",
    "RESULT_ERROR_SHORT_CODE_NEVER_ALLOWED": "number",
    "HTTP 503": "temporary",
}
SECRET = {"secret": True}


class Settings(Form):
    """What an account needs: where the phone or server is, and who we are there."""

    endpoint = StringField(
        _l("Address of the API"),
        [v.InputRequired(), v.Regexp(r"https?://[^\s@?#]+\Z")],
        default="https://api.sms-gate.app/3rdparty/v1",
        description=_l("The phone itself: http://192.168.1.20:8080. A server of your own ends with /3rdparty/v1."),
    )  # fmt: skip
    username = StringField(_l("User name"), default="")
    password = StringField(_l("Password"), default="", render_kw=SECRET)
    token = StringField(
        _l("Access token"), default="", render_kw=SECRET, description=_l("Instead of user name and password.")
    )
    signing_key = StringField(
        _l("Signing key of webhooks"),
        [v.Optional()],
        default="",
        render_kw=SECRET,
        description=_l("From the app's settings. Without it only the secret address protects the webhooks."),
    )
    passphrase = StringField(
        _l("Passphrase"),
        [v.Optional()],
        default="",
        render_kw=SECRET,
        description=_l("Encrypts numbers and texts on their way to the phone; the same as in the app."),
    )
    sim_number = IntegerField(_l("SIM card"), [v.Optional(), v.NumberRange(1, 4)])
    device_id = StringField(
        _l("Device"),
        [v.Optional()],
        default="",
        description=_l("Empty lets the server choose among your phones."),
    )
    ttl_s = IntegerField(
        _l("Validity, seconds"),
        [v.NumberRange(60, 604_800)],
        default=86_400,
        description=_l("A text that waits longer than this in the phone is not sent any more."),
    )

    def validate_token(self, field):
        """One way to sign in is needed."""
        if not field.data and not (self.username.data and self.password.data):
            raise v.ValidationError(_("Give user name and password, or an access token."))


class Android(Gateway):
    """Sends by POST /messages."""

    name = "android"
    title = "SMS Gateway for Android"
    group = "own"
    about = _l("Your own Android phone: good for tests and for reading what arrives, not for mass texts.")
    Form = Settings
    ERRORS = ERRORS
    pushes = True
    echoes_reference = True
    idempotency_ttl_s = 86_400
    can_look_up = True
    settle_s = 30
    can_poll = True
    poll_every_s = 60
    concurrency = 8

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        sign_in = basic(settings["username"], settings["password"])
        if settings["token"]:
            sign_in = f"Authorization: Bearer {settings['token']}"
        self._hidden.append(sign_in.rpartition(" ")[2])
        self._headers = ("Content-Type: application/json", sign_in)
        self._messages = f"{settings['endpoint'].rstrip('/')}/messages"

    def request(self, messages: Sequence[Outgoing]) -> Request:
        (message,) = messages
        otp, word = message.cls == "otp", self.settings["passphrase"]
        body = {
            "id": message.ref,
            "textMessage": {"text": sealed(message.text, word) if word else message.text},
            "phoneNumbers": [sealed(message.to, word) if word else message.to],
            "withDeliveryReport": True,
            "ttl": self.valid_s(message, self.settings["ttl_s"]),
            "priority": PRIORITY_OTP if otp else 0,
        }
        if word:
            body["isEncrypted"] = True
        if self.settings["sim_number"]:
            body["simNumber"] = self.settings["sim_number"]
        if self.settings["device_id"]:
            body["deviceId"] = self.settings["device_id"]
        return Request(self._messages, orjson.dumps(body), self._headers)

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        (message,) = messages
        if data["id"] != message.ref or data["state"] not in STATUS:
            raise BadResponse("The gateway answered about another message.")
        return [Result("accepted", data["id"])]

    def fault(self, data: Any) -> tuple[str, str]:
        said = data.get("message") if isinstance(data, dict) else ""
        return _code(str(said or "")), str(said or "")

    def declined(self, response: Response, data: Any) -> Result:
        if response.status == 409:
            return Result("accepted")
        if response.status == 503 and isinstance(data, dict) and data.get("message"):
            # The server's own words: too many wait for the phone.  A 503 of a proxy has none and proves nothing.
            return self.refusal("HTTP 503", self.plain(data["message"]))
        return super().declined(response, data)

    # --- looking up -------------------------------------------------------------------------------------

    def look_up(self, ref: str) -> Found:
        response = self.http().send(self._state_of(ref))
        if response.status == 404 and isinstance(parsed(response.body), dict | None):
            return Found(False)
        receipt = self._told(response, ref)
        return Found(True, ref, receipt) if receipt else Found(None)

    def poll(self, refs: Sequence[tuple]) -> Iterable[Receipt]:
        answers = self.http().send_many([self._state_of(pair[0]) for pair in refs])
        for pair, response in zip(refs, answers, strict=True):
            receipt = None if isinstance(response, ProviderError) else self._told(response, pair[0])
            if receipt and receipt.state != "accepted":
                yield receipt

    def _state_of(self, ref: str) -> Request:
        return Request(f"{self._messages}/{ref}", headers=self._headers)

    def _told(self, response: Response, ref: str) -> Receipt | None:
        data = parsed(response.body)
        if response.status != 200 or not isinstance(data, dict) or data.get("id") != ref:
            return None
        state = STATUS.get(str(data.get("state")))
        if state is None:
            return None
        recipients, states = data.get("recipients"), data.get("states")
        error = recipients[0].get("error") if isinstance(recipients, list) and recipients else None
        at = time_of(states.get(data["state"])) if isinstance(states, dict) else None
        return Receipt(state, ref, ref, at, *self._why(error))

    def _why(self, reason: Any) -> tuple[str | None, str | None]:
        """(code, sentence) of why a text failed."""
        return (_code(str(reason)) or None, self.plain(reason)) if reason else (None, None)

    # --- receipts, inbound texts ------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Hex HMAC-SHA256 of body and X-Timestamp, at most five minutes old."""
        key = self.settings["signing_key"]
        if not key:
            return
        stamp = request.headers.get("x-timestamp", "")
        wanted = hmac.digest(key.encode(), request.body + stamp.encode(), "sha256").hex()
        given = request.headers.get("x-signature", "").strip().lower()
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Forged("The signature of the webhook does not fit the signing key.")
        if not stamp.isdigit() or abs(clock.now_ms() / 1000 - int(stamp)) > FRESH_S:
            raise Forged("The webhook is older than five minutes.")

    def parse_webhook(self, request: WebhookRequest):
        data = parsed(request.body)
        payload = data.get("payload") if isinstance(data, dict) else None
        if not isinstance(payload, dict):
            raise BadResponse("The webhook has no payload.")
        event = str(data.get("event"))
        if event == RECEIVED:
            yield _inbound(payload)
        elif event in STATUS:
            ref = payload.get("messageId")
            if not isinstance(ref, str) or not ref:
                raise BadResponse("The webhook names no message.")
            at = next((time_of(payload[key]) for key in AT if payload.get(key)), None)
            count = payload.get("partsCount")
            parts = count if type(count) is int and 0 < count < 256 else None
            yield Receipt(STATUS[event], ref, ref, at, *self._why(payload.get("reason")), parts)
        elif not event.startswith(("system:", "app:", "mms:", "sms:data-")):
            raise BadResponse(f"The webhook tells of an unknown event {event[:40]!r}.")


# --- small parsers --------------------------------------------------------------------------------------


def _code(reason: str) -> str:
    found = re.match(r"RESULT_ERROR_[A-Z_]+", reason)
    return found[0] if found else ""


def _inbound(payload: Mapping[str, Any]) -> Inbound:
    sender, text = payload.get("sender") or payload.get("phoneNumber"), payload.get("message")
    if not isinstance(sender, str) or not isinstance(text, str):
        raise BadResponse("The inbound text has no sender or no words.")
    # The app makes its id of words and second; the id of the envelope differs when the same text comes twice.
    id_ = payload.get("messageId")
    at = payload.get("receivedAt")
    to = payload.get("recipient")
    return Inbound(
        sender, text, to if isinstance(to, str) else "", f"{id_}:{at}"[:200] if id_ else None, time_of(at)
    )


@hookimpl
def register_providers():
    return [Android]
