"""The sealed ledger: whoever changes, adds, drops, swaps or cuts off lines is found, 1,000 times of 1,000."""

from __future__ import annotations

import json
import random

import pytest

from core.audience import chain, consent, topics
from core.audience.consent import Event
from core.audience.contacts import create
from core.audience.importing import batch
from core.db import chain as chaining
from core.db import database, triggers
from core.db.codes import Cls
from core.sending import verify

TRIES = 1_000
EVENT_COLUMNS = (*chain.COLUMNS,)
SEAL_COLUMNS = ("id", "lo", "hi", "n", "hash", "at")


def record(rt, *events):
    with database.write_tx():
        consent.record(rt, events)
    consent.announce(rt, events)


def a_ledger(rt, chance: random.Random, appends: int = 40) -> None:
    """Some people, and appends of one to eight events each."""
    crowd = [(one, create(rt, f"+86138001380{one:02}")) for one in range(12)]
    people = [(contact_id, rt.keys.blind_index(f"+86138001380{one:02}")) for one, contact_id in crowd]
    for _ in range(appends):
        made = []
        for _ in range(chance.randint(1, 8)):
            contact_id, bidx = chance.choice(people)
            action = chance.choice((*consent.STATES, *consent.NOTES))
            proof = {"row": chance.randint(1, 99)} if chance.random() < 0.5 else {}
            made.append(
                Event(contact_id, bidx, chance.choice(list(Cls)), action, "表单 form", "", proof, "a@b.c")
            )
        record(rt, *made)


def unlocked() -> None:
    """What an attacker with the database's password does first: take the triggers off."""
    for table in ("consent_event", "consent_seal"):
        if database.is_postgres():
            database.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        else:
            for act in ("update", "delete"):
                database.execute(f"DROP TRIGGER {table}_{act}")


def changed(value, chance: random.Random):
    """Another value of the same kind."""
    if value is None:
        return chance.randint(1, 9)
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 7))
    if isinstance(value, str):
        return value + "x" if chance.random() < 0.5 or not value else value[:-1]
    raw = bytearray(bytes(value))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def tamper(chance: random.Random, events: list[int], seals: list[int]) -> str:
    """One random act on the tables; what it was."""
    act = chance.choice(
        (
            "column",
            "column",
            "column",
            "delete",
            "insert",
            "swap",
            "seal",
            "drop seal",
            "cut",
            "cut all",
            "head",
        )
    )
    if act == "column":
        row, column = chance.choice(events), chance.choice(EVENT_COLUMNS)
        if column == "id":
            database.execute(
                "UPDATE consent_event SET id = ? WHERE id = ?", (events[-1] + chance.randint(1, 9), row)
            )
        else:
            value = database.scalar(f"SELECT {column} FROM consent_event WHERE id = ?", (row,))
            database.execute(
                f"UPDATE consent_event SET {column} = ? WHERE id = ?", (changed(value, chance), row)
            )
    elif act == "delete":
        database.execute("DELETE FROM consent_event WHERE id = ?", (chance.choice(events),))
    elif act == "insert":
        copied = ", ".join(EVENT_COLUMNS[1:])
        database.execute(
            f"INSERT INTO consent_event (id, {copied}) SELECT ?, {copied} FROM consent_event WHERE id = ?",
            (chance.choice((events[-1] + 1, -1, 0)), chance.choice(events)),
        )
    elif act == "swap":
        one, two = chance.sample(events, 2)
        rows = {
            row[0]: row[1:] for row in database.query(
                f"SELECT {', '.join(EVENT_COLUMNS)} FROM consent_event WHERE id IN (?, ?)", (one, two)
            )
        }  # fmt: skip
        if rows[one] == rows[two]:
            return ""
        sets = ", ".join(f"{column} = ?" for column in EVENT_COLUMNS[1:])
        database.execute(f"UPDATE consent_event SET {sets} WHERE id = ?", (*rows[two], one))
        database.execute(f"UPDATE consent_event SET {sets} WHERE id = ?", (*rows[one], two))
    elif act == "seal":
        seal, column = chance.choice(seals), chance.choice(SEAL_COLUMNS)
        value = database.scalar(f'SELECT "{column}" FROM consent_seal WHERE id = ?', (seal,))
        new = seals[-1] + 5 if column == "id" else changed(value, chance)
        database.execute(f'UPDATE consent_seal SET "{column}" = ? WHERE id = ?', (new, seal))
    elif act == "drop seal":
        database.execute("DELETE FROM consent_seal WHERE id = ?", (chance.choice(seals),))
    elif act == "cut":
        database.execute("DELETE FROM consent_event WHERE id > ?", (chance.choice(events[:-1]),))
    elif act == "cut all":
        # The clever one: rows, seals and the head all end at an earlier, true seal.
        keep = chance.choice(seals[:-1])
        hi, digest = database.one("SELECT hi, hash FROM consent_seal WHERE id = ?", (keep,))
        database.execute("DELETE FROM consent_event WHERE id > ?", (hi,))
        database.execute("DELETE FROM consent_seal WHERE id > ?", (keep,))
        n = database.scalar("SELECT COUNT(*) FROM consent_event")
        database.execute(
            "UPDATE consent_head SET seal = ?, events = ?, last = ?, hash = ?", (keep, n, hi, digest)
        )
    else:
        column = chance.choice(("seal", "events", "last", "hash"))
        value = database.scalar(f"SELECT {column} FROM consent_head")
        database.execute(f"UPDATE consent_head SET {column} = ?", (changed(value, chance),))
    return act


