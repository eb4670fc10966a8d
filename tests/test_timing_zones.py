"""Wall times that do not exist, or exist twice: every change of every zone from 2024 to 2030."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from core.contract.errors import Refusal
from core.timing import zones


def changes(name: str, since: int, until: int):
    """Instants (UTC) at which the offset of a zone changes, to the minute."""
    tz = ZoneInfo(name)
    at = datetime(since, 1, 1, tzinfo=UTC)
    end = datetime(until, 1, 1, tzinfo=UTC)
    step = timedelta(days=3)
    while at < end:
        if at.astimezone(tz).utcoffset() != (at + step).astimezone(tz).utcoffset():
            lo, hi = at, at + step
            while hi - lo > timedelta(minutes=1):
                middle = lo + timedelta(seconds=(hi - lo).total_seconds() // 60 // 2 * 60)
                if middle.astimezone(tz).utcoffset() == at.astimezone(tz).utcoffset():
                    lo = middle
                else:
                    hi = middle
            yield hi
        at += step


def test_every_change_of_clocks_gives_one_instant_for_each_wall_time():
    seen = 0
    for name in sorted(available_timezones()):
        tz = ZoneInfo(name)
        for change in changes(name, 2024, 2031):
            seen += 1
            before, after = (change - timedelta(minutes=1)).astimezone(tz), change.astimezone(tz)
            shift = after.utcoffset() - before.utcoffset()
            base = change + before.utcoffset()  # wall time at the change by the old offset
            wall = base.replace(tzinfo=None) + (shift / 2 if shift > timedelta() else -abs(shift) / 2)
            got = datetime.fromtimestamp(zones.wall_to_ms(wall, name) / 1000, UTC)
            if shift > timedelta():
                assert got == change, (name, wall)  # a gap: the first valid instant
            else:
                assert got == change - abs(shift) / 2, (name, wall)  # twice: the first of the two
    assert seen > 1000


def test_ordinary_times_go_there_and_back():
    for name in ("Asia/Shanghai", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"):
        wall = datetime(2026, 11, 22, 10, 30)
        ms = zones.wall_to_ms(wall, name)
        assert datetime.fromtimestamp(ms / 1000, ZoneInfo(name)).replace(tzinfo=None) == wall


@pytest.mark.parametrize(
    ("text", "zone", "utc", "wall"),
    [
        ("2026-11-22T10:00", "Asia/Shanghai", "2026-11-22T02:00", "2026-11-22T10:00"),
        ("2026-11-22T10:00+08:00", "UTC", "2026-11-22T02:00", "2026-11-22T02:00"),
        ("2026-11-22T02:00Z", "Asia/Shanghai", "2026-11-22T02:00", "2026-11-22T10:00"),
        ("2026-11-22 10:00", "Europe/Berlin", "2026-11-22T09:00", "2026-11-22T10:00"),
        ("2026-11-22", "UTC", "2026-11-22T00:00", "2026-11-22T00:00"),
    ],
)
def test_a_start_is_an_instant_and_a_wall_time(text, zone, utc, wall):
    ms, shown, kept = zones.parse_at(text, zone)
    assert datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M") == utc
    assert (shown, kept) == (wall, zone)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "10:00"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(Refusal, match="write it as 2026-11-22T10:00"):
        zones.parse_at(text, "UTC")


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "Europe"])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(Refusal, match="not an IANA time zone"):
        zones.zone_info(name)


def test_china_has_one_legal_time_and_unknown_countries_that_of_the_instance():
    assert zones.zones_of("CN") == ("Asia/Shanghai",)
    assert len(zones.zones_of("US")) > 20
    assert zones.zones_of("XX", "DE") == zones.zones_of("DE")
