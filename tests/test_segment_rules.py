"""What is no rule is refused with one sentence that names the place; nothing reaches the database."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audience import segments
from core.audience.segments import rules
from core.contract.errors import Refusal

LEAF = {"segmenter": "label", "label": "vip"}


def nested(depth, inner=LEAF):
    return inner if depth == 0 else {"all": [nested(depth - 1, inner)]}


@pytest.mark.parametrize(
    ("raw", "path", "says"),
    [
        (5, "rule", "stands 5"),
        (None, "rule", "stands null"),
        ([], "rule", "stands []"),
        ({}, "rule", "none of all, any, not and segmenter"),
        ({"all": [], "any": []}, "rule", "both all and any"),
        ({"all": [LEAF], "segmenter": "label"}, "rule", "both all and segmenter"),
        ({"all": {}}, "rule", "takes a list of rules"),
        ({"all": [LEAF, {"any": ["x"]}]}, "rule.all[1].any[0]", 'stands "x"'),
        ({"not": []}, "rule.not", "stands []"),
        ({"all": [], "name": "x"}, "rule", 'has "name" beside all'),
        ({"segmenter": ""}, "rule", "takes a name"),
        ({"segmenter": ["label"]}, "rule", "takes a name"),
        ({"segmenter": "label", "label": {"a": 1}}, "rule", "takes a text, a number or a list"),
        ({"segmenter": "label", "label": [["a"]]}, "rule", "takes a text, a number or a list"),
        ({"segmenter": "label", "label": "x" * 501}, "rule", "501 characters"),
        ({"segmenter": "label", "label": "a\0b"}, "rule", "cannot be stored"),
        ({"segmenter": "label", "label": "\ud800"}, "rule", "cannot be stored"),
        ({"segmenter": "label", "label": 2**70}, "rule", "too large a number"),
        ({"segmenter": "label", "label": float("nan")}, "rule", "too large a number"),
        ({"segmenter": "label", "label": ["x"] * 501}, "rule", "501 values"),
        (nested(6), "rule.all[0].all[0].all[0].all[0].all[0]", "more than 5 levels"),
        ({"all": [LEAF] * 50}, "rule.all[49]", "more than 50 parts"),
    ],
)
def test_a_bad_tree_is_refused_with_its_place(raw, path, says):
    with pytest.raises(Refusal) as refused:
        rules.parse(raw)
    assert refused.value.field == path
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_limits_themselves_are_allowed():
    rules.parse(nested(5))
    rules.parse({"all": [LEAF] * 49})
    rules.parse({"segmenter": "attribute", "field": "city", "op": "in", "value": ["x"] * 500})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ('{"all":[],"all":[]}', "stands twice"),
        ('{"segmenter":"label","label":NaN}', "NaN is not a number"),
        ('{"segmenter":"label","label":1e999}', "too large a number"),
        ("[" * 20_000, "levels deep"),
        (" " * 100_001, "100,001 bytes"),
        ("\xff".encode("latin-1"), "not valid JSON"),
    ],
)
def test_text_that_holds_no_rule_is_refused(text, says):
    with pytest.raises(Refusal, match=says):
        rules.loads(text)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["all", "any", "not", "segmenter", "label", "x"]), inner, max_size=3
            )
        ),
        max_leaves=25,
    )
)
def test_whatever_comes_is_a_rule_or_a_refusal(raw):
    try:
        node = rules.parse(raw)
    except Refusal as refusal:
        assert refusal.field
    else:
        assert rules.parse(rules.dumps(node)) == node
        assert json.dumps(rules.dumps(node))


@pytest.mark.parametrize(
    ("leaf", "says"),
    [
        ({"segmenter": "atribute"}, "Did you mean 'attribute'"),
        ({"segmenter": "attribute", "field": "citty", "op": "eq", "value": "x"}, "Did you mean 'city'"),
        ({"segmenter": "attribute", "op": "eq", "value": "x"}, "no field None"),
        ({"segmenter": "attribute", "field": "city", "op": "gt", "value": "x"}, "no comparison 'gt'"),
        ({"segmenter": "attribute", "field": "city", "op": ["eq"], "value": "x"}, "no comparison"),
        ({"segmenter": "attribute", "field": "city", "op": "eq"}, "compared with nothing"),
        ({"segmenter": "attribute", "field": "city", "op": "in", "value": "x"}, "a list of values"),
        (
            {"segmenter": "attribute", "field": "birthday", "op": "eq", "value": "31.12.2020"},
            "such as 2026-01-31",
        ),
        ({"segmenter": "attribute", "field": "birthday", "op": "eq", "value": "0001-01-01"}, "1800 and 2200"),
        (
            {"segmenter": "attribute", "field": "birthday", "op": "within_days", "value": -1},
            "whole number of days",
        ),
        (
            {"segmenter": "attribute", "field": "birthday", "op": "within_days", "value": 1.5},
            "whole number of days",
        ),
        (
            {"segmenter": "attribute", "field": "birthday", "op": "between", "value": ["2020-01-01"]},
            "two values",
        ),
        ({"segmenter": "contact", "field": "sent_count", "op": "gt", "value": "many"}, "takes a number"),
        ({"segmenter": "contact", "field": "sent_count", "op": "gt", "value": True}, "takes a number"),
        ({"segmenter": "contact", "field": "suppressed", "op": "eq", "value": "maybe"}, "yes, or no"),
        ({"segmenter": "contact", "field": "nationality", "op": "eq", "value": "x"}, "no contact field"),
        ({"segmenter": "label"}, "name of a label"),
        ({"segmenter": "label", "label": "x", "min_confidence": 60}, "from 0 to 1"),
        ({"segmenter": "consent", "class": "spam"}, "no class 'spam'"),
        ({"segmenter": "consent", "class": "mass", "state": "perhaps"}, "not one of yes, no, unknown"),
        ({"segmenter": "segment", "name": "nowhere"}, "no segment 'nowhere'"),
        ({"segmenter": "segment"}, "name of a segment"),
    ],
)
def test_a_bad_line_is_refused_with_its_place(rt_sqlite, leaf, says):
    with pytest.raises(Refusal) as refused:
        segments.count(rt_sqlite, {"all": [{"any": [leaf]}]})
    assert refused.value.field == "rule.all[0].any[0]"
    assert says in str(refused.value)
    with pytest.raises(Refusal):
        segments.describe(rt_sqlite, leaf)
