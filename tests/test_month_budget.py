"""The budget of a month tells how long it lasts and which campaign goes above it; it stops nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import settings
from core.db.codes import State
from core.sending import checking, dryrun, monthly
from tests import campaign_kit as kit
from tests.measure_kit import campaign, messages, sent


@pytest.fixture
def at(monkeypatch):
    """Let it be noon of a day of November 2026 in UTC."""
    now = {}

    def be(day: int) -> None:
        now["ms"] = clock.to_ms(datetime(2026, 11, day, 12, tzinfo=UTC))

    monkeypatch.setattr(clock, "now_ms", lambda: now["ms"])
    be(11)
    return be


@pytest.fixture
def account(rt, at):
    return kit.account(rt, "Route A", price=50_000)


def spend(account: int, amount: float, *, days_ago: float = 0.5, name: str = "Autumn") -> None:
    messages(
        campaign(name), [sent(State.delivered, 1, ago_h=days_ago * 24, account=account, cost=round(amount * 1e6))]
    )  # fmt: skip


def budget(amount: float) -> None:
    settings.put(monthly.KEY, monthly.value(amount, "CNY"))


def test_without_a_budget_there_is_no_month(rt, account):
    spend(account, 5)
    assert monthly.month(rt) is None


def test_only_this_month_counts_and_it_begins_in_the_zone_of_the_house(rt, account, at):
    budget(100)
    settings.put("zone", "Asia/Shanghai")
    at(1)
    # Midnight in Shanghai was twenty hours ago.
    spend(account, 7, days_ago=19 / 24, name="of this month")
    spend(account, 30, days_ago=21 / 24, name="of the last")
    assert monthly.month(rt).spent == 7_000_000


def test_at_the_pace_so_far_it_lasts_until_a_day(rt, account):
    budget(100)
    spend(account, 50)
    # Half of it in ten days and a half: the other half is gone after as long again.
    until = clock.from_ms(monthly.month(rt).lasts_until)
    assert (until.month, until.day) == (11, 22)


def test_a_budget_that_lasts_says_no_day(rt, account):
    budget(100)
    spend(account, 20)
    assert monthly.month(rt).lasts_until is None


def test_of_the_first_days_nothing_is_foretold(rt, account, at):
    budget(100)
    at(2)
    spend(account, 90)
    assert monthly.month(rt).lasts_until is None


def test_money_of_another_currency_is_not_counted(rt, account):
    other = kit.account(rt, "Abroad", price=10_000, currency="EUR")
    budget(100)
    spend(account, 5)
    spend(other, 80, name="in euros")
    assert monthly.month(rt).spent == 5_000_000


def test_a_currency_no_account_has_is_refused(rt, account):
    with pytest.raises(Refusal, match="No account has prices in “XXX”"):
        monthly.value(100, "XXX")


def test_a_campaign_that_goes_above_it_is_told_and_may_be_launched(rt, account):
    for n in range(10):
        kit.person(rt, n)
    draft = kit.campaign(rt, account_id=account)
    budget(100)
    spend(account, 99.6)
    # Ten texts of one part cost 0.50.
    said = {f["code"]: f for f in dryrun.run(rt, draft).findings}
    assert said["cost.month"]["level"] == "warn"
    assert "would cost 100.10 CNY; its budget is 100.00" in said["cost.month"]["message"]
    checking.check(rt, draft)
    kit.launched(rt, draft)
    assert kit.states(draft) == {"ready": 10}


def test_a_campaign_that_fits_is_not_told_of_it(rt, account):
    kit.person(rt, 1)
    draft = kit.campaign(rt, account_id=account)
    budget(100)
    spend(account, 99.6)
    assert "cost.month" not in {f["code"] for f in dryrun.run(rt, draft).findings}


def test_the_overview_tells_what_is_left_how_long_and_when_it_is_used_up(rt_sqlite, client, at):
    account = kit.account(rt_sqlite, "Route A", price=50_000)
    budget(100)
    spend(account, 20)
    page = client.get("/").get_data(as_text=True)
    assert "of CN¥ 100" in page
    assert "CN¥ 80.00 left" in page
    spend(account, 30, name="more")
    assert "at this pace until 22 Nov" in client.get("/").get_data(as_text=True)
    spend(account, 60, name="too much")
    page = client.get("/").get_data(as_text=True)
    assert "The budget of this month is used up" in page
    assert "CN¥ 110.00 of CN¥ 100.00; nothing is stopped." in page


def test_an_admin_sets_it_and_takes_it_away(rt_sqlite, client):
    kit.account(rt_sqlite, "Route A", price=50_000)
    rules = {"four_eyes": "10000", "four_eyes_cost": "0", "pause_after": "10", "stop_scope": "all"}
    client.post("/settings/rules", data=rules | {"month_budget": "1200.5", "month_currency": "CNY"})
    assert settings.get(monthly.KEY) == {"micros": 1_200_500_000, "currency": "CNY"}
    page = client.get("/settings/rules").get_data(as_text=True)
    assert 'value="1200.5"' in page
    wrong = client.post("/settings/rules", data=rules | {"month_budget": "10", "month_currency": "XAU"})
    assert wrong.status_code == 422
    assert "No account has prices in “XAU”" in wrong.get_data(as_text=True)
    client.post("/settings/rules", data=rules | {"month_budget": "", "month_currency": "CNY"})
    assert settings.get(monthly.KEY) is None
