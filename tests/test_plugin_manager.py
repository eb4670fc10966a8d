"""The manager: order, isolation, timing, misspelt hooks, switching off, failing closed."""

from __future__ import annotations

import time
import types

import pytest

from core import ContentCheck, Job, Provider, Rule, hookimpl, hookspec
from core.contract import manager
from core.contract.manager import FAILING, PATIENCE, Plugins


def copy(function):
    return types.FunctionType(
        function.__code__, function.__globals__, closure=function.__closure__, argdefs=function.__defaults__
    )


def plugin(**functions) -> types.ModuleType:
    """A module with these functions, marked as hook implementations unless they are marked otherwise."""
    made = types.ModuleType("made")
    for name, function in functions.items():
        marked = hasattr(function, "cooee_impl") or not callable(function)
        setattr(made, name, function if marked else hookimpl(copy(function)))
    return made


def nothing():
    return []


def plugins(**modules) -> Plugins:
    made = Plugins([])
    for name, module in modules.items():
        made.register(module, name)
    return made


def of(made: Plugins, name: str) -> dict:
    return next(report for report in made.report() if report["name"] == name)


def test_answers_come_in_the_order_of_registration():
    made = plugins(
        b=plugin(menu_items=lambda: ["b"]),
        a=plugin(menu_items=lambda: ["a"]),
        last=plugin(menu_items=hookimpl(lambda: ["last"], trylast=True)),
        c=plugin(menu_items=lambda: None),
        first=plugin(menu_items=hookimpl(lambda: ["first"], tryfirst=True)),
    )
    assert made.call("menu_items") == [["first"], ["b"], ["a"], ["last"]]


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
    made = plugins(a=plugin(messages_changed=lambda wrong: None), b=plugin(menu_items=lambda: ["b"]))
    assert of(made, "a")["state"] == "failed"
    assert "wrong" in of(made, "a")["reason"]
    assert made.call("menu_items") == [["b"]]


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


class Mine(Provider):
    name, title = "mine", "Mine"


class Check(ContentCheck):
    name, title = "calm", "Calm"


def test_what_plugins_register_is_collected_once_with_its_owner():
    asked = []
    made = plugins(
        a=plugin(register_providers=lambda: asked.append(1) or [Mine], register_checks=lambda: [Check]),
        b=plugin(
            register_jobs=lambda: [Job("tick", 5, print)], register_settings=lambda: {"main": Mine.Form}
        ),
    )
    assert made.providers == {"mine": Mine}
    assert made.providers is made.providers
    assert asked == [1]
    assert isinstance(made.checks["calm"], Check)
    assert made.owner("providers", "mine") == "a"
    assert [(job.name, job.every_s) for job in made.jobs] == [("b.tick", 5)]
    assert made.settings == {"b.main": Mine.Form}
    assert of(made, "a")["provides"] == {"providers": ["mine"], "checks": ["calm"]}


class Raises(Rule):
    id = "x.y"

    def __init__(self):
        raise ValueError("not today")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([Mine, Mine], "exists already, from a"),
        ([Check], "is no Provider"),
        ([Provider], "is no Provider with a name"),
        ([7], "is no Provider"),
        (Mine, "gave type, not a list"),
    ],
)
def test_what_cannot_be_registered_is_reported(given, words):
    made = plugins(a=plugin(register_providers=lambda: given))
    assert any(words in problem for problem in of(made, "a")["problems"])


def test_an_object_that_cannot_be_made_is_reported():
    made = plugins(a=plugin(register_rules=lambda: [Raises]))
    assert of(made, "a")["problems"] == ["Raises cannot be made: ValueError: not today"]


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


def test_a_slow_decision_counts_as_a_failure(monkeypatch):
    monkeypatch.setitem(manager.SLOW_MS, "hold_messages", 5.0)
    made = plugins(slow=plugin(hold_messages=lambda message_ids: time.sleep(0.01) or {}))
    for _ in range(PATIENCE):
        made.call("hold_messages", cls="mass", message_ids=[1])
    assert of(made, "slow")["state"] == "off"
    assert "took" in of(made, "slow")["reason"]


def test_a_plugin_that_is_off_gives_nothing():
    made = plugins(a=plugin(register_providers=lambda: [Mine], menu_items=lambda: ["a"]))
    assert "mine" in made.providers
    made.disable_all({"a": "not wanted", "unknown": "x"})
    assert made.providers == {}
    assert made.call("menu_items") == []
    assert (of(made, "a")["state"], of(made, "a")["reason"]) == ("off", "not wanted")


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
