"""MessageBird: the table of cases, batches of one text, and signed calls."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import jwt
import orjson
import pytest

from core import Balance, Inbound, WebhookRequest
from plugins.providers.messagebird import MessageBird
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, asked
from tests.adapters.messagebird_kit import KEY, SETTINGS, SIGNING, signed
from tests.gateway import answer

NUMBER = PLAIN.to[1:]
AT = datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)


def report(status: str, reference=PLAIN.ref, **more: str) -> WebhookRequest:
    fields = {"id": "mb1", "reference": reference, "recipient": NUMBER, "status": status,
              "statusDatetime": "2026-11-21T12:00:01+00:00", **more}  # fmt: skip
    return WebhookRequest("receipt", "GET", f"{CALLBACK}?{urlencode(fields)}", {}, fields, b"")


def told(name: str, request: WebhookRequest, state: str, code: str | None = None) -> Told:
    return Told(name, lambda: signed(request), state, code)


def failed(code: str, reason: str) -> WebhookRequest:
    return report("delivery_failed", statusErrorCode=code, statusReason=reason)


TEXT = {
    "id": "in1",
    "recipient": "31970000000",
    "originator": NUMBER,
    "body": "STOP",
    "createdDatetime": "2026-11-21T12:00:01+00:00",
}
INBOUND = WebhookRequest(
    "inbound",
    "POST",
    CALLBACK.replace("receipt", "inbound"),
    {"content-type": "application/json"},
    {},
    orjson.dumps(TEXT),
)
SHORT = WebhookRequest(
    "inbound",
    "POST",
    INBOUND.url,
    {"content-type": "application/json"},
    {},
    orjson.dumps(TEXT | {"createdDatetime": "20261121120001"}),
)
EXPECTED = Inbound(PLAIN.to, "STOP", "31970000000", "in1", AT)


def refused(code: int, words: str, status=422) -> bytes:
    return answer(status, {"errors": [{"code": code, "description": words, "parameter": "recipient"}]})


def answered(**row) -> bytes:
    items = [{"recipient": int(NUMBER)} | row]
    return answer(201, {"id": "mb1", "recipients": {"items": items}})


class TestMessageBird(VendorCases):
    provider = MessageBird
    currency = "EUR"
    settings = SETTINGS
    secrets = (KEY, SIGNING)
    bad_credentials = refused(2, f"Request not allowed (incorrect access_key {KEY})", 401)
    refusals = (
        Refusal("no such recipient", refused(10, f"{NUMBER} is not valid"), "rejected", "api-10"),
        Refusal("missing words", refused(9, "no (correct) body found"), "rejected", "api-9"),
        Refusal("failed at once", answered(status="delivery_failed", statusErrorCode=103), "rejected", "103"),
        Refusal("another number answered", answered(recipient=1, status="sent"), "unknown", "bad_response"),
    )  # fmt: skip
    receipts = (
        *(told(word, report(word), "accepted") for word in ("scheduled", "sent", "buffered")),
        told("delivered", report("delivered", statusErrorCode="0"), "delivered"),
        told("expired", report("expired", statusErrorCode="27"), "expired", "27"),
        told("no such subscriber", failed("1", "unknown subscriber"), "undelivered", "1"),
        told("opted out", failed("103", "opted out"), "undelivered", "103"),
        told("opted out in words", failed("0", "opted_out"), "undelivered", "opted out"),
        told("of a batch", report("delivered", "batch-0123456789ABCDEF"), "delivered"),
    )
    inbound = ((lambda: signed(INBOUND), EXPECTED), (lambda: signed(SHORT), EXPECTED))
    forged = (
        INBOUND,
        lambda: signed(INBOUND, key="another".ljust(64, "x")),
        lambda: signed(INBOUND, payload_hash="0" * 64),
        lambda: signed(report("delivered"), url_hash=hashlib.sha256(CALLBACK.encode()).hexdigest()),
        lambda: signed(INBOUND, iss="Somebody"),
        lambda: WebhookRequest("receipt", "GET", CALLBACK, {"messagebird-signature-jwt": "a.b.c"}, {}, b""),
        lambda: _without(signed(INBOUND), "payload_hash"),
        lambda: signed(INBOUND, key="", algorithm="none"),
    )
    replayed = (lambda: signed(INBOUND, ago=70), lambda: signed(INBOUND, ago=-30))
    balances = (
        (answer(200, {"payment": "prepaid", "type": "euros", "amount": 9.2}), Balance(9_200_000, "EUR")),
        (answer(200, {"payment": "prepaid", "type": "credits", "amount": 103}), Balance(units=103)),
    )

    def good(self, call):
        rows = [
            {
                "recipient": int(number),
                "status": "sent",
                "messagePartCount": 2,
                "price": {"amount": 0.05, "currency": "EUR"},
            }
            for number in call.json["recipients"]
        ]
        made = hashlib.sha256(call.body).hexdigest()[:32]
        return answer(201, {"id": made, "recipients": {"totalCount": len(rows), "items": rows}})

    def read(self, call):
        assert (call.path, call.headers["authorization"]) == ("/messages", f"AccessKey {KEY}")
        assert call.json["reportUrl"] == CALLBACK
        return [(f"+{number}", call.json["body"]) for number in call.json["recipients"]]

    def test_only_texts_with_the_same_words_travel_together(self):
        same, other = self.many(3), [m._replace(text="Other") for m in self.many(2)]
        results, calls = self.sent(lambda call, _c: self.good(call), [same[0], other[0], *same[1:], other[1]])
        calls.sort(key=lambda call: -len(call.json["recipients"]))  # they travel at the same time
        assert [len(call.json["recipients"]) for call in calls] == [3, 2]
        assert [result.provider_id.split(":")[1] for result in results] == [
            m.to[1:] for m in (same[0], other[0], *same[1:], other[1])
        ]
        assert [call.json["reference"] for call in calls] == [f"batch-{same[0].ref}", f"batch-{other[0].ref}"]

    def test_more_than_fifty_are_several_requests(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), self.many(120))
        assert sorted(len(call.json["recipients"]) for call in calls) == [20, 50, 50]

    def test_one_bad_number_does_not_take_the_others_with_it(self):
        bad = self.many(5)[3].to[1:]

        def act(call, _connection):
            return refused(10, "recipient") if bad in call.json["recipients"] else self.good(call)

        results, calls = self.sent(act, self.many(5))
        assert [result.outcome for result in results] == ["accepted"] * 3 + ["rejected", "accepted"]
        assert len(calls) == 6

    def test_no_money_halts_the_account_after_one_request(self):
        results = []
        with pytest.raises(Exception, match="api-25"):
            results, _calls = self.sent(lambda *_: refused(25, "Not enough balance"), self.many(5))
        assert not results

    def test_a_lone_text_has_our_reference_parts_and_price(self):
        (result,), (call,) = self.sent(lambda call, _c: self.good(call), [self.unicode._replace(cls="otp")])
        assert (call.json["reference"], call.json["datacoding"], call.json["validity"]) == (
            self.unicode.ref,
            "unicode",
            600,
        )
        assert (result.parts, result.cost_micros) == (2, 50_000)

    def test_with_batches_of_one_receipts_always_carry_our_reference(self):
        alone, together = self.made(batch=1), self.made(batch=20)
        assert (alone.echoes_reference, alone.window) == (True, 50)
        assert (together.echoes_reference, together.window) == (False, 20)
        _results, calls = self.sent(lambda call, _c: self.good(call), self.many(3), batch=1)
        assert sorted(call.json["reference"] for call in calls) == [message.ref for message in self.many(3)]

    def test_a_receipt_is_matched_by_request_and_number(self):
        (found,) = self.made().parse_webhook(report("delivered", "batch-0123456789ABCDEF"))
        assert (found.ref, found.provider_id, found.at) == (None, f"mb1:{NUMBER}", AT)
        (found,) = self.made().parse_webhook(report("delivered"))
        assert found.ref == PLAIN.ref

    def test_without_a_signing_key_the_address_is_the_secret(self):
        self.made(signing_key="").verify_webhook(INBOUND)

    def test_a_report_tells_the_price_where_it_is_in_the_accounts_currency(self):
        for currency, wanted in (("EUR", 50_000), ("USD", None)):
            more = {"price[amount]": "0.05", "price[currency]": currency}
            [one] = self.made().parse_webhook(report("delivered", **more))
            assert one.cost_micros == wanted
        [one] = self.made().parse_webhook(report("delivered"))
        assert one.cost_micros is None


def _without(request: WebhookRequest, name: str) -> WebhookRequest:
    claims = jwt.decode(request.headers["messagebird-signature-jwt"], options={"verify_signature": False})
    del claims[name]
    token = jwt.encode(claims, SIGNING)
    return WebhookRequest(
        request.kind, "POST", request.url, {"messagebird-signature-jwt": token}, {}, request.body
    )


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_every_strength_of_signature_the_vendor_uses(algorithm):
    TestMessageBird().made().verify_webhook(asked(lambda: signed(INBOUND, algorithm=algorithm)))
