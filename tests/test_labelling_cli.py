"""`cooee label rule`: add, preview, run, list, delete."""

from __future__ import annotations

import json

import pytest
import time_machine

from core.audience import labels
from tests import labelling_kit as kit
from tests.labelling_kit import did

BUYER = ("Buyer", "counted", "-p", "type=purchase", "-p", "amount=1", "-p", "within_days=365")


@pytest.fixture
def crowd(rt):
    with time_machine.travel(kit.NOW, tick=False):
        ids = kit.crowd(rt)
        kit.record(rt, [did("purchase", who, 1, amount=5) for who in ids[:3]])
        yield ids


def answer(cli, *args):
    done = cli("label", "rule", *args, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_rule_is_previewed_added_run_listed_and_deleted(cli, crowd):
    said = answer(cli, "preview", *BUYER)
    assert (said["people"], said["added"], said["removed"], len(said["sample"])) == (3, 3, 0, 3)
    made = answer(cli, "add", *BUYER)
    assert (made["label"], made["sentence"]) == (
        "Buyer",
        "people with at least 1 × purchase in the last 365 days",
    )
    assert answer(cli, "run", "Buyer") == {"people": 6, "set": 3, "removed": 0, "errors": {}}
    assert answer(cli, "preview", "Buyer")["added"] == 0
    assert answer(cli, "run", "--news") == {"people": 3, "set": 0, "removed": 0, "errors": {}}
    assert answer(cli, "run")["people"] == 6
    assert [(row["label"], row["people"], row["enabled"]) for row in answer(cli, "list")] == [
        ("Buyer", 3, True)
    ]
    assert answer(cli, "delete", "Buyer", "--take", "--yes") == {"deleted": "Buyer", "labels": 3}
    assert (kit.carried(), labels.check(), answer(cli, "list")) == (set(), None, [])


def test_kinds_say_their_fields(cli_sqlite):
    kinds = {row["kind"]: row["params"] for row in answer(cli_sqlite, "kinds")}
    assert kinds["counted"]["op"] == {
        "shape": "choice",
        "default": "at_least",
        "options": ["at_least", "at_most"],
    }


def test_weights_are_given_as_json(cli_sqlite):
    made = answer(cli_sqlite, "add", "Keen", "score", "-p", 'weights={"view": 1, "purchase": 5}')
    assert made["params"]["weights"] == {"purchase": 5.0, "view": 1.0}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("add", "x", "counting"), "There is no kind of rule"),
        (("add", "x", "counted", "-p", "count=3"), "has no field “count”"),
        (("add", "x", "counted", "-p", "amount"), "is not NAME=VALUE"),
        (("add", "x", "score", "-p", "weights={view}"), "is not JSON"),
        (("add", "x", "counted", "--keep-days", "-1"), "not a whole number"),
        (("preview", "x"), "There is no rule “x”"),
        (("preview", "x", "-p", "amount=1"), "Say the kind, too"),
        (("run", "x"), "There is no rule “x”"),
        (("run", "x", "--news"), "leave the rule out"),
        (("delete", "x", "--yes"), "There is no rule “x”"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(cli_sqlite, args, words):
    done = cli_sqlite("label", "rule", *args)
    assert done.exit_code != 0
    assert words in (done.output + str(done.exception))
