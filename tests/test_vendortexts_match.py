"""Words of ours beside a vendor's: which variable stands for what."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.content.vendortexts import match
from plugins.providers.aliyun import Aliyun
from plugins.providers.tencent import Tencent

ALIYUN, TENCENT = Aliyun.VARIABLE, Tencent.VARIABLE
WORDS = match.cut("${name}，您好！券码${code}，今日有效。拒收请回复R", ALIYUN)


def test_a_signature_is_known_before_and_behind_the_words():
    assert match.signed("【可乐店】 全场八折") == ("可乐店", "全场八折")
    assert match.signed("全场八折【可乐店】") == ("可乐店", "全场八折")
    assert match.signed("全场八折") == ("", "全场八折")


PROPOSALS = [
    ("fields", "【店】{{name}}，您好！券码{{coupon}}，今日有效。拒收请回复R", {"name": "{{name}}", "code": "{{coupon}}"}),
    ("filters and words around", '{{name|default:"朋友"}}女士,您好!券码A-{{n}}，今日有效。拒收请回复R',
     {"name": '{{name|default:"朋友"}}女士', "code": "A-{{n}}"}),
    ("fixed words", "亲，您好！券码8888，今日有效。拒收请回复R", {"name": "亲", "code": "8888"}),
    ("other words", "{{name}}，您好！券码{{coupon}}，明日有效。拒收请回复R", None),
    ("nothing for a variable", "，您好！券码{{coupon}}，今日有效。拒收请回复R", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), PROPOSALS, ids=[row[0] for row in PROPOSALS])
def test_what_fills_each_variable_is_proposed(name, body, expected):
    assert match.propose(body, WORDS) == expected


def test_numbered_variables_are_the_same():
    words = match.cut("您的验证码为{1}，{2}分钟内有效。", TENCENT)
    assert words.values("您的验证码为123456，5分钟内有效。") == {"1": "123456", "2": "5"}
    assert match.propose("您的验证码为{{code}}，5分钟内有效。", words) == {"1": "{{code}}", "2": "5"}


def test_two_variables_side_by_side_cannot_be_told_apart():
    assert match.cut("${a}${b}好", ALIYUN).values("甲乙好") is None


def test_a_variable_used_twice_is_the_same_both_times():
    words = match.cut("${a}和${a}。", ALIYUN)
    assert words.values("甲和甲。") == {"a": "甲"} and words.values("甲和乙。") is None


def test_words_are_the_same_but_for_spaces_and_full_width_marks():
    params = {"name": "{{name}}", "code": "{{coupon}}"}
    body = "【店】{{name}}, 您好!券码{{coupon}},今日有效。拒收请回复R"
    assert match.same(body, "店", WORDS, params)
    assert not match.same(body, "别店", WORDS, params)
    assert not match.same(body, "店", WORDS, params | {"code": "{{n}}"})
    assert match.same(body.removeprefix("【店】"), "店", WORDS, params)


SUBMITTED = [
    (Aliyun, "【店】{{honorific}}，{{name}}，{{name}}{{姓}}", "${honorific}，${name}，${name3}${v}"),
    (Tencent, "{{honorific}}，{{name}}", "{1}，{2}"),
]


@pytest.mark.parametrize(("provider", "body", "expected"), SUBMITTED)
def test_words_to_hand_in_have_a_variable_for_each_field(provider, body, expected):
    made = object.__new__(provider)
    words, params = match.drafted(body, made.variable, provider.VARIABLE)
    assert words == expected
    filled = match.cut(words, provider.VARIABLE).fill(params)
    assert filled == match.signed(body)[1]


LETTERS = st.characters(exclude_characters="【】${}", exclude_categories=("Cs", "Cc", "Co", "Z"))
PIECE = st.text(LETTERS, min_size=1, max_size=8)


@settings(max_examples=150, derandomize=True)
@given(st.lists(PIECE, min_size=2, max_size=5), st.data())
def test_whatever_fills_a_template_is_found_again_in_its_words(pieces, data):
    names = [f"v{i}" for i in range(len(pieces) - 1)]
    words = match.Words(tuple(pieces), tuple(names))
    values = {name: data.draw(PIECE) for name in names}
    text = words.fill(values)
    found = words.values(text)
    assert found is not None
    assert words.fill(found) == text


@settings(max_examples=100, derandomize=True)
@given(PIECE, PIECE)
def test_a_text_of_other_words_is_no_template(piece, text):
    plain = str.maketrans(match._PLAIN)
    assume(piece.translate(plain) not in text.translate(plain))
    assert match.cut(f"{piece}${{v}}", ALIYUN).values(text) is None


def test_a_template_without_variables_is_its_words():
    assert match.cut("全场八折。", ALIYUN).values("全场八折。") == {}
    assert match.cut("全场八折。", ALIYUN).values("全场九折。") is None
    assert not re.findall(ALIYUN, "全场八折。")


def test_a_hostile_text_is_read_at_once():
    words = match.cut("，".join(f"${{v{i}}}" for i in range(20)) + "完", ALIYUN)
    assert words.values("，" * 5000 + "末") is None
