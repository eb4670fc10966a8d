"""Accounts: made, changed, opened; secrets stay secret."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from core.contract.errors import BadConfig, Refusal
from core.db import database
from core.db.models import Account, Audit
from core.sending import accounts

SECRET = "canary-key-77"
HTTP = {
    "url": "https://gateway.example/send",
    "headers": f"Authorization: {SECRET}",
    "webhook_secret": SECRET,
}


def test_an_account_keeps_typed_settings_and_a_token(rt):
    made = accounts.create(
        rt, "sim", "simulator", {"seed": "7", "shuffle": "yes", "receipts": "poll"}, who="t"
    )
    settings = accounts.settings_of(rt, made)
    assert (settings["seed"], settings["shuffle"], settings["receipts"], settings["accept_rate"]) == (
        7,
        True,
        "poll",
        0.99,
    )
    assert len(made.token) >= 22  # 128 bits
    assert accounts.create(rt, "sim2", "simulator", {}).token != made.token
    assert Audit.get(Audit.action == "account.add").object == "sim"


def test_secrets_are_stored_encrypted_and_never_shown(rt, cli, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "peewee")  # each statement with its values
    arguments = [part for key, value in HTTP.items() for part in ("--set", f"{key}={value}")]
    told = [cli("account", "add", "gw", "--provider", "http", *arguments, "--json").stdout]
    told += [cli("account", "list", "--json").stdout, cli("account", "list").stdout]
    told += [cli("account", "edit", "gw", "--set", "batch=7", "--json").stdout, caplog.text]
    told += [str(row) for row in database.query("SELECT * FROM audit")]
    account = accounts.get("gw")
    assert SECRET.encode() not in bytes(account.settings_enc)
    assert all(told)
    assert SECRET not in "".join(told)
    assert json.loads(told[1])[0]["settings"]["headers"] == "set"
    assert accounts.settings_of(rt, account)["headers"] == HTTP["headers"]


def test_settings_are_bound_to_their_row(rt_sqlite):
    one = accounts.create(rt_sqlite, "one", "http", HTTP)
    two = accounts.create(rt_sqlite, "two", "http", HTTP)
    Account.update(settings_enc=one.settings_enc).where(Account.id == two.id).execute()
    with pytest.raises(Exception, match="cannot be decrypted"):
        accounts.settings_of(rt_sqlite, accounts.get("two"))


BAD = [
    ("sim", "nope", {}, "provider"),
    ("sim", "simulator", {"sed": "1"}, "sed"),
    ("sim", "simulator", {"seed": "x"}, "seed"),
    ("sim", "simulator", {"accept_rate": "2"}, "accept_rate"),
    ("sim", "simulator", {"receipts": "never"}, "receipts"),
    ("gw", "http", {}, "url"),
    ("", "null", {}, "name"),
    ("x" * 61, "null", {}, "name"),
    ("taken", "null", {}, "name"),
]


@pytest.mark.parametrize(("name", "provider", "given", "field"), BAD)
def test_what_cannot_be_an_account_is_refused_with_the_field(rt_sqlite, name, provider, given, field):
    accounts.create(rt_sqlite, "taken", "null", {})
    with pytest.raises(Refusal) as refused:
        accounts.create(rt_sqlite, name, provider, given)
    assert refused.value.field == field
    assert Account.select().count() == 1


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "nan", "1e9"])
def test_a_rate_is_a_number_above_zero(rt_sqlite, rate):
    made = accounts.create(rt_sqlite, "a", "null", {})
    with pytest.raises(Refusal) as refused:
        accounts.edit(rt_sqlite, made, rate_per_s=rate)
    assert refused.value.field == "rate"


def test_an_edit_changes_what_is_given_and_nothing_else(rt):
    made = accounts.create(rt, "gw", "http", HTTP, sender="1069", rate_per_s=5)
    accounts.create(rt, "other", "null", {})
    made = accounts.edit(rt, made, {"batch": "3"}, sender="1070")
    settings = accounts.settings_of(rt, made)
    assert (settings["batch"], settings["headers"], made.sender, made.rate_per_s) == (
        3,
        HTTP["headers"],
        "1070",
        5,
    )
    made = accounts.edit(rt, made, rate_per_s=None, name="gateway")
    assert (made.name, made.rate_per_s) == ("gateway", None)
    with pytest.raises(Refusal, match="already"):
        accounts.edit(rt, made, name="other")


def test_new_settings_lift_a_halt_and_switching_on_closes_the_breaker(rt):
    made = accounts.create(rt, "gw", "http", HTTP)
    halted = {"halted": "401", "failures": 9, "open_until": 2**42}
    Account.update(**halted).execute()
    assert accounts.state_of(accounts.get("gw")) == "halted"
    assert accounts.edit(rt, accounts.get("gw"), {"batch": "4"}).halted == ""
    assert accounts.state_of(accounts.get("gw"), now=0) == "open"
    assert accounts.state_of(accounts.get("gw"), now=2**43) == "half_open"
    accounts.switch(made, False)
    assert accounts.state_of(accounts.get("gw")) == "off"
    accounts.switch(made, True)
    assert accounts.state_of(accounts.get("gw")) == "on"


def test_a_provider_is_opened_once_and_again_after_its_settings_changed(rt_sqlite):
    made = accounts.create(rt_sqlite, "gw", "http", HTTP)
    first = accounts.open_provider(rt_sqlite, made.id)
    assert accounts.open_provider(rt_sqlite, made) is first
    assert first.callback_url == f"http://127.0.0.1:8000/hooks/{made.token}/receipt"
    made = accounts.edit(rt_sqlite, made, {"batch": "5"})
    second = accounts.open_provider(rt_sqlite, made)
    assert second is not first
    assert (first.settings["batch"], second.settings["batch"]) == (100, 5)
    others = []
    thread = threading.Thread(target=lambda: others.append(accounts.open_provider(rt_sqlite, made)))
    thread.start()
    thread.join()
    assert others[0] is not second  # one thread at a time


def test_a_provider_with_a_connection_is_one_for_all_threads_and_closed_at_the_end(rt_sqlite):
    made = accounts.create(rt_sqlite, "sim", "simulator", {})
    first, others = accounts.open_provider(rt_sqlite, made), []
    thread = threading.Thread(target=lambda: others.append(accounts.open_provider(rt_sqlite, made)))
    thread.start()
    thread.join()
    assert others == [first]
    accounts.close_providers(rt_sqlite)
    assert rt_sqlite.plugins.opened == {}


def test_settings_a_newer_provider_added_have_their_defaults(rt_sqlite, monkeypatch):
    made = accounts.create(rt_sqlite, "sim", "simulator", {})
    old = accounts.settings_of(rt_sqlite, made)
    del old["reply_rate"]
    Account.update(settings_enc=accounts._sealed(rt_sqlite, made.token, old)).execute()
    assert accounts.open_provider(rt_sqlite, made.id, connect=False).settings["reply_rate"] == 0.02


def test_an_account_whose_provider_is_gone_says_so(rt_sqlite):
    made = accounts.create(rt_sqlite, "gone", "null", {})
    rt_sqlite.plugins.disable_all({"providers.null": "off"})
    with pytest.raises(BadConfig, match="No plugin offers"):
        accounts.open_provider(rt_sqlite, made)


def test_only_hosts_the_operator_opened_are_called(rt_sqlite):
    made = accounts.create(rt_sqlite, "gw", "http", {"url": "http://127.0.0.1:9/"})
    from core import Outgoing

    with pytest.raises(BadConfig, match="http_allow"):
        accounts.open_provider(rt_sqlite, made).send([Outgoing("R" * 16, "+8613800138000", "x")])


def test_an_unknown_account_is_refused_with_those_there_are(cli_sqlite, rt_sqlite):
    accounts.create(rt_sqlite, "gw", "null", {})
    for command in (
        ("test", "nope", "--to", "+8613800138000", "--text", "x"),
        ("edit", "nope"),
        ("prices", "nope"),
    ):
        done = cli_sqlite("account", *command)
        assert done.exit_code == 1
        assert "'nope'" in done.stderr
        assert "gw" in done.stderr


def test_an_account_whose_plugin_is_gone_is_listed_and_changed_like_others(rt, cli):
    made = accounts.create(rt, "gone", "null", {})
    accounts.create(rt, "here", "simulator", {})
    with database.write_tx():
        database.execute("UPDATE account SET provider = 'acme' WHERE id = ?", (made.id,))
    told = json.loads(cli("account", "list", "--json").stdout)
    assert [(one["name"], one["plugin_missing"]) for one in told] == [("gone", True), ("here", False)]
    table = cli("account", "list").stdout.splitlines()
    assert "acme" in table[1] and "plugin missing" in table[1] and "plugin missing" not in table[2]
    changed = cli("account", "edit", "gone", "--rename", "was", "--disable", "--json")
    assert json.loads(changed.stdout)["state"] == "off", changed.output
    assert accounts.settings_of(rt, accounts.get("was")) == accounts.settings_of(rt, made)
    assert "no provider 'acme'" in cli("account", "edit", "was", "--set", "x=1").stderr
