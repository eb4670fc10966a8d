"""A disk that is nearly full: the ballast makes room for what is under way, and nothing new begins."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core import clock, disk
from core.api import idempotency
from core.config import Settings
from core.contract.errors import Refusal
from core.db import database
from core.measure import overview
from core.sending import drafts, launch, snapshot
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem

SMALL = 1 << 20


class Disk:
    """A disk of 1 TB with as many bytes free as one says; the ballast on it counts."""

    def __init__(self, monkeypatch):
        self.left, self.total = 500 << 30, 1 << 40
        monkeypatch.setattr(disk, "usage", lambda _folder: (self.total, self.left))


def of(folder: Path) -> Settings:
    """The settings of an instance there."""
    return Settings(folder, {"ballast_mb": SMALL >> 20}, {})


@pytest.fixture
def machine(monkeypatch):
    return Disk(monkeypatch)


@pytest.fixture
def nearly_full(machine):
    machine.left = 40 << 30


@pytest.fixture
def folder(tmp_path, machine):
    disk.Ballast(of(tmp_path)).look()
    return tmp_path


def test_a_ballast_takes_room_that_is_really_taken(folder):
    found = (folder / disk.NAME).stat()
    assert found.st_size == SMALL and found.st_blocks * 512 >= SMALL and not found.st_mode & 0o077


def test_without_room_for_it_there_is_none(tmp_path, machine):
    machine.left = SMALL + disk.LAUNCH_BYTES - 1
    disk.Ballast(of(tmp_path)).look()
    assert not (tmp_path / disk.NAME).exists()


def test_it_goes_at_the_floor_and_comes_back_with_room(folder, machine, monkeypatch):
    ballast, place = disk.Ballast(of(folder)), folder / disk.NAME
    machine.left = disk.FLOOR_BYTES
    ballast.look()
    assert place.exists()
    machine.left -= 1
    ballast.look()
    assert not place.exists()
    machine.left = SMALL + disk.LAUNCH_BYTES
    ballast.look()
    assert place.stat().st_size == SMALL


def test_a_ballast_cut_short_by_a_crash_is_made_whole(folder):
    os.truncate(folder / disk.NAME, 5)
    disk.Ballast(of(folder)).look()
    assert (folder / disk.NAME).stat().st_size == SMALL


def test_who_wants_none_has_none(tmp_path, machine):
    settings = Settings(tmp_path, {"ballast_mb": 0}, {})
    disk.Ballast(settings).look()
    assert not (tmp_path / disk.NAME).exists()
    machine.total, machine.left = 1 << 30, disk.LAUNCH_BYTES
    assert not disk.look(settings).low


def test_a_disk_that_refuses_is_tried_again_after_a_while(tmp_path, machine, monkeypatch, caplog):
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(disk.os, "posix_fallocate", _full)
    ballast = disk.Ballast(of(tmp_path))
    for _second in range(5):
        ballast.look()
    assert caplog.text.count("No space left") == 1 and not (tmp_path / disk.NAME).exists()
    monkeypatch.setattr(disk.os, "posix_fallocate", lambda *_args: None)
    now[0] += disk.AGAIN_S
    ballast.look()
    assert (tmp_path / disk.NAME).exists()


@pytest.mark.parametrize(
    ("total", "left", "low"),
    [
        (1 << 40, (1 << 40) // 20, False),
        (1 << 40, (1 << 40) // 20 - 1, True),
        (1 << 30, 64 << 20, False),
        (1 << 30, (64 << 20) - 1, True),
    ],
)
def test_low_is_less_than_a_twentieth_or_64_mb(folder, machine, total, left, low):
    machine.total, machine.left = total, left
    assert disk.look(of(folder)).low is low


def test_what_the_ballast_lacks_is_not_there_for_a_launch(tmp_path, machine):
    machine.total, machine.left = 1 << 30, disk.LAUNCH_BYTES
    assert disk.look(of(tmp_path)).low


# --- launching ----------------------------------------------------------------------------------------


def test_nothing_is_launched_and_the_draft_stays(rt, nearly_full):
    kit.crowd(rt, 2)
    campaign = kit.campaign(rt)
    with pytest.raises(Refusal, match=r"Only 40\.0 GB of the instance's disk is free .* 51\.2 GB") as refused:
        launch.launch(rt, campaign)
    assert refused.value.status == 503
    assert drafts.get(campaign).state == "draft"


def test_what_was_launched_before_answers_as_before(rt_sqlite, machine):
    kit.crowd(rt_sqlite, 2)
    campaign = kit.campaign(rt_sqlite)
    launch.launch(rt_sqlite, campaign, key="k")
    machine.left = 0
    assert launch.launch(rt_sqlite, campaign, key="k") == "expanding"


def test_what_is_scheduled_waits_for_room(rt, machine, monkeypatch):
    kit.crowd(rt, 2)
    start = clock.now_ms() + clock.HOUR_MS
    campaign = kit.campaign(rt, at=clock.from_ms(start).isoformat())
    assert launch.launch(rt, campaign) == "scheduled"
    monkeypatch.setattr(clock, "now_ms", lambda: start + 1)
    machine.left = 0
    launch.due(rt)
    assert drafts.get(campaign).state == "scheduled"
    machine.left = machine.total
    launch.due(rt)
    assert drafts.get(campaign).state == "expanding"


def test_a_program_that_tries_again_later_launches_with_the_same_key(rt, machine):
    kit.crowd(rt, 2)
    campaign, caller = kit.campaign(rt), Caller(rt)
    machine.left = 0
    assert problem(caller("POST", f"/campaigns/{campaign}/launch", key="k"))[:2] == (503, "unavailable")
    machine.left = machine.total
    assert caller("POST", f"/campaigns/{campaign}/launch", key="k").json["state"] == "expanding"


def test_a_refusal_that_passes_is_not_kept_under_its_key(rt):
    def busy() -> idempotency.Answer:
        raise Refusal("Later.", status=503)

    for atomic in (False, True):
        assert idempotency.once(rt.keys, 1, "k", b"same", busy, atomic=atomic).status == 503
        assert database.scalar("SELECT COUNT(*) FROM api_answer") == 0


def test_the_command_line_says_it_in_one_sentence(rt, cli, nearly_full):
    campaign = kit.campaign(rt)
    result = cli("campaign", "launch", str(campaign))
    assert result.exit_code == 1 and "make room" in result.output and "Traceback" not in result.output


def test_the_page_of_the_campaign_says_it(rt_sqlite, client, nearly_full):
    kit.crowd(rt_sqlite, 2)
    campaign = kit.campaign(rt_sqlite)
    read = {"snapshot": snapshot.take(rt_sqlite, drafts.get(campaign))}
    client.post(f"/campaigns/{campaign}/launch", data=read)
    assert "make room" in client.get(f"/campaigns/{campaign}", follow_redirects=True).get_data(as_text=True)
    assert drafts.get(campaign).state == "draft"


# --- telling ------------------------------------------------------------------------------------------


def test_the_overview_lists_it(rt_sqlite, client, nearly_full):
    page = client.get("/").get_data(as_text=True)
    assert "disk is nearly full: 40.0 GB free" in page and "before 51.2 GB is free" in page


def test_with_room_the_overview_says_nothing(rt_sqlite, machine):
    assert overview.machine(rt_sqlite.settings) == []


def test_the_doctor_tells_room_and_ballast(rt, cli, machine):
    said = _doctor(cli)
    assert said["ok"] and "49% free" in said["said"] and "no ballast" in said["said"]
    disk.Ballast(rt.settings).look()
    machine.left = 0
    said = _doctor(cli)
    assert not said["ok"] and "ballast of 1 MB" in said["said"] and "make room" in said["said"]
    assert ("the database's is not looked at" in said["said"]) == database.is_postgres()


def test_init_and_upgrade_lay_it_down(rt, cli, machine):
    place = rt.settings.path(disk.NAME)
    for command in ("init", "upgrade"):
        assert cli(command).exit_code == 0
        assert place.stat().st_size == SMALL
        place.unlink()


def _doctor(cli) -> dict:
    found = json.loads(cli("doctor", "--json").stdout)
    return next(finding for finding in found if finding["what"] == "disk")


def _full(*_args):
    raise OSError(28, "No space left on device")
