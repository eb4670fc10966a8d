"""People: adding, roles, disabling, resetting, by code and by command line, on both databases."""

from __future__ import annotations

import json

import pytest

from core.contract.errors import Refusal
from core.db import database
from core.security import audit, links, passwords, users
from tests.people import PASSWORD


def state(email: str) -> dict:
    return next(p for p in users.listed() if p["email"] == email)


def test_adding_keeps_the_address_in_one_spelling(rt):
    users.add("test", "  Li@Shop.Example ", "marketer", PASSWORD, " Li Na ")
    assert state("li@shop.example") | {"id": 0, "created_at": 0} == {
        "id": 0,
        "email": "li@shop.example",
        "name": "Li Na",
        "active": True,
        "totp": False,
        "last_seen_at": None,
        "created_at": 0,
        "role": "marketer",
        "state": "invited",
    }
    with pytest.raises(Refusal, match="exists already"):
        users.add("test", "LI@shop.example", "viewer")


@pytest.mark.parametrize(
    ("email", "role", "password", "words"),
    [
        ("li", "viewer", None, "not an e-mail address"),
        ("li@shop.example", "owner", None, "not one of viewer, marketer, approver, admin"),
        ("li@shop.example", "viewer", "12345678", "first that are tried"),
        ("li@shop.example", "viewer", "li@shop.example", "first that are tried"),
        ("li@shop.example", "viewer", "cooeecooee", "first that are tried"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_added(rt, email, role, password, words):
    with pytest.raises(Refusal, match=words):
        users.add("test", email, role, password)
    assert users.listed() == []


def test_no_composition_rules(rt):
    assert passwords.trouble("alle meine entchen schwimmen") is None
    assert passwords.trouble("三个中文词语密码好") is None


def test_the_last_admin_stays(rt):
    boss = users.add("test", "boss@shop.example", "admin")
    with pytest.raises(Refusal, match="last admin"):
        users.set_active("test", boss, False)
    with pytest.raises(Refusal, match="last admin"):
        users.set_role("test", boss, "viewer")
    other = users.add("test", "two@shop.example", "admin")
    users.set_role("test", boss, "viewer")
    assert state("boss@shop.example")["role"] == "viewer"
    with pytest.raises(Refusal, match="last admin"):
        users.set_active("test", other, False)


def test_disabling_kills_open_links(rt):
    users.add("test", "boss@shop.example", "admin")
    user = users.add("test", "li@shop.example", "viewer")
    token = links.create("invite", user.id)
    users.set_active("test", user, False)
    with pytest.raises(Refusal):
        users.choose_password(token, "another long pass phrase")
    assert state("li@shop.example")["state"] == "disabled"


def test_ensure_admin_is_safe_to_repeat(rt):
    assert users.ensure_admin(rt, "boss@shop.example", PASSWORD) is True
    assert users.ensure_admin(rt, "Boss@shop.example", "something else long") is False
    assert len(users.listed()) == 1 and users.any_admin()


def test_everything_is_in_the_audit_log_which_nobody_can_change(rt):
    user = users.add("boss", "li@shop.example", "viewer")
    users.set_role("boss", user, "marketer")
    users.reset(rt, "boss", user)
    rows = database.query('SELECT who, action, "object", detail FROM audit ORDER BY id')
    assert [tuple(row) for row in rows] == [
        ("boss", "person.add", "li@shop.example", "viewer"),
        ("boss", "person.role", "li@shop.example", "viewer → marketer"),
        ("boss", "person.reset", "li@shop.example", ""),
    ]
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"), database.write_tx():
            database.execute(statement)


def test_the_record_vanishes_with_the_deed(rt):
    with pytest.raises(ZeroDivisionError), database.write_tx():
        audit.record("boss", "x")
        raise ZeroDivisionError
    assert database.scalar("SELECT count(*) FROM audit") == 0


# --- cooee user -----------------------------------------------------------------------------------------


def test_cli_add_with_a_password(cli):
    result = cli(
        "user", "add", "li@shop.example", "--role", "marketer", "--password-stdin", input=PASSWORD + "\n"
    )
    assert result.exit_code == 0 and "added as marketer" in result.output
    assert state("li@shop.example")["role"] == "marketer"


def test_cli_add_without_a_password_prints_a_link_that_works(cli):
    result = cli("user", "add", "li@shop.example", "--role", "viewer", "--json")
    link = json.loads(result.stdout)["link"]
    user = users.choose_password(link.rsplit("/", 1)[1], "another long pass phrase")
    assert user.email == "li@shop.example"


def test_cli_list(cli):
    users.add("test", "li@shop.example", "viewer")
    assert json.loads(cli("user", "list", "--json").stdout) == [
        {
            "email": "li@shop.example",
            "name": "",
            "role": "viewer",
            "state": "invited",
            "totp": False,
            "last_seen_at": None,
        }
    ]
    assert "li@shop.example" in cli("user", "list").stdout


def test_cli_disable_enable_role_reset(cli):
    users.add("test", "boss@shop.example", "admin")
    users.add("test", "li@shop.example", "viewer")
    assert cli("user", "disable", "li@shop.example").exit_code == 0
    assert state("li@shop.example")["state"] == "disabled"
    refused = cli("user", "reset", "li@shop.example")
    assert refused.exit_code == 1 and "is disabled" in refused.stderr
    assert cli("user", "enable", "li@shop.example").exit_code == 0
    assert cli("user", "role", "li@shop.example", "approver").exit_code == 0
    assert state("li@shop.example")["role"] == "approver"
    link = json.loads(cli("user", "reset", "li@shop.example", "--json").stdout)["link"]
    assert links.find(link.rsplit("/", 1)[1]).purpose == "reset"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("disable", "no@shop.example"), 1, "no person no@shop.example"),
        (("add", "li@shop.example", "--role", "king"), 1, "'king' is not one of"),
        (("add", "li@shop.example"), 2, "--role"),
        (("disable", "boss@shop.example"), 1, "last admin"),
    ],
)
def test_cli_refuses_with_one_sentence(cli, args, code, words):
    users.add("test", "boss@shop.example", "admin")
    result = cli("user", *args)
    assert result.exit_code == code and words in result.stderr
    assert "Traceback" not in result.output
