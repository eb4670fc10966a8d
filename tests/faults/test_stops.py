"""STOPs into a running campaign: nothing is marked after the commit of a STOP."""

from __future__ import annotations

import random

import pytest

from core import clock
from core.contract.types import Inbound
from core.db import database
from core.sending import inbound, verify
from tests.faults.rig import SOAK, Rig

N, STOPS = (50_000, 2_000) if SOAK else (1_500, 120)


@pytest.fixture
def rig(rt, tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    return Rig(rt, tmp_path)


def test_no_mark_is_later_than_a_stop(rig):
    stopped: dict[str, int] = {}
    waits = []
    with rig.running():
        account = rig.account("/send?ms=10", ref_path="ref")
        campaign = rig.campaign(N, account, window=8)
        people = [f"+86138{i:08d}" for i in range(N)]
        rig.spawn()
        rig.spawn()
        for number in random.sample(people, STOPS):
            began = clock.monotonic()
            with database.write_tx():
                inbound.apply(rig.rt, account, [Inbound(number, "STOP", id=f"stop-{number}")])
            waits.append(clock.monotonic() - began)
            stopped[number] = clock.now_ms()
        rig.finish(campaign, 600 if SOAK else 90)
        rig.stop_all()
        rig.settled()
    late = [
        (number, submitted_at)
        for number, submitted_at in _marks(rig, campaign)
        if number in stopped and submitted_at > stopped[number]
    ]
    print(f"{STOPS} STOPs, 99 % stored within {sorted(waits)[int(len(waits) * 0.99) - 1]:.3f} s")
    assert not late
    states = rig.states(campaign)
    assert states["skipped"] > 0, "some STOPs came in time"
    assert not set(rig.numbers()) - {number for number, _at in _marks(rig, campaign)}
    assert verify.verify(rig.rt) == []


def _marks(rig, campaign: int) -> list[tuple[str, int]]:
    rows = database.query(
        "SELECT c.phone_enc, m.submitted_at FROM message m JOIN contact c ON c.id = m.contact_id "
        "WHERE m.campaign_id = ? AND m.submitted_at IS NOT NULL",
        (campaign,),
    )
    numbers = rig.rt.keys.open_numbers([row[0] for row in rows])
    return list(zip(numbers, [row[1] for row in rows], strict=True))
