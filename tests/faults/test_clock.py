"""The wall clock jumps while a campaign is sent: nobody is taken for dead, and the rate holds."""

from __future__ import annotations

import pytest

from core import Result, clock
from core.db import database
from core.sending import doubt, rate
from core.ticker import Ticker
from tests.faults.rig import SOAK, Rig
from tests.send_kit import Tape, send_all, setup, states, whole
from tests.servers import wait_for

N, RATE = (20_000, 300) if SOAK else (240, 120)
WORKERS, WINDOW = 2, 8
YEAR_MS = 365 * clock.DAY_MS
#: How far ahead of the true time the workers' clock is, one after the other: an hour and a year, there and back.
JUMPS = [clock.HOUR_MS, 0, -clock.HOUR_MS, 0, YEAR_MS, 0, -YEAR_MS, 0]


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_a_clock_that_jumps_ends_no_worker_and_lets_no_burst_through(rig):
    with rig.running(COOEE_TEST_BEAT_S="0.2"):
        account = rig.account("/send?ms=5", ref_path="ref")
        with database.write_tx():
            database.execute("UPDATE account SET rate_per_s = ? WHERE id = ?", (RATE, account))
        # By a clock that is behind the launch, nothing would be due yet.
        with clock.earlier(2 * YEAR_MS):
            campaign = rig.campaign(N, account, window=WINDOW)
        for _worker in range(WORKERS):
            rig.spawn()
        for nth, ahead_ms in enumerate(JUMPS):
            rig.middle(nth, len(JUMPS), N)
            rig.clock(ahead_ms)
        rig.finish(campaign, 600 if SOAK else 60)
        assert database.scalar("SELECT COUNT(*) FROM worker WHERE ended_at IS NOT NULL") == 0
        now = clock.now_ms()
        first, last = database.one("SELECT MIN(submitted_at), MAX(submitted_at) FROM message")
        assert first < now - YEAR_MS // 2 and last > now + YEAR_MS // 2, "the workers' clock jumped"
        rig.stop_all()
        assert rig.judge(campaign, N, WINDOW, doubts=0)["accepted"] == N
    fastest = _fastest_second(rig)
    print(f"{len(JUMPS)} jumps, {RATE} a second: at most {fastest} in a second")
    # Each jump may begin the count anew once; what is marked already may arrive late, all at once.
    assert fastest <= RATE + rate.burst(RATE) * (1 + len(JUMPS)) + WORKERS * WINDOW


def test_after_the_clock_was_set_back_nobody_believes_in_a_repeat(rt):
    """The provider may have forgotten the reference long ago: a submit from the future has no age."""
    tape = Tape(idempotency_ttl_s=3600)
    tape.act = lambda messages: [Result("unknown") for _message in messages]
    campaign, _account = setup(rt, tape, 4)
    send_all(rt, campaign, 1)
    assert states(campaign) == {"in_doubt": 4}
    with clock.earlier(2 * clock.HOUR_MS):
        doubt.climb(rt)
    assert states(campaign) == {"in_doubt": 4}
    doubt.climb(rt)
    assert states(campaign) == {"ready": 4}
    whole(rt)


def test_after_the_clock_was_set_back_periodic_work_goes_on(rt, monkeypatch):
    runs, ahead, true_ms = [], [clock.HOUR_MS], clock.now_ms
    monkeypatch.setattr("core.clock.now_ms", lambda: true_ms() + ahead[0])
    monkeypatch.setattr("core.jobs.PERIODIC", {})
    ticker = Ticker(rt, 1, {"test": (1, lambda _rt: runs.append(1))})
    ticker.start()
    wait_for(lambda: runs)
    for ahead[0] in (0, -clock.HOUR_MS):
        before = len(runs)
        wait_for(lambda before=before: len(runs) > before)
    ticker.stop()
    ticker.join()


def _fastest_second(rig) -> int:
    """The most messages the gateway took within any 1,000 ms."""
    times = [int(line.split()[2]) for line in rig.log.read_text().splitlines()]
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= 1_000:
            first += 1
        most = max(most, last - first + 1)
    return most
