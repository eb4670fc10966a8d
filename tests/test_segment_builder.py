"""The builder keeps a rule as it is: what it draws, posted back, is the same rule; and it says all in Chinese."""

import json
import re

import pytest

from core import i18n
from core.audience.segments import Context, store
from core.audience.segments import draft as drafts
from core.audience.segments.leafform import LeafForm
from core.audience.segments.words import WORDS
from core.contract.errors import Refusal
from core.db.models import Segment
from tests.segment_form import posted
from tests.segment_people import add, crowd, world


def a(field, op, value=None):
    return {"segmenter": "attribute", "field": field, "op": op} | ({} if value is None else {"value": value})


def c(field, op, value=None):
    return {"segmenter": "contact", "field": field, "op": op} | ({} if value is None else {"value": value})


RULES = [
    {"all": []},
    {"any": []},
    {"all": [a("city", "eq", "上海")]},
    {"all": [a("city", "in", ["上海", "Bergen"])]},
    {"all": [a("city", "eq", "a city no longer in the dictionary")]},
    {"all": [a("city", "in", ["gone", "上海"])]},
    {"all": [a("city", "contains", "海")]},
    {"all": [a("nick", "eq", 'quotes " and <b>')]},
    {"all": [a("nick", "in", ["one", "two three"])]},
    {"all": [a("nick", "empty")]},
    {"all": [a("age", "gt", 18)]},
    {"all": [a("age", "between", [17.5, 30])]},
    {"all": [a("age", "in", [1, 2.5])]},
    {"all": [a("joined", "within_days", 30)]},
    {"all": [a("joined", "between", ["2026-01-01", "2026-02-01"])]},
    {"all": [a("member", "eq", True)]},
    {"all": [a("member", "ne", False)]},
    {"all": [c("created", "gte", "2026-01-01")]},
    {"all": [c("country", "eq", "CN")]},
    {"all": [c("country", "in", ["CN", "NO"])]},
    {"all": [c("line_type", "in", ["fixed", "voip"])]},
    {"all": [c("suppressed", "eq", False)]},
    {"all": [c("last_sent", "empty")]},
    {"all": [{"segmenter": "consent", "class": "voice", "state": "unknown"}]},
    {"all": [{"segmenter": "label", "label": "vip"}]},
    {"all": [{"segmenter": "label", "label": "unpinned", "min_confidence": 0.6, "within_days": 60}]},
    {"all": [{"segmenter": "segment", "name": "Other"}]},
    {
        "any": [
            a("age", "gt", 1),
            {"not": a("age", "gt", 2)},
            {"not": {"all": [c("country", "eq", "CN"), {"any": []}]}},
        ]
    },
]


def plain(rule):
    """Numbers alone decide, not how JSON or a form writes them; a list of values has no order."""
    if isinstance(rule, dict):
        value = rule.get("value")
        if rule.get("op") in ("in", "not_in"):
            value = sorted(map(str, value))
        return json.dumps(
            {key: plain(item) for key, item in rule.items() if key != "value"}, sort_keys=True
        ) + (re.sub(r'"(-?\d+(\.\d+)?)"', r"\1", json.dumps(value)))
    return json.dumps([plain(item) for item in rule]) if isinstance(rule, list) else str(rule)


@pytest.fixture
def people(app, rt_sqlite):
    world()
    store.save(rt_sqlite, "Other", {"all": []}, "anna")
    for i, person in enumerate(crowd(5, 1_795_000_000_000), 1):
        add(rt_sqlite, person, i)


def test_what_the_builder_draws_is_the_rule_it_was_given(client, rt_sqlite, people):
    row = store.save(rt_sqlite, "Mine", {"all": []}, "anna")
    for rule in RULES:
        store.save(rt_sqlite, "Mine", rule, "anna", segment_id=row.id)
        page = client.get(f"/segments/{row.id}")
        assert page.status_code == 200
        assert "unfinished" not in page.text, rule
        answer = client.post("/segments/save", data=posted(page.text))
        assert answer.status_code == 303, rule
        assert plain(json.loads(Segment.get_by_id(row.id).rule)) == plain(rule)


def test_a_leaf_as_the_outermost_rule_opens_as_a_group(client, rt_sqlite, people):
    for rule in (RULES[2]["all"][0], {"not": RULES[2]["all"][0]}, {"not": RULES[2]}):
        row = store.save(rt_sqlite, f"Bare {len(str(rule))}", rule, "anna")
        page = client.get(f"/segments/{row.id}").text
        assert 'name="join-0"' in page
        client.post("/segments/save", data=posted(page))
        assert json.loads(Segment.get_by_id(row.id).rule) == rule  # nothing was changed
        changed = posted(client.post("/segments/draft", data=posted(page) | {"do": "copy:0_0"}).text)
        client.post("/segments/save", data=posted(page) | changed)
        assert json.loads(Segment.get_by_id(row.id).rule) == {"all": [rule, rule]}


def test_every_entry_of_the_menu_makes_a_line(client, rt_sqlite, people):
    for _heading, entries in drafts.menu(Context(rt_sqlite)):
        for entry in entries:
            answer = client.post("/segments/draft", data={"do": f"add:0:{entry.leaf}"})
            assert answer.status_code == 200
            assert f'name="kind-0_0" value="{json.loads(entry.leaf)["segmenter"]}"' in answer.text


def test_every_segmenter_has_a_form_that_binds_and_a_title_in_chinese(rt_sqlite, people):
    ctx = Context(rt_sqlite)
    for name in rt_sqlite.plugins.segmenters:
        segmenter = ctx.segmenter(name)
        assert segmenter.name == name
        assert segmenter.title in i18n.catalogue("zh_Hans")
        form = segmenter.Form(prefix="x-")
        if isinstance(form, LeafForm):
            form.bind(ctx)
            assert isinstance(form.params(), dict)
        with pytest.raises(Refusal):
            segmenter.where({"field": "?", "label": 5, "class": "?", "name": "?"}, ctx)


def test_every_comparison_is_worded_in_chinese():
    known = i18n.catalogue("zh_Hans")
    for kind, table in WORDS.items():
        for op, words in table.items():
            for text in words:
                assert known.get(text), (kind, op, text)
                assert set(re.findall(r"%\(\w+\)s", known[text])) == set(re.findall(r"%\(\w+\)s", text))


def test_the_catalogue_holds_every_sentence_of_these_pages():
    from babel.messages.extract import extract_from_file

    from core.config import ROOT

    known, words = i18n.catalogue("zh_Hans"), {"_": None, "_l": None, "_n": (1, 2), "ngettext": (1, 2)}
    files = [(path, "python") for path in (ROOT / "core/audience/segments").glob("*.py")]
    files += [(path, "python") for path in (ROOT / "plugins/segmenters").glob("*.py")]
    files += [(path, "jinja2") for path in (ROOT / "templates/segments").glob("*.html")]
    files.append((ROOT / "core/web/segments.py", "python"))
    for path, method in files:
        options = {"extensions": "jinja2.ext.do"} if method == "jinja2" else {}
        for _line, message, _comments, _context in extract_from_file(
            method, str(path), words, options=options
        ):
            key = message[0] if isinstance(message, tuple) else message
            assert known.get(key), (path.name, key)
