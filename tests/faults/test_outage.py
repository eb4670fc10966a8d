"""A gateway that is away: nothing lost, nothing twice, few probes, and the campaign goes on by itself."""

from __future__ import annotations

import signal
import time

import pytest

from core.db import database
from tests.faults.rig import SOAK, Rig
from tests.servers import wait_for

N, WORKERS = 20_000 if SOAK else 300, 2
#: How long the gateway is away, and how long the breaker rests between two probes.
AWAY_S, REST_S = (180, 30) if SOAK else (1.5, 0.5)
#: A worker that finds nobody there counts as much as opens the breaker, whatever the window.
FIRST = 5 * WORKERS


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_an_outage_is_waited_out(rig):
    with rig.running(COOEE_TEST_OPEN_MS=str(int(REST_S * 1000))):
        account = rig.account("/send?ms=20", ref_path="ref", **rig.lookup())
        campaign = rig.campaign(N, account, window=8)
        for _worker in range(WORKERS):
            rig.spawn()
        rig.middle(0, 1, N)
        began = time.monotonic()
        rig.sink.send_signal(signal.SIGUSR1)
        time.sleep(AWAY_S)
        wait_for(lambda: _failures(account) > FIRST // WORKERS, 120)
        probes = _failures(account) - FIRST // WORKERS
        away_s = time.monotonic() - began
        assert _failures(account) <= FIRST + 1 + away_s / REST_S, "one probe at a time"
        assert rig.waiting(campaign), "the campaign was not through before the outage"
        sent, began = rig.sent(), time.monotonic()
        rig.sink.send_signal(signal.SIGUSR2)
        wait_for(lambda: rig.sent() > sent, 120)
        back_s = time.monotonic() - began
        rig.finish(campaign, 120)
        _no_doubt(rig, campaign)
        rig.stop_all()
        assert rig.judge(campaign, N, 8, doubts=0)["accepted"] == N
    print(f"away for {away_s:.0f} s: {probes} probes at most, sending again after {back_s:.1f} s")
    assert not SOAK or back_s < 60


def _failures(account_id: int) -> int:
    return database.scalar("SELECT failures FROM account WHERE id = ?", (account_id,))


def test_answers_that_get_lost_are_doubts_and_not_second_texts(rig):
    """One in five is accepted and the connection dropped before the answer."""
    n = 5_000 if SOAK else 200
    with rig.running(COOEE_TEST_OPEN_MS="200"):
        campaign = rig.campaign(n, rig.account("/send?drop=5", ref_path="ref"), window=8)
        rig.spawn()
        rig.finish(campaign, 600 if SOAK else 90)
        rig.stop_all()
        figures = rig.judge(campaign, n, 8, doubts=n)
    assert figures["in_doubt"] == n // 5
    assert rig.accepted().total() == n


def _no_doubt(rig, campaign: int) -> None:
    wait_for(lambda: not rig.states(campaign)["in_doubt"] and not rig.waiting(campaign), 60)
