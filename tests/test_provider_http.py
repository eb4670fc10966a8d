"""The HTTP gateway provider against real sockets: what is sent, what each answer means, what receipts say."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import (
    BadConfig,
    BadResponse,
    Forged,
    Found,
    Outgoing,
    ProviderError,
    Refusal,
    Result,
    Throttled,
    Unreachable,
    WebhookRequest,
)
from core.http import Response, Rules
from core.sending.accounts import checked
from plugins.providers._answers import REFUSED
from plugins.providers.http import CALL_MOST, Http
from tests.gateway import answer, drop, gateway
from tests.servers import free_port

REF, CALLBACK = "0123456789ABCDEF", "https://cooee.example/hooks/t/receipt"
PLAIN = Outgoing(REF, "+8613800138000", "Hello", "10690000")
UNICODE = Outgoing(REF, "+12025550123", '【店】"全场八折"\n😀 {to} & = % \\ </a>', "")
LONG = Outgoing(REF, "+447700900123", "long " * 300, "Shop")


def made(url: str = "https://gateway.example/send", **given) -> Http:
    provider = Http(checked(Http, {"url": url, **{k: str(v) for k, v in given.items()}}), CALLBACK)
    provider.outgoing = Rules(allow=("127.0.0.1",))
    return provider


def many(n: int) -> list[Outgoing]:
    return [Outgoing(f"R{i:015d}", f"+86138{i:08d}", f"text {i}", "S") for i in range(n)]


# --- what is sent -------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
def test_the_usual_body_is_json_with_everything(message):
    with gateway(lambda *_: answer(200, {"id": "m-1", "status": "queued"})) as gate:
        assert made(gate.url + "/send").send([message]) == [Result("accepted", "m-1")]
    (call,) = gate.calls
    assert call.json == {
        "to": message.to, "text": message.text, "sender": message.sender, "ref": REF, "callback": CALLBACK,
    }  # fmt: skip
    assert call.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
def test_a_form_body_is_encoded(message):
    with gateway(lambda *_: answer(200, "OK 12345678")) as gate:
        provider = made(
            gate.url,
            body="to={to}&text={text}&from={sender}&ref={ref}&dlr={callback}&k={secret}",
            secret="s&1",
        )
        assert provider.send([message]) == [Result("accepted", "12345678")]
    assert gate.calls[0].form == {
        "to": message.to, "text": message.text, "from": message.sender, "ref": REF, "dlr": CALLBACK, "k": "s&1",
    }  # fmt: skip
    assert gate.calls[0].headers["content-type"].startswith("application/x-www-form-urlencoded")


def test_get_carries_everything_in_the_url():
    with gateway(lambda *_: answer(200, "queued")) as gate:
        provider = made(gate.url + "/send?to={to}&text={text}&ref={ref}", method="GET")
        assert provider.send([UNICODE])[0].outcome == "accepted"
    call = gate.calls[0]
    assert (call.method, call.body, call.args["text"]) == ("GET", b"", UNICODE.text)
    assert quote(UNICODE.to, safe="") in call.path


def test_headers_carry_the_secret():
    with gateway() as gate:
        made(gate.url, headers="Authorization: Bearer {secret}\nX-Shop: 7", secret="tok").send([PLAIN])
    assert gate.calls[0].headers["authorization"] == "Bearer tok"
    assert gate.calls[0].headers["x-shop"] == "7"


def test_a_batch_is_one_request_a_text_many_at_once():
    def act(call, _connection):
        time.sleep(0.05)
        return answer(200, {"id": "id-" + call.json["ref"]})

    with gateway(act) as gate:
        started = time.monotonic()
        results = made(gate.url).send(many(40))
        assert time.monotonic() - started < 1.5  # one after the other would take 2 s
    assert [result.provider_id for result in results] == [f"id-R{i:015d}" for i in range(40)]
    assert sorted(call.json["ref"] for call in gate.calls) == [message.ref for message in many(40)]


BULK = (
    '{"from": "{sender}", "key": "{secret}", "messages": [{"to": "{to}", "text": "{text}", "ref": "{ref}"}]}'
)


def test_a_list_in_the_body_makes_one_request_for_the_batch():
    def act(call, _connection):
        return answer(200, {"messages": [{"id": "id-" + row["ref"]} for row in call.json["messages"]]})

    with gateway(act) as gate:
        results = made(gate.url, body=BULK, secret='q"').send([UNICODE, *many(30)])
    (call,) = gate.calls
    assert (call.json["from"], call.json["key"], call.json["messages"][0]["text"]) == ("", 'q"', UNICODE.text)
    assert [result.provider_id for result in results][1:] == [f"id-R{i:015d}" for i in range(30)]


def test_each_text_of_a_bulk_request_has_its_own_result():
    rows = [
        {"id": "1", "status": "queued"},
        {"status": "rejected", "code": 7},
        {"status": "busy"},
        {"status": "??"},
    ]
    with gateway(lambda *_: answer(200, rows)) as gate:
        results = made(gate.url, body=BULK, status_path="status").send(many(4))
    assert [result.outcome for result in results] == ["accepted", "rejected", "retry", "unknown"]


@pytest.mark.parametrize("rows", [[], [{"id": 1}] * 3, "nothing", {"id": 1}])
def test_a_bulk_answer_of_the_wrong_size_is_no_answer(rows):
    with gateway(lambda *_: answer(200, rows)) as gate, pytest.raises(BadResponse):
        made(gate.url, body=BULK).send(many(4))


def test_nothing_to_send_opens_no_socket():
    assert made(f"http://127.0.0.1:{free_port()}/").send([]) == []


# --- what an answer means -----------------------------------------------------------------------------

ANSWERS = [
    # answer, settings, outcome, provider id, code
    (answer(200, {"id": "7"}), {}, "accepted", "7", None),
    (answer(201, {"message_id": 7}), {}, "accepted", "7", None),
    (answer(202), {}, "accepted", None, None),
    (
        answer(200, {"data": {"messages": [{"id": "x"}]}}),
        {"id_path": "data.messages.0.id"},
        "accepted",
        "x",
        None,
    ),
    (answer(200, {"data": [{"id": "x"}]}), {"id_path": "$.data[0].id"}, "accepted", "x", None),
    (answer(200, [{"id": "x"}]), {}, "accepted", "x", None),
    (answer(200, 'Success "07033084-5cfd"'), {}, "accepted", "07033084-5cfd", None),
    (
        answer(200, {"status": "DELIVRD-LATER"}),
        {"status_map": "DELIVRD-LATER=accepted"},
        "accepted",
        None,
        None,
    ),
    (answer(200, {"success": True, "id": "7"}), {}, "accepted", "7", None),
    (answer(200, {"success": False, "error": "no credit"}), {}, "rejected", None, None),
    (answer(200, {"status": "rejected", "code": "E17", "reason": "bad number"}), {}, "rejected", None, "E17"),
    (answer(200, {"status": "failed", "id": "7"}), {}, "rejected", "7", None),
    (answer(400, {"code": 21211, "message": "bad"}), {}, "rejected", None, "21211"),
    (answer(422, "no"), {}, "rejected", None, "HTTP 422"),
    (answer(403, {"status": "rejected", "code": "B1"}), {}, "rejected", None, "B1"),
    (answer(200, {"status": "throttled"}), {}, "retry", None, None),
    (answer(200, {"id": "7", "status": "??"}), {"status_path": "status"}, "unknown", "7", None),
    (answer(200, {"ok": 1}), {"id_path": "id"}, "unknown", None, None),
    (answer(200, {"error": "try later"}), {}, "unknown", None, None),
    (answer(200), {"id_path": "id"}, "unknown", None, None),
    (
        answer(200, "<html><body>Please log in to continue to our service</body></html>"),
        {},
        "unknown",
        None,
        None,
    ),
    (answer(200, "{broken"), {}, "unknown", None, None),
    (answer(200, b"\xff\xfe\x00\x01"), {}, "unknown", None, None),
    (answer(200, "[[[[]]]]"), {"id_path": "id"}, "unknown", None, None),
    (answer(302, Location="/"), {}, "unknown", None, "HTTP 302"),
    (answer(408), {}, "unknown", None, "HTTP 408"),
    (answer(409, {"code": "dup"}), {}, "unknown", None, "dup"),
    (answer(500), {}, "unknown", None, "HTTP 500"),
    (answer(502, "<html>"), {}, "unknown", None, "HTTP 502"),
    (answer(503, Retry_After="3"), {}, "unknown", None, "HTTP 503"),
    (answer(504), {}, "unknown", None, "HTTP 504"),
]


@pytest.mark.parametrize(("reply", "given", "outcome", "provider_id", "code"), ANSWERS)
def test_what_an_answer_means(reply, given, outcome, provider_id, code):
    with gateway(lambda *_: reply) as gate:
        (result,) = made(gate.url, **given).send([PLAIN])
    assert (result.outcome, result.provider_id) == (outcome, provider_id)
    if outcome in ("rejected", "unknown") and code:
        assert result.code == code


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_wrong_credentials_or_address_halt(status):
    reply = answer(status, {"error": "key sk-1 is wrong"})
    with gateway(lambda *_: reply) as gate, pytest.raises(BadConfig, match=f"HTTP {status}") as raised:
        made(gate.url, headers="Authorization: sk-1").send(many(3))
    assert "sk-1" not in str(raised.value)


def test_codes_of_an_opt_out_are_told_by_settings():
    assert made(optout_codes="21610, 1104,E7").optout_codes == ("21610", "1104", "E7")
    assert made().optout_codes == ()


def test_too_fast_says_how_long_to_wait():
    with gateway(lambda *_: answer(429, Retry_After="7")) as gate, pytest.raises(Throttled) as raised:
        made(gate.url).send(many(3))
    assert raised.value.after_s == 7


def test_nobody_there_is_proof_of_not_sent():
    with pytest.raises(Unreachable):
        made(f"http://127.0.0.1:{free_port()}/").send(many(3))


def test_a_text_dropped_after_it_was_written_is_in_doubt_and_the_others_are_not():
    def act(call, connection):
        return drop(call, connection) if call.json["ref"].endswith("3") else answer(200, {"id": "1"})

    with gateway(act) as gate:
        results = made(gate.url, concurrency=4).send(many(20))
    assert [result.outcome for result in results] == [
        "unknown" if i % 10 == 3 else "accepted" for i in range(20)
    ]


def test_a_refusal_of_some_does_not_stop_the_others():
    def act(call, _connection):
        number = int(call.json["ref"][1:])
        return (answer(200, {"id": "1"}), answer(429), answer(401), answer(404))[number % 4]

    with gateway(act) as gate:
        results = made(gate.url).send(many(8))
    assert [result.outcome for result in results] == ["accepted", "retry", "retry", "retry"] * 2
    assert all(result.after_s for result in results if result.outcome == "retry")


words = st.sampled_from(
    [b"", b"OK", b"{}", b"[]", b"null", b"<html>", b'{"id": 1}', b'{"status": "failed"}', b'{"status": "retry"}',
     b'{"status": "busy", "id": 4}', b'{"error": true}', b'{"status": null}', b"\xff", b"{", b"success id-12345"]
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    status=st.integers(100, 599),
    body=st.one_of(words, st.binary(max_size=60)),
    id_path=st.sampled_from(["", "id"]),
)
def test_what_is_ambiguous_is_never_retried(status, body, id_path):
    """Proof of "not sent" is a 4xx the gateway means, 429, or a word of its own that says so."""
    found = made(id_path=id_path)._answers.outcome(Response(status, body, b""))
    retried = (
        found.proves_not_sent and found.retry
        if isinstance(found, ProviderError)
        else found.outcome == "retry"
    )
    proof = status == 429 or (200 <= status < 300 and (b"retry" in body or b"busy" in body))
    assert not retried or proof
    rejected = isinstance(found, Result) and found.outcome == "rejected"
    assert not rejected or status in REFUSED or 200 <= status < 300 or status in (401, 403, 404, 405)
    if status >= 500 or 300 <= status < 400 or status in (408, 409):
        assert found.outcome == "unknown"


# --- receipts -----------------------------------------------------------------------------------------


def called(
    body: bytes | str, content_type="application/json", kind="receipt", args=None, **headers
) -> WebhookRequest:
    raw = body.encode() if isinstance(body, str) else body
    return WebhookRequest(kind, "POST", CALLBACK, {"content-type": content_type, **headers}, args or {}, raw)


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
RECEIPTS = [
    ('{"ref": "%s", "id": "7", "status": "delivered"}', JSON, {}, [("delivered", REF, "7", None)]),
    ('[{"ref": "%s", "status": "DELIVRD"}, {"id": 8, "status": "Failed", "code": 30005}]', JSON, {},
     [("delivered", REF, None, None), ("undelivered", None, "8", "30005")]),
    ('{"receipts": [{"id": "7", "status": "expired"}]}', JSON, {}, [("expired", None, "7", None)]),
    ("ref=%s&id=7&status=undelivered&code=E1", FORM, {}, [("undelivered", REF, "7", "E1")]),
    ("MessageSid=SM1&MessageStatus=sent", FORM, {"id_path": "MessageSid", "status_path": "MessageStatus"},
     [("accepted", None, "SM1", None)]),
    ('{"a": {"custom": "%s"}, "s": 2}', JSON, {"ref_path": "a.custom", "status_path": "s", "status_map": "2=delivered"},
     [("delivered", REF, None, None)]),
    ('{"id": "7", "status": "REJECTD", "err": "012"}', JSON, {}, [("rejected", None, "7", "012")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "content_type", "given", "expected"), RECEIPTS)
def test_receipts_are_read(body, content_type, given, expected):
    receipts = list(made(**given).parse_webhook(called(body.replace("%s", REF), content_type)))
    assert [(r.state, r.ref, r.provider_id, r.code) for r in receipts] == expected


def test_receipts_may_come_by_query():
    (receipt,) = made().parse_webhook(called("", "", args={"ref": REF, "status": "delivered"}))
    assert (receipt.state, receipt.ref) == ("delivered", REF)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ('"2026-01-02T03:04:05Z"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"2026-01-02T03:04:05+08:00"', datetime(2026, 1, 1, 19, 4, 5, tzinfo=UTC)),
        ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1767323045000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"soon"', None),
        ("1e300", None),
    ],
)
def test_the_time_of_a_receipt_is_read(at, expected):
    (receipt,) = made().parse_webhook(called('{"id": "7", "status": "delivered", "time": %s}' % at))  # noqa: UP031
    assert receipt.at == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"<xml/>",
        b'{"id": "7"}',
        b'{"status": "delivered"}',
        b'{"id": "7", "status": "??"}',
    ],
)
def test_what_is_no_receipt_is_said_so(body):
    with pytest.raises(BadResponse):
        list(made().parse_webhook(called(body)))


def test_a_bad_receipt_does_not_take_the_good_ones_with_it():
    good = []
    with pytest.raises(BadResponse):
        for receipt in made().parse_webhook(
            called('[{"id": 1, "status": "sent"}, {}, {"id": 2, "status": "read"}]')
        ):
            good.append(receipt.provider_id)
    assert good == ["1", "2"]


def test_a_signature_is_checked_over_the_raw_body():
    provider = made(webhook_secret="s3cret", webhook_header="X-Sig")
    body = b'{"id": "7", "status": "delivered"}'
    right = hmac.digest(b"s3cret", body, "sha256").hex()
    for good in (right, right.upper(), "sha256=" + right):
        provider.verify_webhook(called(body, **{"x-sig": good}))
    for bad in ("", right[:-1], hmac.digest(b"other", body, "sha256").hex(), "ü", "sha256="):
        with pytest.raises(Forged):
            provider.verify_webhook(called(body, **{"x-sig": bad}))
    with pytest.raises(Forged):
        provider.verify_webhook(called(body + b" ", **{"x-sig": right}))


def test_inbound_texts_are_read():
    body = '{"from": "8613800138000", "to": "1069", "message": "退订", "id": "mo-1", "time": 1767323045}'
    (text,) = made().parse_webhook(called(body, kind="inbound"))
    assert (text.sender, text.text, text.to, text.id) == ("8613800138000", "退订", "1069", "mo-1")
    with pytest.raises(BadResponse):
        list(made().parse_webhook(called('{"from": "x"}', kind="inbound")))


# --- looking up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "known", "provider_id", "state"),
    [
        (answer(404), False, None, None),
        (answer(200, []), False, None, None),
        (answer(200, {"id": "7", "status": "delivered"}), True, "7", "delivered"),
        (answer(200, {"id": "7"}), True, "7", None),
        (answer(200, {}), None, None, None),
        (answer(500), None, None, None),
    ],
)
def test_a_look_up_settles_doubts(reply, known, provider_id, state):
    with gateway(lambda *_: reply) as gate:
        provider = made(gate.url, lookup_url=gate.url + "/messages?ref={ref}")
        found = provider.look_up(REF)
    assert provider.can_look_up
    assert isinstance(found, Found)
    assert (found.known, found.provider_id, found.receipt and found.receipt.state) == (
        known,
        provider_id,
        state,
    )
    assert gate.calls[0].args == {"ref": REF}


def test_abilities_follow_the_settings():
    plain, able = (
        made(),
        made(lookup_url="https://g.example/?{ref}", idempotency_ttl_s=60, ref_path="ref", batch=7),
    )
    assert (plain.can_look_up, plain.idempotency_ttl_s, plain.echoes_reference) == (False, None, False)
    assert (able.can_look_up, able.idempotency_ttl_s, able.echoes_reference) == (True, 60, True)
    assert made(body='[{"to": "{to}"}]', batch=7).batch_size == 7


def test_one_text_a_request_goes_out_in_calls_the_gateway_can_take_in_time():
    """`batch` says what one request may carry; texts with a request each are sent many at once."""
    with gateway(lambda *_: answer(200, {"id": "1"})) as gate:
        provider = made(gate.url, batch=1, concurrency=5)
        assert provider.batch_size == 20
        provider.send(many(20))
        assert 20 < provider.batch_size <= CALL_MOST
    with gateway(lambda *_: (time.sleep(1.1), answer(200, {"id": "1"}))[1]) as gate:
        provider = made(gate.url, concurrency=5)
        assert [r.outcome for r in provider.send(many(10))] == ["accepted"] * 10
        assert 5 <= provider.batch_size < 20


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "gateway.example"}, "url"),
        ({"url": "https://{to}.example/"}, "url"),
        ({"url": "https://me:pw@gateway.example/"}, "url"),
        ({"body": '{"to": "{to}"'}, "body"),
        ({"body": '{"to": "{too}"}'}, "body"),
        ({"status_map": "X=arrived"}, "status_map"),
        ({"batch": 0}, "batch"),
        ({"method": "PATCH"}, "method"),
        ({"concurrency": "many"}, "concurrency"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, field):
    with pytest.raises(Refusal) as refused:
        made(**given) if "url" not in given else made(given["url"])
    assert refused.value.field == field
