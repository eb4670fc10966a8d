"""Kannel by sendsms."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from core import BadConfig, Inbound, WebhookRequest
from core.contract.testing import check_provider
from plugins.providers.kannel import Kannel
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases
from tests.gateway import answer

POSTED = {
    "x-kannel-from": "+447700900123",
    "x-kannel-to": "88",
    "content-type": "text/plain; charset=UTF-16BE",
}
INBOUND = CALLBACK.replace("receipt", "inbound")


def report(**fields) -> WebhookRequest:
    """What Kannel fetches by a dlr-url."""
    return WebhookRequest("receipt", "GET", CALLBACK, {}, {"ref": PLAIN.ref, **fields}, b"")


def inbound(args=None, headers=None, body=b"") -> WebhookRequest:
    return WebhookRequest("inbound", "GET", INBOUND, headers or {}, args or {}, body)


class TestKannel(VendorCases):
    provider = Kannel
    settings = {"username": "shop", "password": "pa55-w0rd"}
    secrets = ("pa55-w0rd",)
    bad_credentials = answer(403, "Authorization failed for sendsms")
    throttled = answer(503, "Temporal failure, try again later.")
    refusals = (
        Refusal("no route", answer(403, "Not routable. Do not try again."), "rejected", "not routable"),
        Refusal("bad number", answer(400, "Garbage `to' field, rejected."), "rejected", "garbage to field"),
        Refusal("no sender", answer(400, "Sender missing and no global set, rejected"), "rejected",
                "sender missing and no global set"),
        Refusal("later", answer(503, "Temporal failure, try again later."), "retry", "temporal failure"),
    )  # fmt: skip
    receipts = (
        Told("taken", report(state="8", reply="ACK/"), "accepted"),
        Told("queued", report(state="4"), "accepted"),
        Told("delivered", report(state="1", id="7F", reply="id:7F sub:001 dlvrd:001 stat:DELIVRD err:000"), "delivered"),
        Told("failed", report(state="2", reply="id:7F stat:UNDELIV err:013 text:"), "undelivered", "013"),
        Told("expired", report(state="2", reply="id:7F stat:EXPIRED err:000 text:"), "expired", "EXPIRED"),
        Told("refused", report(state="16", reply="NACK/0x0000000b/Invalid Destination"), "rejected", "0x0000000b"),
        Told("refused, decimal", report(state="16", reply="NACK/11/Invalid"), "rejected", "0x0000000b"),
    )  # fmt: skip
    inbound = (
        (
            inbound({"from": "+8613800138000", "to": "10690000", "text": "退订", "id": "u-1", "at": "1795312800"}),
            Inbound("+8613800138000", "退订", "10690000", "u-1", datetime.fromtimestamp(1795312800, UTC)),
        ),
        (
            inbound(headers=POSTED, body="STOP é".encode("utf-16-be")),
            Inbound("+447700900123", "STOP é", "88"),
        ),
    )  # fmt: skip

    def good(self, call):
        return answer(202, "0: Accepted for delivery")

    def read(self, call):
        args = call.args
        assert (args["username"], args["password"]) == ("shop", "pa55-w0rd")
        assert args["coding"] == ("0" if args["text"].isascii() else "2")
        return [(args["to"], args["text"])]

    def test_the_dlr_url_brings_our_reference_and_kannels_own_marks(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN])
        url = urlsplit(calls[0].args["dlr-url"])
        assert url.path == "/hooks/t0ken/receipt"
        asked = parse_qs(url.query)
        assert asked["ref"] == [PLAIN.ref] and asked["state"] == ["%d"] and asked["reply"] == ["%A"]
        assert calls[0].args["dlr-mask"] == "31"

    def test_a_text_kannel_would_cut_is_not_sent(self):
        results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN, self.long], most_parts=5)
        assert [(r.outcome, r.code) for r in results] == [("accepted", None), ("rejected", "too_long")]
        assert len(calls) == 1

    def test_a_code_goes_first_and_is_not_kept_for_long(self):
        _results, calls = self.sent(lambda call, _c: self.good(call), [PLAIN._replace(cls="otp")])
        assert (calls[0].args["priority"], calls[0].args["validity"]) == ("3", "10")

    def test_an_inbound_call_is_answered_with_nothing_that_would_be_texted_back(self):
        assert self.made().webhook_reply(inbound()) == (200, "text/plain", "")

    def test_a_kind_can_be_changed_for_an_account(self):
        provider = self.made()
        provider.errors = {**provider.ERRORS, "not routable": "account"}
        with pytest.raises(BadConfig):
            provider.refusal("not routable")

    def test_it_keeps_the_contract(self):
        assert check_provider(Kannel, {"username": "x"}) == []
