"""The sealed audit log: the first row somebody changed, added, dropped, moved or cut off is named, 1,000 times of 1,000."""

from __future__ import annotations

import json
import logging
import random
import threading

import pytest

from core import backup, clock, doctor
from core.audience import chain as ledger
from core.audience import consent, retention
from core.audience.consent import Event
from core.contract.errors import CooeeError
from core.db import bulk, chaincheck, database, settings
from core.db.codes import Cls
from core.security import audit
from core.sending import verify

TRIES = 1_000
SEAL_COLUMNS = ("id", "lo", "hi", "n", "hash", "at")


def chain(rt):
    return audit.of(rt.settings, rt.keys)


def a_log(chance: random.Random, deeds: int = 30) -> None:
    """Deeds of one to three rows each."""
    for deed in range(deeds):
        with database.write_tx():
            for n in range(chance.choice((1, 1, 1, 2, 3))):
                audit.record("li@shop.example", "campaign.edit", f"campaign {deed}", f"步骤 step {n}")


def unlocked() -> None:
    """What an attacker with the database's password does first: take the triggers off."""
    with database.write_tx():
        for table in ("audit", "audit_seal"):
            if database.is_postgres():
                database.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            else:
                for act in ("update", "delete"):
                    database.execute(f"DROP TRIGGER {table}_{act}")


