"""A plugin that fails: it stops nobody else, is switched off, and a hold it cannot decide holds."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from core import hookimpl
from core.contract import manager
from core.contract.manager import FAILING, PATIENCE, Plugins
from tests.plugin_kit import A, Mine, of, plugin, plugins


def test_one_that_raises_does_not_stop_the_others(caplog):
    def bad(changes):
        raise RuntimeError("no")

    seen = []
    made = plugins(
        a=plugin(messages_changed=lambda changes: seen.append("a")),
        b=plugin(messages_changed=bad),
        c=plugin(messages_changed=lambda changes: seen.append("c")),
    )
    made.call("messages_changed", changes=[])
    assert seen == ["a", "c"]
    calls = of(made, "b")["calls"]["messages_changed"]
    assert (calls["count"], calls["errors"], calls["last_error"]) == (1, 1, "RuntimeError: no")
    assert "plugin b: messages_changed RuntimeError: no" in caplog.text


def test_a_plugin_that_keeps_failing_is_switched_off_and_that_is_kept():
    kept = []
    made = Plugins([], on_disable=lambda name, reason: kept.append((name, reason)))
    made.register(plugin(messages_changed=lambda changes: 1 / 0), "bad")
    for _ in range(PATIENCE + 5):
        made.call("messages_changed", changes=[])
    report = of(made, "bad")
    assert report["state"] == "off"
    assert report["calls"]["messages_changed"]["count"] == PATIENCE
    assert kept == [("bad", report["reason"])]
    assert report["reason"].startswith(FAILING + "messages_changed ZeroDivisionError")
    made.enable("bad")
    made.call("messages_changed", changes=[])
    assert of(made, "bad")["calls"]["messages_changed"]["count"] == PATIENCE + 1


def test_errors_now_and_then_are_forgiven():
    state = {"n": 0}

    def sometimes(changes):
        state["n"] += 1
        if state["n"] % PATIENCE:
            raise RuntimeError

    made = plugins(a=plugin(messages_changed=sometimes))
    for _ in range(PATIENCE * 4):
        made.call("messages_changed", changes=[])
    assert of(made, "a")["state"] == "on"


def test_a_hold_that_cannot_be_decided_holds_the_whole_window_even_when_switched_off_for_it():
    made = plugins(
        bad=plugin(hold_messages=lambda cls, message_ids: 1 / 0),
        good=plugin(hold_messages=lambda cls, message_ids: {message_ids[0]: (None, "cap")}),
    )
    for _ in range(PATIENCE + 3):
        failed, good = made.call("hold_messages", cls="mass", message_ids=[1, 2])
        assert set(failed) == {1, 2}
        assert all(until.tzinfo and "bad" in reason for until, reason in failed.values())
        assert good == {1: (None, "cap")}
    assert of(made, "bad")["state"] == "off"
    made.enable("bad")
    made.disable("bad", "switched off by a person")
    assert made.call("hold_messages", cls="mass", message_ids=[1, 2]) == [{1: (None, "cap")}]


@pytest.mark.parametrize(
    "wrong", [[1, 2], {1: "later"}, {1: (None, "cap"), 2: (datetime(2027, 1, 1), "cap")}, "no"]
)
def test_a_hold_that_decides_nothing_holds_the_whole_window(wrong):
    made = plugins(odd=plugin(hold_messages=hookimpl(lambda: wrong)))
    [held] = made.call("hold_messages", cls="mass", message_ids=[1, 2])
    assert set(held) == {1, 2} and all(until.tzinfo for until, _reason in held.values())
    assert "decides nothing" in of(made, "odd")["problems"][0]


def test_values_for_a_text_that_are_none_are_left_out():
    made = plugins(
        odd=plugin(merge_values=lambda: {1: "Ann"}), good=plugin(merge_values=lambda: {1: {"x": "Ann"}})
    )
    assert made.call("merge_values", names=["x"], contact_ids=[1]) == [{1: {"x": "Ann"}}]


def test_a_slow_decision_counts_as_a_failure(monkeypatch):
    monkeypatch.setitem(manager.SLOW_MS, "hold_messages", 5.0)
    made = plugins(slow=plugin(hold_messages=lambda message_ids: time.sleep(0.01) or {}))
    for _ in range(PATIENCE):
        made.call("hold_messages", cls="mass", message_ids=[1])
    assert of(made, "slow")["state"] == "off"
    assert "took" in of(made, "slow")["reason"]


def test_a_plugin_that_is_off_gives_nothing():
    made = plugins(a=plugin(register_providers=lambda: [Mine], panels=lambda: [A]))
    assert "mine" in made.providers
    made.disable_all({"a": "not wanted", "unknown": "x"})
    assert made.providers == {}
    assert made.call("panels", page="contact", obj=None) == []
    assert (of(made, "a")["state"], of(made, "a")["reason"]) == ("off", "not wanted")