class Undo(Exception):
    """Takes a tampering back."""


def tampered(rt, tries: int) -> tuple[int, int, list[str]]:
    chance = random.Random(20261121)
    a_ledger(rt, chance)
    with database.write_tx():
        unlocked()
    assert chain.verify(rt).broken is None
    events = [row[0] for row in database.query("SELECT id FROM consent_event ORDER BY id")]
    seals = [row[0] for row in database.query("SELECT id FROM consent_seal ORDER BY id")]
    done, found, missed = 0, 0, []
    while done < tries:
        try:
            with database.write_tx():
                act = tamper(chance, events, seals)
                if act:
                    done += 1
                    broken = chain.verify(rt).broken
                    found += broken is not None
                    missed += [] if broken else [act]
                raise Undo
        except Undo:
            continue
    assert chain.verify(rt).broken is None
    return done, found, missed


def test_a_thousand_random_tamperings_are_all_found(rt_sqlite):
    assert tampered(rt_sqlite, TRIES) == (TRIES, TRIES, [])


def test_tamperings_are_found_on_each_database(rt):
    assert tampered(rt, 150) == (150, 150, [])


def test_every_append_is_sealed_and_the_seals_follow_one_another(rt):
    a_ledger(rt, random.Random(1), 10)
    report = chain.verify(rt)
    assert (report.seals, report.broken) == (10, None)
    assert report.events == database.scalar("SELECT COUNT(*) FROM consent_event")
    ranges = database.query("SELECT lo, hi, n FROM consent_seal ORDER BY id")
    assert all(hi - lo + 1 == n for lo, hi, n in ranges)
    assert all(before[1] + 1 == after[0] for before, after in zip(ranges, ranges[1:], strict=False))


def test_the_broken_line_is_named(rt_sqlite):
    a_ledger(rt_sqlite, random.Random(2), 5)
    with database.write_tx():
        unlocked()
    lo, hi = database.one("SELECT lo, hi FROM consent_seal WHERE id = 3")
    database.execute("UPDATE consent_event SET action = 'opt_in' WHERE id = ?", (lo,))
    database.execute("UPDATE consent_event SET source = 'forged' WHERE id = ?", (lo,))
    assert "Seal 3 does not fit" in chain.check(rt_sqlite) and str(lo) in chain.check(rt_sqlite)
    database.execute("DELETE FROM consent_event WHERE id = ?", (lo,))
    assert chain.check(rt_sqlite).startswith(f"Event {lo} is missing; seal 3")
    assert any("is missing; seal 3" in sentence for sentence in verify.verify(rt_sqlite))


def test_the_ledger_and_its_seals_refuse_to_be_changed(rt):
    a_ledger(rt, random.Random(3), 2)
    for statement in ("UPDATE consent_seal SET n = 9", "DELETE FROM consent_seal"):
        with pytest.raises(Exception, match="append-only"), database.write_tx():
            database.execute(statement)
    assert "consent_event" in triggers.APPEND_ONLY


