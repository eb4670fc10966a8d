"""Contacts, labels, consent and suppression by command line, on both databases."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.audience import contacts, fields, labels
from core.db import database

PHONE = "+8613800138000"


@pytest.fixture
def shop(rt):
    """Three people; ids by name."""
    fields.define("tier", "choice")
    made = {
        name: contacts.create(rt, phone, name=name)
        for name, phone in (("王芳", PHONE), ("=1+1", "+8613800138001"), ("Zoë", "+4915152992312"))
    }
    contacts.edit(rt, made["王芳"], {"tier": "gold", "city": "上海"})
    return made


def ok(result):
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def refused(result, words):
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_show_tells_everything_of_one_contact(cli, shop):
    made = json.loads(ok(cli("contact", "show", "138 0013 8000", "--json")))
    assert (made["phone"], made["name"], made["country"]) == (PHONE, "王芳", "CN")
    assert made["fields"] == {"gender": None, "birthday": None, "city": "上海", "tier": "gold"}
    assert (made["labels"], made["suppressed"]) == ([], [])
    assert made["consent"]["mass"]["status"] == "none"
    assert "city: 上海" in ok(cli("contact", "show", PHONE))
    refused(cli("contact", "show", "+8613800138009"), "There is no contact with the number +8613800138009.")
    refused(cli("contact", "show", "abc"), "no valid phone number")


def test_list_gives_csv_and_json_with_whole_numbers(cli, shop):
    rows = list(csv.DictReader(io.StringIO(ok(cli("contact", "list", "--format", "csv")))))
    assert [row["phone"] for row in rows] == [PHONE, "+8613800138001", "+4915152992312"]
    assert (rows[0]["tier"], rows[1]["name"]) == ("gold", "'=1+1")
    data = json.loads(ok(cli("contact", "list", "--format", "json")))
    assert [person["name"] for person in data] == ["王芳", "=1+1", "Zoë"]
    assert data == json.loads(ok(cli("contact", "list", "--json")))
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'contact.export'") == 3


def test_list_of_nobody_is_an_empty_list(cli):
    assert json.loads(ok(cli("contact", "list", "--format", "json"))) == []


def test_list_of_a_segment(cli, shop):
    rule = '{"all":[{"segmenter":"attribute","field":"city","op":"eq","value":"上海"}]}'
    ok(cli("segment", "add", "shanghai", "--rule", "-", input=rule))
    found = json.loads(ok(cli("contact", "list", "--segment", "shanghai", "--format", "json")))
    assert [person["name"] for person in found] == ["王芳"]
    assert json.loads(ok(cli("label", "set", "sh", "--segment", "shanghai", "--json"))) == {
        "label": "sh",
        "contacts": 1,
    }
    assert labels.check() is None


def test_labels_are_set_listed_and_unset(cli, shop):
    ok(cli("label", "set", "vip", "--phone", PHONE, "--phone", "+4915152992312"))
    assert json.loads(ok(cli("label", "list", "--json"))) == [{"name": "vip", "contacts": 2}]
    assert len(json.loads(ok(cli("contact", "list", "--label", "vip", "--json")))) == 2
    assert json.loads(ok(cli("label", "unset", "vip", "--phone", PHONE, "--json")))["contacts"] == 1
    assert json.loads(ok(cli("contact", "show", PHONE, "--json")))["labels"] == []
    refused(cli("label", "unset", "gold", "--phone", PHONE), "no label “gold”")
    refused(cli("label", "set", "vip"), "Say who is meant")
    refused(cli("label", "set", "new", "--phone", "+8613800138009"), "no contact with the number")
    assert [label.name for label in labels.all_labels()] == ["vip"]
    ok(cli("label", "delete", "vip", "--yes"))
    assert json.loads(ok(cli("label", "list", "--json"))) == []


def test_consent_is_added_shown_and_revoked(cli, shop):
    given = ok(
        cli("consent", "add", PHONE, "--class", "mass", "--source", "form", "--wording", "Yes", "--json")
    )
    assert json.loads(given)["status"] == "opted_in"
    assert json.loads(given)["at"].endswith("+00:00")
    shown = json.loads(ok(cli("consent", "show", PHONE, "--json")))
    assert shown["consent"]["mass"]["source"] == "form"
    assert shown["consent"]["mass"]["at"] == shown["history"][0]["at"] == json.loads(given)["at"]
    assert [(e["cls"], e["action"], e["wording"]) for e in shown["history"]] == [("mass", "opt_in", "Yes")]
    assert "now opted_out" in ok(cli("consent", "revoke", PHONE, "--class", "mass", "--source", "call"))
    assert "opted_out" in ok(cli("consent", "show", PHONE))
    refused(cli("consent", "add", PHONE, "--class", "sms", "--source", "x"), "“sms” is not one of")
    refused(cli("consent", "add", PHONE, "--class", "mass", "--source", " "), "where this comes from")
    refused(cli("consent", "revoke", PHONE, "--class", "otp", "--source", "x"), "suppress the number")
    assert cli("consent", "add", PHONE, "--class", "mass").exit_code == 2


def test_suppression_by_command(cli, rt, shop, tmp_path):
    added = json.loads(
        ok(cli("suppress", "add", "13800138000", "--class", "mass", "--note", "call", "--json"))
    )
    assert added == {"phone": PHONE, "reason": "manual", "new": True}
    assert contacts.get(rt, shop["王芳"]).blocked_bits == 4
    ok(cli("suppress", "add", "+8613900139000", "--days", "30"))
    file = tmp_path / "stops.csv"
    file.write_text("phone\n+4915152992312\n13800138000\nnobody\n")
    done = json.loads(ok(cli("suppress", "import", str(file), "--json")))
    assert {key: done[key] for key in ("rows", "added", "known", "rejected")} == {
        "rows": 3,
        "added": 2,
        "known": 0,
        "rejected": 1,
    }
    rows = list(csv.DictReader(io.StringIO(ok(cli("suppress", "list")))))
    listed = [(row["phone"], row["reason"]) for row in rows]
    assert listed[:2] == [(PHONE, "manual"), ("+8613900139000", "manual")]
    # The rows of one file stand in the order of their blind indexes.
    assert set(listed[2:]) == {("+4915152992312", "import"), (PHONE, "import")}
    assert [row["phone"] for row in json.loads(ok(cli("suppress", "list", "--json")))] == [
        r["phone"] for r in rows
    ]
    assert json.loads(ok(cli("suppress", "remove", PHONE, "--json")))["removed"] == 2
    assert contacts.get(rt, shop["王芳"]).blocked_bits == 0
    refused(cli("suppress", "remove", PHONE), "is not on the list")
    refused(cli("suppress", "add", PHONE, "--reason", "erased"), "contact erase")
    refused(cli("suppress", "add", PHONE, "--reason", "mood"), "“mood” is not one of")


def test_erase_asks_then_erases_for_good(cli, rt, shop):
    assert cli("contact", "erase", PHONE, input="n\n").exit_code == 1
    assert contacts.get(rt, shop["王芳"])
    ok(cli("contact", "erase", PHONE, "--yes"))
    refused(cli("contact", "show", PHONE), "There is no contact")
    refused(cli("contact", "erase", PHONE, "--yes"), "There is no contact")
    refused(cli("suppress", "remove", PHONE), "stays on the list")


def test_an_erased_person_in_a_file_stays_blocked(cli, shop, tmp_path):
    ok(cli("contact", "erase", PHONE, "--yes"))
    file = tmp_path / "customers.csv"
    file.write_text("手机号,姓名,同意营销\n13800138000,王芳,是\n13700137000,李静,是\n", "utf-8")
    ok(cli("contact", "import", str(file), "--region", "CN", "--json"))
    listed = json.loads(ok(cli("contact", "list", "--json")))
    blocked = {person["phone"]: person["blocked"] for person in listed}
    assert blocked.get(PHONE, True) is True
    assert blocked["+8613700137000"] is False


@pytest.mark.parametrize(
    "command",
    [
        *[("contact", name) for name in ("show", "list", "erase")],
        *[("label", name) for name in ("list", "set", "unset", "delete")],
        *[("consent", name) for name in ("show", "add", "revoke")],
        *[("suppress", name) for name in ("add", "remove", "list", "import")],
    ],
)
def test_every_help_has_an_example(cli_sqlite, command):
    assert "Example" in ok(cli_sqlite(*command, "--help"))
