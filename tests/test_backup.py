"""A backup is hot and verified; a restore never sends again by itself."""

import json
import threading

import pytest

from core import backup, clock
from core.audience import suppression
from core.contract.errors import Refusal
from core.db import database, migrate, settings
from core.db.codes import State
from core.security import audit
from core.sending import stopping
from core.sending.journal import Journal
from tests.restore_kit import manifest_with, repacked


def _message(id_: int, state: State = State.ready) -> None:
    with database.write_tx():
        database.copy_rows(
            "message", ("id", "campaign_id", "contact_id", "cls", "state"), [(id_, 1, id_, 2, state.value)]
        )
        database.execute(
            "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
            "VALUES (1, 0, 0, 0, ?, 1, 0, 0, 0, 0) "
            "ON CONFLICT (campaign_id, variant, account_id, hour, state) DO UPDATE SET n = tally.n + 1",
            (state.value,),
        )


def test_a_backup_taken_while_others_write_is_whole(rt, tmp_path):
    begun, stop = threading.Event(), threading.Event()

    def write():
        n = 1
        while not stop.is_set():
            _message(n)
            begun.set()
            n += 1
        database.proxy.close()

    def count() -> int:
        return database.scalar("SELECT COUNT(*) FROM message")

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(30)
    made = [(count(), backup.backup(rt, tmp_path / f"{n}.tar")["messages"], count()) for n in range(3)]
    stop.set()
    writer.join()
    assert all(0 < before <= held <= after for before, held, after in made)
    held = made[-1][1]
    assert backup.restore(rt, tmp_path / "2.tar")["messages"] == held == count()
    # Each message and its line of the tally were written together.
    assert database.scalar("SELECT SUM(n) FROM tally") == held


def test_what_was_sent_after_the_backup_is_in_doubt_and_sending_is_off(rt, tmp_path):
    for n in (1, 2, 3):
        _message(n)
    backup.backup(rt, tmp_path / "early.tar")
    journal = Journal(rt.settings.path("journal"), 1, clock.now_ms())
    journal.sent(9, 1, [1, 2])
    journal.close()
    done = backup.restore(rt, tmp_path / "early.tar")
    assert done == {"contacts": 0, "messages": 3, "in_doubt": 2, "blocked": 0}
    assert dict(database.query("SELECT id, state FROM message")) == {
        1: State.in_doubt,
        2: State.in_doubt,
        3: State.ready,
    }
    assert dict(database.query("SELECT state, SUM(n) FROM tally GROUP BY state HAVING SUM(n) <> 0")) == {
        State.ready: 1,
        State.in_doubt: 2,
    }
    assert "early.tar" in stopping.now().why
    assert "early.tar" in stopping.start(rt, who="test", anyway=True).why
    assert stopping.now() is None


def test_a_stop_after_the_backup_is_not_forgotten(rt, tmp_path):
    ahead, later = (suppression.entry(rt, number) for number in ("+8613800138000", "+8613800138001"))
    freed = suppression.entry(rt, "+8613800138002")
    with database.write_tx():
        suppression.add(rt, [ahead, freed], reason="stop")
    clock.sleep(0.005)
    backup.backup(rt, tmp_path / "b.tar")
    with database.write_tx():
        suppression.add(rt, [later], reason="stop")
        suppression.remove(rt, freed.phone_bidx)
    assert backup.restore(rt, tmp_path / "b.tar")["blocked"] == 2
    held = {bytes(row[0]) for row in database.query("SELECT phone_bidx FROM suppression")}
    assert held == {ahead.phone_bidx, later.phone_bidx}


def test_fields_defined_before_the_backup_come_back(rt, tmp_path):
    from core.audience import fields

    fields.define("tier", "text")
    with database.write_tx():
        column = database.scalar("SELECT \"column\" FROM field WHERE key = 'tier'")
        database.execute(
            f"INSERT INTO profile (contact_id, country, language, line_type, created_at, {column}) "
            "VALUES (1, 'CN', '', 1, 0, 'gold')"
        )
    backup.backup(rt, tmp_path / "b.tar")
    with database.write_tx():
        database.execute("DELETE FROM profile")
    backup.restore(rt, tmp_path / "b.tar")
    assert database.scalar(f"SELECT {column} FROM profile") == "gold"