def changed(value, chance: random.Random):
    """Another value of the same kind: one letter or one bit is different."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(40))
    if not value:
        return "x"
    at = chance.randrange(len(value))
    return value[:at] + chr(ord(value[at]) ^ (1 << chance.randrange(3))) + value[at + 1 :]


def moved(rows: list[int], by: int) -> None:
    """Give these rows other ids, so that none is missing."""
    for id_ in reversed(rows) if by > 0 else rows:
        database.execute("UPDATE audit SET id = ? WHERE id = ?", (id_ + by, id_))


def copy_of(row: int, id_: int) -> None:
    names = ", ".join(f'"{name}"' for name in audit.COLUMNS[1:])
    database.execute(f"INSERT INTO audit (id, {names}) SELECT ?, {names} FROM audit WHERE id = ?", (id_, row))


def contents(row: int) -> tuple:
    names = ", ".join(f'"{name}"' for name in audit.COLUMNS[1:])
    return tuple(database.one(f"SELECT {names} FROM audit WHERE id = ?", (row,)))


def tamper(chance: random.Random, rows: list[int]) -> tuple[str, int]:
    """One random act on the table: what it was, and which row is the first bad one afterwards."""
    acts = (
        "byte",
        "byte",
        "byte",
        "drop",
        "close the gap",
        "insert",
        "squeeze in",
        "swap",
        "cut",
        "cut all",
        "again",
    )
    act, row, last = chance.choice(acts), chance.choice(rows), rows[-1]
    if act == "byte":
        column = chance.choice(audit.COLUMNS[1:])
        value = database.scalar(f'SELECT "{column}" FROM audit WHERE id = ?', (row,))
        database.execute(f'UPDATE audit SET "{column}" = ? WHERE id = ?', (changed(value, chance), row))
        return f"{act} of {column}", row
    if act in ("drop", "close the gap"):
        database.execute("DELETE FROM audit WHERE id = ?", (row,))
        if act == "close the gap":
            moved([id_ for id_ in rows if id_ > row], -1)
        return act, row
    if act == "insert":
        new = chance.choice((last + 1, last + 7, 0, -3))
        copy_of(row, new)
        return act, new
    if act == "squeeze in":
        moved([id_ for id_ in rows if id_ > row], 1)
        copy_of(row, row + 1)
        return act, row + 1
    if act == "swap":
        one, two = sorted(chance.sample(rows, 2))
        sets = ", ".join(f'"{name}" = ?' for name in audit.COLUMNS[1:])
        first, second = contents(one), contents(two)
        database.execute(f"UPDATE audit SET {sets} WHERE id = ?", (*second, one))
        database.execute(f"UPDATE audit SET {sets} WHERE id = ?", (*first, two))
        return act, one
    keep = chance.choice(rows[:-1])
    database.execute("DELETE FROM audit WHERE id > ?", (keep,))
    if act == "cut":
        return act, keep + 1
    # The clever ones: rows, seals and the head all end at an earlier, true seal.
    database.execute("DELETE FROM audit_seal WHERE hi > ?", (keep,))
    seal, digest = database.one("SELECT id, hash FROM audit_seal WHERE hi = ?", (keep,))
    database.execute(
        "UPDATE audit_head SET seal = ?, events = ?, last = ?, hash = ?", (seal, seal, keep, digest)
    )
    if act == "again":  # and more is written afterwards than was cut off
        for n in range(last - keep + chance.randint(1, 4)):
            with database.write_tx():
                audit._append([(clock.now_ms(), "later", "x", str(n), "", "")])
    return act, keep + 1


class Undo(Exception):
    """Takes a tampering back."""


def misnamed(rt, tries: int) -> list[tuple]:
    """Tamperings of which another row was named than the first bad one, or none."""
    chance = random.Random(20261122)
    a_log(chance)
    audit.note(rt)
    unlocked()
    rows = [row[0] for row in database.query("SELECT id FROM audit ORDER BY id")]
    assert audit.verify(rt, "test") == chaincheck.Report(len(rows), len(rows))
    wrong = []
    for _ in range(tries):
        try:
            with database.write_tx():
                act, first = tamper(chance, rows)
                report = chaincheck.verify(chain(rt))
                if report.row != first or str(first) not in (report.broken or ""):
                    wrong.append((act, first, report))
                raise Undo
        except Undo:
            continue
    assert audit.verify(rt, "test").broken is None
    return wrong


def test_a_thousand_tamperings_are_found_and_the_first_bad_row_is_named(rt_sqlite):
    assert misnamed(rt_sqlite, TRIES) == []


def test_the_first_bad_row_is_named_on_each_database(rt):
    assert misnamed(rt, 150) == []


def test_forged_seals_and_a_forged_end_are_found(rt):
    chance = random.Random(7)
    a_log(chance, 12)
    audit.note(rt)
    unlocked()
    seals = [row[0] for row in database.query("SELECT id FROM audit_seal ORDER BY id")]
    found = []
    for n in range(120):
        try:
            with database.write_tx():
                if n % 4 == 0:
                    column = ("seal", "events", "last", "hash")[n // 4 % 4]
                    value = database.scalar(f"SELECT {column} FROM audit_head")
                    database.execute(f"UPDATE audit_head SET {column} = ?", (changed(value, chance),))
                elif n % 4 == 1:
                    database.execute("DELETE FROM audit_seal WHERE id = ?", (chance.choice(seals),))
                else:
                    seal, column = chance.choice(seals), SEAL_COLUMNS[n % len(SEAL_COLUMNS)]
                    value = database.scalar(f'SELECT "{column}" FROM audit_seal WHERE id = ?', (seal,))
                    new = seals[-1] + 5 if column == "id" else changed(value, chance)
                    if column == "n":
                        new = value + 1
                    database.execute(f'UPDATE audit_seal SET "{column}" = ? WHERE id = ?', (new, seal))
                found.append(chaincheck.verify(chain(rt)).broken is not None)
                raise Undo
        except Undo:
            continue
    assert found == [True] * 120


def test_a_head_that_was_deleted_is_said_by_readers_and_writers(rt):
    a_log(random.Random(1), 2)
    with database.write_tx():
        database.execute("DELETE FROM audit_head")
    assert "head of the chain is gone" in audit.verify(rt, "test").broken
    with pytest.raises(CooeeError, match="audit_head is empty"), database.write_tx():
        audit.record("boss", "x")


@pytest.mark.parametrize("value", ["CAST(X'ff41' AS TEXT)", "X'41'", "1.5"])
def test_a_value_of_another_kind_names_its_row(rt_sqlite, value):
    """SQLite keeps any kind of value in any column, also text that is none."""
    a_log(random.Random(2), 6)
    unlocked()
    with database.write_tx():
        database.execute(f"UPDATE audit SET detail = {value} WHERE id = 3")
        database.execute("UPDATE audit_seal SET hash = X'41' WHERE id = 4")
    report = audit.verify(rt_sqlite, "test")
    assert (report.row, report.events) == (3, 2) and "row 3" in report.broken


def test_rows_are_written_and_sealed_at_the_end_of_their_transaction(rt):
    with database.write_tx():
        audit.record("a", "one")
        with pytest.raises(Undo), database.write_tx():
            audit.record("a", "undone")
            raise Undo
        with database.write_tx():
            audit.record("a", "two")
        assert database.scalar("SELECT COUNT(*) FROM audit") == 0
    assert [row[0] for row in database.query('SELECT "action" FROM audit ORDER BY id')] == ["one", "two"]
    audit.record("a", "without a transaction")
    assert audit.verify(rt, "test") == chaincheck.Report(3, 3)


def test_writers_that_lock_in_any_order_do_not_block_each_other(rt):
    """One records before it locks what the other locked first."""
    people = Event(0, b"x" * 16, Cls.mass, "opt_out")
    meet, wrong = threading.Barrier(2, timeout=20), []

    def work(first: bool) -> None:
        try:
            for _ in range(5):
                with database.write_tx():
                    if first:
                        audit.record("a", "first")
                    if database.is_postgres():
                        meet.wait()  # both are in their transactions now
                    consent.record(rt, [people])
                    if not first:
                        audit.record("b", "last")
        except Exception as error:
            wrong.append(error)
        finally:
            database.proxy.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert audit.verify(rt, "test") == chaincheck.Report(10, 10)
    assert ledger.verify(rt).events == 10


def test_a_log_from_before_the_seals_gets_one_for_each_row(rt):
    """As after an upgrade: rows are there, no seal is, and the head says up to where."""
    with database.write_tx():
        database.executemany(
            'INSERT INTO audit (id, "at", who, "action", "object", detail, ip) VALUES (?, ?, ?, ?, ?, ?, ?)',
            [(n, n, "old", "x", "", "", "") for n in range(1, 30, 2)],
        )
        if database.is_postgres():
            database.execute("SELECT setval(pg_get_serial_sequence('audit', 'id'), 29)")
        database.execute("UPDATE audit_head SET open_to = 29")
    audit.note(rt)
    assert chain(rt).noted().seal == 15
    audit.record("boss", "new")
    assert audit.verify(rt, "test") == chaincheck.Report(16, 16)
    unlocked()
    with database.write_tx():
        copy_of(3, 4)
    assert audit.verify(rt, "test").row == 4


def test_what_a_rule_removed_is_no_cut_and_what_another_hand_removed_is(rt):
    with clock.earlier(800 * clock.DAY_MS):
        a_log(random.Random(3), 8)
    a_log(random.Random(4), 4)
    old = audit.too_old(clock.now_ms() - clock.DAY_MS)[0]
    retention.set_periods({"audit": 500}, who="a@b.c")
    assert retention.run(rt)["counts"]["audit"] == old > 5
    assert database.scalar("SELECT MIN(id) FROM audit") == old + 1
    audit.note(rt)
    assert audit.verify(rt, "test").broken is None
    unlocked()
    with database.write_tx():
        database.execute("DELETE FROM audit WHERE id = ?", (old + 1,))
    assert audit.verify(rt, "test").row == old + 1
    # Nor can the row that says so be made to say more.
    with database.write_tx():
        database.execute("UPDATE audit SET object = ? WHERE action = ?", (str(old + 1), audit.FORGOTTEN))
    assert audit.verify(rt, "test").broken is not None


def test_a_note_is_replaced_only_by_an_end_that_follows_it(rt, caplog):
    a_log(random.Random(5), 4)
    with caplog.at_level(logging.INFO, "cooee.audit"):
        audit.note(rt)
    noted = chain(rt).noted()
    assert noted == chain(rt).head() and f"under seal {audit.spelled(noted)}" in caplog.text
    a_log(random.Random(6), 1)
    audit.note(rt)
    assert chain(rt).noted().seal > noted.seal


def test_what_a_power_cut_could_take_back_is_noted_only_once_it_cannot(rt):
    audit.record("a", "one")
    with bulk.repeatable():
        audit.record("a", "two")
        chain(rt).note()
        assert chain(rt).noted() is None
    audit.note(rt)
    assert chain(rt).noted().last == 2


def test_the_nightly_walk_is_remembered_and_logged(rt_sqlite, caplog):
    a_log(random.Random(7), 2)
    assert audit.verified() is None
    audit.nightly(rt_sqlite)
    assert (audit.verified().by, audit.verified().broken) == ("system", None) and not caplog.text
    unlocked()
    with database.write_tx():
        database.execute("DELETE FROM audit WHERE id = 2")
    audit.nightly(rt_sqlite)
    assert "Row 2 is missing" in caplog.text and "Row 2 is missing" in audit.verified().broken


# --- commands -------------------------------------------------------------------------------------------


def test_the_command_names_the_first_bad_row_and_exits_with_1(cli, rt):
    a_log(random.Random(8), 4)
    good = cli("audit", "verify", "--json")
    data = json.loads(good.stdout)
    assert (good.exit_code, data["ok"], data["first_bad_row"]) == (0, True, None)
    assert cli("verify").exit_code == 0
    unlocked()
    with database.write_tx():
        database.execute("UPDATE audit SET who = 'somebody else' WHERE id = 2")
    bad = cli("audit", "verify")
    assert bad.exit_code == 1 and "row 2" in bad.stderr
    assert json.loads(cli("audit", "verify", "--json").stdout)["first_bad_row"] == 2
    assert cli("verify").exit_code == 1
    assert any("row 2" in sentence for sentence in verify.verify(rt))
    assert next(found for found in doctor.examine(None) if found.what == "audit log").ok is False


def test_a_head_kept_elsewhere_finds_a_cut_that_took_the_note_along(cli, rt):
    a_log(random.Random(9), 4)
    head = json.loads(cli("audit", "verify", "--json").stdout)["head"]
    assert cli("audit", "verify", "--head", head).exit_code == 0
    unlocked()
    with database.write_tx():
        database.execute("DELETE FROM audit WHERE id > 1")
        database.execute("DELETE FROM audit_seal WHERE id > 1")
        digest = database.scalar("SELECT hash FROM audit_seal")
        database.execute("UPDATE audit_head SET seal = 1, events = 1, last = 1, hash = ?", (digest,))
    chain(rt).file.unlink(missing_ok=True)
    assert cli("audit", "verify").exit_code == 0
    found = cli("audit", "verify", "--head", head)
    assert found.exit_code == 1 and "was cut off" in found.stderr
    assert cli("audit", "verify", "--head", "12").exit_code == 2


def test_the_doctor_looks_at_the_ends_of_both_chains(rt):
    a_log(random.Random(10), 3)
    audit.note(rt)
    found = {finding.what: finding for finding in doctor.examine(None)}
    assert found["audit log"].ok and found["consent ledger"].ok
    unlocked()
    with database.write_tx():
        database.execute("DELETE FROM audit_seal WHERE id > 1")
        database.execute("DELETE FROM audit WHERE id > 1")
        database.execute("UPDATE audit_head SET seal = 1, events = 1, last = 1")
    found = {finding.what: finding for finding in doctor.examine(None)}
    assert not found["audit log"].ok and "cut off" in found["audit log"].said


def test_a_list_is_narrowed_by_who_action_object_and_time(cli, rt):
    with clock.earlier(10 * clock.DAY_MS):
        audit.record("Li@shop.example", "campaign.edit", "campaign 5", "50% off_")
    audit.record("ann@shop.example", "person.add", "li@shop.example", "+=1+1")
    audit.record("cli:root", "campaign.launch", "campaign 6")

    def shown(*words: str) -> list[str]:
        answer = cli("audit", "list", "--json", *words)
        assert answer.exit_code == 0, answer.output
        return [row["action"] for row in json.loads(answer.stdout)]

    assert shown() == ["campaign.launch", "person.add", "campaign.edit"]
    assert shown("--who", "li@") == ["campaign.edit"]
    assert shown("--action", "campaign.") == ["campaign.launch", "campaign.edit"]
    assert shown("--object", "LI@") == ["person.add"]
    assert shown("--who", "%") == [] and shown("--who", "\x00") == []
    day = clock.from_ms(clock.now_ms() - 5 * clock.DAY_MS).date().isoformat()
    assert shown("--since", day) == ["campaign.launch", "person.add"]
    assert shown("--until", day, "--limit", "1") == ["campaign.edit"]
    assert shown("--before", "2") == ["campaign.edit"]
    assert cli("audit", "list", "--since", "yesterday").exit_code == 1
    file = cli("audit", "list", "--format", "csv", "--action", "person.").stdout
    assert file.count("\n") == 2 and '"\'+=1+1"' in file
    assert shown("--action", "audit.") == ["audit.export"]


# --- backup ---------------------------------------------------------------------------------------------


def test_a_backup_keeps_the_chain_and_a_restore_is_a_row_of_it(rt, tmp_path):
    a_log(random.Random(11), 3)
    backup.backup(rt, tmp_path / "b.tar")
    a_log(random.Random(12), 3)
    audit.note(rt)
    far = chain(rt).noted()
    backup.restore(rt, tmp_path / "b.tar", "cli:root")
    assert audit.verify(rt, "test").broken is None
    who, action, detail = database.one("SELECT who, action, detail FROM audit ORDER BY id DESC LIMIT 1")
    assert (who, action) == ("cli:root", "database.restored") and f"row {far.last}, seal {far.seal}" in detail
    a_log(random.Random(13), 1)
    audit.note(rt)
    assert chain(rt).noted() == chain(rt).head()


# --- the page -------------------------------------------------------------------------------------------


def html(answer) -> str:
    return answer.get_data(as_text=True)


def test_the_page_says_when_the_seals_were_verified_and_what_was_found(client):
    assert "not verified yet" in html(client.get("/settings/audit"))
    assert client.post("/settings/audit/verify").status_code == 303
    assert "the end is the one noted outside the database" in html(client.get("/settings/audit"))
    unlocked()
    with database.write_tx():
        database.execute("UPDATE audit SET ip = '10.0.0.1' WHERE id = 1")
    client.post("/settings/audit/verify")
    page = html(client.get("/settings/audit"))
    assert "Somebody changed the audit log" in html(client.get("/"))
    assert "Somebody changed the log" in page and "row 1, or the seal itself, was changed" in page


def test_the_page_narrows_by_action_and_day_and_gives_the_same_rows_as_a_file(client, login):
    with clock.earlier(10 * clock.DAY_MS):
        audit.record("=HYPERLINK(1)", "campaign.edit", "campaign 5")
    audit.record("ann@shop.example", "campaign.launch", "campaign 6")
    day = clock.from_ms(clock.now_ms() - 5 * clock.DAY_MS).date().isoformat()
    assert "campaign 6" in html(client.get(f"/settings/audit?what=campaign.&from={day}"))
    assert "campaign 5" not in html(client.get(f"/settings/audit?what=campaign.&from={day}"))
    assert "is no date" in html(client.get("/settings/audit?from=soon"))
    file = client.get(f"/settings/audit/export.csv?to={day}&what=campaign.")
    assert file.mimetype == "text/csv" and "attachment" in file.headers["Content-Disposition"]
    lines = html(file).splitlines()
    assert len(lines) == 2 and '"\'=HYPERLINK(1)"' in lines[1]
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'audit.export'") == 1
    for role in ("viewer", "marketer", "approver"):
        other = login(role)
        answers = [other.get("/settings/audit"), other.get("/settings/audit/export.csv")]
        assert [a.status_code for a in [*answers, other.post("/settings/audit/verify")]] == [403] * 3


def test_edges_no_database_could_hold_are_no_trouble(client):
    settings.put("zone", "Asia/Shanghai")
    for query in ("before=99999999999999999999", "after=-5", "what=%25", "from=9999-12-31"):
        assert client.get(f"/settings/audit?{query}").status_code == 200, query
