"""Vonage's Voice API: a text is read to the person who answers.

API: developer.vonage.com/en/api/voice (POST /v1/calls), …/voice/voice-api/ncco-reference (talk),
…/voice/voice-api/webhook-reference, …/getting-started/concepts/webhooks (signed webhooks),
…/getting-started/concepts/authentication (application tokens); read 2026-11-21.

There is no idempotency key: a lost answer stays in doubt until an event comes, and is never called again.  Events
name our reference in the query of their address; the one of the end tells the price, in euros.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import orjson
from wtforms import BooleanField, IntegerField, StringField, TextAreaField
from wtforms import validators as v

from core import (
    BadConfig,
    BadResponse,
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
from core.contract.payloads import time_of
from core.gateway import fields_of, micros, said
from core.i18n import _, _l
from plugins.providers import _jwt, _settings, _speech

#: An application token serves this long; a new one is made at half time.
TOKEN_S = 600
#: A signed call older than this is refused.
AGE_S = 300
#: Prices are in it, wherever the account is.
CURRENCY = "EUR"
#: Seconds it may ring.
RING_S = (1, 120)

STATUS = {
    **dict.fromkeys(("started", "ringing", "answered", "human", "disconnected"), "accepted"),
    "completed": "delivered",
    **dict.fromkeys(("busy", "unanswered", "timeout", "failed", "machine"), "undelivered"),
    **dict.fromkeys(("rejected", "cancelled"), "rejected"),
}
#: Statuses, and the details that say more.
ERRORS = {
    **dict.fromkeys(("busy", "unanswered", "timeout", "machine", "unavailable", "carrier_timeout", "declined"), "handset"),
    **dict.fromkeys(("internal_error",), "temporary"),
    "number_out_of_service": "number",
    "restricted": "blocked",
    **dict.fromkeys(("cannot_route", "HTTP 403"), "route"),
    **dict.fromkeys(("unauthorized", "low-balance", "payment-required"), "account"),
}  # fmt: skip

LANGUAGES = {
    "zh": "cmn-CN", "zh-hans": "cmn-CN", "zh-cn": "cmn-CN", "zh-hant": "cmn-TW", "zh-tw": "cmn-TW", "zh-hk": "yue-CN",
    "yue": "yue-CN", "en": "en-US", "en-gb": "en-GB", "en-au": "en-AU", "en-in": "en-IN", "de": "de-DE", "fr": "fr-FR",
    "fr-ca": "fr-CA", "es": "es-ES", "es-mx": "es-MX", "it": "it-IT", "nl": "nl-NL", "pl": "pl-PL", "pt": "pt-PT",
    "pt-br": "pt-BR", "ru": "ru-RU", "ja": "ja-JP", "ko": "ko-KR", "sv": "sv-SE", "da": "da-DK", "fi": "fi-FI",
    "nb": "nb-NO", "ca": "ca-ES", "id": "id-ID", "th": "th-TH", "tr": "tr-TR", "vi": "vi-VN", "hi": "hi-IN",
}  # fmt: skip


class Form(BaseForm):
    """An application with its private key, and how it rings."""

    application_id = StringField(
        _l("Application ID"),
        [v.InputRequired()],
        description=_l("Of a Vonage application with the capability Voice."),
    )
    private_key = TextAreaField(
        _l("Private key"),
        [v.InputRequired()],
        render_kw={"secret": True},
        description=_l("The whole file private.key of the application, from BEGIN to END."),
    )
    signature_secret = _settings.signature_secret()
    ring_s = IntegerField(_l("Seconds it rings"), [v.NumberRange(*RING_S)], default=40)
    language = StringField(
        _l("Language"),
        [v.InputRequired()],
        default="en-US",
        description=_l("Of texts whose language is not known, such as en-US or cmn-CN."),
    )
    machine = BooleanField(
        _l("Hang up on mailboxes"),
        default=False,
        description=_l("A call that a machine answered then counts as not delivered."),
    )
    endpoint = _settings.api_address("https://api.nexmo.com")

    def validate_private_key(self, field):
        """A key that can be read, so that a bad paste is found now."""
        if not _jwt.is_private_key(field.data or ""):
            raise v.ValidationError(_("This is no RSA private key in PEM form."))


class VonageVoice(Gateway):
    """Calls through Vonage."""

    name = "vonage_voice"
    title = _l("Vonage calls")
    about = _l(
        "Reads the text in a phone call, one-time codes digit by digit and twice; the sender is your number."
    )
    Form = Form
    ERRORS = ERRORS
    group = "world"
    channels = ("voice",)
    pushes = True

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.echoes_reference = bool(self.callback())
        self._token: tuple[float, tuple[str, ...]] = (0.0, ())

    def _headers(self) -> tuple[str, ...]:
        """With a token of the application; one serves many calls.  Raises `BadConfig` for an unusable key."""
        now = clock.now_ms() / 1000
        if now > self._token[0]:
            claims = {
                "application_id": self.settings["application_id"],
                "iat": int(now),
                "exp": int(now) + TOKEN_S,
                "jti": str(uuid4()),
            }
            try:
                token = _jwt.signed(claims, self.settings["private_key"])
            except ValueError:
                raise BadConfig("The private key of the application cannot be used.") from None
            headers = (
                f"Authorization: Bearer {token}",
                "Content-Type: application/json",
                "Accept: application/json",
            )
            self._token = (now + TOKEN_S / 2, headers)
        return self._token[1]

    def request(self, messages: Sequence[Outgoing]):
        from core.http import Request

        (message,) = messages
        text, times = _speech.words(message)
        language = _speech.voice_of(message, LANGUAGES, self.settings["language"])
        sender, callback = message.sender.lstrip("+"), self.callback(message.ref)
        fields = {
            "to": [{"type": "phone", "number": message.to.lstrip("+")}],
            "ncco": [{"action": "talk", "text": text, "language": language, "loop": times}],
            "ringing_timer": self.settings["ring_s"],
        }
        fields |= {"from": {"type": "phone", "number": sender}} if sender else {"random_from_number": True}
        if callback:
            fields |= {"event_url": [callback], "event_method": "POST"}
        if self.settings["machine"]:
            fields["machine_detection"] = "hangup"
        return Request(
            self.settings["endpoint"].rstrip("/") + "/v1/calls", orjson.dumps(fields), self._headers()
        )

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        made, state = said(data, "uuid"), STATUS.get(said(data, "status"))
        if not made or state is None:
            raise BadResponse("The answer names no call.")
        return [Result("accepted", made)]

    def fault(self, data: Any) -> tuple[str, str]:
        """The last word of the address that names the error, and its sentence."""
        code = said(data, "type").rpartition("#")[2].rpartition("/")[2]
        return code, said(data, "detail", "title", "error_title")

    # --- webhooks -----------------------------------------------------------------------------------------

    def verify_webhook(self, request: WebhookRequest) -> None:
        secret = self.settings["signature_secret"]
        if not secret:
            return
        scheme, _space, token = request.headers.get("authorization", "").partition(" ")
        claims = _jwt.claims(token.strip() if scheme.lower() == "bearer" else "", secret)
        if abs(clock.now_ms() / 1000 - float(claims["iat"])) > AGE_S:
            raise Forged("The call is older than five minutes.")
        wanted = hashlib.sha256(request.body).hexdigest()
        if request.body and not hmac.compare_digest(
            str(claims.get("payload_hash")).encode(), wanted.encode()
        ):
            raise Forged("The signature is for other words.")

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        fields = fields_of(request)
        word, detail = said(fields, "status"), said(fields, "detail")
        state = STATUS.get(word)
        if word == "machine" and not self.settings["machine"]:
            state = "accepted"
        code = "" if state in ("accepted", "delivered") else detail if detail in self.errors else word
        yield self.receipt(
            state,
            request.args.get("ref", ""),
            said(fields, "uuid"),
            code=code,
            at=time_of(said(fields, "timestamp") or None),
            cost_micros=self.priced(micros(said(fields, "price")), CURRENCY),
        )


@hookimpl
def register_providers():
    return [VonageVoice]
