"""A wall clock that jumps: what is planned waits until it comes back or somebody says that it is right."""

from __future__ import annotations

import json
import os

import pytest

from core import clock, jobs
from core.db.models import Audit
from core.sending import clockwatch, drafts, journal, launch, leases, sweep
from core.sending.clockwatch import ClockWatch
from core.ticker import Ticker
from tests import campaign_kit as kit
from tests.servers import wait_for

HOUR, YEAR = clock.HOUR_MS, 365 * clock.DAY_MS


class Clock:
    """The wall clock ahead of the true one by `ahead_ms`; `pass_s` lets both go on."""

    def __init__(self, monkeypatch):
        self.ahead_ms = self.passed_s = 0
        true_ms, true_s, true_boot = clock.now_ms, clock.monotonic, clock.awake_or_asleep
        monkeypatch.setattr(clock, "now_ms", lambda: true_ms() + self.ahead_ms + self.passed_s * 1000)
        monkeypatch.setattr(clock, "monotonic", lambda: true_s() + self.passed_s)
        monkeypatch.setattr(clock, "awake_or_asleep", lambda: true_boot() + self.passed_s)

    def pass_s(self, seconds: int) -> None:
        """Both clocks go on by so much."""
        self.passed_s += seconds


@pytest.fixture
def wall(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def watch(rt, wall):
    return ClockWatch(leases.current(rt).id)


def looked(watch) -> list[int]:
    """What stands after a look, in whole seconds."""
    watch.look()
    return [jump.by_ms // 1000 for jump in clockwatch.standing()]


@pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR, -YEAR])
def test_a_jump_stands_until_the_clock_comes_back(wall, watch, jump):
    assert looked(watch) == []
    wall.ahead_ms = jump
    assert looked(watch) == [jump // 1000]
    wall.ahead_ms = 59_000
    assert looked(watch) == []


def test_a_minute_is_no_jump_and_more_is(wall, watch):
    wall.ahead_ms = 59_000
    assert looked(watch) == []
    wall.ahead_ms = 62_000
    assert looked(watch) == [62]


def test_time_that_passes_is_no_jump(wall, watch):
    wall.pass_s(10 * 86_400)
    assert looked(watch) == []


def test_small_corrections_of_a_long_time_are_no_jump(wall, watch):
    for _day in range(10):
        wall.ahead_ms += 20_000
        wall.pass_s(86_400)
        assert looked(watch) == []


def test_a_second_jump_changes_what_is_said(wall, watch):
    wall.ahead_ms = HOUR
    looked(watch)
    wall.ahead_ms = YEAR
    wall.pass_s(2)
    assert looked(watch) == [YEAR // 1000]


def test_confirming_takes_the_time_as_it_is_and_is_on_record(wall, watch):
    wall.ahead_ms = HOUR
    looked(watch)
    [(host, by_ms)] = clockwatch.confirm(who="ann@example.com").items()
    assert by_ms == HOUR
    wall.pass_s(2)
    assert looked(watch) == []
    line = Audit.select().where(Audit.action == "clock.confirmed").get()
    assert (line.who, line.object, line.detail[0]) == ("ann@example.com", host, "+")
    wall.ahead_ms = 0
    assert looked(watch) == [-3600], "back is a jump from what was confirmed"


def test_a_worker_that_ended_says_nothing_and_a_new_one_takes_the_time_as_it_is(rt, wall, watch):
    wall.ahead_ms = HOUR
    looked(watch)
    leases.end(rt, leases.current(rt))
    assert clockwatch.standing() == []
    assert looked(ClockWatch(leases.current(rt).id)) == []


# --- what waits ---------------------------------------------------------------------------------------


@pytest.fixture
def scheduled(rt, wall) -> int:
    kit.crowd(rt, 2)
    campaign = kit.campaign(rt, at=clock.from_ms(clock.now_ms() + HOUR // 2).isoformat())
    assert launch.launch(rt, campaign) == "scheduled"
    return campaign


def test_a_planned_start_waits_for_the_clock(rt, wall, watch, scheduled):
    wall.ahead_ms = HOUR
    watch.look()
    launch.due(rt)
    assert drafts.get(scheduled).state == "scheduled"
    wall.ahead_ms = 0
    watch.look()
    launch.due(rt)
    assert drafts.get(scheduled).state == "scheduled", "it is half an hour too early"
    wall.pass_s(1801)
    launch.due(rt)
    assert drafts.get(scheduled).state == "expanding"


def test_a_planned_start_goes_on_once_the_time_is_confirmed(rt, wall, watch, scheduled):
    wall.ahead_ms = HOUR
    watch.look()
    clockwatch.confirm(who="ann@example.com")
    launch.due(rt)
    assert drafts.get(scheduled).state == "expanding"


def test_what_is_launched_for_later_does_not_start_by_a_clock_that_says_it_is_over(rt, wall, watch):
    kit.crowd(rt, 2)
    campaign = kit.campaign(rt, at=clock.from_ms(clock.now_ms() + HOUR // 2).isoformat())
    wall.ahead_ms = HOUR
    watch.look()
    assert launch.launch(rt, campaign) == "scheduled"


def test_a_journal_is_not_old_by_a_clock_that_jumped(rt, wall, watch):
    folder = rt.settings.path("journal")
    wall.ahead_ms = YEAR
    watch.look()
    sweep.sweep(rt)
    assert list(folder.glob("*.log"))
    # Once it is confirmed a file of that age goes.
    old = folder / "1-1-0000.log"
    old.write_bytes(b"")
    os.utime(old, (1, 1))
    clockwatch.confirm(who="ann@example.com")
    sweep.sweep(rt)
    assert not old.exists() and journal.KEEP_DAYS < 365


def test_what_is_late_by_a_clock_that_jumped_does_not_expire(rt, wall, watch):
    kit.crowd(rt, 2)
    end = clock.now_ms() + HOUR // 2
    campaign = kit.campaign(rt, not_after=end)
    kit.launched(rt, campaign)
    wall.ahead_ms = HOUR
    watch.look()
    sweep.sweep(rt)
    assert kit.states(campaign) == {"ready": 2}
    clockwatch.confirm(who="ann@example.com")
    sweep.sweep(rt)
    assert kit.states(campaign) == {"expired": 2}


def test_the_ticker_sees_it_before_it_fires_and_leaves_what_goes_by_the_date(rt, wall, monkeypatch):
    fired = []
    monkeypatch.setattr(jobs, "PERIODIC", {})
    monkeypatch.setattr(jobs, "BY_DATE", {"by date"})
    work = {name: (1, lambda _rt, name=name: fired.append(name)) for name in ("by date", "other")}
    ticker = Ticker(rt, leases.current(rt).id, work)
    wall.ahead_ms = HOUR
    ticker.start()
    try:
        wait_for(lambda: fired.count("other") >= 2)
        assert "by date" not in fired and clockwatch.standing()
        wall.ahead_ms = 0
        wait_for(lambda: "by date" in fired)
    finally:
        ticker.stop()
        ticker.join()


def test_what_goes_by_the_date_is_work_there_is():
    assert jobs.PERIODIC.keys() >= jobs.BY_DATE


# --- telling and confirming ---------------------------------------------------------------------------


@pytest.fixture
def jumped(wall, watch):
    wall.ahead_ms = HOUR
    watch.look()


def test_the_command_line_shows_and_confirms(cli, jumped):
    assert "+1:00:00; planned starts wait" in cli("clock", "show").output
    [shown] = json.loads(cli("clock", "show", "--json").stdout)
    assert shown["by_s"] == 3600
    assert "planned starts go on" in cli("clock", "confirm").output
    assert "No clock has jumped" in cli("clock", "confirm").output
    assert Audit.select().where(Audit.action == "clock.confirmed").count() == 1


def test_the_doctor_says_what_to_do(cli, jumped):
    found = {f["what"]: f for f in json.loads(cli("doctor", "--json").stdout)}
    assert not found["planned starts"]["ok"] and "cooee clock confirm" in found["planned starts"]["said"]
    clockwatch.confirm(who="ann@example.com")
    found = {f["what"]: f for f in json.loads(cli("doctor", "--json").stdout)}
    assert found["planned starts"]["ok"]


def test_a_jump_reads_as_people_say_it():
    assert clockwatch.words(HOUR) == "+1:00:00"
    assert clockwatch.words(-YEAR - 61_000) == "-365 days, 0:01:01"


@pytest.fixture
def seen(rt_sqlite, wall):
    """A page's instance on which a worker's clock jumped."""
    watch = ClockWatch(leases.current(rt_sqlite).id)
    wall.ahead_ms = HOUR
    watch.look()
    # The page's own clock is right: nobody is signed out.
    wall.ahead_ms = 0


def test_overview_and_queue_tell_it_and_a_person_confirms(client, seen):
    assert "jumped ahead by 60 minutes" in client.get("/").get_data(as_text=True)
    assert "The time is right now" in client.get("/messages/queue").get_data(as_text=True)
    assert client.post("/messages/queue/clock").status_code == 303
    assert clockwatch.standing() == []
    assert "jumped" not in client.get("/").get_data(as_text=True)


def test_a_viewer_sees_it_and_may_not_confirm(login, seen):
    viewer = login("viewer")
    page = viewer.get("/messages/queue").get_data(as_text=True)
    assert "A clock has jumped" in page and "The time is right now" not in page
    assert viewer.post("/messages/queue/clock").status_code == 403
    assert clockwatch.standing()


def test_it_is_told_in_chinese_too(client, seen):
    page = client.get("/messages/queue", headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)
    assert "时钟发生跳变" in page and "突然快了" in page
