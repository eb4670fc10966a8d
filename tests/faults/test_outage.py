"""A gateway that is away: nothing lost, nothing twice, few probes, and the campaign goes on by itself."""

from __future__ import annotations

import time

import pytest

from core.db import database
from tests.faults.rig import SOAK, Rig

N = 20_000 if SOAK else 600
AWAY_S = 600 if SOAK else 4


@pytest.fixture
def rig(rt_sqlite, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt_sqlite, tmp_path)


def test_an_outage_is_waited_out(rig):
    import signal

    with rig.running(COOEE_TEST_OPEN_MS="30000" if SOAK else "1000"):
        campaign = rig.campaign(N, rig.account("/send?ms=20", ref_path="ref", **rig.lookup()), window=8)
        rig.spawn()
        rig.spawn()
        time.sleep(0.5)
        rig.sink.send_signal(signal.SIGUSR1)
        time.sleep(AWAY_S)
        assert rig.waiting(campaign), "the campaign was not through before the outage"
        failures = database.scalar("SELECT MAX(failures) FROM account")
        assert 5 <= failures <= 16 + 2 * AWAY_S, "one probe at a time"
        rig.sink.send_signal(signal.SIGUSR2)
        began = time.monotonic()
        rig.finish(campaign, 120)
        assert time.monotonic() - began < 60
        _no_doubt(rig, campaign)
        rig.stop_all()
        rig.judge(campaign, N, 8, doubts=0)


def test_answers_that_get_lost_are_doubts_and_not_second_texts(rig):
    """One in five is accepted and the connection dropped before the answer."""
    n = 5_000 if SOAK else 300
    with rig.running(COOEE_TEST_OPEN_MS="200"):
        campaign = rig.campaign(n, rig.account("/send?drop=0.2", ref_path="ref"), window=8)
        rig.spawn()
        rig.finish(campaign, 600 if SOAK else 90)
        rig.stop_all()
        figures = rig.judge(campaign, n, 8, doubts=n)
    assert 0.1 * n < figures["in_doubt"] < 0.3 * n
    assert rig.accepted().total() == n


def _no_doubt(rig, campaign: int) -> None:
    from tests.servers import wait_for

    wait_for(lambda: not rig.states(campaign)["in_doubt"] and not rig.waiting(campaign), 60)