def test_an_import_is_sealed_too(rt, tmp_path):
    file = tmp_path / "people.csv"
    rows = [f"+861390013{n:04},{'yes' if n % 3 else 'no'}" for n in range(200)]
    file.write_text("phone,consent\n" + "\n".join(rows))
    options = batch.prepare(rt, file, region="CN", cls="mass", source="web form")
    batch.run(rt, batch.begin(rt, options, path=file, file_name=file.name, who="a@b.c"))
    file.write_text("phone,consent\n" + "\n".join(row.replace("no", "yes") for row in rows[:60]))
    options = batch.prepare(rt, file, region="CN", cls="mass", source="web form")
    batch.run(rt, batch.begin(rt, options, path=file, file_name=file.name, who="a@b.c"))
    report = chain.verify(rt)
    assert (report.broken, report.events) == (None, 220)
    assert chain.noted(rt) is None  # a power cut could still take it back
    chain.settle(rt)
    assert chain.noted(rt).seal == report.seals >= 1


def test_a_failed_transaction_leaves_no_seal(rt):
    a_ledger(rt, random.Random(4), 3)
    before = chain.verify(rt)
    with pytest.raises(Undo), database.write_tx():
        consent.record(rt, [Event(0, b"x" * 16, Cls.mass, "opt_out")])
        raise Undo
    assert chain.verify(rt) == before
    record(rt, Event(0, b"x" * 16, Cls.mass, "opt_out"))
    assert chain.verify(rt) == chain.Report(before.events + 1, before.seals + 1)


def test_a_ledger_from_before_the_seals_gets_one(rt):
    """As after an upgrade: lines are there, no seal is, and the head says up to where."""
    create(rt, "+8613800138000")
    rows = [(0, bytes([n] * 16), 2, "opt_out", "old", "", "", "", n) for n in range(1, 30, 2)]
    with database.write_tx():
        database.executemany(
            "INSERT INTO consent_event (contact_id, phone_bidx, cls, action, source, wording, evidence, who, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        database.execute("UPDATE consent_head SET open_to = (SELECT MAX(id) FROM consent_event)")
    assert chain.verify(rt) == chain.Report(15, 1)
    record(rt, Event(0, b"y" * 16, Cls.mass, "opt_out"))
    assert chain.verify(rt) == chain.Report(16, 2)


def test_the_command_names_the_first_broken_seal_and_exits_with_1(cli, rt):
    a_ledger(rt, random.Random(5), 4)
    good = cli("consent", "verify", "--json")
    assert (good.exit_code, json.loads(good.stdout)["ok"]) == (0, True)
    with database.write_tx():
        unlocked()
        database.execute("DELETE FROM consent_seal WHERE id = 2")
    bad = cli("consent", "verify")
    assert bad.exit_code == 1 and "Seal 2 is missing." in bad.stderr
    assert cli("verify").exit_code == 1


def test_a_restored_backup_is_no_cut(rt_sqlite, tmp_path):
    from core import backup

    a_ledger(rt_sqlite, random.Random(6), 3)
    backup.backup(rt_sqlite, tmp_path / "b.tar")
    record(rt_sqlite, Event(0, b"z" * 16, Cls.mass, "opt_out"))
    backup.restore(rt_sqlite, tmp_path / "b.tar")
    assert chain.verify(rt_sqlite).broken is None
    assert chain.noted(rt_sqlite).seal == 3


def test_topics_are_sealed_and_do_not_touch_the_class(rt):
    one = create(rt, "+8613800138000")
    topic = topics.add("sales", "Sales", who="a@b.c")
    consent.change(rt, one, Cls.mass, "opt_in", source="form")
    topics.change(rt, one, topic, False, source="phone call")
    assert consent.state(one)[Cls.mass].status == "opted_in"
    assert topics.state(one) == {topic.id: False}
    assert (chain.check(rt), consent.check(), topics.check()) == (None, None, None)
    with database.write_tx():
        database.execute("UPDATE contact_topic SET out = 0")
    assert f"Contact {one}" in topics.check()


@pytest.mark.parametrize("n", [3, 4, 8])
def test_a_seal_is_read_in_pieces_of_any_size(rt, monkeypatch, n):
    """An append may be exactly as long as what is read at once, or twice that."""
    monkeypatch.setattr(chaining, "CHUNK", 4)
    contact_id = create(rt, "+8613800138000")
    bidx = rt.keys.blind_index("+8613800138000")
    record(rt, *(Event(contact_id, bidx, Cls.mass, "opt_in", f"form {i}") for i in range(n)))
    assert chain.verify(rt).broken is None
