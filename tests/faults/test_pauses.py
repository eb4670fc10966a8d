"""A running campaign is paused and resumed again and again: what was marked goes, and nothing else."""

from __future__ import annotations

import random
import time

import pytest

from core.db import database
from core.sending import lifecycle
from tests.faults.rig import SOAK, Rig

N, PAUSES = (20_000, 500) if SOAK else (600, 12)
WORKERS, WINDOW = 2, 8


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_nothing_is_marked_after_the_commit_of_a_pause(rig):
    most_marked = most_late = 0
    with rig.running():
        campaign = rig.campaign(N, rig.account("/send?ms=20", ref_path="ref"), window=WINDOW)
        for _worker in range(WORKERS):
            rig.spawn()
        for nth in range(PAUSES):
            rig.middle(nth, PAUSES, N)
            assert lifecycle.pause(rig.rt, campaign, "A test.")
            marked, open_, sent = _marked(campaign), rig.states(campaign)["submitting"], rig.sent()
            time.sleep(random.uniform(0, 0.06))
            assert _marked(campaign) == marked, "a message was marked after the commit of the pause"
            most_marked, most_late = max(most_marked, open_), max(most_late, rig.sent() - sent)
            assert lifecycle.resume(rig.rt, campaign)
        rig.finish(campaign, 600 if SOAK else 60)
        rig.stop_all()
        assert rig.judge(campaign, N, WINDOW, doubts=0)["accepted"] == N
    print(f"{PAUSES} pauses: at most {most_marked} on the wire at a pause, {most_late} calls after it")
    assert max(most_marked, most_late) <= WORKERS * WINDOW


def _marked(campaign_id: int) -> int:
    return database.scalar(
        "SELECT COUNT(*) FROM message WHERE campaign_id = ? AND submitted_at IS NOT NULL", (campaign_id,)
    )
