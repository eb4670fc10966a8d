"""The base of vendors reached by HTTP: small tools, callbacks, batches refused for one of their texts."""

from __future__ import annotations

import orjson
import pytest

from core import BadConfig, BadResponse, Gateway, Outgoing, Result, WebhookRequest
from core.gateway import basic, fields_of, form_body, form_of, micros, said
from core.http import Request, Rules
from tests.gateway import answer, gateway

CALLBACK = "https://cooee.example/hooks/t/receipt"


class Vendor(Gateway):
    """Takes five texts a request; answers {"rows": [[ref, code or ""]…]}, or {"error": {"code": …}}."""

    name, title = "vendor", "Vendor"
    per_request = 5
    ERRORS = {"poor": "account", "busy": "temporary", "stop": "optout"}

    def request(self, messages):
        return Request(self.settings["url"], orjson.dumps([message.ref for message in messages]))

    def taken(self, messages, data):
        codes = dict(data["rows"])
        return [
            self.refused_one(codes[m.ref], f"{m.to} is out") if codes[m.ref] else Result("accepted", m.ref)
            for m in messages
        ]

    def fault(self, data):
        return data["error"]["code"], "No"


def sent(act, n=5):
    with gateway(lambda call, _connection: act(call)) as gate:
        vendor = Vendor({"url": gate.url}, CALLBACK)
        vendor.outgoing = Rules(allow=("127.0.0.1",))
        try:
            return vendor.send([Outgoing(f"R{i}", f"+1202555010{i}", "Hi") for i in range(n)]), gate.calls
        finally:
            vendor.close()


def rows(call, **codes):
    return answer(200, {"rows": [[ref, codes.get(ref, "")] for ref in call.json]})


def test_a_request_refused_as_a_whole_is_tried_text_by_text():
    def act(call):
        return answer(422, {"error": {"code": "bad"}}) if "R2" in call.json else rows(call)

    results, calls = sent(act)
    assert [result.outcome for result in results] == [
        "accepted",
        "accepted",
        "rejected",
        "accepted",
        "accepted",
    ]
    assert len(calls) == 6


@pytest.mark.parametrize(("code", "outcome"), [("busy", "retry"), ("new", "rejected")])
def test_a_temporary_refusal_of_a_request_is_asked_once(code, outcome):
    results, calls = sent(lambda call: answer(400, {"error": {"code": code}}))
    assert {result.outcome for result in results} == {outcome}
    assert len(calls) == (1 if outcome == "retry" else 6)


def test_an_account_that_is_refused_is_asked_once():
    with pytest.raises(BadConfig):
        sent(lambda call: answer(400, {"error": {"code": "poor"}}))


def test_a_refusal_that_makes_no_sense_is_read_as_one():
    results, calls = sent(lambda call: answer(503, "<html>"))
    assert ({result.outcome for result in results}, len(calls)) == ({"unknown"}, 1)
    results, calls = sent(lambda call: answer(422, "<html>"))
    assert len(calls) == 1


def test_money_that_ends_within_a_request_does_not_send_its_first_texts_again():
    results, _calls = sent(lambda call: rows(call, R3="poor", R4="poor"))
    assert [result.outcome for result in results] == ["accepted"] * 3 + ["retry"] * 2
    with pytest.raises(BadConfig):
        sent(lambda call: rows(call, **dict.fromkeys(("R0", "R1", "R2", "R3", "R4"), "poor")))


def test_no_number_stands_in_the_reason_of_a_refusal():
    results, _calls = sent(lambda call: rows(call, R1="new"))
    assert results[1].reason == "…0101 is out"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (CALLBACK, f"{CALLBACK}?ref=R%261"), ("http://localhost:8000/hooks/t/receipt", ""), ("http://127.0.0.1/x", ""),
        ("http://cooee/x", ""), ("http://cooee.local/x", ""), ("", ""), ("http://203.0.113.9:8000/x", "http://203.0.113.9:8000/x?ref=R%261"),
    ],
)  # fmt: skip
def test_vendors_are_told_only_an_address_they_could_reach(url, expected):
    assert Vendor({"url": ""}, url).callback("R&1") == expected


def test_opt_outs_are_the_codes_of_that_kind():
    assert tuple(Vendor({}, "").optout_codes) == ("stop",)


def test_a_code_waits_ten_minutes_at_most():
    vendor, text = Vendor({}, ""), Outgoing("R", "+12025550100", "Hi")
    assert [vendor.valid_s(text._replace(cls=cls), 900) for cls in ("mass", "otp")] == [900, 600]
    assert vendor.valid_s(text._replace(cls="otp"), 60) == 60


@pytest.mark.parametrize(("state", "ref"), [(None, "R"), ("delivered", "")])
def test_a_receipt_without_a_state_or_a_message_is_none(state, ref):
    with pytest.raises(BadResponse):
        Vendor({}, "").receipt(state, ref)


def call(body=b"", args=None) -> WebhookRequest:
    return WebhookRequest("receipt", "POST", CALLBACK, {}, args or {}, body)


def test_a_call_says_the_same_as_json_form_or_query():
    wanted = {"a": "1 é", "b": ""}
    assert fields_of(call(orjson.dumps(wanted))) == wanted
    assert fields_of(call(form_body(wanted))) == wanted
    assert fields_of(call(args=wanted)) == wanted
    for body in (b"{", b"[]", b"{}", b"\xff=1"):
        with pytest.raises(BadResponse):
            fields_of(call(body))
    assert form_of(b"a=1&a=2") == {"a": "1"}


def test_plain_values_only():
    row = {"a": "", "b": None, "c": True, "d": [1], "e": 0, "f": "x"}
    assert [said(row, name) for name in row] == ["", "", "", "", "0", "x"]
    assert said(row, "a", "d", "f") == "x"
    assert said(None, "a") == said([1], "a") == ""


def test_money():
    assert [micros(x) for x in ("-0.00750", 0.05, "", None, "x", "inf", "nan")] == [
        7_500,
        50_000,
        *[None] * 5,
    ]
    assert micros("-1.5", signed=True) == -1_500_000
    assert basic("Aladdin", "open sesame") == "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
