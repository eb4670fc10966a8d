"""The contract suite: it passes what keeps the laws and names the law that is broken."""

from __future__ import annotations

import logging
from datetime import datetime

import pytest
from wtforms import StringField

from core import (
    BadResponse,
    ContentCheck,
    Finding,
    Form,
    Hours,
    Metric,
    MetricValue,
    Provider,
    Receipt,
    Refusal,
    Result,
    Rule,
    Segmenter,
)
from core.contract import testing
from core.contract.manager import FAMILIES, Plugins
from core.db.models import Profile


@pytest.mark.parametrize("family", list(FAMILIES))
def test_everything_bundled_keeps_the_contract(family, rt_sqlite):
    things = getattr(rt_sqlite.plugins, family)
    assert things
    broken = {
        name: testing.CHECKS[family](thing if isinstance(thing, type) else type(thing))
        for name, thing in things.items()
    }
    assert {name: laws for name, laws in broken.items() if laws} == {}


def test_every_family_has_a_bundled_plugin_and_a_check():
    assert set(testing.CHECKS) == set(FAMILIES)


class Good(Provider):
    name, title = "good", "Good"
    pushes = True

    class Form(Form):
        api_key = StringField(render_kw={"secret": True})

    def send(self, messages):
        return [Result("accepted", "id-" + message.ref) for message in messages]

    def parse_webhook(self, request):
        if request.body != b"fine":
            raise BadResponse("not fine")
        yield Receipt("delivered", "0123456789ABCDEF")


def test_a_good_provider_passes():
    assert testing.check_provider(Good) == []


def _provider(**changed) -> type[Provider]:
    return type("Bad", (Good,), changed)


def _leaks(self, messages):
    logging.getLogger("bad").warning("key %s", self.settings["api_key"])
    return [Result("accepted", "id-" + message.ref) for message in messages]


def _tells_number(self, messages):
    logging.getLogger("bad").warning("to %s", [message.to for message in messages])
    return [Result("accepted")] * len(messages)


def _raises(self, messages):
    if messages:
        raise KeyError("status")
    return []


def _changes(self, messages):
    self.settings["seen"] = 1
    return [Result("accepted")] * len(messages)


counter = iter(range(10**6))

BROKEN_PROVIDERS = [
    ({"name": ""}, "name '' is empty"),
    ({"name": "Big"}, "lower-case"),
    ({"title": ""}, "title is empty"),
    ({"send": Provider.send}, "send is missing"),
    ({"send": lambda self, messages: []}, "gave 0 results"),
    ({"send": lambda self, messages: [Result("sent")] * len(messages)}, "no Result with one of the outcomes"),
    ({"send": lambda self, messages: [1] * len(messages)}, "no Result"),
    ({"send": lambda self, messages: [Result("accepted")] * max(1, len(messages))}, "send of nothing"),
    ({"send": _raises}, "send raised KeyError"),
    ({"send": _leaks}, "a secret appears"),
    ({"send": _tells_number}, "a phone number appears"),
    ({"send": _changes}, "it changed its settings"),
    ({"__repr__": lambda self: repr(self.settings)}, "repr shows a secret"),
    ({"batch_size": 0}, "batch_size"),
    ({"can_look_up": True}, "look_up is missing"),
    ({"can_poll": True}, "poll is missing"),
    ({"idempotency_ttl_s": 0}, "idempotency_ttl_s"),
    (
        {
            "idempotency_ttl_s": 60,
            "send": lambda self, messages: [Result("accepted", str(next(counter))) for _ in messages],
        },
        "another provider id",
    ),
    ({"parse_webhook": lambda self, request: request.body.decode()["x"]}, "parse_webhook raised"),
    ({"parse_webhook": lambda self, request: [Receipt("read", "x")]}, "state 'read'"),
    ({"parse_webhook": lambda self, request: [Receipt("delivered")]}, "names no message"),
    (
        {"parse_webhook": lambda self, request: [Receipt("delivered", "x", at=datetime(2026, 1, 1))]},
        "without a zone",
    ),
    ({"webhook_reply": lambda self, request: (500, "text/plain", "")}, "webhook_reply"),
    ({"close": lambda self: 1 / 0}, "close raised"),
]


