"""Merging values into a text: what is filled in, what is refused, and what can never come out."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content import filters, merge
from core.content.merge import BadText, NoText
from core.contract.errors import Refusal

PERSON = {
    "name": "Anna Smith",
    "first_name": "Anna",
    "city": "Berlin",
    "points": 1250.0,
    "spent": 1234.5,
    "birthday": date(1990, 5, 20),
    "member": True,
    "备注": "老客户",
    "First category": "skin care",
}

#: text, language, what Anna reads
RENDERED = [
    ("Hi {{first_name}}!", "en", "Hi Anna!"),
    ("Hi {{ first_name }}!", "en", "Hi Anna!"),
    ("{{nick|default:\"friend\"}}", "en", "friend"),
    ("{{nick|default:'friend'}}", "en", "friend"),
    ("{{nick|default:friend}}", "en", "friend"),
    ("{{nick｜default：“朋友”}}", "zh", "朋友"),
    ('{{nick|default:"it\'s | you"}}', "en", "it's | you"),
    ("{{city|default:\"here\"}}", "en", "Berlin"),
    ("{{city|upper}} {{city|lower}}", "en", "BERLIN berlin"),
    ("{{name|lower|title}}", "en", "Anna Smith"),
    ("{{name|first}} {{name|trim:4}}", "en", "Anna Anna"),
    ("{{points}}", "en", "1250"),
    ("{{points|number}}", "en", "1,250"),
    ("{{points|number:2}}", "de", "1.250,00"),
    ("{{points|number}}", "fr", "1 250"),
    ("{{spent}}", "en", "1234.5"),
    ("{{spent|money}}", "zh", "¥1,234.50"),
    ("{{spent|money:\"EUR\"}}", "de", "1.234,50 €"),
    ("{{points|money:\"USD\"}}", "en", "$1,250"),
    ("{{birthday}}", "en", "May 20, 1990"),
    ("{{birthday}}", "zh", "1990年5月20日"),
    ("{{birthday}}", "de", "20.05.1990"),
    ("{{birthday|date:\"long\"}}", "en", "May 20, 1990"),
    ("{{member}}", "zh", "是"),
    ("{{member}}", "en", "yes"),
    ("{{备注}}您好", "zh", "老客户您好"),
    ("{{First category}}", "en", "skin care"),
    ("100 % { } } {", "en", "100 % { } } {"),
    ("{{{city}}}"[:-1], "en", "{Berlin"),
    ("{{city}}{{city}} {{city}}", "en", "BerlinBerlin Berlin"),
    ("a %s %(name)s {{city}}", "en", "a %s %(name)s Berlin"),
    ("no fields", "en", "no fields"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lang", "expected"), RENDERED)
def test_a_text_is_filled_in(text, lang, expected):
    assert merge.compile(text, lang).render(PERSON) == expected


#: text, what the sentence says, where
REFUSED = [
    ("{{", "never closed", (0, 2)),
    ("Hi {{name", "character 4", (3, 5)),
    ("name}}", "no “{{” before it", (4, 6)),
    ("{{}}", "no field name", (0, 4)),
    ("{{ }}", "no field name", (0, 5)),
    ("{{name|shout}}", "There is no filter “shout”", (0, 14)),
    ("{{name|}}", "is no filter", (0, 9)),
    ("{{name|default}}", "default needs a text", (0, 16)),
    ('{{name|default:""}}', "default needs a text", (0, 19)),
    ("{{name|trim:0}}", "trim takes", (0, 15)),
    ("{{points|number:9}}", "number takes", (0, 19)),
    ("{{points|money:XYZ}}", "money takes", (0, 20)),
    ("{{birthday|date:iso}}", "date takes", (0, 21)),
    ("{{name|upper:1}}", "nothing after a colon", (0, 16)),
    ("{{city|honorific}}", "works on name only", (0, 18)),
    ("a\x00b", "U+0000", (1, 2)),
    ("a\ud83d", "U+D83D", (1, 2)),
    ("x" * 1601, "1601 characters", (1600, 1601)),
    ("Hi {{nmae}}", "did you mean “name”", (3, 11)),
    ("Hi {{姓名}}", "did you mean “name”", (3, 9)),
    ("Hi {{zzzzzz}}", "There is no field “zzzzzz” (character 4).", (3, 13)),
]


@pytest.mark.parametrize(("text", "sentence", "span"), REFUSED)
def test_a_bad_text_is_refused_with_its_place(text, sentence, span):
    with pytest.raises(BadText) as refused:
        merge.compile(text, known={"name", "first_name", "city"} | PERSON.keys())
    assert sentence in str(refused.value)
    assert refused.value.span == span


def test_there_are_at_most_ten_filters():
    assert len(filters.NAMES) == len(set(filters.NAMES)) <= 10


@pytest.mark.parametrize("value", [None, "", "   ", "\n", float("nan"), float("inf")])
def test_a_missing_value_without_default_skips_the_message(value):
    assert merge.compile("Hi {{name}}").render({"name": value}) == NoText("missing_field", "name")


@pytest.mark.parametrize(
    ("text", "value"), [("{{d|date}}", "soon"), ("{{d|number}}", "many"), ("{{d|money}}", True and "x")]
)
def test_a_value_of_the_wrong_kind_counts_as_missing(text, value):
    assert merge.compile(text).render({"d": value}) == NoText("missing_field", "d")
    assert merge.compile(text.replace("}}", '|default:"–"}}')).render({"d": value}) == "–"


def test_values_cannot_expand_again():
    compiled = merge.compile("Hi {{name}}, {{city}}")
    assert compiled.render({"name": "{{city}}", "city": "{{name}}"}) == "Hi { {city}}, { {name}}"


def test_two_values_cannot_make_braces_together():
    assert merge.compile("{{a}}{{b}}").render({"a": "{", "b": "{x}}"}) == "{ {x}}"


def test_line_breaks_and_control_characters_of_values_become_spaces():
    assert merge.compile("Hi {{name}}.").render({"name": "Anna\r\n\x07Smith\u2028"}) == "Hi Anna Smith."


def test_line_breaks_of_the_text_stay():
    assert merge.compile("Hi\n{{name}}").render({"name": "Anna"}) == "Hi\nAnna"


def test_a_text_that_grows_too_long_is_not_sent():
    compiled = merge.compile("x" * 1590 + "{{name}}")
    assert compiled.render({"name": "y" * 10}) == "x" * 1590 + "y" * 10
    assert compiled.render({"name": "y" * 11}) == NoText("too_long")


def test_names_are_listed_once_and_static_texts_have_none():
    assert merge.compile("{{b}} {{a|upper}} {{b|lower}}").names == ("b", "a")
    assert merge.compile("no fields").static
    assert not merge.compile("{{a}}").static


def test_a_batch_keeps_its_order_and_skips_only_those_who_lack_a_value():
    compiled = merge.compile('Hi {{name}} of {{city|default:"here"}}')
    rows = [("Anna", "Berlin"), (None, "Bonn"), ("Bob", None), ("x" * 1600, "y")]
    assert compiled.render_many(rows) == [
        "Hi Anna of Berlin",
        NoText("missing_field", "name"),
        "Hi Bob of here",
        NoText("too_long"),
    ]
    assert compiled.render_many([]) == []
    assert merge.compile("same").render_many([(), ()]) == ["same", "same"]


def test_a_person_without_a_name_is_addressed_by_the_fallback_of_the_language():
    assert merge.compile("{{honorific}}，您好", "zh").render({}) == "尊敬的顾客，您好"
    assert merge.compile('{{honorific|default:"亲"}}，您好', "zh").render({}) == "亲，您好"
    assert merge.compile("{{name|honorific}}", "en").names == ("honorific",)


def test_text_outside_the_fields_can_be_changed_alone():
    text = "“{{a|default:“x”}}” – {{b}}…"
    assert (
        merge.map_static(text, lambda piece: piece.upper().replace("…", "..."))
        == "“{{a|default:“x”}}” – {{b}}..."
    )


TEXT = st.text(st.one_of(st.sampled_from('{}|:"“” %s\n姓名aé%()'), st.characters()), max_size=80)
TAGGED = st.lists(
    st.one_of(
        TEXT,
        st.builds(
            lambda name, filters_: "{{" + "|".join([name, *filters_]) + "}}",
            st.sampled_from(["name", "city", "points", "备注", "d", ""]),
            st.lists(
                st.sampled_from(
                    ['default:"x"', "upper", "title", "first", "trim:3", "date", "number:2", "money", "bad"]
                ),
                max_size=3,
            ),
        ),
    ),
    max_size=6,
).map("".join)
VALUES = st.dictionaries(
    st.sampled_from(["name", "city", "points", "备注", "d"]),
    st.one_of(
        st.none(),
        TEXT,
        st.integers(),
        st.floats(),
        st.booleans(),
        st.dates(),
        st.sampled_from(["{{name}}", "{", "{{{"]),
    ),
)


@given(st.one_of(TEXT, TAGGED), VALUES, st.sampled_from(["en", "zh", "de", "xx", ""]))
@settings(max_examples=2500, deadline=None)
def test_no_input_raises_anything_but_a_refusal(text, values, lang):
    try:
        compiled = merge.compile(text, lang)
    except Refusal as refusal:
        assert str(refusal)
        return
    result = compiled.render(values)
    if isinstance(result, NoText):
        assert result.reason in ("missing_field", "too_long")
        return
    assert "{{" not in result
    assert len(result) <= merge.MAX_CHARS
    result.encode("utf-8")


@given(TAGGED, st.lists(VALUES, max_size=5))
@settings(max_examples=500, deadline=None)
def test_a_batch_gives_what_each_gives_alone(text, people):
    try:
        compiled = merge.compile(text)
    except Refusal:
        return
    rows = [[person.get(name) for name in compiled.names] for person in people]
    assert compiled.render_many(rows) == [compiled.render(person) for person in people]
