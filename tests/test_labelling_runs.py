"""Runs: incremental as events come equals one full run, every night one; a killed run goes on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from core import clock
from core.audience import labels
from core.audience.labelling import rules, running
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


def touched():
    return {row[0] for row in database.query("SELECT contact_id FROM touched")}


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


def test_bounds_of_fifths_are_learnt_by_a_full_run_and_used_until_the_next(rt, crowd):
    rule = kit.make(rt, "quintile", "top", within_days=0)
    assert news(rt, did("purchase", crowd[0], 1, amount=5))["set"] == 0
    running.full(rt)
    assert kit.carried() == set()  # alone, someone is in the lowest fifth
    news(rt, *(did("purchase", who, 1, amount=10 * n, key="b") for n, who in enumerate(crowd)))
    running.full(rt)
    assert kit.carried() == {(crowd[5], "top")}
    assert len(rules.get(rule.id).state["bounds"]) == 4
