"""Jasmin by its HTTP API and by its REST API."""

import base64

import pytest

from core import Balance, Inbound, Receipt, Throttled, WebhookRequest
from core.contract.testing import check_provider
from plugins.providers.jasmin import Jasmin
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called
from tests.gateway import answer, gateway

FORM = "application/x-www-form-urlencoded"
#: "退订" in UTF-16.
STOP = "90008ba2"
BATCH = "af268b6b-1ace-4413-b9d2-529f4942fd9e"


def report(status: str, **fields) -> WebhookRequest:
    """A receipt as DLRThrower posts it to the dlr-url of a text."""
    body = f"id=c723d42a&level=3&message_status={status}&connector=c1&id_smsc=7F&subdate=2611220201&donedate=2611220202"
    body += "".join(f"&{key}={value}" for key, value in fields.items())
    return called(body, FORM, args={"ref": PLAIN.ref}, url=f"{CALLBACK}?ref={PLAIN.ref}")


def words(fields: dict[str, str]) -> tuple[str, str]:
    if fields["coding"] == "8":
        return fields["to"], bytes.fromhex(fields["hex-content"]).decode("utf-16-be")
    return fields["to"], fields["content"]


class TestJasmin(VendorCases):
    provider = Jasmin
    settings = {"username": "shop", "password": "pa55-w0rd", "most_parts": 10}
    secrets = ("pa55-w0rd", base64.b64encode(b"shop:pa55-w0rd").decode())
    bad_credentials = answer(403, 'Error "Authentication failure for username:shop"')
    throttled = answer(403, 'Error "User throughput exceeded"')
    refusals = (
        Refusal("no route", answer(412, 'Error "No route found"'), "rejected", "no route found"),
        Refusal("no bind", answer(412, 'Error "Failover route has no bound connectors"'), "retry",
                "failover route has no bound connectors"),
        Refusal("bad argument", answer(400, 'Error "Argument [to] has an invalid value: [x]."'), "rejected",
                "HTTP 400"),
        Refusal("filter", answer(400, 'Error "Value filter failed for username [shop] (destination_address)."'), "rejected",
                "value filter failed for username"),
    )  # fmt: skip
    receipts = (
        Told("taken", report("ESME_ROK"), "accepted"),
        Told("bad number", report("ESME_RINVDSTADR"), "rejected", "ESME_RINVDSTADR"),
        Told("delivered", report("DELIVRD", sub="001", dlvrd="001", err="000", text="Hello"), "delivered"),
        Told("failed", report("UNDELIV", err="013"), "undelivered", "013"),
        Told("deleted", report("DELETED", err="000"), "undelivered", "DELETED"),
        Told("expired", report("EXPIRED", err="ND"), "expired", "EXPIRED"),
        Told("rejected", report("REJECTD", err="041"), "rejected", "041"),
        Told("on its way", report("ENROUTE"), "accepted"),
        Told("nobody knows", report("UNKNOWN"), "accepted"),
    )
    inbound = (
        (
            called(f"id=mo-1&from=447700900123&to=88&coding=8&content=x&binary={STOP}", FORM, "inbound"),
            Inbound("447700900123", "退订", "88", "mo-1"),
        ),
        (
            called("id=mo-2&from=447700900123&to=88&coding=0&binary=00011b6520", FORM, "inbound"),
            Inbound("447700900123", "@£€ ", "88", "mo-2"),
        ),
        (
            called(b"", FORM, "inbound", args={"id": "mo-3", "from": "447700900123", "content": "STOP"}),
            Inbound("447700900123", "STOP", "", "mo-3"),
        ),
    )  # fmt: skip

    balances = (
        (answer(200, {"balance": 10.23, "sms_count": "ND"}), Balance(10_230_000, None, None)),
        (answer(200, {"balance": "ND", "sms_count": 50}), Balance(None, None, 50)),
    )

    def good(self, call):
        return answer(200, f'Success "c723d42a-{len(call.body)}-{abs(hash(call.body))}"')

    def read(self, call):
        assert (call.path, call.form["username"], call.form["password"]) == ("/send", "shop", "pa55-w0rd")
        return [words(call.form)]

    def test_a_text_jasmin_would_cut_is_not_sent(self):
        results, calls = self.sent(lambda call, _c: self.good(call), [self.long, PLAIN], most_parts=5)
        assert [(r.outcome, r.code) for r in results] == [("rejected", "too_long"), ("accepted", None)]
        assert len(calls) == 1

    def test_each_text_has_a_dlr_url_of_its_own(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN])
        form = calls[0].form
        assert form["dlr-url"] == f"{CALLBACK}?ref={PLAIN.ref}"
        assert (form["dlr"], form["dlr-level"], form["dlr-method"]) == ("yes", "3", "POST")

    def test_too_fast_is_no_reason_to_halt(self):
        with pytest.raises(Throttled):
            self.sent(lambda *_: self.throttled, [PLAIN])

    def test_every_call_is_acknowledged_in_jasmins_words(self):
        for request in (report("DELIVRD"), self.inbound[0][0]):
            assert self.made().webhook_reply(request) == (200, "text/plain", "ACK/Jasmin")

    def test_a_user_without_quotas_has_no_balance(self):
        with gateway(lambda *_: answer(200, {"balance": "ND", "sms_count": "ND"})) as gate:
            assert self.made(gate.url).balance() is None
            assert gate.calls[0].path == "/balance"

    def test_it_keeps_the_contract(self):
        assert check_provider(Jasmin, {"username": "x"}) == []


