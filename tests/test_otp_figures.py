"""Shares of codes: counts of few, intervals of more, and hours that add up to the day."""

import pytest

from core import clock
from core.db import database
from core.measure import stats as intervals
from core.sending.otp import stats
from tests.pages import text


def codes(n: int, used: int, *, ago_min: float = 60, prefix: str = "8613800") -> None:
    """Codes asked for so long ago whose time is over, the first of which were used."""
    at = clock.now_ms() - int(ago_min * clock.MINUTE_MS)
    first = database.scalar("SELECT COUNT(*) FROM otp")
    with database.write_tx():
        database.copy_rows(
            "otp",
            ("id", "app", "contact_id", "phone_bidx", "country", "prefix", "channel", "lang", "length", "alphabet",
             "code_hash", "message_id", "series", "created_at", "expires_at", "verified_at"),
            [
                (f"c{first + i}", "shop", 1, b"x", "CN", prefix, "sms", "en", 6, "digits", b"x", first + i, 0, at,
                 at + 1, at + 1 if i < used else None)
                for i in range(n)
            ],
        )  # fmt: skip


def test_of_few_codes_there_are_only_counts(client):
    codes(15, 15)
    page = text(client.get("/settings/otp"))
    assert "15 / 15" in page and "100.0 %" not in page


def test_of_more_the_share_has_its_interval(client):
    codes(260, 200)
    low, high = intervals.wilson(200, 260)
    page = text(client.get("/settings/otp"))
    assert page.count(f"{100 * low:.1f} % – {100 * high:.1f} %") == 3 and "76.9 %" in page


@pytest.mark.parametrize("ago_min", [1, 60 * 23.99])
def test_the_hours_hold_every_code_of_the_day(rt, ago_min):
    codes(4, 1, ago_min=ago_min)
    hours = stats.by_hour()
    assert (sum(sent for _h, sent, _u in hours), sum(used for _h, _s, used in hours)) == (4, 1)
    assert stats.totals()["sent"] == 4 and len(hours) == 25
