"""Runs: incremental as events come equals one full run; what people say wins; labels end; a killed run goes on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from core import clock
from core.audience import erasing, labels, timeline
from core.audience.labelling import preview, rules, running
from core.contract.errors import Refusal
from core.db import database, settings
from tests import labelling_kit as kit
from tests.labelling_kit import did


@pytest.fixture
def now():
    with time_machine.travel(kit.NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def crowd(rt, now):
    settings.put("zone", "Asia/Shanghai")
    return kit.crowd(rt)


def touched():
    return {row[0] for row in database.query("SELECT contact_id FROM touched")}


def news(rt, *done):
    kit.record(rt, done)
    return running.incremental(rt)


RULES = (
    ("top_category", "Interest:", {"half_life": 5, "least": 1}),
    ("first_bought", "First:", {}),
    ("active_hours", "Active:", {"least": 1}),
    ("spender", "spender", {"at_least": 100, "below": 1000}),
    ("counted", "twice", {"amount": 2, "within_days": 30}),
    ("counted", "never shared", {"type": "share", "op": "at_most", "amount": 0}),
    ("since", "asleep", {"days": 20}),
    ("score", "keen", {"threshold": 4}),
)
DONE = st.builds(
    lambda type, who, days, category, amount: (type, who, days, category, amount),
    st.sampled_from(["view", "purchase", "refund", "share", "click", "order_item"]),
    st.integers(0, 5),
    st.floats(0, 100).map(lambda n: round(n, 2)),
    st.sampled_from(["", *kit.CATEGORIES]),
    st.sampled_from([1, 60, 100, 500]),
)


def test_incremental_runs_end_where_one_full_run_ends(rt, crowd):
    """Events in any order, runs in between: the same labels, evidence and confidence as one full run."""
    for kind, label, params in RULES:
        kit.make(rt, kind, label, **params)
    with database.write_tx():
        database.executemany("INSERT INTO category (name) VALUES (?)", [(name,) for name in kit.CATEGORIES])

    @given_settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.lists(st.lists(DONE, min_size=1, max_size=6), min_size=1, max_size=4))
    def check(parts):
        with database.write_tx():
            for table in ("event", "event_stat", "event_day", "contact_label", "label_change", "touched"):
                database.execute(f"DELETE FROM {table}")
            database.execute("UPDATE profile SET label_bits = 0")
        running.full(rt)
        for n, part in enumerate(parts):
            news(
                rt,
                *(
                    did(type, crowd[who], days, category=category, key=f"{n}.{k}",
                        amount=amount if type in ("purchase", "refund") else None)
                    for k, (type, who, days, category, amount) in enumerate(part)
                ),
            )  # fmt: skip
        assert touched() == set() and labels.check() is None
        by_and_by = kit.facts()
        done = running.full(rt)
        assert (kit.facts(), done["set"], done["removed"]) == (by_and_by, 0, 0)
        with database.write_tx():
            database.execute("DELETE FROM contact_label")
            database.execute("UPDATE profile SET label_bits = 0")
        running.full(rt)
        assert kit.facts() == by_and_by
        assert labels.check() is None

    check()


def test_a_label_that_no_longer_holds_goes_and_the_timeline_says_so(rt, crowd, now):
    kit.make(rt, "since", "asleep", days=30)
    who = crowd[0]
    assert news(rt, did("purchase", who, 40, amount=10)) == {"people": 1, "set": 1, "removed": 0}
    now.shift(timedelta(minutes=1))
    kit.record(rt, [did("purchase", who, 0, amount=10)])
    assert running.incremental(rt) == {"people": 1, "set": 0, "removed": 1}
    assert kit.carried() == set() and labels.check() is None
    lines = timeline.page(who, kinds=("label",))[0]
    assert [(line.what, line.detail["name"], line.detail["source"]) for line in lines] == [
        ("removed", "asleep", "rule"),
        ("labelled", "asleep", "rule"),
    ]


def test_a_category_that_overtakes_another_changes_the_label(rt, crowd, now):
    kit.make(rt, "top_category", "Interest:", least=1)
    who = crowd[0]
    news(rt, did("view", who, 3, category="tea"))
    assert kit.carried() == {(who, "Interest: tea")}
    now.shift(timedelta(minutes=1))
    news(rt, did("view", who, 0, category="护肤"), did("view", who, 0.1, category="护肤"))
    assert kit.carried() == {(who, "Interest: 护肤")}
    assert kit.story(who) == [
        ("set", "Interest: tea"),
        ("removed", "Interest: tea"),
        ("set", "Interest: 护肤"),
    ]


def test_a_label_is_kept_for_its_days_and_then_expires(rt, crowd, now):
    who = crowd[0]
    rule = kit.make(rt, "counted", "active", keep_days=7, amount=1, within_days=10)
    news(rt, did("purchase", who, 9, amount=1))
    now.shift(timedelta(days=2))
    assert preview.preview(rt, rule).removed == 1
    assert kit.run(rt, rule)["removed"] == 0
    ends = database.scalar("SELECT expires_at FROM contact_label")
    assert ends == clock.now_ms() + 7 * kit.DAY
    assert preview.preview(rt, rule).removed == 0
    now.shift(timedelta(days=3))
    kit.run(rt, rule)
    assert database.scalar("SELECT expires_at FROM contact_label") == ends
    now.shift(timedelta(days=5))
    assert kit.run(rt, rule)["removed"] == 1
    assert (kit.carried(), kit.story(who)) == (set(), [("set", "active"), ("expired", "active")])


def test_a_reason_that_comes_back_stops_the_end(rt, crowd, now):
    who = crowd[0]
    rule = kit.make(rt, "counted", "active", keep_days=7, amount=1, within_days=10)
    news(rt, did("purchase", who, 9, amount=1))
    now.shift(timedelta(days=2))
    kit.run(rt, rule)
    assert labels.of([who])[who][0]["expires_at"]
    news(rt, did("purchase", who, -1.5, amount=1))
    assert labels.of([who])[who][0]["expires_at"] is None


def test_the_hourly_job_writes_the_end_of_a_rules_label_too(rt, crowd, now):
    who = crowd[0]
    rule = kit.make(rt, "counted", "active", keep_days=1, amount=1, within_days=10)
    news(rt, did("purchase", who, 9.9, amount=1))
    now.shift(timedelta(days=1))
    kit.run(rt, rule)
    now.shift(timedelta(days=1, seconds=1))
    assert labels.expire_labels(rt) == 1
    assert kit.story(who)[-1] == ("expired", "active")
    assert database.scalar("SELECT rule_id FROM label_change WHERE what = 'expired'") == rule.id
    assert database.scalar("SELECT COUNT(*) FROM label_block") == 0


@pytest.mark.parametrize("source", ["person", "import", "model"])
def test_a_label_from_elsewhere_is_never_taken_away_by_a_rule(rt, crowd, source):
    label = labels.create("vip")
    with database.write_tx():
        labels.put(label, crowd[:2], source=source, confidence=0.5)
    rule = kit.make(rt, "counted", "vip", amount=1)
    news(rt, did("purchase", crowd[1], 1, amount=5), did("purchase", crowd[2], 1, amount=5))
    kit.run(rt, rule)
    assert kit.carried(source=source) == {(who, "vip") for who in crowd[:2]}
    assert kit.facts()[crowd[1], "vip"] == (1, 0.5)
    assert kit.carried(source="rule") == {(crowd[2], "vip")}


def test_what_a_person_took_off_stays_off_until_a_person_allows(rt, crowd, now):
    who = crowd[0]
    rule = kit.make(rt, "counted", "buyer", amount=1)
    news(rt, did("purchase", who, 1, amount=5))
    label = labels.find("buyer")
    now.shift(timedelta(minutes=1))
    with database.write_tx():
        labels.take(label, [who], who="anna@shop.example")
    news(rt, did("purchase", who, 0.5, amount=5))
    assert kit.run(rt, rule)["set"] == 0
    assert preview.preview(rt, rule).added == 0
    assert kit.carried() == set()
    line = timeline.page(who, kinds=("label",))[0][0]
    assert (line.what, line.detail["who"], line.detail["source"]) == (
        "removed",
        "anna@shop.example",
        "person",
    )
    rules.allow(label.id, who)
    assert kit.run(rt, rule)["set"] == 1
    now.shift(timedelta(minutes=1))
    with database.write_tx():
        labels.take(label, [who])
        labels.put(label, [who])
        labels.take(label, [who], what="undone")
    assert kit.run(rt, rule)["set"] == 1


def test_a_preview_says_what_the_run_then_does(rt, crowd):
    label = labels.create("buyer")
    with database.write_tx():
        labels.put(label, crowd[:1])
        labels.put(label, crowd[4:6], source="rule")
    kit.record(rt, [did("purchase", who, 1, amount=5) for who in crowd[:5]])
    draft = rules.checked(rt, "buyer", "counted", {"amount": 1})
    said = preview.preview(rt, draft)
    assert database.scalar("SELECT COUNT(*) FROM label_rule") == 0
    assert (said.people, said.added, said.removed, said.contacts) == (5, 3, 1, 6)
    assert [(p.phone[-4:], p.evidence, p.label) for p in said.sample][:2] == [
        ("8000", 1, "buyer"),
        ("8001", 1, "buyer"),
    ]
    done = kit.run(rt, rules.create(rt, draft, "test"))
    assert (done["set"], done["removed"]) == (said.added, said.removed)


def test_a_preview_without_time_looks_at_a_part_and_says_so(rt, crowd, monkeypatch):
    monkeypatch.setattr(preview.learning, "everyone", lambda size=1: [rules_scope(low) for low in range(6)])
    kit.record(rt, [did("purchase", who, 1, amount=5) for who in crowd])
    said = preview.preview(rt, rules.checked(rt, "buyer", "counted", {"amount": 1}), budget_s=0.0)
    assert (said.people, said.exact) == (6, False)


def rules_scope(low):
    from core.audience.labelling.sql import Scope

    return Scope(low, low + 1)


def test_a_full_run_that_died_goes_on_where_it_stood(rt, crowd, now):
    kit.make(rt, "counted", "buyer", amount=1)
    kit.record(rt, [did("purchase", who, 1, amount=5) for who in crowd])
    settings.put(
        "labels.run", {"started_at": clock.now_ms(), "cursor": crowd[2], "beat_at": clock.now_ms() - 10_000}
    )
    with pytest.raises(Refusal, match="Another process"):
        running.full(rt)
    now.shift(timedelta(minutes=3))
    assert running.full(rt) == {"people": 3, "set": 3, "removed": 0}
    assert {who for who, _name in kit.carried()} == set(crowd[3:])
    assert running.full(rt)["set"] == 3


def test_the_nightly_run_is_due_once_a_night_in_the_instances_zone(rt, crowd, now):
    woken = []
    rt = type(rt)(rt.settings, rt.plugins, rt.keys, lambda name, *ids: woken.append(name))
    running.wake_nightly(rt)
    running.nightly(rt)
    running.wake_nightly(rt)
    assert woken == ["relabel_all"]
    now.move_to(kit.NOW.replace(hour=18, minute=59))  # 02:59 in Shanghai
    running.wake_nightly(rt)
    assert woken == ["relabel_all"]
    now.move_to(kit.NOW.replace(hour=19, minute=0))
    running.wake_nightly(rt)
    assert woken == ["relabel_all"] * 2


def test_news_wakes_the_run_and_nothing_else_does(rt, crowd):
    woken = []
    rt = type(rt)(rt.settings, rt.plugins, rt.keys, lambda name, *ids: woken.append(name))
    running.wake(rt)
    kit.record(rt, [did("view", crowd[0], 1)])
    running.wake(rt)
    assert woken == ["relabel"]


def test_a_rule_that_cannot_run_says_why_and_holds_up_no_other(rt, crowd):
    bad, good = kit.make(rt, "counted", "bad", amount=1), kit.make(rt, "counted", "good", amount=1)
    with database.write_tx():
        database.execute(
            "UPDATE label_rule SET params = ? WHERE id = ?",
            (json.dumps({**bad.params, "type": "gone"}), bad.id),
        )
    assert news(rt, did("purchase", crowd[0], 1, amount=5))["set"] == 1
    running.full(rt)
    assert "no event type “gone”" in rules.get(bad.id).error
    assert rules.get(bad.id).last_run_at is None and rules.get(good.id).last_run_at
    assert kit.carried() == {(crowd[0], "good")}


def test_a_resting_rule_sets_nothing_and_takes_nothing_off(rt, crowd, now):
    rule = kit.make(rt, "since", "asleep", days=30)
    news(rt, did("purchase", crowd[0], 40, amount=5))
    rules.switch(rule.id, False, "test")
    news(rt, did("purchase", crowd[0], 0, amount=5), did("purchase", crowd[1], 40, amount=5))
    running.full(rt)
    assert kit.carried() == {(crowd[0], "asleep")}
    rules.switch(rule.id, True, "test")
    running.full(rt)
    assert kit.carried() == {(crowd[1], "asleep")}


@pytest.mark.parametrize("take", [True, False])
def test_a_deleted_rule_leaves_its_labels_or_takes_them_along(rt, crowd, take):
    rule = kit.make(rt, "first_bought", "First:")
    news(
        rt,
        did("purchase", crowd[0], 1, amount=5, category="tea"),
        did("purchase", crowd[1], 1, amount=5, category="shoes"),
    )
    with database.write_tx():
        labels.put(labels.find("First: tea"), crowd[3:4])
    with pytest.raises(Refusal, match="delete the rule first"):
        labels.delete(labels.find("First: tea"))
    assert rules.delete(rule.id, "test", take=take) == (2 if take else 0)
    assert len(kit.carried()) == (1 if take else 3)
    assert (rules.all_rules(), labels.check()) == ([], None)
    assert running.one(rt, rule.id)["set"] == 0
    labels.delete(labels.find("First: tea"))


def test_two_rules_never_set_one_label(rt, crowd):
    kit.make(rt, "counted", "buyer", amount=1)
    kit.make(rt, "first_bought", "First:")
    for kind, label, params in (
        ("since", "buyer", {}),
        ("since", "First: tea", {}),
        ("top_category", "First", {}),
        ("top_category", "First: shoes", {}),
        ("top_category", "buy", {}),
    ):
        with pytest.raises(Refusal, match="sets such labels already"):
            kit.make(rt, kind, label, **params)


def test_a_rule_is_changed_and_its_labels_follow_with_the_next_run(rt, crowd):
    rule = kit.make(rt, "counted", "buyer", amount=1)
    news(
        rt,
        did("purchase", crowd[0], 1, amount=5),
        did("purchase", crowd[1], 1, amount=5, key="a"),
        did("purchase", crowd[1], 2, amount=5),
    )
    changed = rules.change(rt, rule.id, rules.checked(rt, "ignored", "counted", {"amount": 2}), "test")
    assert (changed.label, changed.params["amount"]) == ("buyer", 2)
    kit.run(rt, changed)
    assert kit.carried() == {(crowd[1], "buyer")}
    with pytest.raises(Refusal, match="make a new rule"):
        rules.change(rt, rule.id, rules.checked(rt, "x", "since", {}), "test")


def test_bounds_of_fifths_are_learnt_by_a_full_run_and_used_until_the_next(rt, crowd):
    rule = kit.make(rt, "quintile", "top", within_days=0)
    assert news(rt, did("purchase", crowd[0], 1, amount=5))["set"] == 0
    running.full(rt)
    assert kit.carried() == set()  # alone, someone is in the lowest fifth
    news(rt, *(did("purchase", who, 1, amount=10 * n, key="b") for n, who in enumerate(crowd)))
    running.full(rt)
    assert kit.carried() == {(crowd[5], "top")}
    assert len(rules.get(rule.id).state["bounds"]) == 4


def test_days_of_a_label_are_counted_for_its_line(rt, crowd):
    kit.make(rt, "counted", "buyer", amount=1)
    news(rt, did("purchase", crowd[0], 1, amount=5))
    running.full(rt)
    news(rt, did("purchase", crowd[1], 1, amount=5))
    assert database.query("SELECT day, people, added, removed FROM label_day") == [(20778, 1, 2, 0)]


def test_an_erased_person_leaves_nothing_of_labels(rt, crowd):
    kit.make(rt, "counted", "buyer", amount=1)
    news(rt, did("purchase", crowd[0], 1, amount=5))
    with database.write_tx():
        labels.take(labels.find("buyer"), crowd[:1])
    erasing.erase(rt, crowd[0], who="test")
    for table in ("contact_label", "label_change", "label_block"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == 0
    assert labels.check() is None
