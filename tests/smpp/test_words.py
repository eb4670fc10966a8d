"""Alphabets, cuts and receipts' texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content import parts
from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t
from tests.smpp.kit import receipt_text

GSM = st.text(parts.BASIC + parts.EXTENSION * 4, max_size=700)
ANY = st.text(st.sampled_from("aé中😀€[ẞ字\U0001f468"), max_size=400)


def test_the_whole_alphabet_comes_back():
    everything = parts.BASIC + parts.EXTENSION
    packed = t.gsm_encode(everything)
    assert t.gsm_decode(packed) == everything
    assert len(packed) == len(parts.BASIC) + 2 * len(parts.EXTENSION)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("@£$", b"\0\1\2"), ("a_b", b"a\x11b"), ("§¿", b"\x5f\x60"), ("€", b"\x1be"), ("[]{}", b"\x1b<\x1b>\x1b(\x1b)"),
     ("Ç\n\r", b"\x09\x0a\x0d"), ("Hello 7", b"Hello 7"), ("", b"")],
)  # fmt: skip
def test_characters_have_the_numbers_of_the_standard(text, octets):
    assert t.gsm_encode(text) == octets
    assert t.gsm_decode(octets) == text


@pytest.mark.parametrize("text", ["`", "ç", "中", "“", "😀", "\x1b"])
def test_what_is_not_in_the_alphabet_is_not_forced_into_it(text):
    assert t.gsm_encode(text) is None
    assert t.encode(text, "gsm7", "0")[0] == t.UCS2


def test_an_escape_nobody_knows_shows_the_plain_character():
    assert t.gsm_decode(b"a\x1bAz\x1b") == "aAz"


@given(GSM)
@settings(deadline=None, derandomize=True)
def test_gsm_agrees_with_another_library(text):
    assert t.gsm_encode(text) == smsutil.encode(text)


@given(st.one_of(GSM, ANY), st.sampled_from("0138"))
@settings(deadline=None, derandomize=True, max_examples=400)
def test_cuts_agree_with_what_is_billed_and_lose_nothing(text, setting):
    encoding, n = parts.count(text)
    coding, octets = t.encode(text, encoding, setting)
    cut = t.cut(octets, coding)
    alphabet = t.UCS2 if coding == t.UCS2 else t.GSM7
    assert "".join(t.decode(part, alphabet) for part in cut) == text
    assert max(map(len, cut)) <= t.ROOM[coding][len(cut) > 1]
    if (coding == t.UCS2) == (encoding == "ucs2"):
        assert len(cut) == n


def test_what_carriers_inside_china_bill_is_what_is_sent():
    for length in (70, 71, 134, 135, 160):
        text = "x" * length
        encoding, n = parts.count(text, cn=True)
        assert (encoding, len(t.cut(*reversed(t.encode(text, encoding, "0"))))) == ("ucs2", n)


def test_the_setting_chooses_how_plain_texts_go():
    assert t.encode("Grüße", "gsm7", "0") == (0, b"Gr\x7e\x1ee")
    assert t.encode("Grüße", "gsm7", "8") == (8, "Grüße".encode("utf-16-be"))
    for setting, coding, octets in (
        ("3", 3, "Grüße".encode("latin-1")),
        ("1", 8, "Grüße".encode("utf-16-be")),
    ):
        made = t.tails(*reversed(t.encode("Grüße", "gsm7", setting)), "udh", 1, "", 1)
        assert made[0].endswith(bytes((coding, 0, len(octets))) + octets)
    assert t.encode("plain", "gsm7", "1") == (1, b"plain")
    # Δ is in GSM-7, but not in Latin-1.
    assert t.encode("Δ", "gsm7", "3")[0] == 8


@pytest.mark.parametrize(
    ("octets", "coding", "text"),
    [(b"\0\1", 0x00, "@£"), ("中文".encode("utf-16-be"), 0x08, "中文"), (b"caf\xe9", 0x03, "café"), (b"a@", 0x01, "a@"),
     (b"\0", 0xF1, "@"), ("中".encode("utf-16-be"), 0x18, "中"), (b"\xff\xfe", 0x04, "ÿþ"), (b"\x00", 0x08, "\ufffd")],
)  # fmt: skip
def test_inbound_words_are_read_by_their_coding(octets, coding, text):
    assert t.decode(octets, coding) == text


def test_a_receipts_text_is_read_by_its_first_fields():
    fields = t.receipt_fields(receipt_text("0A1b", "UNDELIV", "042").decode())
    assert fields == {"id": "0A1b", "stat": "UNDELIV", "err": "042", "done date": "2611220915"}
    assert t.receipt_fields("ID:7 STAT:EXPIRED") == {"id": "7", "stat": "EXPIRED"}
    assert t.receipt_fields("anything") == {}


@pytest.mark.parametrize(
    ("digits", "at"),
    [("2611220915", datetime(2026, 11, 22, 9, 15, tzinfo=UTC)),
     ("261122091533", datetime(2026, 11, 22, 9, 15, 33, tzinfo=UTC)),
     ("20261122091533", None), ("", None), ("9999999999", None), ("soon", None)],
)  # fmt: skip
def test_a_receipts_date_is_read_where_it_is_one(digits, at):
    assert t.receipt_date(digits) == at


@pytest.mark.parametrize(
    ("given_id", "base", "same"),
    [("26", 10, "1a"), ("1A", 16, "1a"), ("0000001A", 16, "1a"), ("0x1a", 16, "0x1a"), ("00123", 0, "123"),
     ("AbC-9", 0, "AbC-9"), ("m1", 0, "m1"), ("0", 0, "0"), ("no number", 10, "no_number"), ("", 0, "")],
)  # fmt: skip
def test_ids_have_one_spelling(given_id, base, same):
    assert t.same_id(given_id, base) == same


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.text("019afAF x\n", max_size=4), max_size=4), st.sampled_from([0, 10, 16]))
def test_many_ids_are_spelt_as_one(ids, base):
    assert t.same_ids(ids, base) == [t.same_id(one, base) for one in ids]


def test_an_inbound_part_says_its_place():
    def piece(text, esm_class=0x40, tlvs=None):
        return t.read_piece(p.Deliver("1", "2", esm_class, 0, text, tlvs or {}))[1:]

    assert piece(b"\x05\x00\x03\x07\x02\x01words") == (7, 2, 1)
    assert piece(b"\x06\x08\x04\x01\x07\x02\x02words") == (0x107, 2, 2)
    assert piece(b"words", 0, {0x020C: b"\1\7", 0x020E: b"\3", 0x020F: b"\2"}) == (0x107, 3, 2)
    # Ports, a part 3 of 2, a header longer than the text: a text of its own.
    for odd in (b"\x06\x05\x04\0\1\0\2words", b"\x05\x00\x03\x07\x02\x03words", b"\xffwords"):
        assert piece(odd) == (0, 1, 1)
