"""The dry run before an end: who has no hour or no turn left, and the launch says the same."""

import json
from datetime import datetime

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.sending import dryrun, launch
from core.timing.zones import wall_to_ms
from tests import campaign_kit as kit
from tests.dryrun_kit import really


@pytest.fixture
def dawn(monkeypatch):
    """Six in the morning in Shanghai, ten in the evening in London; returns an hour of that day in Shanghai."""
    monkeypatch.setattr(clock, "now_ms", lambda: wall_to_ms(datetime(2026, 11, 23, 6), "Asia/Shanghai"))
    return lambda hour: wall_to_ms(datetime(2026, 11, 23, hour), "Asia/Shanghai")


def codes(said) -> dict[str, str]:
    return {finding["code"]: finding["level"] for finding in said.findings}


def test_nobody_is_texted_when_the_end_comes_before_the_allowed_hours(rt, cli, dawn):
    kit.crowd(rt, 30)
    campaign_id = kit.campaign(rt, quiet_hours="on", not_after=dawn(7), options={"approve": "off"})
    said = dryrun.run(rt, campaign_id)
    assert (said.messages, said.parts, said.excluded, said.finish_at) == (0, 0, {"too_late": 30}, None)
    assert codes(said)["end.nobody"] == "block" and said.blocks
    with pytest.raises(Refusal, match="no allowed hour lies before the end") as refused:
        launch.launch(rt, campaign_id)
    assert refused.value.field == "not_after"
    told = json.loads(cli("campaign", "check", str(campaign_id), "--json").stdout)
    assert (told["excluded"], told["until"], told["finish_at"]) == (
        {"too_late": 30},
        "2026-11-22T23:00:00+00:00",
        None,
    )


def test_who_has_no_hour_before_the_end_is_left_out_by_the_launch_too(rt, dawn):
    kit.crowd(rt, 30)
    kit.crowd(rt, 7, country="GB")
    campaign_id = kit.campaign(rt, quiet_hours="on", not_after=dawn(9), options={"approve": "off"})
    said = dryrun.run(rt, campaign_id)
    assert (said.messages, said.excluded, said.unreached) == (30, {"too_late": 7}, 0)
    assert codes(said)["end.late"] == "warn" and not said.blocks
    assert really(rt, campaign_id)["excluded"] == said.excluded
    assert database.scalar("SELECT MAX(not_before) FROM message WHERE state = 0") == dawn(8)


def test_the_pace_leaves_some_without_a_turn_before_the_end(rt_sqlite, dawn):
    kit.crowd(rt_sqlite, 4000)
    account = kit.account(rt_sqlite, "slow", rate=1)
    given = {"account_id": account, "quiet_hours": "on"}
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, not_after=dawn(9), **given))
    assert (said.messages, said.unreached, said.finish_at, said.assumed) == (4000, 400, dawn(9), False)
    assert codes(said)["end.pace"] == "warn" and not said.blocks
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", not_after=dawn(10), **given))
    assert (said.unreached, said.finish_at) == (0, dawn(8) + 4_000_000)


def test_without_quiet_hours_the_end_alone_counts(rt_sqlite, dawn):
    kit.crowd(rt_sqlite, 5)
    late = kit.campaign(rt_sqlite, not_after=dawn(7))
    with database.write_tx():
        database.execute("UPDATE campaign SET not_after = ? WHERE id = ?", (dawn(5), late))
    said = dryrun.run(rt_sqlite, late)
    assert said.blocks and said.excluded == {"too_late": 5}
    said = dryrun.run(rt_sqlite, kit.campaign(rt_sqlite, name="b", not_after=dawn(7)))
    assert said.messages == 5 and said.assumed
