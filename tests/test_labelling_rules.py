"""A rule is looked at before it runs, changed, rested and deleted; its labels follow."""

from __future__ import annotations

import pytest
import time_machine

from core.audience import labels
from core.audience.labelling import preview, rules, running
from core.contract.errors import Refusal
from core.db import database, settings
from tests import labelling_kit as kit
from tests.labelling_kit import did, news


@pytest.fixture
def now():
    with time_machine.travel(kit.NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def crowd(rt, now):
    settings.put("zone", "Asia/Shanghai")
    return kit.crowd(rt)


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


def test_days_of_a_label_are_counted_for_its_line(rt, crowd):
    kit.make(rt, "counted", "buyer", amount=1)
    news(rt, did("purchase", crowd[0], 1, amount=5))
    running.full(rt)
    news(rt, did("purchase", crowd[1], 1, amount=5))
    assert database.query("SELECT day, people, added, removed FROM label_day") == [(20778, 1, 2, 0)]
