"""Counting and cutting parts, against the published vectors and an independent library."""

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content import parts

SHARED = st.sampled_from(parts.BASIC.replace("\x1b", ""))
WIDE = st.sampled_from(parts.EXTENSION)
ANY = st.one_of(
    SHARED,
    WIDE,
    st.sampled_from("“”’–…çşıİğ`áõ"),
    st.sampled_from("中文，。【】"),
    st.sampled_from("😀👩🏽‍🚀"),
)
TEXTS = st.text(st.one_of(SHARED, WIDE, ANY), max_size=420)

#: text, encoding, units, parts.  The numbers of Aliyun's page 44335 and 3GPP TS 23.038.
VECTORS = [
    ("", "gsm7", 0, 1),
    ("a" * 160, "gsm7", 160, 1),
    ("a" * 161, "gsm7", 161, 2),
    ("a" * 306, "gsm7", 306, 2),
    ("a" * 307, "gsm7", 307, 3),
    ("a" * 350, "gsm7", 350, 3),
    ("€" * 80, "gsm7", 160, 1),
    ("€" * 81, "gsm7", 162, 2),
    ("字" * 70, "ucs2", 70, 1),
    ("字" * 71, "ucs2", 71, 2),
    ("字" * 134, "ucs2", 134, 2),
    ("字" * 135, "ucs2", 135, 3),
    ("字" * 150, "ucs2", 150, 3),
    ("😀" * 35, "ucs2", 70, 1),
    ("😀" * 36, "ucs2", 72, 2),
    ("Ç ö ü Ö Ü '", "gsm7", 11, 1),
    ("ç", "ucs2", 1, 1),
    ("’", "ucs2", 1, 1),
    ("`", "ucs2", 1, 1),
    ("\t", "ucs2", 1, 1),
    ("a\u00a0b", "ucs2", 3, 1),
    *[(char, "gsm7", 2, 1) for char in "|^€{}[]~\\\f"],
    *[(char, "ucs2", 1, 1) for char in "áíóúêâşıİğ"],
]


@pytest.mark.parametrize(("text", "encoding", "units", "n"), VECTORS)
def test_published_vectors(text, encoding, units, n):
    plan = parts.plan(text)
    assert (plan.encoding, plan.units, plan.parts) == (encoding, units, n)
    assert parts.count(text) == (encoding, n)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [("字" * 160, [67, 67, 26]), ("a" * 350, [153, 153, 44]), ("字" * 150, [67, 67, 16]), ("a" * 160, [160])],
)
def test_parts_have_the_lengths_of_aliyuns_page(text, lengths):
    assert [len(part) for part in parts.split(text)] == lengths


def test_inside_china_every_character_counts_one_and_a_part_holds_70_or_67():
    assert parts.count("a" * 70, cn=True) == ("ucs2", 1)
    assert parts.count("a" * 160, cn=True) == ("ucs2", 3)
    assert parts.count("[€]" * 20, cn=True) == ("ucs2", 1)
    assert parts.count("字" * 71, cn=True) == ("ucs2", 2)


@given(TEXTS.filter(bool))
@settings(max_examples=600, deadline=None)
def test_agrees_with_an_independent_library(text):
    oracle = smsutil.split(text)
    mine = parts.plan(text)
    assert mine.encoding == ("gsm7" if smsutil.is_valid_gsm(text) else "ucs2")
    assert mine.parts == len(oracle.parts)
    assert (mine.encoding == "gsm7") == (not mine.breakers)


@given(TEXTS)
@settings(max_examples=600, deadline=None)
def test_parts_are_as_many_as_counted_fit_and_lose_nothing(text):
    encoding, n = parts.count(text)
    cut = parts.split(text)
    assert "".join(cut) == text
    assert len(cut) == n
    room = parts.LIMITS[encoding][1] if n > 1 else parts.LIMITS[encoding][0]
    for part in cut:
        units = parts.plan(part).units if encoding == "gsm7" else len(part.encode("utf-16-le")) // 2
        assert units <= room


@given(st.text(ANY, max_size=200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_16_bit_reference_leaves_one_unit_less(text, _again):
    encoding, n = parts.count(text)
    for part in parts.split(text, ref_bits=16):
        units = parts.plan(part).units if encoding == "gsm7" else len(part.encode("utf-16-le")) // 2
        assert units <= (parts.LIMITS[encoding][1] - 1 if n > 1 else parts.LIMITS[encoding][0])


def test_an_extension_character_on_the_border_moves_whole():
    text = "a" * 152 + "€" + "b" * 20
    assert parts.split(text) == ["a" * 152, "€" + "b" * 20]


def test_a_surrogate_pair_on_the_border_moves_whole():
    text = "字" * 66 + "😀" + "字" * 20
    assert parts.split(text) == ["字" * 66, "😀" + "字" * 20]


def test_what_people_see_as_one_character_stays_together_when_it_costs_nothing():
    family = "👩\u200d👩\u200d👧"
    text = "字" * 64 + family + "字" * 10
    assert parts.split(text) == ["字" * 64, family + "字" * 10]


def test_breakers_name_character_and_position():
    assert parts.plan("a “b” ş").breakers == (("“", 2), ("”", 4), ("ş", 6))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Sale” – it’s on…", '"Sale" - it\'s on...'),
        ("a\u00a0b\u200bc\u202fd", "a bc d"),
        ("ＳＡＬＥ　５０％", "SALE 50%"),
        ("• one\t• two", "- one - two"),
        ("日本 “x”", '日本 "x"'),
        ("Grüße an Zoë’s Café", "Grüße an Zoë's Café"),
    ],
)
def test_typographic_characters_become_plain_ones(text, plain):
    assert parts.to_gsm7(text) == plain


def test_accents_come_off_only_when_asked():
    assert parts.to_gsm7("Şişli çığ ñ é") == "Şişli çığ ñ é"
    assert parts.to_gsm7("Şişli çığ ñ é", letters=True) == "Sisli cig ñ é"


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_writing_plainly_twice_changes_nothing_more(text):
    plain = parts.to_gsm7(text, letters=True)
    assert parts.to_gsm7(plain, letters=True) == plain
    assert len(parts.plan(plain).breakers) <= len(parts.plan(text).breakers)


def test_many_texts_are_counted_in_order():
    texts = ["a", "字" * 71, "字" * 71, "€" * 81]
    assert parts.count_many(texts) == [parts.count(text) for text in texts]
    assert parts.count_many(texts, cn=True) == [parts.count(text, cn=True) for text in texts]


def test_room_says_how_many_characters_are_left():
    assert parts.plan("a" * 150).room == 10
    assert parts.plan("字" * 100).room == 34
