"""The manager: order, isolation, timing, misspelt hooks, switching off, failing closed."""

from __future__ import annotations

import time
import types
from datetime import datetime

import pytest
from click import Command
from flask import Blueprint

from core import ContentCheck, Job, MenuItem, Panel, Provider, Rule, hookimpl, hookspec
from core.contract import manager
from core.contract.manager import FAILING, PATIENCE, Plugins

A, B, FIRST, LAST = (Panel(name, f"{name}.html") for name in ("a", "b", "first", "last"))


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
        b=plugin(panels=lambda: [B]),
        a=plugin(panels=lambda: [A]),
        last=plugin(panels=hookimpl(lambda: [LAST], trylast=True)),
        c=plugin(panels=lambda: None),
        first=plugin(panels=hookimpl(lambda: [FIRST], tryfirst=True)),
    )
    assert made.call("panels", page="contact", obj=None) == [[FIRST], [B], [A], [LAST]]


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


@pytest.mark.parametrize(
    ("hook", "wrong", "right"),
    [
        ("menu_items", ["a line", MenuItem("Mine", 7)], MenuItem("Mine", "mine.index")),
        ("panels", [{"title": "Mine"}, Panel("Mine", "")], A),
        (
            "register_jobs",
            ["daily", Job("", 5, print), Job("x", 0, print), Job("x", 5, None)],
            Job("x", 5, print),
        ),
        ("register_blueprints", ["pages"], Blueprint("mine", __name__)),
        ("register_commands", [print], Command("mine")),
    ],
)
def test_what_a_hook_must_not_give_is_left_out_and_counted(hook, wrong, right):
    made = Plugins([])
    for name, given in (("good", [right]), ("bad", [*wrong, right]), ("odd", 7)):
        module = types.ModuleType(name)
        setattr(module, hook, hookimpl(lambda *_given, given=given: given))
        made.register(module, name)
    arguments = {"page": "contact", "obj": None} if hook == "panels" else {}
    assert made.call(hook, **arguments) == [[right], [right]]
    assert of(made, "good")["problems"] == [] and of(made, "good")["calls"][hook]["errors"] == 0
    assert f"{hook} gave {repr(wrong[0])[:20]}" in of(made, "bad")["problems"][0]
    assert of(made, "odd")["problems"] == [f"{hook} gave int, not a list"]
    assert all(of(made, name)["calls"][hook]["errors"] for name in ("bad", "odd"))


def test_settings_that_are_no_forms_are_left_out():
    made = plugins(
        a=plugin(register_settings=lambda: {"main": Mine.Form, "odd": 7}), b=plugin(register_settings=nothing)
    )
    assert list(made.settings) == ["a.main"]
    assert "'odd'" in of(made, "a")["problems"][0]
    assert of(made, "b")["problems"] == ["register_settings gave list, not a mapping"]


def test_jobs_that_are_none_leave_the_others_of_the_worker():
    made = plugins(
        a=plugin(register_jobs=lambda: ["x"]), b=plugin(register_jobs=lambda: [Job("tick", 5, print)])
    )
    assert [job.name for job in made.jobs] == ["b.tick"]


def test_pages_that_cannot_be_mounted_leave_the_others(rt_sqlite):
    from core.web.application import make_app

    fine, twice, broken = Blueprint("fine", "x"), Blueprint("contacts", "x"), Blueprint("broken", "x")
    fine.add_url_rule("/", "index", lambda: "here")
    machine = Blueprint("webhooks", "x")
    twice.add_url_rule("/", "index", lambda: "not here")
    broken.record(lambda state: 1 / 0)
    for name, given in (("fine", fine), ("twice", twice), ("broken", broken), ("machine", machine)):
        module = types.ModuleType(name)
        module.register_blueprints = hookimpl(lambda given=given: [given])
        rt_sqlite.plugins.register(module, name)
    app = make_app(rt_sqlite)
    assert "fine.index" in app.view_functions
    assert app.url_map.bind("x").match("/p/fine/") == ("fine.index", {})
    assert "already" in of(rt_sqlite.plugins, "twice")["problems"][0]
    assert "already" in of(rt_sqlite.plugins, "machine")["problems"][0]
    assert "cannot be mounted" in of(rt_sqlite.plugins, "broken")["problems"][0]


@pytest.mark.parametrize(
    "item",
    [
        "a line",
        MenuItem("Mine", "messages.show"),
        MenuItem("Mine", "nobody.index"),
        MenuItem("M", "messages.index", "no-such"),
    ],
)
def test_a_line_of_the_menu_that_cannot_be_shown_is_left_out(app, rt_sqlite, client, item):
    rt_sqlite.plugins.register(plugin(menu_items=hookimpl(lambda: [item])), "odd")
    assert client.get("/").status_code == 200
    assert "menu_items gave" in client.get("/settings/plugins/odd").text