@pytest.mark.parametrize("trouble", ["exists", "absent", "rubbish", "other keys"])
def test_what_does_not_fit_is_refused_and_nothing_changes(rt, tmp_path, trouble):
    _message(1)
    file = tmp_path / "b.tar"
    backup.backup(rt, file)
    with pytest.raises(Refusal):
        if trouble == "exists":
            backup.backup(rt, file)
        elif trouble == "absent":
            backup.restore(rt, tmp_path / "no.tar")
        elif trouble == "rubbish":
            (tmp_path / "rubbish.tar").write_bytes(b"no tar")
            backup.restore(rt, tmp_path / "rubbish.tar")
        else:
            import dataclasses

            from core.security.crypto import Keys

            backup.restore(dataclasses.replace(rt, keys=Keys(b"d" * 32, b"o" * 32, b"s" * 32)), file)
    assert database.scalar("SELECT COUNT(*) FROM message") == 1


def test_a_backup_that_was_changed_is_refused_and_nothing_changes(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    _message(1)
    part = "setting.csv" if database.is_postgres() else "cooee.db"
    repacked(tmp_path / "b.tar", part, lambda content: content + b"\n")
    with pytest.raises(Refusal, match=f"changed after it was made .{part}"):
        backup.restore(rt, tmp_path / "b.tar")
    assert database.scalar("SELECT COUNT(*) FROM message") == 1


def test_a_backup_of_before_there_were_checksums_is_taken(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    _message(1)
    repacked(tmp_path / "b.tar", "manifest.json", manifest_with(lambda manifest: manifest.pop("sha256")))
    backup.restore(rt, tmp_path / "b.tar")
    assert database.scalar("SELECT COUNT(*) FROM message") == 0


def test_a_backup_of_a_newer_version_is_refused_and_nothing_changes(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    _message(1)
    newer = manifest_with(lambda manifest: manifest["migrations"].append("9999_ahead"))
    repacked(tmp_path / "b.tar", "manifest.json", newer)
    with pytest.raises(Refusal, match="newer version .9999_ahead"):
        backup.restore(rt, tmp_path / "b.tar")
    assert database.scalar("SELECT COUNT(*) FROM message") == 1


def test_the_commands_work_one_after_another(cli, tmp_path):
    made = cli("backup", tmp_path / "b.tar", "--json")
    assert json.loads(made.stdout)["messages"] == 0
    assert cli("restore", tmp_path / "b.tar", "--yes").exit_code == 0
    assert "on again" in cli("resume-sending").stdout
    assert "was not off" in cli("resume-sending").stdout
    refused = cli("backup", tmp_path / "b.tar")
    assert refused.exit_code == 1 and "exists" in refused.stderr


def _made_older(rt, last: str) -> None:
    """An instance of an older version: its tables, its history of migrations."""
    if database.is_postgres():
        with database.write_tx():
            migrate.rebuild({}, {"core": last})
        return
    database.proxy.close()
    for file in rt.settings.instance.glob("cooee.db*"):
        file.unlink()
    database.connect(rt.settings.database_url)
    audit.bind(rt.settings, rt.keys)
    for _name, runner in migrate._runners({}):
        runner.up(last)


def test_a_backup_of_an_older_version_is_restored_and_upgraded(rt, tmp_path, caplog):
    _made_older(rt, "0008_quality")
    _message(1)
    with database.write_tx():
        settings.put("brand", "Kola")
    backup.backup(rt, tmp_path / "old.tar")
    migrate.upgrade(rt.settings.instance, rt.plugins.migrations)
    with database.write_tx():
        settings.put("brand", "changed since")
    caplog.clear()
    backup.restore(rt, tmp_path / "old.tar")
    assert [record for record in caplog.records if record.name.startswith("peewee")] == []
    assert settings.get("brand") == "Kola"
    assert database.scalar("SELECT COUNT(*) FROM message") == 1
    assert database.scalar("SELECT COUNT(*) FROM event_source") == 0
    assert migrate.pending(rt.plugins.migrations) == []
    assert audit.verify(rt, "test").broken is None
