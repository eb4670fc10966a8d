"""SMS Gateway for Android: the phone itself, its cloud, a server of one's own."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from core import BadConfig, Found, Inbound, Receipt
from core import Refusal as Refused
from core.contract.testing import check_provider
from plugins.providers._android import sealed
from plugins.providers.android import Android
from tests.adapters.android_kit import KEY, event
from tests.adapters.cases import PLAIN, Refusal, Told, VendorCases, called
from tests.gateway import answer, gateway

AT = "2026-11-22T10:15:30.000+08:00"


def state(word: str, **more) -> bytes:
    recipients = [{"phoneNumber": PLAIN.to, "state": word, **more}]
    return answer(200, {"id": PLAIN.ref, "state": word, "recipients": recipients, "states": {word: AT}})


def known(word: str) -> Found:
    return Found(True, PLAIN.ref, Receipt(word, PLAIN.ref, PLAIN.ref, datetime.fromisoformat(AT)))


class TestAndroid(VendorCases):
    provider = Android
    settings = {"username": "phone", "password": "pa55-w0rd", "signing_key": KEY}
    secrets = ("pa55-w0rd", KEY, base64.b64encode(b"phone:pa55-w0rd").decode())
    refusals = (
        Refusal("bad number", answer(400, {"message": "invalid phone number"}), "rejected", "HTTP 400"),
        Refusal("queue full", answer(503, {"message": "too many pending messages"}), "retry", "HTTP 503"),
        Refusal(
            "taken before", answer(409, {"message": "Message with the same ID already exists"}), "accepted"
        ),
    )
    receipts = (
        Told("sent", lambda: event("sms:sent", partsCount=2, sentAt=AT), "accepted"),
        Told("delivered", lambda: event("sms:delivered", deliveredAt=AT), "delivered"),
        Told("failed", lambda: event("sms:failed", failedAt=AT,
                             reason="RESULT_ERROR_NO_SERVICE (Failed because service is currently unavailable)"),
             "undelivered", "RESULT_ERROR_NO_SERVICE"),
        Told("failed otherwise", lambda: event("sms:failed", failedAt=AT, reason="Unknown"), "undelivered"),
        Told("cancelled", lambda: event("sms:cancelled", cancelledAt=AT), "rejected"),
    )  # fmt: skip
    inbound = (
        (
            lambda: event("sms:received", "inbound", messageId="7f3a", sender="+447700900123", recipient="+4477009",
                          message="退订", receivedAt=AT),
            Inbound("+447700900123", "退订", "+4477009", f"7f3a:{AT}", datetime(2026, 11, 22, 2, 15, 30, tzinfo=UTC)),
        ),
    )  # fmt: skip
    forged = (
        event("sms:delivered", key="another key"),
        called(event("sms:delivered").body),
        called(event("sms:delivered").body, X_Signature="é", X_Timestamp="x"),
    )
    replayed = (lambda: event("sms:delivered", ago=301), lambda: event("sms:delivered", ago=-330))

    def good(self, call):
        return answer(202, {"id": call.json["id"], "state": "Pending", "recipients": []})

    def read(self, call):
        assert call.path == "/messages"
        assert call.headers["authorization"] == f"Basic {self.secrets[2]}"
        assert call.json["withDeliveryReport"] is True
        return [(*call.json["phoneNumbers"], call.json["textMessage"]["text"])]

    def test_our_reference_is_the_id_and_a_repeat_is_an_acceptance(self):
        seen: set[str] = set()

        def phone(call, _connection):
            known = call.json["id"] in seen
            seen.add(call.json["id"])
            return answer(409, {"message": "exists"}) if known else self.good(call)

        with gateway(phone) as gate:
            provider = self.made(gate.url)
            assert [provider.send([PLAIN])[0].outcome for _ in range(3)] == ["accepted"] * 3
            provider.close()
        assert seen == {PLAIN.ref}

    def test_a_503_without_words_proves_nothing(self):
        results, _calls = self.sent(lambda *_: answer(503, ""), [PLAIN])
        assert results[0].outcome == "unknown"

    def test_a_code_passes_the_limits_of_the_phone(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN._replace(cls="otp"), PLAIN])
        assert {(call.json["priority"], call.json["ttl"]) for call in calls} == {(100, 600), (0, 86_400)}

    def test_sim_and_device_are_named(self):
        _results, calls = self.sent(
            lambda call, _c: self.good(call), [PLAIN], sim_number=2, device_id="dev-1"
        )
        assert (calls[0].json["simNumber"], calls[0].json["deviceId"]) == (2, "dev-1")

    def test_a_token_stands_for_name_and_password(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN], token="ey.J.wt", username="")
        assert calls[0].headers["authorization"] == "Bearer ey.J.wt"
        with pytest.raises(Refused, match="access token"):
            self.made(username="")

    @pytest.mark.parametrize(
        ("reply", "found"),
        [
            (answer(404, ""), Found(False)),
            (state("Pending"), known("accepted")),
            (state("Delivered"), known("delivered")),
            (answer(500, "oops"), Found(None)),
            (answer(200, {"id": "another", "state": "Sent"}), Found(None)),
            (answer(200, [1]), Found(None)),
        ],
    )  # fmt: skip
    def test_a_reference_is_looked_up(self, reply, found):
        with gateway(lambda *_: reply) as gate:
            provider = self.made(gate.url)
            assert provider.look_up(PLAIN.ref) == found
            assert gate.calls[0].path == f"/messages/{PLAIN.ref}"
            provider.close()

    def test_a_poll_gives_what_is_final(self):
        replies = {
            "A": state("Sent"),
            "B": answer(404, ""),
            PLAIN.ref: state("Failed", error="RESULT_ERROR_RADIO_OFF (x)"),
        }
        with gateway(lambda call, _c: replies[call.path.rpartition("/")[2]]) as gate:
            provider = self.made(gate.url)
            (receipt,) = provider.poll([(ref, None) for ref in replies])
            provider.close()
        assert (receipt.state, receipt.ref, receipt.code) == (
            "undelivered",
            PLAIN.ref,
            "RESULT_ERROR_RADIO_OFF",
        )

    def test_the_same_text_told_twice_is_one(self):
        first, again = (
            event(
                "sms:received",
                "inbound",
                messageId="7f3a",
                sender="+447700900123",
                message="STOP",
                receivedAt=AT,
            )
            for _ in range(2)
        )
        again = called(again.body.replace(b"ev-1", b"ev-2"), kind="inbound")
        ids = {item.id for request in (first, again) for item in self.made().parse_webhook(request)}
        assert len(ids) == 1

    def test_what_is_none_of_our_business_is_passed_over(self):
        for name in ("system:ping", "app:started", "mms:received", "sms:data-received"):
            assert list(self.made().parse_webhook(event(name))) == []

    def test_without_a_signing_key_the_secret_address_is_enough(self):
        self.made(signing_key="").verify_webhook(called(event("sms:sent").body))

    def test_encrypted_fields_are_read_by_the_apps_own_rules(self):
        _results, calls = self.sent(
            lambda call, _c: self.good(call), [self.unicode], passphrase="correct horse"
        )
        sent = calls[0].json
        assert sent["isEncrypted"] is True
        assert opened(sent["textMessage"]["text"], "correct horse") == self.unicode.text
        assert opened(sent["phoneNumbers"][0], "correct horse") == self.unicode.to
        assert sealed("x", "y", b"0" * 16) == sealed("x", "y", b"0" * 16) != sealed("x", "z", b"0" * 16)

    def test_it_keeps_the_contract(self):
        assert check_provider(Android, {"username": "x", "sim_number": None}) == []

    def test_wrong_credentials_halt(self):
        with pytest.raises(BadConfig, match="credentials"):
            self.sent(lambda *_: answer(401, {"message": "unauthorized"}), [PLAIN])


def opened(field: str, passphrase: str) -> str:
    """EncryptionService.decrypt, written again from its source."""
    _empty, algorithm, params, salt, text = field.split("$")
    assert algorithm == "aes-256-cbc/pbkdf2-sha1"
    iv = base64.b64decode(salt)
    key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), iv, int(params.partition("=")[2]), 32)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(base64.b64decode(text)) + decryptor.finalize()
    return padded[: -padded[-1]].decode()
