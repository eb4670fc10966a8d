"""A restore that is killed on its way sends nobody a text twice, and is done again from its beginning."""

import os
import re
import signal
from collections import Counter

import pytest

from core import backup, clock, faults
from core.app import compose
from core.audience import suppression
from core.contract.errors import Refusal
from core.db import database, quarantine, settings
from core.security import audit
from core.sending import leases, stopping
from tests.restore_kit import examine
from tests.send_kit import Tape, due_now, rows, send_all, setup, states

STEPS = ["rows", "migrated", "doubted", "change", "blocked", "recorded"]
N, BEFORE = 24, 8


def _dies(rt, file, step: str) -> None:
    """`cooee restore` in a process of its own, which dies like by kill -9 behind a step."""
    database.proxy.close()
    pid = os.fork()
    if pid == 0:
        try:
            faults.arm(f"restore:{step}:exit:1")
            backup.restore(compose(repairing=True), file)
        finally:
            os._exit(3)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


@pytest.fixture
def sent(rt, tmp_path):
    """(tape, campaign): some sent, then a backup, then all sent and somebody said STOP."""
    tape = Tape()
    campaign, _account = setup(rt, tape, N)
    with database.write_tx():
        later = [row[0] for row in rows(campaign)][BEFORE:]
        database.execute("UPDATE message SET not_before = ? WHERE id >= ?", (1 << 50, later[0]))
    send_all(rt, campaign)
    assert len(tape.sent) == BEFORE
    leases.end(rt, leases.current(rt))
    backup.backup(rt, tmp_path / "b.tar")
    due_now(campaign)
    send_all(rt, campaign)
    assert len(tape.sent) == N
    clock.sleep(0.002)
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, "+8613800000000")], reason="stop")
        for n in range(9):
            audit.record("li@shop.example", "setting.changed", str(n))
    audit.note(rt)
    leases.end(rt, leases.current(rt))
    return tape, campaign


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_sent_before_it_is_repeated_and_nobody_twice_after(rt, instance, sent, tmp_path, step):
    tape, campaign = sent
    ended = audit.of(rt.settings, rt.keys).noted().last
    _dies(rt, tmp_path / "b.tar", step)

    again = f"repeat it: `cooee restore {tmp_path / 'b.tar'}`"
    assert again in str(quarantine.trouble())
    for refused in (compose, lambda: stopping.start(rt, who="test", anyway=True)):
        with pytest.raises(Refusal, match=re.escape(again)):
            refused()
    found = examine(instance)
    assert again in found["restore"]["said"] and not {"schema", "sending"} & set(found)
    assert send_all(rt, campaign) == 0 and len(tape.sent) == N
    leases.end(rt, leases.current(rt))

    done = backup.restore(compose(repairing=True), tmp_path / "b.tar")
    assert quarantine.trouble() == "" and "b.tar" in stopping.now().why
    assert done["blocked"] == 1 and done["in_doubt"] == N - BEFORE
    assert states(campaign) == {"accepted": BEFORE, "in_doubt": N - BEFORE}
    told = database.query("SELECT detail FROM audit WHERE action = 'database.restored'")
    assert len(told) == 1 and f"the log went up to row {ended}" in told[0][0]
    stopping.start(rt, who="test", anyway=True)
    due_now(campaign)
    send_all(rt, campaign)
    assert set(Counter(tape.refs).values()) == {1}
    assert suppression.masks([rt.keys.blind_index("+8613800000000")])
    leases.end(rt, leases.current(rt))
    assert audit.verify(rt, "test").broken is None


def test_a_number_that_was_freed_later_stays_free_however_often_it_is_repeated(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    entry = suppression.entry(rt, "+8613800138000")
    with database.write_tx():
        suppression.add(rt, [entry], reason="stop")
    with database.write_tx():
        suppression.remove(rt, entry.phone_bidx)
    _dies(rt, tmp_path / "b.tar", "change")
    assert backup.restore(compose(repairing=True), tmp_path / "b.tar")["blocked"] == 2
    assert backup.restore(compose(repairing=True), tmp_path / "b.tar")["blocked"] == 2
    assert suppression.of(entry.phone_bidx) == []


def test_who_had_stopped_all_before_the_backup_does_not_end_the_quarantine_from_a_page(rt, tmp_path):
    stopping.stop("wrong price", who="li@shop.example")
    backup.backup(rt, tmp_path / "b.tar")
    backup.restore(rt, tmp_path / "b.tar")
    with pytest.raises(Refusal, match="Only “cooee resume-sending”"):
        stopping.start(rt, who="li@shop.example")


def test_a_restore_mends_a_database_of_a_newer_version(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    with database.write_tx():
        database.execute("INSERT INTO migration_core (name, applied) SELECT '9999_ahead', applied FROM "
                         "migration_core ORDER BY name LIMIT 1")  # fmt: skip
        settings.put("brand", "newer")
    with pytest.raises(Refusal, match="newer version"):
        compose()
    backup.restore(compose(repairing=True), tmp_path / "b.tar")
    assert settings.get("brand") is None
    compose()


def test_what_was_left_unpacked_goes_with_the_next(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    left = rt.settings.path("tmp", "restore-killed")
    left.mkdir(parents=True)
    (left / "cooee.db").write_bytes(b"people")
    backup.restore(rt, tmp_path / "b.tar")
    assert list(rt.settings.path("tmp").iterdir()) == []
