"""What an SMSC delivers: receipts by text and TLV, texts from people, and when they are answered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import OPTED_OUT, Inbound, Receipt
from plugins.providers import _smpp_inbound
from tests.servers import wait_for
from tests.smpp.kit import Sink, deliver_body, made, many, pdu, receipt_text, tlv

AT = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


@pytest.fixture
def sink():
    return Sink()


def bound(server, sink, **given):
    provider = made(server.port, sink, **given)
    wait_for(lambda: server.sessions, 5)
    return provider, server.sessions[0]


def state_tlv(number: int) -> bytes:
    return tlv(0x0427, bytes((number,)))


STATES = [
    ("ENROUTE", 1, "accepted", None), ("DELIVRD", 2, "delivered", None), ("EXPIRED", 3, "expired", "EXPIRED"),
    ("DELETED", 4, "undelivered", "DELETED"), ("UNDELIV", 5, "undelivered", "UNDELIV"), ("ACCEPTD", 6, "accepted", None),
    ("UNKNOWN", 7, "accepted", None), ("REJECTD", 8, "rejected", "REJECTD"),
]  # fmt: skip


@pytest.mark.parametrize(("stat", "number", "state", "code"), STATES)
def test_each_state_by_text_and_by_parameter(server, sink, stat, number, state, code):
    provider, session = bound(server, sink)
    session.deliver(deliver_body(receipt_text("m7", stat), esm_class=0x04))
    session.deliver(deliver_body(b"", esm_class=0x04, tlvs=tlv(0x001E, b"m8\0") + state_tlv(number)))
    wait_for(lambda: len(sink.items) == 2, 5)
    by_text, by_tlv = sorted(sink.items, key=lambda item: item.provider_id)
    assert by_text == Receipt(state, None, "m7", AT, code)
    assert by_tlv == Receipt(state, None, "m8", None, code)
    provider.close()


CODES = [
    (receipt_text("m1", "UNDELIV", "042"), b"", "undelivered", "042"),
    (receipt_text("m1", "MK:0010", "000"), b"", "undelivered", "MK:0010"),
    (receipt_text("m1", "DBBLACK", "001"), b"", "undelivered", "DBBLACK"),
    (receipt_text("m1", "UNDELIV", "000"), tlv(0x0423, b"\3\0\x22"), "undelivered", "34"),
    (receipt_text("m1", "MK:0001", "000"), state_tlv(5), "undelivered", "MK:0001"),
    (receipt_text("m1", "REJECTD", "0"), b"", "rejected", "REJECTD"),
]


@pytest.mark.parametrize(("text", "tlvs", "state", "code"), CODES)
def test_the_most_telling_code_is_kept(server, sink, text, tlvs, state, code):
    provider, session = bound(server, sink)
    session.deliver(deliver_body(text, esm_class=0x04, tlvs=tlvs))
    wait_for(lambda: sink.items, 5)
    assert (sink.items[0].state, sink.items[0].code) == (state, code)
    provider.close()


def test_codes_of_carriers_behind_cmpp_have_kinds(server):
    provider = made(server.port)
    kinds = {
        code: provider.kind(code)
        for code in ("MK:0001", "MK:0010", "IB:0008", "DB:0142", "DBBLACK", "MK:0115")
    }
    assert kinds == {
        "MK:0001": "number", "MK:0010": "handset", "IB:0008": "temporary", "DB:0142": "limit", "DBBLACK": "blocked",
        "MK:0115": "content",
    }  # fmt: skip


def test_a_code_that_means_an_opt_out_says_so(server, sink):
    provider, session = bound(server, sink)
    provider.errors = {**provider.errors, "077": "optout"}
    session.deliver(deliver_body(receipt_text("m1", "UNDELIV", "077"), esm_class=0x04))
    wait_for(lambda: sink.items, 5)
    assert sink.items[0].reason == OPTED_OUT
    provider.close()


@pytest.mark.parametrize(
    ("base", "answered", "told"),
    [("hex_dec", "1A", "26"), ("dec_hex", "26", "0000001A"), ("same", "001a", "1A")],
)
def test_ids_in_two_bases_are_one(server, sink, base, answered, told):
    server.act = lambda session, submit: session.write(
        pdu(0x80000004, submit.sequence, answered.encode() + b"\0")
    )
    provider, session = bound(server, sink, msgid_base=base)
    (result,) = provider.send(many(1))
    session.deliver(deliver_body(receipt_text(told), esm_class=0x04))
    wait_for(lambda: sink.items, 5)
    assert sink.items[0].provider_id == result.provider_id
    provider.close()


def test_our_reference_goes_and_comes_in_a_parameter(server, sink):
    provider, session = bound(server, sink, ref_tag="1403")
    assert provider.echoes_reference and not made(server.port).echoes_reference
    (message,) = many(1)
    provider.send([message])
    assert server.submits[0].tlvs == {0x1403: message.ref.encode()}
    session.deliver(
        deliver_body(receipt_text("m1"), esm_class=0x04, tlvs=tlv(0x1403, message.ref.encode() + b"\0"))
    )
    wait_for(lambda: sink.items, 5)
    assert sink.items[0].ref == message.ref
    provider.close()


def test_an_answer_waits_until_it_is_stored(server, sink):
    sink.gate.clear()
    provider, session = bound(server, sink)
    sequence = session.deliver(deliver_body(receipt_text("m1"), esm_class=0x04))
    # The connection is alive meanwhile: a text goes and comes back.
    assert provider.send(many(1))[0].outcome == "accepted"
    assert sequence not in server.answers
    sink.gate.set()
    wait_for(lambda: server.answers.get(sequence) == (0x80000005, 0, b"\0"), 5)
    provider.close()


def test_a_store_that_fails_is_asked_again_and_then_the_carrier_is_told(server, sink, monkeypatch):
    monkeypatch.setattr(_smpp_inbound.clock, "sleep", lambda seconds: None)
    provider, session = bound(server, sink)
    sink.fail = 3
    sequence = session.deliver(deliver_body(receipt_text("m1"), esm_class=0x04))
    wait_for(lambda: server.answers.get(sequence, (0, 1))[1] == 0, 5)
    assert len(sink.items) == 1
    sink.fail = _smpp_inbound.TRIES
    sequence = session.deliver(deliver_body(b"a text"))
    wait_for(lambda: server.answers.get(sequence, (0, 0))[1] == 0x64, 5)
    assert len(sink.items) == 1
    provider.close()


def test_many_receipts_are_stored_in_few_calls(server, sink):
    provider, session = bound(server, sink)
    sink.gate.clear()
    session.deliver(deliver_body(receipt_text("m"), esm_class=0x04))
    wait_for(lambda: sink.asked, 5)
    stream = b"".join(
        pdu(5, next(server.sequence), deliver_body(receipt_text(f"m{n}"), esm_class=0x04))
        for n in range(2_000)
    )
    session.write(stream)
    wait_for(lambda: len(provider._deliverer._waiting) == 2_000, 5)
    sink.gate.set()
    wait_for(lambda: len(server.answers) == 2_001, 10)
    assert len(sink.items) == 2_001 and sink.calls == 2
    provider.close()


def test_the_same_receipt_twice_is_given_twice_and_both_are_answered(server, sink):
    provider, session = bound(server, sink)
    for _twice in range(2):
        session.deliver(deliver_body(receipt_text("m1"), esm_class=0x04))
    wait_for(lambda: len(server.answers) == 2, 5)
    assert sink.items[0] == sink.items[1]
    provider.close()


@pytest.mark.parametrize(
    "body",
    [deliver_body(b"no fields at all", esm_class=0x04), deliver_body(b"stat:DELIVRD", esm_class=0x04),
     deliver_body(b"id:m1", esm_class=0x04)],
)  # fmt: skip
def test_a_receipt_that_names_nothing_is_answered_and_left(server, sink, body):
    provider, session = bound(server, sink)
    sequence = session.deliver(body)
    wait_for(lambda: server.answers.get(sequence, (0, 1))[1] == 0, 5)
    assert sink.items == []
    provider.close()


def test_a_delivery_that_is_no_smpp_is_refused_and_the_connection_stays(server, sink):
    provider, session = bound(server, sink)
    sequence = session.deliver(b"\0\1\1no end")
    wait_for(lambda: server.answers.get(sequence, (0, 0))[1] == 0xC0, 5)
    assert provider.send(many(1))[0].outcome == "accepted" and len(server.binds) == 1
    provider.close()


def test_texts_from_people(server, sink):
    provider, session = bound(server, sink)
    session.deliver(deliver_body(b"STOP @\x1be", source="8613900000001"))
    session.deliver(deliver_body("退订".encode("utf-16-be"), coding=8))
    session.deliver(deliver_body(b"caf\xe9", coding=3, payload=True))
    session.deliver(
        b"\0\1\1" + b"86139\0" + b"\0\0" + b"1069\0" + bytes((0, 0, 0)) + tlv(0x0424, b"by data"), 0x103
    )
    wait_for(lambda: len(sink.items) == 4 and len(server.answers) == 4, 5)
    assert sink.items[0] == Inbound("8613900000001", "STOP ¡€", "1069")
    assert [item.text for item in sink.items[1:]] == ["退订", "café", "by data"]
    assert server.answers[4][0] == 0x80000103
    provider.close()


def udh(ref: int, total: int, number: int, text: bytes, wide: bool = False) -> bytes:
    head = (
        bytes((6, 8, 4, ref >> 8, ref & 255, total, number)) if wide else bytes((5, 0, 3, ref, total, number))
    )
    return deliver_body(head + text, esm_class=0x40)


def sar(ref: int, total: int, number: int, text: bytes) -> bytes:
    place = tlv(0x020C, ref.to_bytes(2)) + tlv(0x020E, bytes((total,))) + tlv(0x020F, bytes((number,)))
    return deliver_body(text, tlvs=place)


@pytest.mark.parametrize("make", [udh, lambda *a: udh(*a, wide=True), sar], ids=["udh", "udh 16", "sar"])
def test_parts_are_joined_in_any_order_and_answered_together(server, sink, make):
    provider, session = bound(server, sink)
    third = session.deliver(make(9, 3, 3, b"three"))
    session.deliver(make(9, 3, 1, b"one "))
    session.deliver(make(9, 3, 1, b"one "))
    session.deliver(make(8, 2, 1, b"of another"))
    session.deliver(deliver_body(b"short"))
    wait_for(lambda: sink.items, 5)
    assert third not in server.answers and [item.text for item in sink.items] == ["short"]
    session.deliver(make(9, 3, 2, b"two "))
    wait_for(lambda: len(server.answers) == 5, 5)
    assert [item.text for item in sink.items] == ["short", "one two three"]
    assert server.answers[third] == (0x80000005, 0, b"\0")
    provider.close()


def test_parts_without_the_others_are_given_after_a_while(server, sink, monkeypatch):
    monkeypatch.setattr(_smpp_inbound, "HOLD_S", 0.2)
    provider, session = bound(server, sink)
    session.deliver(udh(9, 3, 3, b"three"))
    session.deliver(udh(9, 3, 1, b"one "))
    wait_for(lambda: len(server.answers) == 2, 5)
    assert [item.text for item in sink.items] == ["one three"]
    provider.close()


def test_what_was_not_answered_in_one_session_is_not_answered_in_the_next(server, sink, monkeypatch):
    from plugins.providers import _smpp_link

    monkeypatch.setattr(_smpp_link, "AGAIN_S", 0.01)
    sink.gate.clear()
    provider, session = bound(server, sink)
    sequence = session.deliver(deliver_body(b"words"))
    session.drop()
    wait_for(lambda: len(server.binds) == 2 and provider._links[0].session, 5)
    sink.gate.set()
    wait_for(lambda: sink.items, 5)
    assert provider.send(many(1))[0].outcome == "accepted"
    assert sequence not in server.answers
    provider.close()


def test_receipts_come_over_the_receiver_of_a_pair(server, sink):
    provider = made(server.port, sink, bind="transmitter+receiver")
    wait_for(lambda: len(server.sessions) == 2, 5)
    receiver = next(session for session in server.sessions if session.command == 1)
    provider.send(many(1))
    sequence = receiver.deliver(deliver_body(receipt_text("m1"), esm_class=0x04))
    wait_for(lambda: sequence in server.answers, 5)
    assert sink.items[0].state == "delivered"
    provider.close()
