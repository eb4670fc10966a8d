"""The HTTP gateway provider against real sockets: what is sent, and what its settings make of it."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from core import BadResponse, Outgoing, Refusal, Result
from plugins.providers.http import CALL_MOST
from tests.gateway import answer, gateway
from tests.http_kit import CALLBACK, LONG, PLAIN, REF, UNICODE, made, many
from tests.servers import free_port


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


def test_each_body_says_what_differs_and_what_all_share():
    """A text that all share is written into the format once, per cent signs and quotes and all."""
    shared = [Outgoing(f"R{i}", f"+8613800{i:06d}", '5 % "off" %s 折', "S") for i in range(5)]
    own = [m._replace(text=f'{i} % "off" \\ 折', sender="") for i, m in enumerate(shared)]
    for messages in (shared, own, shared[:1]):
        with gateway(lambda *_: answer(200, {"id": "1"})) as gate:
            made(gate.url + "/s%20x?to={to}&n=5%25", concurrency=1).send(messages)
        assert [(c.json["ref"], c.json["to"], c.json["text"], c.json["sender"]) for c in gate.calls] == [
            (m.ref, m.to, m.text, m.sender) for m in messages
        ]
        assert [(c.args["to"], c.args["n"]) for c in gate.calls] == [(m.to, "5%") for m in messages]


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
