"""Allowed hours: the house's, the rule packs', many zones in one country, days that are closed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import settings
from core.db.codes import Cls
from core.timing import hours, windows, zones


def at(text: str, zone: str = "UTC") -> int:
    return zones.wall_to_ms(datetime.fromisoformat(text), zone)


#: (country, local time and zone, may a marketing text go)
CASES = [
    ("CN", "2026-11-23T07:59", "Asia/Shanghai", False),
    ("CN", "2026-11-23T08:00", "Asia/Shanghai", True),
    ("CN", "2026-11-23T20:59", "Asia/Shanghai", True),
    ("CN", "2026-11-23T21:00", "Asia/Shanghai", False),
    ("GB", "2026-11-22T12:00", "Europe/London", True),
    ("GB", "2026-11-22T21:30", "Europe/London", False),
    # France: never on Sundays, nor on the national holiday.
    ("FR", "2026-11-22T12:00", "Europe/Paris", False),
    ("FR", "2026-11-23T12:00", "Europe/Paris", True),
    ("FR", "2026-07-14T12:00", "Europe/Paris", False),
    ("FR", "2026-05-14T12:00", "Europe/Paris", False),  # Ascension
    # United States: 10–18 on weekdays in every zone from New York to Adak at once.
    ("US", "2026-11-23T14:59", "America/New_York", False),  # 09:59 in Adak
    ("US", "2026-11-23T15:00", "America/New_York", True),
    ("US", "2026-11-23T17:59", "America/New_York", True),
    ("US", "2026-11-23T18:00", "America/New_York", False),
    ("US", "2026-11-22T16:00", "America/New_York", False),  # Sunday
    ("US", "2026-11-26T16:00", "America/New_York", False),  # Thanksgiving
    # Unknown country: the instance's own (CN).
    ("", "2026-11-23T08:00", "Asia/Shanghai", True),
    ("", "2026-11-23T21:00", "Asia/Shanghai", False),
]


@pytest.mark.parametrize(("country", "wall", "zone", "may"), CASES)
def test_a_marketing_text_goes_only_in_allowed_hours(rt_sqlite, country, wall, zone, may):
    now = at(wall, zone)
    assert (country not in hours.forbidden_now(rt_sqlite, Cls.mass, now)) is may
    assert (hours.next_allowed(rt_sqlite, Cls.mass, country, now) == now) is may


def test_codes_and_notices_may_always_go(rt_sqlite):
    midnight = at("2026-11-22T03:00", "Asia/Shanghai")
    for cls in (Cls.otp, Cls.notice):
        assert hours.forbidden_now(rt_sqlite, cls, midnight) == frozenset()
        assert hours.next_allowed(rt_sqlite, cls, "CN", midnight) == midnight


def test_the_two_ways_of_asking_agree_everywhere(rt_sqlite):
    """`forbidden_now` and `next_allowed` answer alike for every country over two days of half hours."""
    start = at("2026-11-21T00:10")
    for country in zones.countries():
        spans = hours.allowed_intervals(rt_sqlite, Cls.mass, country, start, start + 2 * clock.DAY_MS)
        for step in range(0, 2 * clock.DAY_MS, 3 * clock.HOUR_MS):
            now = start + step
            inside = any(lo <= now < hi for lo, hi in spans)
            assert (country in hours.forbidden_now(rt_sqlite, Cls.mass, now)) is not inside


def test_hours_are_those_of_the_setting_and_change_at_once(rt_sqlite):
    now = at("2026-11-23T09:30", "Asia/Shanghai")
    assert "CN" not in hours.forbidden_now(rt_sqlite, Cls.mass, now)
    hours.set_house_hours("10:00", "12:00")
    assert "CN" in hours.forbidden_now(rt_sqlite, Cls.mass, now)
    assert hours.next_allowed(rt_sqlite, Cls.mass, "CN", now) == at("2026-11-23T10:00", "Asia/Shanghai")


def test_wider_house_hours_do_not_widen_the_law(rt_sqlite):
    hours.set_house_hours("00:00", "24:00")
    assert "CN" in hours.forbidden_now(rt_sqlite, Cls.mass, at("2026-11-23T21:00", "Asia/Shanghai"))
    assert "GB" not in hours.forbidden_now(rt_sqlite, Cls.mass, at("2026-11-23T23:00", "Europe/London"))


def test_a_rule_that_is_switched_off_does_not_hold(rt_sqlite):
    sunday = at("2026-11-22T15:00", "America/New_York")
    settings.put(hours.RULES_OFF_KEY, ["us.states"])
    assert "US" not in hours.forbidden_now(rt_sqlite, Cls.mass, sunday)
    assert "us.tcpa" in {rule.id for rule in hours.rules(rt_sqlite, Cls.mass, "US")}


def test_hours_that_hold_no_minute_are_refused(rt_sqlite):
    with pytest.raises(Refusal, match="hold no minute"):
        hours.set_house_hours("21:00", "08:00")
    with pytest.raises(Refusal, match="not a time of day"):
        hours.set_house_hours("8 o'clock", "21:00")


def test_a_country_without_a_common_minute_is_never_texted(rt_sqlite):
    hours.set_house_hours("09:00", "10:00")  # from Kaliningrad to Kamchatka there is no such hour
    assert hours.next_allowed(rt_sqlite, Cls.mass, "RU", at("2026-11-23T00:00")) is None


def test_hours_hold_on_days_when_clocks_change(rt_sqlite):
    """London springs forward on 29 March 2026: 08:00 is 08:00 UTC the day before and 07:00 UTC that day."""
    settings.put(hours.RULES_OFF_KEY, [])
    before = hours.next_allowed(rt_sqlite, Cls.mass, "GB", at("2026-03-28T00:00"))
    after = hours.next_allowed(rt_sqlite, Cls.mass, "GB", at("2026-03-29T00:00"))
    assert clock.from_ms(before) == datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
    assert clock.from_ms(after) == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


def test_nobody_is_texted_outside_own_hours_over_48_hours(rt_sqlite):
    """Every half hour of two days with a change of clocks, every zone of every country."""
    start = at("2026-03-28T00:00")
    wrong = []
    for minute in range(0, 2 * 24 * 60, 30):
        now = start + minute * clock.MINUTE_MS
        shut = hours.forbidden_now(rt_sqlite, Cls.mass, now)
        instant = clock.from_ms(now)
        for country, names in zones.table().items():
            if country in shut:
                continue
            for name in names:
                local = instant.astimezone(ZoneInfo(name))
                if not 8 <= local.hour < 21:
                    wrong.append((country, name, local.isoformat()))
    assert wrong == []


def test_recommended_windows_come_in_order_and_lie_inside_the_hours(rt_sqlite):
    now = at("2026-11-23T11:30", "Asia/Shanghai")
    coming = windows.coming("Asia/Shanghai", now, days=2)
    assert [f"{start:%d %H}" for start in coming] == ["23 15", "23 19", "24 10", "24 15", "24 19"]
    for start in coming:
        assert hours.next_allowed(rt_sqlite, Cls.mass, "CN", zones.wall_to_ms(start, "Asia/Shanghai"))
    span = (at("2026-11-23T11:00", "Asia/Shanghai"), at("2026-11-23T13:00", "Asia/Shanghai"))
    assert windows.share_inside("Asia/Shanghai", [span]) == pytest.approx(0.5)