class TestJasminRest(VendorCases):
    """The same gateway through /secure/sendbatch."""

    provider = Jasmin
    settings = {"mode": "rest", "username": "shop", "password": "pa55-w0rd", "most_parts": 10}
    secrets = TestJasmin.secrets
    bad_credentials = answer(
        412, {"title": "Authentication failed", "description": "Authentication failed for user: shop"}
    )
    refusals = (Refusal("odd", answer(412, {"title": "Cannot parse JSON data"}), "rejected", "HTTP 412"),)

    balances = ((answer(200, {"data": {"balance": 3, "sms_count": 7}}), Balance(3_000_000, None, 7)),)

    def good(self, call):
        return answer(200, {"data": {"batchId": BATCH, "messageCount": len(call.json["messages"])}})

    def read(self, call):
        assert call.path == "/secure/sendbatch"
        assert call.headers["authorization"] == f"Basic {self.secrets[1]}"
        return [words(fields) for fields in call.json["messages"]]

    def test_a_batch_is_one_request_whatever_the_texts(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), self.many(25))
        assert len(calls) == 1
        assert len({fields["dlr-url"] for fields in calls[0].json["messages"]}) == 25

    def test_a_batch_of_which_some_were_left_out_is_in_doubt(self):
        less = answer(200, {"data": {"batchId": BATCH, "messageCount": 2}})
        results, _calls = self.sent(lambda *_: less, self.many(3))
        assert {result.outcome for result in results} == {"unknown"}

    def test_a_refusal_behind_the_queue_names_its_text(self):
        results, _calls = self.sent(lambda call, _c: self.good(call), self.many(3))
        to = self.many(3)[1].to.replace("+", "%2B")
        body = {
            "batchId": BATCH,
            "to": self.many(3)[1].to,
            "status": "0",
            "statusText": 'HTTPAPI error: Error "No route found',
        }
        (receipt,) = self.made().parse_webhook(WebhookRequest("receipt", "GET", CALLBACK, {}, body, b""))
        assert receipt == Receipt(
            "rejected", None, results[1].provider_id, code="no route found", reason="No route found"
        )
        assert to[3:] not in results[1].provider_id

    def test_two_texts_to_one_number_cannot_be_told_apart(self):
        results, _calls = self.sent(lambda call, _c: self.good(call), [PLAIN, PLAIN._replace(ref="R2")])
        assert [result.provider_id for result in results] == [None, None]
