"""Calls through Twilio: the table of cases, and what the person hears."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from twilio.request_validator import RequestValidator

from core import Balance, Outgoing, WebhookRequest
from plugins.providers import _speech
from plugins.providers.twilio_voice import LANGUAGES, TwilioVoice
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called
from tests.gateway import answer

SID, TOKEN = "AC" + "0" * 32, "t0ken-of-the-account"
FORM = "application/x-www-form-urlencoded"
AT = "Sat, 21 Nov 2026 12:00:01 +0000"


def ended(status: str, token=TOKEN, **more: str) -> WebhookRequest:
    """What Twilio says of a call."""
    url = f"{CALLBACK}?ref={PLAIN.ref}"
    fields = {
        "CallSid": "CA1",
        "CallStatus": status,
        "Timestamp": AT,
        "To": PLAIN.to,
        "CallDuration": "9",
        **more,
    }
    signature = RequestValidator(token).compute_signature(url, fields)
    return called(urlencode(fields), FORM, args={"ref": PLAIN.ref}, url=url, X_Twilio_Signature=signature)


def refused(status: int, code: int) -> bytes:
    return answer(status, {"code": code, "message": f"About {PLAIN.to} {TOKEN}", "status": status})


def heard(twiml: str) -> list[ET.Element]:
    return ET.fromstring(twiml).findall("Say")


class TestTwilioVoice(VendorCases):
    provider = TwilioVoice
    settings = {"account_sid": SID, "auth_token": TOKEN}
    secrets = (TOKEN,)
    throttled = refused(429, 20429)
    bad_credentials = refused(401, 20003)
    refusals = (
        Refusal("no number", refused(400, 21211), "rejected", "21211"),
        Refusal("not our number", refused(400, 21212), "rejected", "21212"),
        Refusal("country not allowed", refused(400, 21215), "rejected", "21215"),
        Refusal("failed at once", answer(201, {"sid": "CA1", "status": "failed"}), "rejected", "failed"),
    )
    receipts = (
        *(Told(word, ended(word), "accepted") for word in ("queued", "initiated", "ringing", "in-progress")),
        Told("completed", ended("completed"), "delivered"),
        Told("a machine is as good as a person", ended("completed", AnsweredBy="machine_start"), "delivered"),
        *(Told(word, ended(word), "undelivered", word) for word in ("busy", "no-answer", "failed")),
        Told("why", ended("failed", ErrorCode="13224"), "undelivered", "13224"),
        Told("canceled", ended("canceled"), "rejected", "canceled"),
    )
    forged = (ended("completed", token="another"), called(b"{}"))
    balances = ((answer(200, {"currency": "USD", "balance": "12.345"}), Balance(12_345_000, "USD")),)

    def good(self, call):
        sid = "CA" + hashlib.sha256(call.body).hexdigest()[:32]
        return answer(201, {"sid": sid, "status": "queued", "price": None})

    def read(self, call):
        assert call.path == f"/2010-04-01/Accounts/{SID}/Calls.json"
        (say,) = heard(call.form["Twiml"])
        return [(call.form["To"], say.text)]

    def one(self, message: Outgoing, **given):
        _results, (call,) = self.sent(lambda call, _c: self.good(call), [message], **given)
        return call.form

    def test_the_call_rings_and_reports_its_end(self):
        form = self.one(self.plain, ring_s=25)
        assert (form["From"], form["Timeout"], form["StatusCallbackEvent"]) == ("10690000", "25", "completed")
        assert form["StatusCallback"] == f"{CALLBACK}?ref={PLAIN.ref}"
        assert "MachineDetection" not in form
        assert self.one(self.plain, machine=True)["MachineDetection"] == "Enable"

    def test_a_mailbox_is_no_person_where_that_is_asked_for(self):
        provider = self.made(machine=True)
        for by, state, code in (
            ("machine_end_beep", "undelivered", "machine"), ("fax", "undelivered", "machine"),
            ("human", "delivered", None), ("unknown", "delivered", None),
        ):  # fmt: skip
            (found,) = provider.parse_webhook(ended("completed", AnsweredBy=by))
            assert (found.state, found.code) == (state, code)

    def test_a_code_is_read_digit_by_digit_and_twice(self):
        says = heard(
            self.one(self.plain._replace(text="Your code is 482913, for 10 minutes", cls="otp"))["Twiml"]
        )
        assert [say.text for say in says] == ["Your code is 4, 8, 2, 9, 1, 3, for 10 minutes"] * 2

    def test_the_end_names_our_reference_and_the_time(self):
        (found,) = self.made().parse_webhook(ended("completed"))
        assert (found.ref, found.provider_id) == (PLAIN.ref, "CA1")
        assert found.at == datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("lang", "text", "expected"),
        [
            ("zh", "x", "zh-CN"), ("zh_Hans", "x", "zh-CN"), ("zh-Hant", "x", "zh-TW"), ("en-GB", "x", "en-GB"),
            ("pt-AO", "x", "pt-PT"), ("", "验证码", "zh-CN"), ("", "コード", "ja-JP"), ("", "코드", "ko-KR"),
            ("", "код", "ru-RU"), ("", "Code", "de-DE"), ("xx", "Code", "de-DE"), ("en", "验证码", "en-US"),
        ],
    )  # fmt: skip
    def test_the_voice_speaks_the_language_of_the_words(self, lang, text, expected):
        (say,) = heard(self.one(self.plain._replace(lang=lang, text=text), language="de-DE")["Twiml"])
        assert say.get("language") == expected

    def test_what_xml_cannot_hold_is_not_said(self):
        (say,) = heard(self.one(self.plain._replace(text="a\x00\x1b\uffffb ]]> <Hangup/>"))["Twiml"])
        assert say.text == "a   b ]]> <Hangup/>"

    def test_a_voice_name_cannot_break_out_of_its_place(self):
        (say,) = heard(self.one(self.plain, voice='x" foo="y')["Twiml"])
        assert say.get("voice") == 'x" foo="y'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("验证码1234，5分钟内有效", "验证码1, 2, 3, 4，5分钟内有效"),
        ("A1B2C3 is it", "A, 1, B, 2, C, 3 is it"),
        ("Call now", "Call now"),
        ("123", "123"),
    ],
)
def test_codes_are_found_among_words_of_any_script(text, expected):
    assert _speech.words(PLAIN._replace(text=text, cls="otp")) == (expected, 2)
    assert _speech.words(PLAIN._replace(text=text, cls="voice")) == (text, 1)


def test_every_language_has_a_name_of_the_vendor():
    assert all("-" in name for name in LANGUAGES.values())
