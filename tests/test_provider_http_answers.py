"""What each answer of an HTTP gateway means, against real sockets: taken, refused, not sent or in doubt."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import BadConfig, Found, ProviderError, Result, Throttled, Unreachable
from core.http import Response
from plugins.providers._answers import REFUSED
from tests.gateway import answer, drop, gateway
from tests.http_kit import PLAIN, REF, made, many
from tests.servers import free_port

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


names = st.sampled_from(
    ["id", "message_id", "sid", "status", "state", "success", "error", "data", "code", "x"]
)
values = st.sampled_from(
    ["", "7", "queued", "failed", "busy", "??", 7, 0, True, False, None, {"id": "n"}, [{"id": "k"}], 1.5, []]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    said=st.dictionaries(names, values, max_size=4),
    given=st.sampled_from(
        [{}, {"id_path": "id"}, {"status_path": "status"}, {"id_path": "data.id|x"}, {"id_path": "."},
         {"status_map": "??=accepted"}]
    ),
)  # fmt: skip
def test_the_quick_way_of_reading_an_answer_says_what_the_whole_way_says(said, given):
    answers, body = made(**given)._answers, orjson.dumps(said)
    quick = answers._plain(body)
    assert quick is None or quick == answers._taken(body)


def test_the_quick_way_is_taken_for_the_usual_answers():
    answers = made()._answers
    assert answers._plain(b'{"id": "b-1"}') == Result("accepted", "b-1")
    assert answers._plain(b'{"message_id": "b-2", "status": "queued"}') == Result("accepted", "b-2")


#: Bodies of which some are half of one, two in one, or say nothing: together they may look like as many good ones.
BODIES = [
    b'{"id": "7"}', b'{"id": "8"}', b'{"id": "9", "status": "ok"}', b'{"status": "ok", "id": "5"}', b'{"id": 7}',
    b'{"id": ""}', b'{"id": "7"}, {"id": "8"}', b'{"id": "7"},\n{"id": "8"}', b'{"id": "a', b'b"}', b'{"id": ["7"]}',
    b'{"status": "failed", "id": "5"}', b'{"status": ["ok"], "id": "5"}', b'{"id": "{"}', b'{"a": [1', b'{"b": 2}]}', b"",
    b" ", b"[1]", b"7", b'{"id": "7"}\n', b"],[", b'{"id": {"id": "7"}}', b'{"error": "x", "id": "7"}',
]  # fmt: skip


@given(
    said=st.lists(st.sampled_from(BODIES), min_size=1, max_size=4),
    status=st.sampled_from([200, 200, 201, 500]),
)
@settings(max_examples=600)
def test_answers_read_all_at_once_say_what_each_says(said, status):
    reader = made("http://127.0.0.1:1/")._answers
    answers = [*(Response(200, body) for body in said), Response(status, said[0])]
    assert reader.each(answers) == list(map(reader.outcome, answers))


def test_answers_are_read_all_at_once_where_all_say_the_same_sort_of_thing():
    reader = made("http://127.0.0.1:1/")._answers
    usual = [Response(200, b'{"status": "ok", "id": "b-%d"}' % n) for n in range(3)]
    assert [result.provider_id for result in reader._all_taken(usual)] == ["b-0", "b-1", "b-2"]
    assert reader._all_taken([*usual, Response(200, b'{"status": "failed", "id": "b-3"}')]) is None
    assert reader._all_taken([*usual, Unreachable("away")]) is None


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
