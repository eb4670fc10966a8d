"""A worker that dies at each commit and wire boundary of a campaign of sixty."""

from __future__ import annotations

import pytest

from tests.faults.rig import SOAK, Rig
from tests.servers import wait_for

N, WINDOW = 60, 8
#: Passes of all points in a run without a crash; beyond them a worker simply finishes.
PASSES = 45


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


@pytest.mark.parametrize("action", ["exit", "raise"])
def test_a_crash_at_each_boundary_is_told_by_the_ledger(rig, action):
    died = 0
    with rig.running():
        account = rig.account("/send", ref_path="ref")
        rig.people(N)
        for nth in range(1, PASSES + 1, 1 if SOAK else 6):
            campaign = rig.again(account, f"{action} {nth}", window=WINDOW)
            before = rig.accepted()
            pid = rig.spawn(f"any:{action}:{nth}")
            wait_for(lambda p=pid, c=campaign: not rig.alive(p) or not rig.waiting(c), 20)
            died += action == "exit" and not rig.alive(pid)
            rig.kills = 1
            rig.finish(campaign)
            rig.stop_all()
            rig.kills = 1
            figures = rig.judge(campaign, N, WINDOW)
            sent = rig.accepted() - before
            assert sent.total() >= figures["accepted"], f"crash {nth}"
    # An exception is settled by the worker itself, which lives on.
    assert died >= (PASSES - 10) // (1 if SOAK else 6) if action == "exit" else died == 0
