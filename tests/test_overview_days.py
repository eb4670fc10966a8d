"""The Overview counts the days of the reader, by the clocks of each of them, and compares like with like."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core import clock
from core.db import settings
from core.db.codes import State
from core.measure import overview
from core.sending import prices
from core.web import format
from tests.measure_kit import campaign, kit, messages

NOW = datetime(2026, 11, 22, 15, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(clock, "now_ms", lambda: clock.to_ms(NOW))


def texts(*times: datetime, state: State = State.delivered, **more) -> None:
    """One text submitted at each of these times, delivered a minute after."""
    rows = [
        {"state": state, "submitted": clock.to_ms(at), "final": clock.to_ms(at) + clock.MINUTE_MS} | more
        for at in times
    ]
    messages(campaign(), rows)


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/Berlin", "America/Los_Angeles", "Asia/Shanghai"]
)
def test_a_bar_holds_its_own_day_on_both_sides_of_a_change_of_clocks(rt, zone):
    here = ZoneInfo(zone)
    today = NOW.astimezone(here).date()
    span = [today - timedelta(days=back) for back in range(30)]
    for back, day in enumerate(span):
        texts(*[datetime(day.year, day.month, day.day, 0, 10, tzinfo=here)] * (back + 1))
    assert [day for day, _found in overview.days(here)] == span[::-1]
    assert [found.submitted for _day, found in overview.days(here)] == list(range(30, 0, -1))


def test_where_zones_lie_half_an_hour_off_the_first_whole_hour_begins_the_day(rt):
    india = ZoneInfo("Asia/Kolkata")
    for hour, minute, n in ((0, 10, 4), (0, 40, 2), (9, 0, 1)):
        texts(*[datetime(2026, 11, 22, hour, minute, tzinfo=india)] * n)
    texts(datetime(2026, 11, 21, 23, 40, tzinfo=india))
    found = overview.today(india, UTC)
    assert found.since == datetime(2026, 11, 22, 0, 30, tzinfo=india)
    assert found.counts.submitted == 3
    assert [c.submitted for _day, c in overview.days(india)[-2:]] == [5, 3]


def test_the_page_says_when_a_day_begins_where_that_is_not_midnight(login):
    words, client = "Texts are counted by the hour, so a day begins at 00:30.", login("viewer")
    assert words not in client.get("/").get_data(as_text=True)
    settings.put("zone", "Asia/Kolkata")
    assert words in client.get("/").get_data(as_text=True)


def test_failed_or_unknown_holds_what_has_no_receipt_after_72_hours(rt):
    texts(NOW - timedelta(days=5), NOW - timedelta(days=5), NOW - timedelta(hours=2), state=State.accepted)
    found = dict(overview.days(UTC))
    assert (found[date(2026, 11, 17)].unknown, found[date(2026, 11, 17)].pending) == (2, 0)
    assert (found[date(2026, 11, 22)].unknown, found[date(2026, 11, 22)].pending) == (0, 1)


def weeks(*each: int, minute: int = 10) -> None:
    """So many texts at 10 o'clock of this weekday one, two, three … weeks ago."""
    for back, n in enumerate(each, 1):
        texts(*[(NOW - timedelta(days=7 * back)).replace(hour=10, minute=minute)] * n)


def test_today_is_compared_with_the_same_weekdays_up_to_the_last_full_hour(rt):
    weeks(20, 20, 20, 20)
    # At 15:20 the hour from 15 o'clock on is not over: neither today's nor last week's is compared.
    texts(*[NOW.replace(minute=5)] * 50, *[(NOW - timedelta(days=7)).replace(minute=40)] * 50)
    texts(*[NOW.replace(hour=11)] * 30)
    found = overview.today(UTC, UTC)
    assert (found.counts.submitted, found.change) == (80, 0.5)


def test_a_week_without_texts_counts_and_none_before_the_first_text_ever(rt):
    weeks(30, 0, 30)
    texts(*[NOW.replace(hour=11)] * 40)
    assert overview.today(UTC, UTC).change == pytest.approx(1.0)


def test_with_too_few_texts_there_is_nothing_to_compare_with(rt):
    weeks(10, 9, 10)
    assert overview.today(UTC, UTC).change is None
    weeks(1)
    assert overview.today(UTC, UTC).change == -1.0


def test_arrived_stands_beside_what_is_usual(client):
    weeks(20, 20)
    texts(*[NOW.replace(hour=11)] * 30)
    texts(*[NOW.replace(hour=12)] * 30, state=State.accepted)
    page = client.get("/").get_data(as_text=True)
    assert "30 of 60" in page and "usual 100.0 %" in page


def test_hours_of_the_night_are_on_the_map(client):
    texts(datetime(2026, 11, 20, 3, 5, tzinfo=UTC))
    assert "3:00 – 1 text" in client.get("/").get_data(as_text=True)


def test_what_has_no_price_has_not_cost_nothing(rt_sqlite, client):
    with client.application.test_request_context("/"):
        assert format.monies({}) == format.DASH and format.monies({"CNY": 0}) != format.DASH
    texts(NOW.replace(hour=3))
    assert overview.today(UTC, UTC).month_costs == {}


def test_a_month_in_which_nothing_went_out_has_cost_nothing(rt_sqlite):
    account = kit.account(rt_sqlite)
    prices.put(account, [prices.Line(45_000, "CNY")])
    assert overview.today(UTC, UTC).month_costs == {"CNY": 0}
