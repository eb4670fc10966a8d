"""Infobip: the table of cases, batches of different texts, and calls with many rows."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from core import BadConfig, BadResponse, Balance, Inbound, WebhookRequest
from core.gateway import basic
from plugins.providers.infobip import Infobip
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called
from tests.adapters.infobip_kit import CALLER, KEY, PASSWORD, SETTINGS, row, status
from tests.gateway import answer

AT = datetime(2026, 11, 21, 11, 0, 1, 220_000, tzinfo=UTC)


def told(name: str, fields: dict, state: str, code: str | None = None) -> Told:
    return Told(name, called(orjson.dumps({"results": [fields]}), **CALLER), state, code)


def answered(group: str, name: str) -> bytes:
    return answer(
        200, {"bulkId": "b1", "messages": [{"messageId": PLAIN.ref, "status": status(group, name)}]}
    )


LOST = "UNDELIVERABLE_NOT_DELIVERED"
NO_OPERATOR = "UNDELIVERABLE_REJECTED_OPERATOR"
TEXT = {"messageId": "in1", "from": PLAIN.to[1:], "to": "447415774432", "text": "STOP", "cleanText": "", "keyword": "STOP",
        "receivedAt": "2026-11-21T12:00:01.220+0100", "smsCount": 1}  # fmt: skip
INBOUND = called(orjson.dumps({"results": [TEXT], "messageCount": 1}), kind="inbound", **CALLER)


class TestInfobip(VendorCases):
    provider = Infobip
    settings = SETTINGS
    secrets = (KEY, PASSWORD)
    bad_credentials = answer(
        401, {"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": f"Invalid {KEY}"}}}
    )
    refusals = (
        Refusal("no such prefix", answered("REJECTED", "REJECTED_PREFIX_MISSING"), "rejected", "REJECTED_PREFIX_MISSING"),
        Refusal("too often", answered("REJECTED", "REJECTED_FLOODING_FILTER"), "retry", "REJECTED_FLOODING_FILTER"),
        Refusal("sender", answered("REJECTED", "REJECTED_SOURCE"), "rejected", "REJECTED_SOURCE"),
        Refusal("system", answered("REJECTED", "REJECTED_SYSTEM_ERROR"), "retry", "REJECTED_SYSTEM_ERROR"),
        Refusal("a name nobody knows", answered("REJECTED", "REJECTED_NEW"), "rejected", "REJECTED_NEW"),
        Refusal("taken before", answered("REJECTED", "REJECTED_DUPLICATE_MESSAGE_ID"), "accepted"),
        Refusal("wrong request", answer(400, {"errorCode": "E400", "description": "Bad"}), "rejected", "E400"),
    )  # fmt: skip
    receipts = (
        told("on its way", row("PENDING", "PENDING_ENROUTE"), "accepted"),
        told("at the operator", row("DELIVERED", "DELIVERED_TO_OPERATOR"), "accepted"),
        told("delivered", row("DELIVERED", "DELIVERED_TO_HANDSET"), "delivered"),
        told("absent", row("UNDELIVERABLE", LOST, "EC_ABSENT_SUBSCRIBER"), "undelivered", "EC_ABSENT_SUBSCRIBER"),
        told("stopped", row("UNDELIVERABLE", LOST, "EC_CONTENT_BLOCKED"), "undelivered", "EC_CONTENT_BLOCKED"),
        told("without a network error", row("UNDELIVERABLE", NO_OPERATOR), "undelivered", NO_OPERATOR),
        told("expired", row("EXPIRED", "EXPIRED_EXPIRED", "EC_VALIDITY_EXPIRED"), "expired", "EC_VALIDITY_EXPIRED"),
        told("rejected", row("REJECTED", "REJECTED_NETWORK"), "rejected", "REJECTED_NETWORK"),
    )  # fmt: skip
    inbound = ((INBOUND, Inbound(PLAIN.to, "STOP", "447415774432", "in1", AT)),)
    forged = (
        called(INBOUND.body, kind="inbound"),
        called(INBOUND.body, kind="inbound", authorization=basic("cooee", "other").partition(": ")[2]),
        called(INBOUND.body, kind="inbound", authorization="é"),
    )
    balances = ((answer(200, {"balance": 47.79134, "currency": "EUR"}), Balance(47_791_340, "EUR")),)

    def good(self, call):
        rows = [
            {"messageId": message["destinations"][0]["messageId"], "status": status("PENDING", "PENDING_ACCEPTED"),
             "destination": message["destinations"][0]["to"], "details": {"messageCount": 3}}
            for message in call.json["messages"]
        ]  # fmt: skip
        return answer(200, {"bulkId": "b1", "messages": rows[::-1]})

    def read(self, call):
        assert (call.path, call.headers["authorization"]) == ("/sms/3/messages", f"App {KEY}")
        found = []
        for message in call.json["messages"]:
            assert message["webhooks"]["delivery"]["url"] == CALLBACK
            found.append(("+" + message["destinations"][0]["to"], message["content"]["text"]))
        return found

    def test_different_texts_travel_together(self):
        messages = [
            m._replace(text=f"Hello {n}", sender="" if n else "Shop") for n, m in enumerate(self.many(250))
        ]
        results, calls = self.sent(lambda call, _c: self.good(call), messages)
        assert sorted(len(call.json["messages"]) for call in calls) == [50, 100, 100]
        assert [result.provider_id for result in results] == [message.ref for message in messages]
        assert {result.parts for result in results} == {3}

    def test_each_text_of_a_batch_has_an_outcome_of_its_own(self):
        names = ("PENDING_ACCEPTED", "REJECTED_DESTINATION", "REJECTED_FLOODING_FILTER")

        def act(call, _connection):
            rows = [
                {
                    "messageId": message["destinations"][0]["messageId"],
                    "status": status(name.split("_")[0], name),
                }
                for message, name in zip(call.json["messages"], names, strict=False)
            ]
            return answer(200, {"messages": rows})

        results, _calls = self.sent(act, self.many(4))
        assert [result.outcome for result in results] == ["accepted", "rejected", "retry", "unknown"]

    def test_one_text_that_spoils_a_request_does_not_take_the_others_with_it(self):
        bad = self.many(4)[1].ref.encode()

        def act(call, _connection):
            return answer(400, {"errorCode": "E400"}) if bad in call.body else self.good(call)

        results, _calls = self.sent(act, self.many(4))
        assert [result.outcome for result in results] == ["accepted", "rejected", "accepted", "accepted"]

    def test_no_credits_halt_the_account(self):
        with pytest.raises(BadConfig):
            self.sent(lambda *_: answered("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"), [self.plain])

    def test_credits_that_end_within_a_request_do_not_send_its_first_texts_again(self):
        names = ("PENDING_ACCEPTED", "PENDING_ACCEPTED", "REJECTED_NOT_ENOUGH_CREDITS")

        def act(call, _connection):
            ids = [message["destinations"][0]["messageId"] for message in call.json["messages"]]
            rows = [
                {"messageId": id_, "status": status(name.split("_")[0], name)}
                for id_, name in zip(ids, names, strict=True)
            ]
            return answer(200, {"messages": rows})

        results, _calls = self.sent(act, self.many(3))
        assert [result.outcome for result in results] == ["accepted", "accepted", "retry"]

    def test_a_one_time_code_waits_ten_minutes(self):
        act = lambda call, _connection: self.good(call)  # noqa: E731
        _results, (call,) = self.sent(act, [self.plain, self.plain._replace(ref="B", cls="otp")])
        waits = [message["options"]["validityPeriod"] for message in call.json["messages"]]
        assert waits == [{"amount": 240, "timeUnit": "MINUTES"}, {"amount": 10, "timeUnit": "MINUTES"}]

    def test_a_call_with_many_rows_loses_none_for_a_bad_one(self):
        rows = [row("DELIVERED", "DELIVERED_TO_HANDSET", messageId=f"R{n}") for n in range(3)]
        rows.insert(1, {"status": {"groupName": "NEW"}})
        found = []
        with pytest.raises(BadResponse):
            for receipt in self.made().parse_webhook(called(orjson.dumps({"results": rows}))):
                found.append(receipt)
        assert [(receipt.ref, receipt.parts, receipt.at) for receipt in found] == [
            (f"R{n}", 2, AT) for n in range(3)
        ]

    def test_a_receipt_tells_the_price_of_all_parts_in_the_accounts_currency(self):
        for currency, wanted in (("EUR", 20_000), ("USD", None), ("", None)):
            provider = self.made()
            provider.currency = currency
            [one] = provider.parse_webhook(
                called(orjson.dumps({"results": [row("DELIVERED", "DELIVERED_TO_HANDSET")]}), **CALLER)
            )
            assert one.cost_micros == wanted

    def test_without_a_password_the_address_is_the_secret(self):
        request = WebhookRequest("inbound", "POST", CALLBACK, {}, {}, INBOUND.body)
        self.made(webhook_password="").verify_webhook(request)
