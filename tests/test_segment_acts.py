"""Clicks in the builder: each changes the tree as its words say, and undo takes it back."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audience.segments import acts, rules
from core.audience.segments import draft as drafts
from tests.segment_people import world


def line(name):
    return {"segmenter": "label", "label": name}


A, B, C = line("a"), line("b"), line("c")
TREE = {"all": [A, {"any": [B, {"not": C}]}]}


def after(rule, *actions):
    root = drafts.from_rule(rule)
    for action in actions:
        acts.act(root, action)
    return drafts.to_rule(root)


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("copy:0_0", {"all": [A, A, {"any": [B, {"not": C}]}]}),
        ("copy:0_1", {"all": [A, {"any": [B, {"not": C}]}, {"any": [B, {"not": C}]}]}),
        ("wrap:0_0", {"all": [{"any": [A]}, {"any": [B, {"not": C}]}]}),
        ("wrap:0_1_0", {"all": [A, {"any": [{"all": [B]}, {"not": C}]}]}),
        ("unwrap:0_1", {"all": [A, B, {"not": C}]}),
        ("unwrap:0_0", TREE),
        ("unwrap:0", TREE),
        ("wrap:0", TREE),
        ("remove:0_1_1", {"all": [A, {"any": [B]}]}),
        ("not:0_1", {"all": [A, {"not": {"any": [B, {"not": C}]}}]}),
        ("up:0_1", {"all": [{"any": [B, {"not": C}]}, A]}),
        ("down:0_1_0", {"all": [A, {"any": [{"not": C}, B]}]}),
    ],
)
def test_a_click_does_what_it_says(action, wanted):
    assert after(TREE, action) == wanted


def test_a_group_that_is_negated_keeps_its_meaning_when_dissolved():
    assert after({"all": [{"not": {"any": [A]}}]}, "unwrap:0_0") == {"all": [{"not": A}]}
    several = {"all": [{"not": {"any": [A, B]}}]}
    assert after(several, "unwrap:0_0") == several


def test_groups_end_where_a_rule_may_not_go_deeper():
    rule = after({"all": [A]}, *["wrap:0_0", "wrap:0_0_0", "wrap:0_0_0_0", "wrap:0_0_0_0_0"])
    assert rule == {"all": [{"any": [{"all": [A]}]}]}
    assert after(rule, "wrap:0_0") == rule


def test_the_keyboard_stays_with_what_was_clicked():
    for action, focused in (
        ("up:0_1", "0_0"),
        ("copy:0_0", "0_1"),
        ("wrap:0_0", "0_0_0"),
        ("remove:0_0", "0_0"),
        ("not:0_1", "0_1"),
    ):
        root = drafts.from_rule(TREE)
        acts.act(root, action)
        assert [node.place for node in root.walk() if node.focus] == [focused], action


CLICKS = ("remove", "up", "down", "not", "copy", "wrap", "unwrap")
PLACES = ("0_0", "0_1", "0_1_0", "0_0_0", "0_2", "0_1_1_0")
ADDED = ("group:0", "group:0_1", "add:0:" + json.dumps(A), "add:0_1:" + json.dumps(B))
ACTIONS = st.sampled_from([f"{what}:{place}" for what in CLICKS for place in PLACES] + list(ADDED))


@settings(derandomize=True, deadline=None)
@given(st.lists(ACTIONS, max_size=8))
def test_undo_goes_back_through_every_state_a_rule_can_be(actions):
    root, past, states = drafts.from_rule(TREE), [], []
    for action in actions:
        before = drafts.to_rule(root)
        past = acts.remembered(root, past)
        if not states or states[-1] != before:
            states.append(before)
        acts.act(root, action)
        rules.parse(drafts.to_rule(root))
    while past:
        root, past = acts.undone(root, past)
        assert drafts.to_rule(root) == states.pop()
    assert acts.undone(root, []) == (root, [])


def test_the_page_carries_the_way_back(app, rt_sqlite, client):
    world()
    tree = {"join-0": "all", "kind-0_0": "label", "p-0_0-label": "vip"}
    gone = client.post("/segments/draft", data=tree | {"do": "remove:0_0"})
    assert 'name="kind-0_0"' not in gone.text
    past = re.findall(r'name="past" value="([^"]*)"', gone.text)
    assert len(past) == 1
    from html import unescape

    back = client.post("/segments/draft", data={"join-0": "all", "past": unescape(past[0]), "do": "undo"})
    assert 'name="kind-0_0" value="label"' in back.text
    assert 'name="past"' not in back.text


@pytest.mark.parametrize("past", ["{", "[]", '{"all": 5}', "x" * 200_000])
def test_a_forged_past_is_refused(client, rt_sqlite, past):
    answer = client.post("/segments/draft", data={"join-0": "all", "past": past, "do": "undo"})
    assert answer.status_code in (400, 413, 422)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("rule", ["{", "[]", '{"all": 5}', '{"segmenter": 5}'])
def test_a_forged_rule_opens_no_builder(client, rt_sqlite, rule):
    for answer in (
        client.get("/segments/new", query_string={"rule": rule}),
        client.post("/segments/new", data={"rule": rule}),
    ):
        assert answer.status_code in (400, 422)


def test_a_rule_of_the_address_opens_with_a_name(client, rt_sqlite):
    world()
    page = client.get(
        "/segments/new", query_string={"rule": json.dumps({"all": [line("vip")]}), "name": "Our vips"}
    )
    assert 'value="Our vips"' in page.text
    proposed = client.get("/segments/new", query_string={"rule": json.dumps({"all": [line("vip")]})})
    assert 'value="Label “vip”"' in proposed.text
    long = client.get("/segments/new", query_string={"rule": json.dumps({"all": [line("v" * 200)]})})
    assert long.status_code == 200
