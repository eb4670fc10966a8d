"""Erasing with proof, and how long data is kept."""

from __future__ import annotations

import json
import logging
import tarfile

import pytest

from core import backup, clock, ids
from core.audience import consent, contacts, erasing, erasures, retention
from core.audience.importing import batch
from core.contract.errors import Refusal
from core.db import database, settings, tally
from core.db.codes import ALL_CLASSES_MASK, Cls, State
from core.security import audit
from core.sending import direct, verify

PHONE, NAME, EMAIL = "+8613812345678", "Xanthippe Quillfeather", "xanthippe@quill.example"
DAY = clock.DAY_MS


def imported(rt, tmp_path) -> dict:
    file = tmp_path / "people.csv"
    file.write_text(
        f"phone,name,email,consent\n{PHONE},{NAME},{EMAIL},yes\n+8613900139000,Anna,anna@b.example,yes\n"
        f"12,{NAME},{EMAIL},yes\n"
    )
    options = batch.prepare(rt, file, region="CN", source="web form")
    batch_id = batch.begin(rt, options, path=file, file_name=file.name, who="a@b.c")
    batch.run(rt, batch_id)
    return batch.report(batch_id)


def test_nothing_of_an_erased_person_is_in_files_logs_or_later_backups(rt_sqlite, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    rt = rt_sqlite
    contact_id = contacts.create(rt, PHONE, name=NAME)
    contacts.edit(rt, contact_id, {"email": EMAIL})
    consent.change(rt, contact_id, Cls.mass, "opt_in", source="paper form")
    receipt = erasing.erase(rt, contact_id, who="admin@b.c")
    backup.backup(rt, tmp_path / "later.tar")
    with tarfile.open(tmp_path / "later.tar") as tar:
        tar.extractall(tmp_path / "later", filter="data")
    files = [
        path
        for folder in (rt.settings.instance, tmp_path / "later")
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert any(path.name == "cooee.db" for path in files) and any(
        path.name == "cooee.db-wal" for path in files
    )
    held = b"".join(path.read_bytes() for path in files) + caplog.text.encode()
    secrets = (PHONE, PHONE[1:], PHONE[3:], NAME, "Quillfeather", EMAIL)
    assert [secret for secret in secrets if secret.encode() in held] == []
    one = erasures.get(rt, receipt)
    assert one.whole and one.counts["contact"] == one.counts["profile"] == 1
    with database.write_tx():
        database.execute("UPDATE erasure SET who = 'nobody'")
    assert not erasures.get(rt, receipt).whole


def test_an_erased_number_is_not_revived_by_a_file_and_by_hand_comes_back_blocked(rt, tmp_path):
    assert imported(rt, tmp_path)["rejected"] == 1
    erasing.erase(rt, contacts.need(rt, PHONE), who="admin@b.c")
    assert imported(rt, tmp_path)["rejected"] == 2
    with pytest.raises(Refusal, match="no contact"):
        contacts.need(rt, PHONE)
    contacts.create(rt, PHONE)
    again = contacts.get(rt, contacts.need(rt, PHONE))
    assert (again.blocked_bits, again.consent_bits) == (ALL_CLASSES_MASK, 0)
    assert verify.verify(rt) == []


def test_files_of_rejected_rows_with_the_number_go(rt_sqlite):
    contact_id = contacts.create(rt_sqlite, PHONE)
    folder = rt_sqlite.settings.path("uploads")
    folder.mkdir(exist_ok=True)
    (folder / "rejects-1.csv").write_text(f"138 1234 5678,{NAME}\n")
    (folder / "rejects-2.csv").write_text("13900139000,Anna\n")
    erasing.erase(rt_sqlite, contact_id, who="a@b.c")
    assert [file.name for file in folder.glob("rejects-*")] == ["rejects-2.csv"]


def test_the_command_prints_the_receipt(cli, rt):
    contacts.create(rt, PHONE)
    done = json.loads(cli("contact", "erase", PHONE, "--yes", "--json").stdout)
    paper = cli("contact", "receipt", done["receipt"]).stdout
    assert erasures.get(rt, done["receipt"]).hash in paper
    assert cli("contact", "receipt", 99).exit_code == 1


# --- retention ----------------------------------------------------------------------------------------


@pytest.fixture
def old_and_new(rt):
    """Rows of most kinds, one older than the period and one new of each."""
    now = clock.now_ms()
    for days in (520, 500):
        with clock.earlier(days * DAY), database.write_tx():
            audit.record("x", "y")
    contact_id = contacts.create(rt, PHONE)
    campaign = direct.campaign(Cls.mass)
    old_id = (now - 400 * DAY) << 20
    with database.write_tx():
        new_id = ids.allocate(1)
        for message_id in (old_id, new_id):
            columns = ("id", "campaign_id", "contact_id", "dedupe", "cls", "state")
            database.copy_rows(
                "message", columns, [(message_id, campaign, contact_id, message_id, 2, int(State.delivered))]
            )
            database.execute("INSERT INTO message_text (message_id, body) VALUES (?, 'words')", (message_id,))
        tally.move({(campaign, 0, 0, 0, int(State.delivered)): (2, 0, 0, 0, 0)})
        for n, (at, intent) in enumerate(((now - 800 * DAY, ""), (now - 800 * DAY, "stop"), (now, ""))):
            database.execute(
                "INSERT INTO inbound (account_id, contact_id, phone_bidx, phone_enc, body, intent, dedupe, received_at) "
                "VALUES (1, ?, ?, ?, 'hello', ?, ?, ?)",
                (contact_id, b"x" * 16, b"y", intent, bytes([n]) * 16, at),
            )
        for key, at in ((1, now - 100 * DAY), (2, now)):
            database.execute(
                "INSERT INTO event_waiting (phone_bidx, key_hash, type, at, received_at) VALUES (?, ?, 1, ?, ?)",
                (b"x" * 16, key, at, at),
            )
            database.execute(
                "INSERT INTO event (contact_id, key_hash, type, at) VALUES (?, ?, 1, ?)",
                (contact_id, key, at),
            )
        for at in (now - 20 * DAY, now):
            database.execute(
                "INSERT INTO inbox (account_id, kind, body_enc, state, error, received_at) "
                "VALUES (1, 'receipt', ?, 1, '', ?)",
                (b"x", at),
            )
    return contact_id


def test_a_run_removes_what_a_dry_run_counted_and_reports_it(rt, old_and_new):
    retention.set_periods({"events": 90, "audit": 510}, who="a@b.c")
    counted = retention.preview()
    wanted = {"texts": 1, "replies": 1, "events": 1, "waiting": 1, "inbox": 1, "audit": 1}
    assert {kind: n for kind, n in counted.items() if n} == wanted
    done = retention.run(rt, who="a@b.c")
    assert (done["counts"], done["error"]) == (counted, "") and done["removed"] == 6
    assert set(retention.preview().values()) == {0}
    assert [row[0] for row in database.query("SELECT body FROM inbound ORDER BY id")] == [
        "",
        "hello",
        "hello",
    ]
    assert retention.runs()[0]["counts"] == counted


def test_the_audit_log_is_guarded_again_after_a_run(rt, old_and_new):
    retention.set_periods({"audit": 510}, who="a@b.c")
    retention.run(rt)
    with pytest.raises(Exception, match="append-only"), database.write_tx():
        database.execute("DELETE FROM audit")
    report = audit.verify(rt, "test")
    assert (report.broken, report.events) == (None, database.scalar("SELECT COUNT(*) FROM audit") + 1)


def test_rows_of_finished_campaigns_go_and_the_counts_stay(rt):
    from tests import send_kit as kit

    campaign, _account = kit.setup(rt, n=4)
    kit.send_all(rt, campaign)
    with database.write_tx():
        database.execute(
            "UPDATE campaign SET state = 'done', finished_at = ? WHERE id = ?",
            (clock.now_ms() - 99 * DAY, campaign),
        )
    before = tally.by_state([campaign])[campaign]
    retention.set_periods({"messages": 90}, who="a@b.c")
    people = database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign,))
    assert retention.preview()["messages"] == people > 0
    assert retention.run(rt)["counts"]["messages"] == people
    assert database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign,)) == 0
    assert tally.by_state([campaign])[campaign] == before
    assert verify.verify(rt) == []


def test_it_runs_once_a_night(rt_sqlite):
    settings.put("zone", "UTC")
    retention.nightly(rt_sqlite)
    retention.nightly(rt_sqlite)
    hour = clock.now().hour
    assert len(retention.runs()) == (1 if hour >= retention.HOUR else 0)


def test_periods_that_make_no_sense_are_refused(rt_sqlite):
    for days in ({"audit": 30}, {"texts": -1}, {"nothing": 5}, {"texts": 99_999}):
        with pytest.raises(Refusal):
            retention.set_periods(days, who="a@b.c")
    assert retention.periods()["texts"] == 365


def test_the_command_shows_sets_and_counts(cli, rt):
    assert cli("retention", "set", "texts", "30").exit_code == 0
    assert cli("retention", "set", "audit", "3").exit_code == 1
    shown = json.loads(cli("retention", "show", "--json").stdout)
    assert shown["days"]["texts"] == 30
    assert json.loads(cli("retention", "run", "--dry-run", "--json").stdout)["dry_run"]
    assert json.loads(cli("retention", "run", "--json").stdout)["removed"] == 0
