"""PDUs: what we pack others read, what others pack we read, and garbage is garbage."""

from __future__ import annotations

import contextlib

import pytest
import smpp34
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t
from tests.smpp.kit import deliver_body, pdu, read_submit, tlv

SOURCE = st.text("ABCdef0123456789", max_size=20)
OCTETS = st.binary(max_size=254)


def body(text: bytes, coding: int = 0, how: str = "udh", source: str = "COOEE", validity: str = "") -> bytes:
    head = p.submit_head("", 5, 0, source, 1, 1) + b"8613800000001"
    return head + t.tails(text, coding, how, 7, validity, 1)[0]


@given(SOURCE, OCTETS, st.sampled_from([0, 1, 3, 8]), st.integers(1, 0x7FFFFFFF))
@settings(deadline=None, derandomize=True)
def test_another_decoder_reads_our_submit(source, octets, coding, sequence):
    tail = p.submit_tail(octets, coding, validity="000001000000000R", tlvs=p.tlv(0x1403, b"ref"))
    packed = p.pdu(p.SUBMIT_SM, sequence, p.submit_head("", 5, 0, source, 1, 1) + b"8613800000001" + tail)
    read = smpp34.decode(packed)
    assert isinstance(read, smpp34.SubmitSm) and read.encode() == packed
    assert (read.source_addr, read.source_addr_ton, read.source_addr_npi) == (source, 5, 0)
    assert (read.destination_addr, read.dest_addr_ton, read.dest_addr_npi) == ("8613800000001", 1, 1)
    assert (read.short_message, read.data_coding, read.sequence_number) == (octets, coding, sequence)
    assert (read.validity_period, read.registered_delivery) == ("000001000000000R", 1)
    assert [(one.tag, bytes(one.value)) for one in read.tlvs] == [(0x1403, b"ref")]


@given(
    SOURCE, OCTETS, st.integers(0, 255), st.integers(0, 255), st.dictionaries(st.integers(1, 0xFFFF), OCTETS)
)
@settings(deadline=None, derandomize=True)
def test_we_read_what_another_encoder_delivers(source, octets, esm_class, coding, tlvs):
    packed = smpp34.DeliverSm(
        source, "1069", octets, esm_class=esm_class, data_coding=coding,
        tlvs=[smpp34.Tlv(tag, value) for tag, value in tlvs.items()],
    ).encode()  # fmt: skip
    read = p.read_deliver(p.DELIVER_SM, packed[16:])
    assert (read.source, read.dest, read.esm_class, read.data_coding) == (source, "1069", esm_class, coding)
    assert read.tlvs == tlvs and read.text == (octets or tlvs.get(p.MESSAGE_PAYLOAD, b""))


@given(st.binary(max_size=400), st.sampled_from([p.DELIVER_SM, p.DATA_SM]))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_garbage_is_nothing_but_garbage(octets, command):
    with contextlib.suppress(p.Garbage):
        t.read_piece(p.read_deliver(command, octets))


@given(st.data())
@settings(deadline=None, derandomize=True, max_examples=300)
def test_a_damaged_delivery_is_read_or_refused(data):
    good = deliver_body(b"\x05\x00\x03\x07\x02\x01words", esm_class=0x40, tlvs=tlv(0x020C, b"\0\1"))
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + data.draw(st.binary(max_size=8)) + good[at + data.draw(st.integers(0, 8)) :]
    with contextlib.suppress(p.Garbage):
        t.read_piece(p.read_deliver(p.DELIVER_SM, bad))


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0", b"\0\1\1no end", deliver_body(b"words")[:-3], deliver_body(b"words", tlvs=b"\0\1"),
     deliver_body(b"words", tlvs=b"\0\1\0\xffx")],
)  # fmt: skip
def test_what_is_cut_off_is_refused(octets):
    with pytest.raises(p.Garbage):
        p.read_deliver(p.DELIVER_SM, octets)


def test_a_data_sm_carries_its_words_as_payload():
    head = b"\0\1\1" + b"123\0" + b"\0\0" + b"1069\0" + bytes((4, 0, 0))
    read = p.read_deliver(p.DATA_SM, head + tlv(0x0424, b"id:1 stat:DELIVRD"))
    assert (read.source, read.dest, read.is_receipt, read.text) == ("123", "1069", True, b"id:1 stat:DELIVRD")


def test_each_way_of_a_long_text_is_what_the_standard_says():
    text = b"x" * 200
    udh = [read_submit(1, b"\0\1\1\0\1\1" + b"8613" + tail) for tail in t.tails(text, 0, "udh", 0x1FE, "", 1)]
    assert [one.text[:6] for one in udh] == [bytes((5, 0, 3, 0xFE, 2, 1)), bytes((5, 0, 3, 0xFE, 2, 2))]
    assert all(one.esm_class == 0x40 for one in udh)
    assert b"".join(one.text[6:] for one in udh) == text
    sar = [read_submit(1, b"\0\1\1\0\1\1" + b"8613" + tail) for tail in t.tails(text, 0, "sar", 0x1FE, "", 1)]
    assert [one.tlvs for one in sar] == [
        {0x020C: b"\x01\xfe", 0x020E: b"\2", 0x020F: bytes((n,))} for n in (1, 2)
    ]
    assert all(one.esm_class == 0 for one in sar) and b"".join(one.text for one in sar) == text
    (whole,) = [
        read_submit(1, b"\0\1\1\0\1\1" + b"8613" + tail) for tail in t.tails(text, 0, "payload", 1, "", 1)
    ]
    assert whole.text == b"" and whole.tlvs == {0x0424: text}
    (short,) = t.tails(b"short", 0, "payload", 1, "", 1)
    assert read_submit(1, b"\0\1\1\0\1\1" + b"8613" + short).text == b"short"


def test_a_bind_has_the_fields_of_the_standard():
    assert p.bind_body("cooee", "secret", "VMA") == b"cooee\0secret\0VMA\0\x34\0\0\0"


def test_a_status_has_a_name_or_a_number():
    assert p.status_name(0x58) == "ESME_RTHROTTLED"
    assert p.status_name(0x400) == "0x00000400"
    assert pdu(4, 1, b"x") == p.pdu(4, 1, b"x")
