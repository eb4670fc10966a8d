"""A worker that is stopped (not killed) past its lease, while another takes over, and then goes on."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.faults.rig import SOAK, Rig

N, TIMES = (60_000, 200) if SOAK else (1_200, 3)


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_a_worker_that_wakes_sends_nothing_twice(rig):
    with rig.running(COOEE_TEST_LEASE_S="0.6", COOEE_TEST_SETTLE_S="1"):
        account = rig.account("/send?ms=60", ref_path="ref", **rig.lookup())
        campaign = rig.campaign(N, account, window=8)
        for _worker in range(2):
            rig.spawn()
        stops = 0
        while stops < TIMES and rig.waiting(campaign):
            time.sleep(random.uniform(0.05, 0.2))
            pid = random.choice(rig.workers)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1.6)
            os.kill(pid, signal.SIGCONT)
            stops += 1
        rig.finish(campaign, 300 if SOAK else 60)
        _no_doubt(rig, campaign)
        rig.stop_all()
        rig.judge(campaign, N, 8, doubts=0)
    assert stops == TIMES


def _no_doubt(rig, campaign: int) -> None:
    from tests.servers import wait_for

    wait_for(lambda: not rig.states(campaign)["in_doubt"] and not rig.waiting(campaign), 60)
