"""Workers killed at random over a campaign: nobody lost, nobody texted twice, doubts bounded and shown."""

from __future__ import annotations

import pytest

from tests.faults.rig import SOAK, Rig

N, KILLS = (20_000, 250) if SOAK else (1_500, 15)


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_random_kills_with_a_window_of_eight(rig, record_property):
    with rig.running():
        campaign = rig.campaign(N, rig.account("/send?ms=20", ref_path="ref"), window=8)
        rig.kill_at_random(campaign, KILLS)
        rig.finish(campaign, 600 if SOAK else 60)
        rig.stop_all()
        kills = rig.kills
        figures = rig.judge(campaign, N, 8)
    record_property("figures", figures)
    assert kills >= KILLS


def test_random_kills_leave_no_doubt_where_the_provider_can_look_up(rig):
    with rig.running(COOEE_TEST_SETTLE_S="1"):
        campaign = rig.campaign(N, rig.account("/send?ms=20", ref_path="ref", **rig.lookup()), window=8)
        rig.kill_at_random(campaign, KILLS)
        rig.finish(campaign, 600 if SOAK else 60)
        wait_until_no_doubt(rig, campaign)
        rig.stop_all()
        rig.judge(campaign, N, 8, doubts=0)


def test_random_kills_leave_no_doubt_where_the_provider_is_idempotent(rig):
    with rig.running():
        campaign = rig.campaign(
            N, rig.account("/send?ms=20&once=1", ref_path="ref", idempotency_ttl_s=3600), window=8
        )
        rig.kill_at_random(campaign, KILLS)
        rig.finish(campaign, 600 if SOAK else 60)
        wait_until_no_doubt(rig, campaign)
        rig.stop_all()
        rig.judge(campaign, N, 8, doubts=0)


def wait_until_no_doubt(rig, campaign: int) -> None:
    from tests.servers import wait_for

    wait_for(lambda: not rig.states(campaign)["in_doubt"] and not rig.waiting(campaign), 60)
