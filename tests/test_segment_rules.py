"""What is no rule is refused with one sentence that names the place; nothing reaches the database."""

import html
import json
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import SQL

from core import Segmenter, hookimpl
from core.audience import segments
from core.audience.segments import rules, store
from core.contract.errors import Refusal
from core.contract.manager import PATIENCE
from tests.api_kit import Caller

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
        ({"segmenter": "attribute", "op": "eq", "value": "x"}, "still to be chosen, such as"),
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
        ({"segmenter": "consent", "class": "mass", "is": "no"}, "takes no 'is'"),
        ({"segmenter": "consent", "class": "mass", "statuss": "no"}, "Did you mean 'state'"),
        ({"segmenter": "label", "label": "x", "within_day": 30}, "Did you mean 'within_days'"),
        ({"segmenter": "attribute", "field": "city", "op": "empty", "valeu": "x"}, "Did you mean 'value'"),
        ({"segmenter": "contact", "field": "suppressed", "op": "eq", "value": True, "x": 1}, "takes no 'x'"),
        ({"segmenter": "segment", "name": "nowhere", "out": True}, "takes no 'out'"),
    ],
)
def test_a_bad_line_is_refused_with_its_place(rt_sqlite, leaf, says):
    with pytest.raises(Refusal) as refused:
        segments.count(rt_sqlite, {"all": [{"any": [leaf]}]})
    assert refused.value.field == "rule.all[0].any[0]"
    assert says in str(refused.value)
    with pytest.raises(Refusal):
        segments.describe(rt_sqlite, leaf)


class Gold(Segmenter):
    """A segmenter of a shop, with what its methods give or raise."""

    name = "gold"
    title = "Gold"

    def __init__(self, where=None, words="Is gold"):
        self.given, self.words = where, words

    def where(self, params, ctx):
        return self.given

    def describe(self, params, ctx):
        if isinstance(self.words, Exception):
            raise self.words
        return self.words


def gold(rt, **given) -> None:
    module = types.ModuleType("shop")
    module.register_segmenters = hookimpl(lambda: [Gold(**given)])
    rt.plugins.register(module, "shop")


@pytest.mark.parametrize("given", ["1 gold", True, 1, None])
def test_a_condition_that_is_no_expression_is_refused_and_matches_nobody(rt_sqlite, given):
    gold(rt_sqlite, where=given)
    for rule in ({"segmenter": "gold"}, {"not": {"segmenter": "gold"}}):
        with pytest.raises(Refusal, match="“gold” of the plugin shop fails .*no expression") as refused:
            segments.count(rt_sqlite, rule)
        assert refused.value.field == ("rule.not" if "not" in rule else "rule")
        with pytest.raises(Refusal, match="gold"):
            store.save(rt_sqlite, "Gold", rule, "anna")
    assert rt_sqlite.plugins.all["shop"].calls["where"].errors == 4


def test_a_segmenter_that_raises_leaves_the_other_segments_readable(cli_sqlite, rt_sqlite, client, app):
    gold(rt_sqlite, where=SQL("1 = 1"))
    for name, rule in (("Everyone", {"all": []}), ("Gold", {"segmenter": "gold"})):
        store.save(rt_sqlite, name, rule, "anna")
    rt_sqlite.plugins.segmenters["gold"].words = KeyError("tier")
    said = "“gold” of the plugin shop fails (KeyError: 'tier')"
    listed = json.loads(cli_sqlite("segment", "list", "--json").stdout)
    assert [said in row["words"] for row in listed] == [False, True]
    page = client.get("/segments")
    assert page.status_code == 200 and "Everyone" in page.text and said in html.unescape(page.text)
    answer = Caller(rt_sqlite, app=app)("GET", "/segments").json["segments"]
    assert [said in row["words"] for row in answer] == [False, True]


def test_a_segmenter_that_keeps_raising_is_switched_off(rt_sqlite):
    gold(rt_sqlite, where=SQL("1 = 1"), words=KeyError("tier"))
    for n in range(PATIENCE):
        assert not rt_sqlite.plugins.all["shop"].off, n
        with pytest.raises(Refusal, match="fails"):
            segments.describe(rt_sqlite, {"segmenter": "gold"})
    assert "describe KeyError" in rt_sqlite.plugins.all["shop"].off
    with pytest.raises(Refusal, match="no segmenter 'gold'"):
        segments.describe(rt_sqlite, {"segmenter": "gold"})
