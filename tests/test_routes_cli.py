"""`cooee route` and `cooee sender`."""

from __future__ import annotations

import json

import pytest

from core.db import database
from core.sending import accounts, prices


@pytest.fixture
def two(rt):
    for name in ("one", "two"):
        made = accounts.create(rt, name, "simulator", {}, sender=f"from {name}")
        prices.put(made.id, [prices.Line(50_000 if name == "one" else 40_000, "CNY")])
    return "one", "two"


def test_rules_are_added_listed_and_removed(rt, cli, two):
    made = json.loads(
        cli("route", "add", "China", "--country", "cn", "--carrier", "中国移动", "--via", "one:3", "--via", "two",
            "--strategy", "weight", "--class", "mass", "--share", "12.5", "--json").output
    )  # fmt: skip
    assert made["accounts"] == [{"account": "one", "weight": 3}, {"account": "two", "weight": 1}]
    assert (made["countries"], made["class"], made["share"]) == (["CN"], "mass", 0.125)
    cli("route", "add", "first", "--via", "two", "--at", "1")
    listed = json.loads(cli("route", "list", "--json").output)
    assert [rule["name"] for rule in listed] == ["first", "China"]
    assert "12.50%" in cli("route", "list").output
    assert "is removed" in cli("route", "remove", str(made["id"])).output
    assert len(json.loads(cli("route", "list", "--json").output)) == 1


def test_a_bad_rule_is_one_sentence(rt, cli, two):
    for words in (["--via", "nobody"], ["--via", "one", "--country", "China"], ["--via", "one", "--segment", "x"],
                  ["--via", "one", "--pool", "x"], ["--via", "one", "--share", "0"]):  # fmt: skip
        result = cli("route", "add", "x", *words)
        assert result.exit_code == 1
        assert "Traceback" not in result.output


def test_a_number_is_tested_without_sending(rt, cli, two):
    cli("route", "add", "cheap", "--country", "CN", "--via", "one", "--via", "two", "--strategy", "cheapest")
    cli("route", "add", "us", "--country", "US", "--via", "one")
    answer = json.loads(
        cli("route", "test", "138 0013 8000", "--class", "notice", "--text", "Hello", "--json").output
    )
    assert (answer["account"], answer["sender"], answer["country"]) == ("two", "from two", "CN")
    assert (answer["parts"], answer["cost_micros"], answer["currency"]) == (1, 40_000, "CNY")
    cheap, us, otherwise = answer["rules"]
    assert cheap["decides"]
    assert [(c["account"], c["taken"], c["reason"], c["price_micros"]) for c in cheap["candidates"]] == [
        ("one", False, "dearer", 50_000), ("two", True, "", 40_000),
    ]  # fmt: skip
    assert (us["fits"], us["misses"]) == (False, "country")
    assert (otherwise["rule_id"], otherwise["fits"], otherwise["decides"]) == (0, True, False)
    assert database.scalar("SELECT COUNT(*) FROM message") == 0
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0
    told = cli("route", "test", "+8613800138000", "--class", "notice").output
    assert told.startswith("two as from two")
    assert cli("route", "test", "12", "--class", "notice").exit_code == 1


def test_a_test_says_when_a_text_would_wait(rt, cli, two):
    cli("route", "add", "x", "--via", "one")
    accounts.switch(accounts.get("one"), False)
    assert "would wait" in cli("route", "test", "+8613800138000", "--class", "mass").output


def test_senders_are_added_listed_and_removed(rt, cli, two):
    made = json.loads(
        cli("sender", "add", "1069", "--pool", "shop", "--account", "one", "--rate", "5", "--cap", "9",
            "--country", "CN", "--not-sticky", "--json").output
    )  # fmt: skip
    assert (made["rate_per_s"], made["daily_cap"], made["countries"], made["used"]) == (5.0, 9, ["CN"], 0)
    cli("sender", "add", "1069", "--pool", "shop", "--account", "two")
    assert database.scalar("SELECT sticky FROM sender_pool") in (0, False), "it stays as it was"
    assert "1069" in cli("sender", "list").output
    assert cli("sender", "remove", "1069").exit_code == 1
    cli("sender", "remove", str(made["id"]))
    cli("sender", "remove", "1069", "--pool", "shop")
    assert json.loads(cli("sender", "list", "--json").output) == []


def test_a_route_test_names_the_sender_of_the_pool(rt, cli, two):
    cli("sender", "add", "1069", "--pool", "shop", "--account", "one")
    cli("route", "add", "x", "--via", "one", "--pool", "shop")
    assert cli("route", "test", "+8613800138000", "--class", "mass").output.startswith("one as 1069")
