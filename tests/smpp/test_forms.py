"""Receipts of the usual form, read at once, say what they say when read field by field."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_receipts
from plugins.providers._smpp_receipts import Forms
from tests.smpp.kit import deliver_body, made, receipt_text, tlv

ids = st.one_of(
    st.integers(0, 1 << 40).map(str),
    st.text("0123456789abcdefABCDEF-_.", min_size=0, max_size=20),
    st.text(max_size=6).map(lambda text: text.encode("latin-1", "replace").decode("latin-1")),
)
words = st.sampled_from(["DELIVRD", "UNDELIV", "EXPIRED", "ENROUTE", "REJECTD", "MK:0001", "delivrd", ""])
errs = st.sampled_from(["000", "042", "0", "IB:0008", ""])
dones = st.sampled_from(["2611220915", "261122091500", "261122", "never", ""])
parameters = st.lists(
    st.one_of(
        st.integers(0, 12).map(lambda number: tlv(0x0427, bytes((number,)))),
        st.sampled_from([b"m9\0", b"m9", b"\0", b"0A\0\0", b"a b\0"]).map(lambda id_: tlv(0x001E, id_)),
        st.just(tlv(0x0423, b"\3\0\x22")),
        st.just(tlv(0x1403, b"our-reference\0")),
        st.just(b"\x04\x27\0"),
    ),
    max_size=3,
).map(b"".join)


@st.composite
def bodies(draw) -> bytes:
    text = receipt_text("ID", draw(words), draw(errs), draw(dones)).replace(
        b"ID", draw(ids).encode("latin-1", "replace")
    )
    if draw(st.booleans()):
        text = text[: draw(st.integers(0, len(text)))]
    body = deliver_body(
        text[:254],
        source=draw(st.sampled_from(["8613800000001", "", "x"])),
        dest=draw(st.sampled_from(["1069", ""])),
        esm_class=draw(st.sampled_from([0x04, 0x20, 0x00, 0x44, 0x08])),
        coding=draw(st.sampled_from([0, 1, 3, 8])),
        tlvs=draw(parameters),
    )
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 9)) == 0 else body


def slowly(provider, body: bytes):
    """The long way; None for what is no receipt or cannot be read."""
    try:
        got = p.read_deliver(p.DELIVER_SM, body)
    except p.Garbage:
        return None
    return provider._receipt(got) if got.is_receipt else None


@given(st.lists(bodies(), max_size=8), st.sampled_from(["same", "hex_dec", "dec_hex"]))
def test_both_ways_read_the_same(some, base):
    provider = made(1, msgid_base=base)
    forms = Forms(provider._receipt, provider._bases[1])
    for body in some:
        try:
            read = forms.read(body)
        except p.Garbage:
            read = None
        if read is not None:
            assert read == slowly(provider, body)


def test_the_long_way_is_taken_once_a_form():
    provider, asked = made(1), []
    forms = Forms(lambda got: asked.append(got) or provider._receipt(got), 0)
    more = tlv(0x0427, b"\2")
    for n in range(50):
        named = tlv(0x001E, f"{n + 100:x}\0".encode())
        for tlvs, id_ in ((b"", n), (named + more, n + 100), (more + named, n + 100), (more, n)):
            body = deliver_body(receipt_text(f"{n:x}"), esm_class=0x04, tlvs=tlvs)
            assert forms.read(body).provider_id == f"{id_:x}"
    # One form without a state beside the text, one with.
    assert len(asked) == 2


def test_forms_are_forgotten_before_they_are_too_many(monkeypatch):
    monkeypatch.setattr(_smpp_receipts, "MOST_FORMS", 10)
    forms = Forms(made(1)._receipt, 0)
    for n in range(25):
        body = deliver_body(receipt_text("1a", err=f"{n:03}", stat="UNDELIV"), esm_class=0x04)
        assert forms.read(body).code == (f"{n:03}" if n else "UNDELIV")
        assert len(forms._known) <= 10