@pytest.mark.parametrize(
    ("changed", "words"), BROKEN_PROVIDERS, ids=[words for _c, words in BROKEN_PROVIDERS]
)
def test_a_broken_law_of_providers_is_named(changed, words):
    assert any(words in law for law in testing.check_provider(_provider(**changed)))


class GoodSegmenter(Segmenter):
    name, title = "good", "Good"

    def where(self, params, ctx):
        if params.get("country") != "CN":
            raise Refusal("no", field="country")
        return Profile.country == "CN"

    def describe(self, params, ctx):
        return "Number is of CN"

    def explain(self, contact, params, ctx):
        return "yes"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"where": lambda self, params, ctx: "country = 'CN'"}, "plain value"),
        ({"where": lambda self, params, ctx: params["country"]}, "raised KeyError"),
        (
            {"where": lambda self, params, ctx: params.clear() or Profile.country == "CN"},
            "changed the params",
        ),
        ({"describe": lambda self, params, ctx: 7}, "no text"),
        ({"explain": lambda self, contact, params, ctx: None}, "explain gave no text"),
    ],
)
def test_laws_of_segmenters(changed, words):
    laws = testing.check_segmenter(type("Bad", (GoodSegmenter,), changed), {"country": "CN"})
    assert any(words in law for law in laws) if words else laws == []


class GoodCheck(ContentCheck):
    name, title = "good", "Good"

    def check(self, draft):
        return [Finding("info", "x", "X", (0, 1))] if draft.text else []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (lambda self, draft: [Finding("fatal", "x", "X")], "level 'fatal'"),
        (lambda self, draft: [Finding("info", "", "X")], "no code"),
        (lambda self, draft: [Finding("info", "x", "X", (0, 10**6))], "outside the text"),
        (lambda self, draft: ["bad"], "no Finding"),
        (lambda self, draft: draft.text[10**9], "raised IndexError"),
        (lambda self, draft: [Finding("info", "x", str(next(counter)))], "other findings"),
    ],
)
def test_laws_of_checks(found, words):
    assert testing.check_check(GoodCheck) == []
    assert any(words in law for law in testing.check_check(type("Bad", (GoodCheck,), {"check": found})))


class GoodMetric(Metric):
    name, title = "good", "Good"

    def values(self, scope):
        return {"good": MetricValue(None, 0, 0)}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (lambda self, scope: {"x": MetricValue(0.0, 0, 0)}, "must be None"),
        (lambda self, scope: {"x": 1}, "no MetricValue"),
        (lambda self, scope: MetricValue(None), "no mapping"),
        (lambda self, scope: {"x": MetricValue(0.5, 1, 2, (0.9, 0.1))}, "upside down"),
        (lambda self, scope: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_laws_of_metrics(values, words):
    assert testing.check_metric(GoodMetric) == []
    assert any(words in law for law in testing.check_metric(type("Bad", (GoodMetric,), {"values": values})))


class GoodRule(Rule):
    id, version, as_of, title, source = "x.y", "1", "2026-01-01", "X", "law"

    def hours(self):
        return [Hours(frozenset({0}), 480, 1260)]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"as_of": ""}, "as_of is empty"),
        ({"classes": frozenset({"spam"})}, "not all known"),
        ({"hours": lambda self: [Hours(frozenset({0}), 1260, 480)]}, "no span"),
        ({"hours": lambda self: [Hours(frozenset({9}), 1, 2)]}, "days there are not"),
    ],
)
def test_laws_of_rules(changed, words):
    assert testing.check_rule(GoodRule) == []
    assert any(words in law for law in testing.check_rule(type("Bad", (GoodRule,), changed)))


def test_load_failures_and_misspelt_hooks_are_part_of_the_verdict(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from core import hookimpl\n@hookimpl\ndef register_provider():\n    return []\n"
    )
    (tmp_path / "worse.py").write_text("1 / 0")
    found = {
        plugin: broken for plugin, _w, broken in testing.check_all(Plugins.discover(tmp_path, bundled=None))
    }
    assert "did you mean register_providers?" in found["bad"][0]
    assert "ZeroDivisionError" in found["worse"][0]
