"""What plugins register or give: collected once with its owner; what cannot be used is left out and said."""

from __future__ import annotations

import types

import pytest
from click import Command
from flask import Blueprint

from core import ContentCheck, Job, MenuItem, Panel, Provider, Rule, hookimpl
from core.contract.manager import Plugins
from tests.plugin_kit import A, Mine, nothing, of, plugin, plugins


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
