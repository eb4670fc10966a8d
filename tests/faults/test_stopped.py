"""A worker that is stopped (not killed) past its lease, while another takes over, and then goes on."""

from __future__ import annotations

import os
import signal
import time

import pytest

from core.db import database
from tests.faults.rig import SOAK, Rig
from tests.servers import wait_for

N, TIMES = (60_000, 200) if SOAK else (400, 3)
LEASE_S = 0.6
#: Stopped inside a transaction a worker keeps the others from writing, and nobody takes over.
PATIENCE_S = 10 * LEASE_S


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_a_worker_that_wakes_sends_nothing_twice(rig):
    with rig.running(COOEE_TEST_LEASE_S=str(LEASE_S), COOEE_TEST_SETTLE_S="1"):
        account = rig.account("/send?ms=30", ref_path="ref", **rig.lookup())
        campaign = rig.campaign(N, account, window=8)
        for _worker in range(2):
            rig.whole()
        for nth in range(TIMES):
            rig.middle(nth, TIMES, N)
            wait_for(_taken_over, 120)
        rig.finish(campaign, 300 if SOAK else 60)
        wait_for(lambda: not rig.on_the_way(campaign), 60)
        rig.stop_all()
        assert rig.judge(campaign, N, 8, doubts=0)["accepted"] == N
    print(f"stopped until another took over {TIMES} times")


def _taken_over() -> bool:
    """Stop a worker that has messages in hand until another has put them back, and let it go on."""
    held = database.one(
        "SELECT w.pid, l.id FROM message m JOIN lease l ON l.id = m.lease JOIN worker w ON w.id = l.worker_id "
        "WHERE m.state IN (1, 2) AND w.ended_at IS NULL LIMIT 1"
    )
    if held is None:
        return False
    pid, lease = held
    os.kill(pid, signal.SIGSTOP)
    try:
        until = time.monotonic() + PATIENCE_S
        while _in_hand(lease) and time.monotonic() < until:
            time.sleep(0.05)
        return not _in_hand(lease)
    finally:
        os.kill(pid, signal.SIGCONT)


def _in_hand(lease: int) -> int:
    return database.scalar("SELECT COUNT(*) FROM message WHERE lease = ? AND state IN (1, 2)", (lease,))
