"""The bundled content checks, each as a table of cases; the laws all checks keep stand at the end."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Draft, Finding
from core.content import merge, parts
from plugins.checks import fields, optout, signature
from plugins.checks import parts as length

KNOWN = frozenset({"name", "first_name", "honorific", "city", "备注"})
CHECKS = [fields.Fields(), length.Parts(), optout.OptOut(), signature.Signature()]


def draft(text: str, **around) -> Draft:
    """A draft merged with what a sample person has."""
    try:
        sample = merge.compile(text).render(dict.fromkeys(KNOWN, "Anna"))
    except merge.BadText:
        sample = ""
    around.setdefault("fields", KNOWN)
    return Draft(text=text, sample=sample if isinstance(sample, str) else "", **around)


def found(check, text: str, **around) -> dict[str, Finding]:
    return {finding.code: finding for finding in check.check(draft(text, **around))}


STOP = "Reply STOP to opt out"
CN = frozenset({"CN"})

#: check, text, surroundings, code of the finding, its level, the text after the fix (None: no fix)
CASES = [
    # parts
    (length.Parts(), "Hello", {}, "parts.one", "good", None),
    (length.Parts(), "a" * 161, {}, "parts.just_over", "warn", None),
    (length.Parts(), "a" * 300, {}, "parts.several", "info", None),
    (length.Parts(), "a" * 800, {}, "parts.many", "warn", None),
    (length.Parts(), "字" * 501, {"countries": CN}, "parts.cn_max", "block", None),
    (length.Parts(), "a" * 71, {"countries": CN}, "parts.just_over", "warn", None),
    (length.Parts(), "It’s “on” – now", {}, "parts.ucs2", "info", "It's \"on\" - now"),
    (length.Parts(), "It’s " + "a" * 120, {}, "parts.ucs2", "warn", "It's " + "a" * 120),
    (length.Parts(), "Güzel bir gün için şehre gel, her yerde indirim", {}, "parts.ucs2", "info",
     "Güzel bir gün icin sehre gel, her yerde indirim"),
    (length.Parts(), "Sale 😀 now, today only", {}, "parts.ucs2", "info", None),
    (length.Parts(), "Hi 🎁🎁🎁🎁", {}, "parts.ucs2", "info", None),
    # fields
    (fields.Fields(), "Hi {{nmae}}", {}, "fields.unknown", "block", "Hi {{name}}"),
    (fields.Fields(), "Hi {{ 姓名 | upper }}", {}, "fields.unknown", "block", "Hi {{ name | upper }}"),
    (fields.Fields(), "Hi {{zzzzzz}}", {}, "fields.unknown", "block", None),
    (fields.Fields(), "Hi {{name", {}, "fields.syntax", "block", None),
    (fields.Fields(), "Hi {{first_name}} of {{city|upper}}", {"missing": {"first_name": 0, "city": 3}, "audience": 9},
     "fields.missing", "warn", 'Hi {{first_name}} of {{city|upper|default:"your city"}}'),
    (fields.Fields(), "{{备注}}您好", {"missing": {"备注": 2}, "lang": "zh"}, "fields.missing", "warn",
     '{{备注|default:"您的备注"}}您好'),
    (fields.Fields(), "Hi {{name}}", {"missing": {"name": 0}, "audience": 5}, "fields.complete", "good", None),
    (fields.Fields(), "尊敬的{{honorific}}，您好", {"lang": "zh"}, "fields.twice", "warn", "{{honorific}}，您好"),
    # way out
    (optout.OptOut(), "Sale today!", {}, "optout.absent", "block", f"Sale today! {STOP}"),
    (optout.OptOut(), "Sale today", {}, "optout.absent", "block", f"Sale today. {STOP}"),
    (optout.OptOut(), "【店】全场八折", {"lang": "zh"}, "optout.absent", "block", "【店】全场八折，拒收请回复R"),
    (optout.OptOut(), "【店】全场八折。", {"lang": "zh"}, "optout.absent", "block", "【店】全场八折。拒收请回复R"),
    (optout.OptOut(), "Sale", {"countries": CN}, "optout.absent", "block", "Sale，拒收请回复R"),
    (optout.OptOut(), f"Sale. {STOP}", {"countries": CN}, "optout.absent", "block", f"Sale. {STOP}，拒收请回复R"),
    (optout.OptOut(), f"Sale. {STOP}", {}, "optout.told", "good", None),
    (optout.OptOut(), "Sale. Text stop to end", {"lang": "fr"}, "optout.told", "good", None),
    (optout.OptOut(), "八折 拒收请回复R", {"lang": "zh"}, "optout.told", "good", None),
    (optout.OptOut(), "八折 退订回T", {"lang": "zh"}, "optout.told", "good", None),
    (optout.OptOut(), "Sale. 拒收请回复R", {"countries": CN}, "optout.told", "good", None),
    (optout.OptOut(), "Sale. 拒收请回复R", {}, "optout.told", "good", None),
    (optout.OptOut(), "Sale. 拒收请回复R", {"countries": frozenset({"US"})}, "optout.absent", "block",
     f"Sale. 拒收请回复R. {STOP}"),
    (optout.OptOut(), "Your code is 1234. Reply STOP to opt out.", {"cls": "otp"}, "optout.forbidden", "warn",
     "Your code is 1234."),
    (optout.OptOut(), "【店】包裹已发出，拒收请回复R", {"cls": "notice", "lang": "zh"}, "optout.forbidden", "block",
     "【店】包裹已发出"),
    # sender
    (signature.Signature(), "全场八折", {"lang": "zh"}, "signature.absent", "block", None),
    (signature.Signature(), "全场八折", {"lang": "zh", "sender": "可乐店"}, "signature.absent", "block",
     "【可乐店】全场八折"),
    (signature.Signature(), "全场八折", {"lang": "zh", "sender": "10690001"}, "signature.absent", "block", None),
    (signature.Signature(), "[可乐店]全场八折", {"lang": "zh"}, "signature.absent", "block", "【可乐店】全场八折"),
    (signature.Signature(), "全场【可乐店】八折", {"lang": "zh"}, "signature.place", "block", "【可乐店】全场八折"),
    (signature.Signature(), "【店】全场八折", {"lang": "zh"}, "signature.length", "block", None),
    (signature.Signature(), "【" + "店" * 13 + "】八折", {"lang": "zh"}, "signature.length", "block", None),
    (signature.Signature(), "【{{name}}】八折", {"lang": "zh"}, "signature.field", "block", None),
    (signature.Signature(), "【可乐店】八折", {"lang": "zh"}, "signature.good", "good", None),
    (signature.Signature(), "八折【可乐店】", {"lang": "zh"}, "signature.good", "good", None),
    (signature.Signature(), "【可乐店】您的包裹到了", {"lang": "zh", "cls": "notice"}, "signature.good", "good", None),
    (signature.Signature(), "您的包裹到了", {"lang": "zh", "cls": "notice"}, "signature.absent", "warn", None),
    (signature.Signature(), "Sale", {"countries": CN, "sender": "Coke Store"}, "signature.absent", "block",
     "【Coke Store】Sale"),
    (signature.Signature(), "Sale today", {"sender": "Coke Store"}, "signature.unnamed", "warn", "Coke Store: Sale today"),
    (signature.Signature(), "coke store: sale", {"sender": "Coke Store"}, "signature.named", "good", None),
]  # fmt: skip


@pytest.mark.parametrize(("check", "text", "around", "code", "level", "fixed"), CASES)
def test_a_check_finds(check, text, around, code, level, fixed):
    finding = found(check, text, **around)[code]
    assert finding.level == level
    assert finding.message
    assert (finding.fix[1] if finding.fix else None) == fixed


@pytest.mark.parametrize(
    ("check", "text", "around", "code", "level", "fixed"), [case for case in CASES if case[5]]
)
def test_a_fix_removes_its_finding(check, text, around, code, level, fixed):
    around = dict(around, missing={})
    assert code not in found(check, fixed, **around)


#: check, text, surroundings, codes that must not come up
QUIET = [
    (length.Parts(), "【可乐店】全场八折，拒收请回复R", {"lang": "zh"}, "parts.ucs2"),
    (length.Parts(), "", {}, "parts.one"),
    (length.Parts(), "Sale 😀 now, today only", {"countries": CN}, "parts.ucs2"),
    (fields.Fields(), "no fields", {"audience": 5}, "fields.complete"),
    (fields.Fields(), '{{city|default:"here"}}', {"missing": {"city": 3}, "audience": 5}, "fields.missing"),
    (optout.OptOut(), "Your parcel comes non-stop to your door", {"cls": "notice"}, "optout.forbidden"),
    (optout.OptOut(), "Sale today", {"cls": "notice"}, "optout.absent"),
    (optout.OptOut(), "Stop by today, non-stop sale", {}, "optout.told"),
    (optout.OptOut(), "Sale today", {"cls": "voice"}, "optout.absent"),
    (
        signature.Signature(),
        "大減價 Reply STOP",
        {"lang": "zh-Hant", "countries": frozenset({"TW"})},
        "signature.absent",
    ),
    (
        signature.Signature(),
        "Your parcel is here",
        {"cls": "notice", "sender": "Coke Store"},
        "signature.unnamed",
    ),
    (signature.Signature(), "Sale today", {"sender": "+15550100"}, "signature.unnamed"),
    (signature.Signature(), "Sale today", {"sender": "可乐店"}, "signature.unnamed"),
]


@pytest.mark.parametrize(("check", "text", "around", "code"), QUIET)
def test_a_check_keeps_quiet(check, text, around, code):
    assert code not in found(check, text, **around)


def test_a_sample_of_the_contacts_is_never_called_everyone():
    around = {"audience": 10_000, "sampled": True}
    complete = found(fields.Fields(), "Hi {{name}}", **around)["fields.complete"].message
    assert complete.startswith("Each of the newest 10,000 people")
    lacking = found(fields.Fields(), "Hi {{name}}", missing={"name": 1959}, **around)[
        "fields.missing"
    ].message
    assert "1,959 of the newest 10,000 people have no name" in lacking


def test_a_text_for_china_with_an_english_way_out_is_told_what_china_wants():
    message = found(optout.OptOut(), f"Sale. {STOP}", countries=CN)["optout.absent"].message
    assert "拒收请回复R" in message and "“Reply STOP” is not enough" in message
    assert "this text does not" in found(optout.OptOut(), "Sale", countries=CN)["optout.absent"].message


def test_one_dear_character_halves_and_several_halve():
    assert "“😀” halves the room" in found(length.Parts(), "Sale 😀 now")["parts.ucs2"].message
    assert "“😀” ×2 halve the room" in found(length.Parts(), "Sale 😀 now 😀")["parts.ucs2"].message


def test_the_cheaper_text_is_really_cheaper():
    text = "Hi {{name}} – “Sale” " + "a" * 90
    fixed = found(length.Parts(), text)["parts.ucs2"].fix[1]
    assert "{{name}}" in fixed
    assert parts.plan(merge.compile(fixed).render({"name": "Anna"})).encoding == "gsm7"


def test_every_row_of_the_way_out_tells_source_and_date_and_its_phrase_counts():
    for lang, way in optout.WAYS.items():
        assert way.source and len(way.as_of) == 10
        text = way.phrase if lang != "zh" else "【可乐店】八折，" + way.phrase
        assert "optout.told" in found(optout.OptOut(), text, lang=lang)


@given(
    st.text(st.one_of(st.sampled_from('{}|:"“”【】STOP拒收回复R name'), st.characters()), max_size=120),
    st.sampled_from(["otp", "notice", "mass", "voice"]),
    st.sampled_from(["en", "zh", "tr", "xx"]),
    st.sampled_from([frozenset(), CN, frozenset({"CN", "US"})]),
)
@settings(max_examples=600, deadline=None)
def test_no_check_raises_and_spans_and_fixes_lie_in_the_text(text, cls, lang, countries):
    made = draft(text, cls=cls, lang=lang, countries=countries, sender="Coke Store", missing={"name": 3})
    for check in CHECKS:
        for finding in check.check(made):
            assert finding.level in ("block", "warn", "info", "good")
            assert finding.code.startswith(check.name + ".")
            if finding.span:
                assert 0 <= finding.span[0] < finding.span[1] <= len(text)
            if finding.fix:
                assert finding.fix[0] and finding.fix[1] != text


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_of_the_longest_text_stays_far_below_the_50_ms_it_may_take(check):
    made = draft("“ş{{name}}” " * 130, lang="en", missing={"name": 1})
    started = time.perf_counter()
    list(check.check(made))
    assert time.perf_counter() - started < 0.5
