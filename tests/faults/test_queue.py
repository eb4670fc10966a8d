"""The queue is only a hint: without it the sweep finds all work by state."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from core import jobs
from core.db import claiming, database
from core.sending import batch, sweep
from tests.faults.rig import SOAK, Rig
from tests.send_kit import Tape, setup, states
from tests.servers import ROOT, wait_for


def test_the_sweep_hints_what_is_due_once(rt):
    campaign, _account = setup(rt, Tape(), 3)
    rt.queue.huey.flush()
    assert sweep.hint(rt) == [campaign]
    assert sweep.hint(rt) == [], "it is in the queue already"
    rt.queue.huey.flush()
    assert sweep.hint(rt) == [campaign]
    batch.send(rt, campaign)
    rt.queue.huey.flush()
    assert sweep.hint(rt) == [] and claiming.due_campaigns(1 << 60) == []


def test_a_campaign_that_had_its_turn_goes_behind_what_waits(rt_sqlite, monkeypatch):
    monkeypatch.setattr(batch, "TURN_S", 0)
    monkeypatch.setattr(batch.claim, "BATCH_MAX", 4)
    rt, queue = rt_sqlite, rt_sqlite.queue
    campaign, _account = setup(rt, Tape(), 12)
    queue.huey.flush()
    rt.enqueue("quality")
    assert batch.send(rt, campaign) == 4
    assert [tuple(task.args) for task in queue.huey.pending()] == [("quality",), ("send", campaign)]
    queue.huey.flush()
    assert batch.send(rt, campaign) == 8, "nothing waits, so nobody has to"
    assert states(campaign) == {"accepted": 12}


def test_what_a_person_waits_for_goes_before_the_rest_of_a_campaign(queue_url):
    queue = jobs.Queue(queue_url)
    queue.huey.flush()
    assert not queue.waiting()
    queue.enqueue("send", 1, later=True)
    queue.enqueue("relabel_rule", 2)
    queue.enqueue("check", 3)
    queue.enqueue("import", 4)
    queue.enqueue("send", 5)
    assert queue.waiting()
    order = [tuple(queue.huey.dequeue().args) for _ in range(5)]
    assert order == [("send", 5), ("check", 3), ("import", 4), ("send", 1), ("relabel_rule", 2)]


def test_an_expansion_that_was_cut_short_is_hinted(rt):
    campaign, _account = setup(rt, Tape(), 3)
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'expanding' WHERE id = ?", (campaign,))
    rt.queue.huey.flush()
    assert campaign in sweep.hint(rt)


def test_the_sweep_finishes_and_expires_and_completes_cancellations(rt):
    from tests.send_kit import whole

    late, _account = setup(rt, Tape(), 3)
    with database.write_tx():
        database.execute("UPDATE campaign SET not_after = 1 WHERE id = ?", (late,))
        database.execute("UPDATE message SET not_after = 1 WHERE campaign_id = ?", (late,))
    cut = _another(rt)
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'cancelled' WHERE id = ?", (cut,))
    sweep.sweep(rt)
    assert states(late) == {"expired": 3}
    assert database.scalar("SELECT state FROM campaign WHERE id = ?", (late,)) == "done"
    assert set(states(cut)) == {"cancelled"}
    whole(rt)


def _another(rt) -> int:
    from tests import campaign_kit as kit

    account = database.scalar("SELECT MAX(id) FROM account")
    made = kit.campaign(rt, name="Another", account_id=account, options={"approve": "off"})
    kit.launched(rt, made)
    return made


def test_a_step_of_the_sweep_that_fails_does_not_keep_the_others_from_running(rt_sqlite, monkeypatch):
    campaign, _account = setup(rt_sqlite, Tape(), 2)

    sweep.leases.current(rt_sqlite)

    def broken(*_args):
        raise RuntimeError("the reaper is broken")

    monkeypatch.setattr(sweep.leases, "reap", broken)
    rt_sqlite.queue.huey.flush()
    sweep.sweep(rt_sqlite)
    assert sweep.queued(rt_sqlite, "send", campaign)


@pytest.mark.skipif(not SOAK, reason="minutes; run with `make soak`")
def test_a_deleted_queue_loses_nothing(rt_sqlite, tmp_path, monkeypatch):
    """Real workers; the queue's file is deleted twenty times while they send."""
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    rig = Rig(rt_sqlite, tmp_path)
    queue = rt_sqlite.settings.path("queue.db")
    env = os.environ | {"COOEE_HTTP_ALLOW": "127.0.0.1", "COOEE_HTTP_PLAIN": "1"}
    with rig.running():
        campaign = rig.campaign(10_000, rig.account("/send?ms=150", ref_path="ref"), window=8)
        workers = [
            subprocess.Popen([sys.executable, "-m", "core.cli", "worker"], env=env, cwd=ROOT)
            for _n in range(2)
        ]
        try:
            for _times in range(20):
                time.sleep(1)
                for file in queue.parent.glob("queue.db*"):
                    with contextlib.suppress(FileNotFoundError):
                        file.unlink()
            wait_for(lambda: not rig.waiting(campaign), 300)
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                assert worker.wait(60) == 0
        rig.judge(campaign, 10_000, 8, doubts=0)
