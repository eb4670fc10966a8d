"""Texts over a scripted SMSC: what is on the wire, what each answer means, what breaks."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from core import BadConfig, Outgoing, Throttled, Unreachable
from core.addresses import Rules
from core.contract.kinds import KINDS
from core.contract.testing import check_provider
from plugins.providers import _smpp_flight, _smpp_link, _smpp_session
from plugins.providers import smpp as module
from plugins.providers.smpp import Smpp
from tests.servers import wait_for
from tests.smpp.kit import RESPONSE, Sink, made, many, pdu, smsc


@pytest.fixture
def server():
    with smsc() as one:
        yield one


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(_smpp_session, "PAUSE_S", 0.02)
    monkeypatch.setattr(_smpp_session, "PAUSE_MOST_S", 0.05)
    monkeypatch.setattr(_smpp_link, "AGAIN_S", 0.01)


def outcomes(results) -> list[str]:
    return [result.outcome for result in results]


def test_it_keeps_the_contract():
    assert check_provider(Smpp) == []


def test_every_code_has_a_kind_there_is():
    assert set(module.ERRORS.values()) <= set(KINDS)


def test_a_plain_text_goes_as_the_settings_say(server):
    provider = made(server.port, source_addr="+8610690000", system_type="VMA", validity_s=3661, data_coding=0)
    (result,) = provider.send([Outgoing("r1", "+8613812345678", "Hi @ [you]")])
    assert (result.outcome, result.provider_id) == ("accepted", "m1")
    (got,) = server.submits
    assert (got.source, got.source_ton, got.source_npi) == ("8610690000", 1, 1)
    assert (got.dest, got.dest_ton, got.dest_npi) == ("8613812345678", 1, 1)
    assert (got.data_coding, got.esm_class, got.registered) == (0, 0, 1)
    assert (got.text, got.validity) == (b"Hi \x00 \x1b<you\x1b>", "000000010101000R")
    assert server.binds == [b"cooee\0sesame-7\0VMA\0\x34\0\0\0"]
    provider.close()


@pytest.mark.parametrize(
    ("sender", "settings", "sent"),
    [("COOEE", {}, ("COOEE", 5, 0)), ("1069", {}, ("1069", 3, 0)), ("", {}, ("", 0, 0)),
     ("1069", {"source_ton": 0, "source_npi": 1}, ("1069", 0, 1)), ("106900001234", {}, ("106900001234", 1, 1))],
)  # fmt: skip
def test_a_sender_has_its_type(server, sender, settings, sent):
    provider = made(server.port, **settings)
    provider.send([Outgoing("r", "+8613812345678", "x", sender)])
    got = server.submits[0]
    assert (got.source, got.source_ton, got.source_npi) == sent
    provider.close()


@pytest.mark.parametrize(("text", "encoding"), [("中文😀", "ucs2"), ("plain", "ucs2"), ("中文", "gsm7")])
def test_unicode_goes_as_ucs2(server, text, encoding):
    provider = made(server.port)
    provider.send([Outgoing("r", "+8613812345678", text, encoding=encoding)])
    assert (server.submits[0].data_coding, server.submits[0].text) == (8, text.encode("utf-16-be"))
    provider.close()


@pytest.mark.parametrize(
    ("how", "n", "ids"), [("udh", 3, "m1 m2 m3"), ("sar", 3, "m1 m2 m3"), ("payload", 1, "m1")]
)
def test_a_long_text_is_one_message(server, how, n, ids):
    provider = made(server.port, long=how)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "y" * 400, parts=3)])
    assert (result.outcome, result.provider_id, result.parts) == ("accepted", ids, None)
    assert len(server.submits) == n and {got.dest for got in server.submits} == {"8613812345678"}
    provider.close()


def test_parts_are_told_when_the_carrier_gets_more_than_was_counted(server):
    provider = made(server.port, data_coding=8)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "z" * 100, parts=1)])
    assert result.parts == 2
    provider.close()


def test_a_window_is_kept_and_filled_again(server):
    waiting, most, lock = [], [0], threading.Lock()

    def act(session, submit):
        with lock:
            waiting.append((session, submit))
            most[0] = max(most[0], len(waiting))
        if len(waiting) >= 4:
            for one in waiting[:]:
                waiting.remove(one)
                server.accept(*one)

    server.act = act
    provider = made(server.port, window=4)
    assert outcomes(provider.send(many(200))) == ["accepted"] * 200
    assert most[0] == 4
    assert [got.dest[-8:] for got in server.submits] == [f"{i:08d}" for i in range(200)]
    provider.close()


def test_several_threads_share_the_connection(server):
    provider, results = made(server.port, window=20), {}

    def send(n):
        results[n] = provider.send(many(100, f"thread {n}"))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.binds) == 1 and len(server.submits) == 400
    ids = [result.provider_id for n in range(4) for result in results[n]]
    assert len(set(ids)) == 400
    provider.close()


def test_several_connections_and_pairs(server):
    provider = made(server.port, Sink(), bind="transmitter+receiver", binds=2)
    provider.send(many(100))
    wait_for(lambda: len(server.sessions) == 4, 5)
    assert sorted(session.command for session in server.sessions) == [1, 1, 2, 2]
    provider.send(many(100))
    provider.close()
    wait_for(lambda: server.commands.count(6) == 4, 5)


REFUSALS = [
    (0x0B, "rejected", "ESME_RINVDSTADR", "number"),
    (0x0A, "rejected", "ESME_RINVSRCADR", "route"),
    (0x01, "rejected", "ESME_RINVMSGLEN", "content"),
    (0x08, "retry", "ESME_RSYSERR", "temporary"),
    (0x45, "retry", "ESME_RSUBMITFAIL", "temporary"),
    (0x0400, "rejected", "0x00000400", "other"),
]


@pytest.mark.parametrize(("status", "outcome", "code", "kind"), REFUSALS)
def test_a_refusal_means_what_its_code_means(server, status, outcome, code, kind):
    server.act = server.refuse(status)
    provider = made(server.port)
    (result,) = provider.send(many(1))
    assert (result.outcome, result.code, provider.kind(code)) == (outcome, code, kind)
    provider.close()


def test_what_people_made_of_a_code_counts(server):
    server.act = server.refuse(0x0400)
    provider = made(server.port)
    provider.errors = {**provider.errors, "0x00000400": "optout"}
    (result,) = provider.send(many(1))
    assert (result.outcome, result.reason) == ("rejected", "opted_out")
    provider.close()


def test_a_refused_account_halts_only_when_nothing_was_taken(server):
    server.act = server.refuse(0x0E)
    provider = made(server.port)
    with pytest.raises(BadConfig, match="ESME_RINVPASWD"):
        provider.send(many(3))
    server.act = lambda session, submit: (
        server.accept(session, submit) if submit.dest.endswith("0") else server.refuse(0x0E)(session, submit)
    )
    assert outcomes(provider.send(many(3))) == ["accepted", "retry", "retry"]
    provider.close()


@pytest.mark.parametrize("status", [0x0E, 0x0F])
def test_bad_credentials_halt_the_account_and_are_not_tried_again(server, status, caplog):
    server.bind_status = status
    provider = made(server.port, Sink())
    with pytest.raises(BadConfig, match="refused the bind"):
        provider.send(many(1))
    tried = len(server.binds)
    time.sleep(0.3)
    assert len(server.binds) == tried
    assert "sesame-7" not in caplog.text
    # A person put it right at the carrier: the next send knocks again.
    server.bind_status = 0
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_a_bind_that_is_refused_for_now_is_tried_again(server, quick):
    server.bind_status = 0x05
    provider = made(server.port, Sink())
    with pytest.raises(Unreachable, match="ESME_RALYBND"):
        provider.send(many(1))
    server.bind_status = 0
    wait_for(lambda: server.sessions, 5)
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_no_connection_means_nothing_was_sent(server):
    server.down()
    provider = made(server.port)
    with pytest.raises(Unreachable):
        provider.send(many(3))
    provider.close()


def test_an_internal_host_needs_the_operators_word(server):
    provider = made(server.port)
    provider.outgoing = Rules()
    with pytest.raises(BadConfig, match="http_allow"):
        provider.send(many(1))
    provider.close()
    assert server.binds == []


def test_throttled_texts_go_again_slower(server, quick):
    taken = []

    def act(session, submit):
        taken.append(submit.dest)
        if len(taken) % 3:
            server.accept(session, submit)
        else:
            server.refuse(0x58 if len(taken) % 2 else 0x14)(session, submit)

    server.act = act
    provider = made(server.port, window=8)
    results = provider.send(many(40))
    assert outcomes(results) == ["accepted"] * 40
    assert len(taken) > 40
    assert len({result.provider_id for result in results}) == 40
    provider.close()


def test_a_carrier_that_is_too_busy_gets_a_pause(server, quick, monkeypatch):
    monkeypatch.setattr(_smpp_flight, "PATIENCE_S", 0.1)
    server.act = server.refuse(0x58)
    provider = made(server.port, window=5)
    with pytest.raises(Throttled) as caught:
        provider.send(many(20))
    assert caught.value.after_s >= 1
    # While it is left alone nothing is tried: of twenty texts a few were on the wire.
    assert len(server.submits) < 20
    provider.close()


def test_a_rate_is_kept_within_two_in_a_hundred(server):
    provider = made(server.port, rate_per_s=400, window=100)
    provider.send(many(1))
    kept: list[float] = []
    # A busy machine steals time, but hardly three times in a row.
    while len(kept) < 3 and max(kept, default=0.0) < 0.98:
        started = time.monotonic()
        provider.send(many(800))
        kept.append(800 / (time.monotonic() - started) / 400)
        assert kept[-1] <= 1.02
    assert max(kept) >= 0.98
    provider.close()


def test_a_drop_after_the_request_was_written_is_a_doubt_and_never_resent(server, quick):
    def act(session, submit):
        if len(server.submits) <= 30:
            server.accept(session, submit)
        elif len(server.submits) == 35:
            session.drop()

    server.act = act
    provider = made(server.port, Sink(), window=10)
    results = provider.send(many(100))
    told = outcomes(results)
    assert told[:30] == ["accepted"] * 30
    doubts = told.count("unknown")
    assert 5 <= doubts <= 10 and told[30 : 30 + doubts] == ["unknown"] * doubts
    assert {(r.outcome, r.code) for r in results[30 + doubts :]} == {("retry", "not_sent")}
    server.act = server.accept
    wait_for(lambda: len(server.binds) > 1 and server.sessions, 5)
    assert outcomes(provider.send(many(1, "again"))) == ["accepted"]
    sent = [got.dest for got in server.submits if got.text == b"Hello"]
    assert len(sent) == len(set(sent)) <= 30 + doubts
    provider.close()


def test_what_never_came_to_the_socket_was_not_sent(server, quick):
    """The carrier takes the first text, answers nothing and goes: what waited here is given back."""
    server.act = lambda session, submit: session.drop()
    provider = made(server.port, window=1)
    assert outcomes(provider.send(many(5))) == ["unknown", "retry", "retry", "retry", "retry"]
    provider.close()


def test_an_answer_that_never_comes_is_a_doubt_and_the_rest_goes_on(server):
    server.act = lambda session, submit: submit.dest.endswith("2") or server.accept(session, submit)
    provider = made(server.port, response_s=1, window=3)
    assert outcomes(provider.send(many(8))) == ["accepted"] * 2 + ["unknown"] + ["accepted"] * 5
    provider.close()


def test_a_message_of_which_only_some_parts_were_taken_is_in_doubt(server):
    def act(session, submit):
        if submit.text[5] == 2:
            server.refuse(0x0B)(session, submit)
        else:
            server.accept(session, submit)

    server.act = act
    provider = made(server.port)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "y" * 400, parts=3)])
    assert (result.outcome, result.code) == ("unknown", "partly_sent")
    server.act = server.refuse(0x0B)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "y" * 400, parts=3)])
    assert (result.outcome, result.code) == ("rejected", "ESME_RINVDSTADR")
    provider.close()


GARBAGE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    (8).to_bytes(4) + bytes(12),
    (1 << 24).to_bytes(4) + bytes(12),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=["http", "too short", "too long"])
def test_garbage_ends_the_connection_and_leaves_a_doubt(server, quick, garbage):
    server.act = lambda session, submit: session.write(garbage)
    provider = made(server.port, window=1)
    assert outcomes(provider.send(many(2))) == ["unknown", "retry"]
    provider.close()


def test_answers_may_come_in_bits_and_in_any_order(server):
    waiting = []

    def act(session, submit):
        waiting.append(pdu(4 | RESPONSE, submit.sequence, f"x{submit.dest[-2:]}\0".encode()))
        if len(waiting) == 20:
            stream = b"".join(reversed(waiting))
            for at in range(0, len(stream), 7):
                session.write(stream[at : at + 7])

    server.act = act
    provider = made(server.port, window=20)
    assert [result.provider_id for result in provider.send(many(20))] == [f"x{n:02d}" for n in range(20)]
    provider.close()


def test_odd_answers_do_no_harm(server):
    def act(session, submit):
        session.write(pdu(4 | RESPONSE, 0x7000, b"late\0"))
        session.write(pdu(0x102, 77, b"whatever"))
        session.write(pdu(0x4444, 78))
        session.write(pdu(0x15, 79))
        if submit.dest.endswith("1"):
            session.write(pdu(0x80000000, submit.sequence, b"", 2))
        elif submit.dest.endswith("2"):
            session.write(pdu(4 | RESPONSE, submit.sequence))
        else:
            session.write(pdu(4 | RESPONSE, submit.sequence, b"no end"))

    server.act = act
    provider = made(server.port, window=1)
    results = provider.send(many(3))
    assert [(r.outcome, r.provider_id) for r in results] == [
        ("accepted", "no_end"),
        ("rejected", None),
        ("accepted", None),
    ]
    # An unknown command got a generic_nack, and their enquire_link its answer.
    wait_for(lambda: server.answers.get(78, (0, 0, b""))[:2] == (0x80000000, 3), 5)
    wait_for(lambda: server.answers.get(79, (0, 0, b""))[:2] == (0x80000015, 0), 5)
    provider.close()


def test_a_silent_carrier_is_asked_and_left_when_it_does_not_answer(server, quick):
    provider = made(server.port, Sink(), enquire_s=1, response_s=1)
    wait_for(lambda: server.commands.count(0x15) >= 1, 5)
    server.alive = False
    wait_for(lambda: len(server.binds) >= 2, 8)
    server.alive = True
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_the_carriers_good_bye_is_answered_and_it_is_called_again(server, quick):
    provider = made(server.port, Sink())
    wait_for(lambda: server.sessions, 5)
    server.sessions[0].write(pdu(6, 500))
    wait_for(lambda: 500 in server.answers and len(server.binds) == 2, 5)
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_a_connection_that_is_lost_comes_back_by_itself(server, quick):
    provider = made(server.port, Sink())
    wait_for(lambda: server.sessions, 5)
    server.down()
    wait_for(lambda: not server.sessions, 5)
    server.up()
    wait_for(lambda: server.sessions, 5)
    assert outcomes(provider.send(many(3))) == ["accepted"] * 3
    provider.close()


def test_closing_says_good_bye(server):
    provider = made(server.port, Sink())
    provider.send(many(2))
    provider.close()
    assert server.commands[-1] == 6
    provider.close()


def test_closing_waits_for_answers_and_nothing_goes_afterwards(server):
    server.act = lambda session, submit: threading.Timer(0.3, server.accept, (session, submit)).start()
    provider, results = made(server.port, window=2), []
    thread = threading.Thread(target=lambda: results.extend(provider.send(many(5))))
    thread.start()
    wait_for(lambda: server.submits, 5)
    provider.close()
    thread.join(5)
    assert outcomes(results) == ["accepted"] * 5
    with pytest.raises(Unreachable):
        provider.send(many(1))


def test_neither_secret_nor_number_is_told(server, quick, caplog):
    caplog.set_level(logging.DEBUG)
    server.act = lambda session, submit: session.drop()
    provider = made(server.port, Sink())
    results = provider.send(many(3))
    server.bind_status = 0x0E
    wait_for(lambda: len(server.binds) > 1, 5)
    with pytest.raises(BadConfig) as caught:
        provider.send(many(1))
    provider.close()
    told = f"{caplog.text} {caught.value} {results}"
    assert "sesame-7" not in told and "8613800000" not in told
