"""`cooee verify` names what is broken, whichever promise it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core import clock
from core.cli import main
from core.db import database
from core.sending import verify
from tests.send_kit import Tape, people_of, rows, send_all, setup


@pytest.fixture
def sent(rt):
    campaign, account = setup(rt, Tape(echoes_reference=True), 8, price=100, budget_micros=10_000)
    send_all(rt, campaign)
    assert verify.verify(rt) == []
    return rt, campaign, account


BREAKS = {
    "the counter": "UPDATE tally SET n = n + 1 WHERE state = 3",
    "parts": "UPDATE tally SET parts = parts - 1 WHERE state = 3",
    "an audience of": "UPDATE campaign SET audience = audience + 1 WHERE segment_id IS NOT NULL",
    "no live worker": "UPDATE message SET state = 1 WHERE state = 0",
    "of a budget": "UPDATE campaign SET spent_micros = budget_micros + 1",
    "consent bits": "UPDATE profile SET consent_bits = 0 WHERE contact_id = (SELECT MIN(contact_id) FROM profile)",
    "blocked bits": "UPDATE profile SET blocked_bits = 4 WHERE contact_id = (SELECT MIN(contact_id) FROM profile)",
}


@pytest.mark.parametrize("words", list(BREAKS))
def test_each_broken_promise_is_named(sent, words):
    rt, campaign, _account = sent
    if words == "no live worker":
        with database.write_tx():
            database.execute(
                "INSERT INTO message (id, campaign_id, contact_id, dedupe, variant, cls, state) "
                "VALUES (1, ?, ?, 5, 0, 2, 0)",
                (campaign, people_of(campaign)[0]),
            )
    with database.write_tx():
        database.execute(BREAKS[words])
    assert words in " ".join(verify.verify(rt))


def test_a_message_after_a_stop_is_named(sent):
    rt, campaign, _account = sent
    id_, contact, submitted_at = rows(campaign, "id, contact_id, submitted_at")[0]
    with database.write_tx():
        bidx = database.scalar("SELECT phone_bidx FROM contact WHERE id = ?", (contact,))
        database.execute(
            "INSERT INTO suppression (phone_bidx, classes, reason, note, who, created_at) "
            "VALUES (?, 15, 'stop', '', '', ?)",
            (bidx, submitted_at - clock.MINUTE_MS),
        )
        database.execute("UPDATE profile SET blocked_bits = 15 WHERE contact_id = ?", (contact,))
    assert f"Message {id_}" in " ".join(verify.verify(rt))


def test_a_message_after_an_opt_out_is_named_until_they_opt_in_again(sent):
    from core.audience import consent
    from core.db.codes import Cls

    rt, campaign, _account = sent
    id_, contact, submitted_at = rows(campaign, "id, contact_id, submitted_at")[0]
    bidx = bytes(database.scalar("SELECT phone_bidx FROM contact WHERE id = ?", (contact,)))
    with database.write_tx():
        consent.record(
            rt,
            [consent.Event(contact, bidx, Cls.mass, "opt_out", "form", who="ann", at=submitted_at - 60_000)],
        )
    assert f"Message {id_}" in " ".join(verify.verify(rt))
    with database.write_tx():
        consent.record(rt, [consent.Event(contact, bidx, Cls.mass, "opt_in", "form", who="ann")])
    assert verify.verify(rt) == []


def test_the_command_prints_each_promise_and_fails_on_the_first_broken_one(cli, rt):
    campaign, _account = setup(rt, Tape(), 3)
    good = cli("verify")
    assert good.exit_code == 0 and good.stdout.count("ok ") == len(verify.CHECKS)
    with database.write_tx():
        database.execute("UPDATE campaign SET audience = 99 WHERE id = ?", (campaign,))
    bad = cli("verify", "--json")
    assert bad.exit_code == 1
    found = json.loads(bad.stdout)
    assert not found["ok"] and "99" in found["first_broken"] and found["first_broken"] in bad.stderr


def test_a_damaged_database_is_the_first_broken_promise(sqlite_instance, monkeypatch):
    monkeypatch.setenv("COOEE_INSTANCE", sqlite_instance["COOEE_INSTANCE"])
    Path(sqlite_instance["COOEE_INSTANCE"], "cooee.db").write_bytes(b"no database" * 1000)
    result = CliRunner().invoke(main, ["verify", "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 1 and not found["ok"]
    assert found["checks"][0]["check"] == "integrity" and "damaged" in found["first_broken"]


def test_single_messages_by_command_line(cli, rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    made = cli("message", "send", "--to", "+8613912345678", "--text", "Hello", "--class", "notice", "--json")
    assert made.exit_code == 0, made.stderr
    message = json.loads(made.stdout)
    assert message["state"] == "ready" and "****" in message["phone"]
    send_all(rt, message["campaign_id"])
    shown = json.loads(cli("message", "show", message["client_ref"], "--json").stdout)
    assert shown["state"] == "accepted" and shown["provider_message_id"].startswith("p-")
    listed = json.loads(cli("message", "list", "--state", "accepted", "--json").stdout)
    assert message["message_id"] in [row["message_id"] for row in listed]
    refused = cli("message", "send", "--to", "12", "--text", "Hello")
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    assert cli("message", "show", "nonsense").exit_code == 1
