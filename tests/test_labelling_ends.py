"""What ends a label, and what does not: the reason is gone, its days are over, a person took it off."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from core import clock
from core.audience import erasing, labels, timeline
from core.audience.labelling import preview, rules, running
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


def test_an_erased_person_leaves_nothing_of_labels(rt, crowd):
    kit.make(rt, "counted", "buyer", amount=1)
    news(rt, did("purchase", crowd[0], 1, amount=5))
    with database.write_tx():
        labels.take(labels.find("buyer"), crowd[:1])
    erasing.erase(rt, crowd[0], who="test")
    for table in ("contact_label", "label_change", "label_block"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == 0
    assert labels.check() is None
