"""Twilio's calls: a text is read to the person who answers.

API: twilio.com/docs/voice/api/call-resource, …/voice/twiml/say, …/voice/answering-machine-detection,
twilio.com/docs/api/errors; read 2026-11-21.

There is no idempotency key: a lost answer stays in doubt until the call ends, and is never called again.  The end
of a call names our reference; its price is not told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from wtforms import BooleanField, IntegerField, StringField
from wtforms import validators as v

from core import BadResponse, Inbound, Outgoing, Receipt, Result, WebhookRequest, hookimpl
from core.gateway import fields_of, said
from core.i18n import _l
from plugins.providers import _settings, _speech, _twilio

#: Seconds it may ring.
RING_S = (5, 600)

STATUS = {
    **dict.fromkeys(("queued", "initiated", "ringing", "in-progress", "answered"), "accepted"),
    "completed": "delivered",
    **dict.fromkeys(("busy", "no-answer", "failed"), "undelivered"),
    "canceled": "rejected",
}

ERRORS = {
    **_twilio.COMMON,
    **dict.fromkeys(("busy", "no-answer", "machine"), "handset"),
    **dict.fromkeys(("21214", "21216", "13224", "13223"), "number"),
    **dict.fromkeys(("21205", "21210", "21212", "21213", "21215", "21219", "13227", "10004"), "route"),
    **dict.fromkeys(("21218", "21220"), "content"),
}

#: BCP 47 names of the voice "alice" and its successors.
LANGUAGES = {
    "zh": "zh-CN", "zh-hans": "zh-CN", "zh-cn": "zh-CN", "zh-hant": "zh-TW", "zh-tw": "zh-TW", "zh-hk": "zh-HK",
    "en": "en-US", "en-gb": "en-GB", "en-au": "en-AU", "en-ca": "en-CA", "en-in": "en-IN", "de": "de-DE",
    "fr": "fr-FR", "fr-ca": "fr-CA", "es": "es-ES", "es-mx": "es-MX", "it": "it-IT", "nl": "nl-NL", "pl": "pl-PL",
    "pt": "pt-PT", "pt-br": "pt-BR", "ru": "ru-RU", "ja": "ja-JP", "ko": "ko-KR", "sv": "sv-SE", "da": "da-DK",
    "fi": "fi-FI", "nb": "nb-NO", "ca": "ca-ES",
}  # fmt: skip


class Form(_twilio.AccountForm):
    """How it rings, who speaks, and what a mailbox means."""

    ring_s = IntegerField(_l("Seconds it rings"), [v.NumberRange(*RING_S)], default=40)
    language = StringField(
        _l("Language"),
        [v.InputRequired()],
        default="en-US",
        description=_l("Of texts whose language is not known, such as en-US or zh-CN."),
    )
    voice = StringField(
        _l("Speaking voice"),
        [v.Optional()],
        default="alice",
        description=_l("Such as alice or Polly.Joanna; it must know the languages."),
    )
    machine = BooleanField(
        _l("Tell mailboxes from people"),
        default=False,
        description=_l("Costs a little; a call that a machine answered then counts as not delivered."),
    )
    endpoint = _settings.api_address(_twilio.ENDPOINT)


class TwilioVoice(_twilio.Twilio):
    """Calls through Twilio."""

    name = "twilio_voice"
    title = _l("Twilio calls")
    about = _l(
        "Reads the text in a phone call, one-time codes digit by digit and twice; the sender is your number."
    )
    Form = Form
    ERRORS = ERRORS
    channels = ("voice",)

    def request(self, messages: Sequence[Outgoing]):
        (message,) = messages
        callback = self.callback(message.ref)
        return self.post(
            "Calls",
            (
                ("To", message.to),
                ("From", message.sender),
                ("Twiml", self._twiml(message)),
                ("Timeout", str(self.settings["ring_s"])),
                ("MachineDetection", "Enable" if self.settings["machine"] else ""),
                ("StatusCallback", callback),
                ("StatusCallbackEvent", "completed" if callback else ""),
            ),
        )

    def _twiml(self, message: Outgoing) -> str:
        text, times = _speech.words(message)
        language = quoteattr(_speech.voice_of(message, LANGUAGES, self.settings["language"]))
        voice = f" voice={quoteattr(self.settings['voice'])}" if self.settings["voice"] else ""
        say = f"<Say{voice} language={language}>{escape(text)}</Say>"
        return f'<Response><Pause length="1"/>{"<Pause/>".join([say] * times)}</Response>'

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        sid, state = said(data, "sid"), STATUS.get(said(data, "status"))
        if not sid or state is None:
            raise BadResponse("The answer names no call.")
        if state in ("undelivered", "rejected"):
            return [self.refusal(said(data, "error_code", "status"))]
        return [Result("accepted", sid)]

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        fields = fields_of(request)
        word, by = said(fields, "CallStatus"), said(fields, "AnsweredBy")
        state, code = STATUS.get(word), said(fields, "ErrorCode")
        if state == "delivered" and self.settings["machine"] and by.startswith(("machine", "fax")):
            state, word = "undelivered", "machine"
        if state in ("undelivered", "rejected"):
            code = code or word
        yield self.receipt(
            state,
            request.args.get("ref", ""),
            said(fields, "CallSid"),
            code=code if state not in ("accepted", "delivered") else "",
            at=_instant(said(fields, "Timestamp")),
        )


def _instant(text: str) -> datetime | None:
    """RFC 2822, as Twilio writes it."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


@hookimpl
def register_providers():
    return [TwilioVoice]
