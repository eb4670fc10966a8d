"""What breaks, and how it ends: connections lost, answers late, odd or missing, and the good-bye."""

from __future__ import annotations

import threading

import pytest

from core import Outgoing, Unreachable
from tests.servers import wait_for
from tests.smpp.kit import RESPONSE, Sink, made, many, outcomes, pdu


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
