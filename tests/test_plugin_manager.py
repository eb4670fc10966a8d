"""The manager: order, arguments, misspelt hooks, and what a call costs."""

from __future__ import annotations

import time
import types

import pytest

from core import hookimpl, hookspec
from core.contract import manager
from core.contract.manager import Plugins
from tests.plugin_kit import FIRST, LAST, A, B, nothing, of, plugin, plugins


def test_answers_come_in_the_order_of_registration():
    made = plugins(
        b=plugin(panels=lambda: [B]),
        a=plugin(panels=lambda: [A]),
        last=plugin(panels=hookimpl(lambda: [LAST], trylast=True)),
        c=plugin(panels=lambda: None),
        first=plugin(panels=hookimpl(lambda: [FIRST], tryfirst=True)),
    )
    assert made.call("panels", page="contact", obj=None) == [[FIRST], [B], [A], [LAST]]


def test_implementations_take_only_the_arguments_they_name():
    made = plugins(a=plugin(campaign_changed=lambda state: state))
    assert made.call("campaign_changed", campaign_id=1, state="done", reason="") == ["done"]


def test_the_first_answer_wins_where_one_is_enough():
    asked = []
    made = plugins(
        a=plugin(choose_account=lambda cls: asked.append("a")),
        b=plugin(choose_account=lambda cls: 7),
        c=plugin(choose_account=lambda cls: asked.append("c") or 8),
    )
    assert made.first("choose_account", cls="mass", country="CN", accounts=[]) == 7
    assert asked == ["a"]


def test_an_unknown_hook_cannot_be_called():
    with pytest.raises(KeyError):
        plugins().call("no_such_hook")


def test_a_misspelt_hook_is_reported_with_what_was_meant():
    made = plugins(a=plugin(register_provider=nothing))
    assert of(made, "a")["problems"] == [
        "there is no hook register_provider; did you mean register_providers?"
    ]


def test_a_hook_without_its_mark_is_reported():
    module = types.ModuleType("made")
    module.register_providers = nothing
    assert "not marked with @hookimpl" in of(plugins(a=module), "a")["problems"][0]


def test_wrong_arguments_are_a_load_failure_of_that_plugin_only():
    made = plugins(a=plugin(messages_changed=lambda wrong: None), b=plugin(panels=lambda: [B]))
    assert of(made, "a")["state"] == "failed"
    assert "wrong" in of(made, "a")["reason"]
    assert made.call("panels", page="contact", obj=None) == [[B]]


def test_a_plugin_adds_hooks_of_its_own_that_others_implement():
    class Specs:
        @hookspec
        def journey_started(self, journey_id):
            """A journey began."""

    module = plugin(register_hookspecs=lambda manager: manager.add_hookspecs(Specs()))
    found = [
        manager.Plugin("user", "given", module=plugin(journey_started=lambda journey_id: journey_id * 2))
    ]
    made = Plugins([*found, manager.Plugin("journeys", "given", module=module)])
    assert made.call("journey_started", journey_id=4) == [8]
    assert of(made, "user")["problems"] == []


def test_calls_are_traced_with_one_environment_variable(monkeypatch, caplog):
    monkeypatch.setenv("COOEE_TRACE_PLUGINS", "1")
    plugins(a=plugin(menu_items=nothing)).call("menu_items")
    assert "trace a menu_items" in caplog.text


def test_a_call_nobody_listens_to_costs_next_to_nothing():
    made = plugins()
    started = time.perf_counter()
    for _ in range(10_000):
        made.call("messages_changed", changes=())
    assert time.perf_counter() - started < 0.1
    assert not made.listens("messages_changed")


def test_every_hook_says_what_it_is_for():
    from core.contract import hookspecs

    naked = [
        name
        for name, spec in vars(hookspecs).items()
        if hasattr(spec, "cooee_spec") and not (spec.__doc__ or "")
    ]
    assert naked == []
