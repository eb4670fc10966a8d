"""Calls through Vonage: the table of cases, tokens both ways, and what the person hears."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from vonage_jwt.verify_jwt import verify_signature

from core import Forged
from core import Refusal as Refused
from plugins.providers.vonage_voice import VonageVoice
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called
from tests.adapters.vonage_voice_kit import APP, KEY, PEM, SETTINGS, SIGNING, event, pem, signed
from tests.gateway import answer


def told(status: str, state: str, code: str | None = None, **more) -> Told:
    return Told(status + str(more or ""), lambda: signed(event(status, **more)), state, code)


def refused(status: int, word: str, words=f"About {PLAIN.to} {SIGNING}") -> bytes:
    body = {"type": f"https://developer.nexmo.com/api-errors/voice#{word}", "title": "No", "detail": words}
    return answer(status, body)


class TestVonageVoice(VendorCases):
    provider = VonageVoice
    settings = SETTINGS
    secrets = (PEM, SIGNING, PEM.splitlines()[3])
    bad_credentials = refused(401, "unauthorized")
    refusals = (
        Refusal("wrong number", refused(400, "invalid-parameter"), "rejected", "invalid-parameter"),
        Refusal("not understood", answer(422, {}), "rejected", "HTTP 422"),
    )
    receipts = (
        *(
            told(word, "accepted")
            for word in ("started", "ringing", "answered", "human", "machine", "disconnected")
        ),
        told("completed", "delivered", duration="9", price="0.01", rate="0.06"),
        *(told(word, "undelivered", word) for word in ("busy", "unanswered", "timeout", "failed")),
        *(told(word, "rejected", word) for word in ("rejected", "cancelled")),
        told("failed", "undelivered", "number_out_of_service", detail="number_out_of_service"),
        told("rejected", "rejected", "rejected", detail="something new"),
    )
    forged = (
        lambda: signed(event("completed"), secret="another-secret-of-the-same-length-12"),
        lambda: signed(event("completed"), payload_hash="0" * 64),
        lambda: signed(event("completed"), payload_hash=None),
        called(event("completed")),
        called(event("completed"), Authorization="Basic x"),
    )
    replayed = (lambda: signed(event("completed"), ago=301), lambda: signed(event("completed"), ago=-301))

    def good(self, call):
        made = hashlib.sha256(call.body).hexdigest()[:32]
        return answer(201, {"uuid": made, "status": "started", "direction": "outbound"})

    def read(self, call):
        assert call.path == "/v1/calls"
        claims = jwt.decode(call.headers["authorization"][7:], KEY.public_key(), algorithms=["RS256"])
        assert claims["application_id"] == APP and claims["exp"] - claims["iat"] == 600
        ((to,), (talk,)) = call.json["to"], call.json["ncco"]
        return [("+" + to["number"], talk["text"])]

    def one(self, message, **given):
        _results, (call,) = self.sent(lambda call, _c: self.good(call), [message], **given)
        return call.json

    def test_the_call_rings_and_reports_to_us(self):
        body = self.one(self.plain, ring_s=25)
        assert body["from"] == {"type": "phone", "number": "10690000"}
        assert (body["ringing_timer"], body["event_url"]) == (25, [f"{CALLBACK}?ref={PLAIN.ref}"])
        assert "machine_detection" not in body
        assert self.one(self.plain, machine=True)["machine_detection"] == "hangup"
        assert self.one(self.plain._replace(sender=""))["random_from_number"] is True

    def test_a_code_is_read_digit_by_digit_and_twice_in_its_language(self):
        (talk,) = self.one(self.plain._replace(text="验证码482913。", cls="otp"))["ncco"]
        assert talk == {
            "action": "talk",
            "text": "验证码4, 8, 2, 9, 1, 3。",
            "language": "cmn-CN",
            "loop": 2,
        }

    def test_a_mailbox_is_no_person_where_that_is_asked_for(self):
        (found,) = self.made(machine=True).parse_webhook(signed(event("machine")))
        assert (found.state, found.code) == ("undelivered", "machine")

    def test_an_event_names_our_reference_and_the_time(self):
        (found,) = self.made().parse_webhook(signed(event("completed")))
        assert (found.ref, found.provider_id) == (PLAIN.ref, "u1")
        assert found.at == datetime(2026, 11, 21, 12, 0, 1, 220_000, tzinfo=UTC)

    def test_one_token_serves_many_calls(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), self.many(5))
        assert len({call.headers["authorization"] for call in calls}) == 1

    @pytest.mark.parametrize("key", ["", "x", PEM[:300], pem(ec.generate_private_key(ec.SECP256R1()))])
    def test_a_key_that_cannot_be_used_is_refused_in_the_form(self, key):
        with pytest.raises(Refused) as raised:
            self.made(private_key=key)
        assert raised.value.field == "private_key"

    def test_without_a_signature_secret_the_address_is_the_secret(self):
        self.made(signature_secret="").verify_webhook(called(event("completed")))

    def test_the_end_of_a_call_tells_its_price_in_euros(self):
        provider = self.made()
        provider.currency = "EUR"
        [one] = provider.parse_webhook(signed(event("completed", price="0.01000000")))
        assert one.cost_micros == 10_000

    def test_our_check_agrees_with_the_vendors_own(self):
        for request, secret in (
            (signed(event("busy")), SIGNING),
            (signed(event("busy"), secret="b" * 40), SIGNING),
        ):
            token = request.headers["authorization"][7:]
            try:
                self.made().verify_webhook(request)
                ours = True
            except Forged:
                ours = False
            assert ours == verify_signature(token, secret)
