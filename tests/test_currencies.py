"""Money of one currency is never added to that of another, nor compared with it."""

from __future__ import annotations

import json
from datetime import UTC
from importlib import import_module

import pytest

from core import clock
from core.contract.errors import Refusal
from core.contract.types import Scope
from core.db import database
from core.db.models import Campaign
from core.measure import costs, overview
from core.sending import accounts, balances, dryrun, launch, messages, prices
from tests import campaign_kit
from tests import routes_kit as kit
from tests.send_kit import send_all


def price(account: int, micros: int, currency: str) -> None:
    prices.put(account, [prices.Line(micros, currency)])


@pytest.fixture
def two(rt):
    """An account in yuan and one in dollars; texts in the odd half go through the second."""
    yuan, dollars = kit.ways(rt, "yuan", "dollars")
    price(yuan.id, 45_000, "CNY")
    price(dollars.id, 7_500, "USD")
    return yuan, dollars


def test_an_account_has_prices_in_one_currency(rt, two):
    yuan, _dollars = two
    with pytest.raises(Refusal, match="one currency"):
        price(yuan.id, 1, "USD")
    assert prices.currency_of(yuan.id) == "CNY" and prices.currency_of(None) == ""


def test_a_provider_knows_the_currency_and_leaves_out_prices_in_another(rt, two):
    yuan, _dollars = two
    provider = accounts.open_provider(rt, yuan.id)
    assert provider.priced(50_000, "cny") == 50_000
    assert (
        provider.priced(50_000, "USD") is provider.priced(50_000, "") is provider.priced(None, "CNY") is None
    )
    prices.remove(yuan.id, "", prices.ANY, 0)
    assert accounts.open_provider(rt, yuan.id).currency == ""
    price(yuan.id, 10, "USD")
    assert accounts.open_provider(rt, yuan.id).priced(50_000, "USD") == 50_000


def spent(rt, two) -> int:
    """A campaign of 8 texts, 4 through each account."""
    yuan, dollars = two
    kit.rule((yuan, 1), (dollars, 1), strategy="weight")
    campaign = kit.campaign(rt, 40)
    send_all(rt, campaign)
    assert yuan.accepted and dollars.accepted
    return campaign


def test_a_campaign_through_both_has_no_sum_but_what_was_spent_in_each(rt, cli, two):
    yuan, dollars = two
    campaign = spent(rt, two)
    parts = dict(
        database.query("SELECT account_id, SUM(parts) FROM tally WHERE state = 3 GROUP BY account_id")
    )
    each = {"CNY": 45_000 * parts[yuan.id], "USD": 7_500 * parts[dollars.id]}
    assert costs.of(Scope(campaign_id=campaign)) == each
    assert costs.currency_of(Scope(campaign_id=campaign)) is None
    assert costs.currency_of(Scope(campaign_id=campaign, account_id=yuan.id)) == "CNY"
    shown = json.loads(cli("campaign", "show", str(campaign), "--json").stdout)["metrics"]
    for name in ("cost", "cost_per_message", "cost_per_part", "cost_per_delivered"):
        assert shown[name]["value"] is None and shown[name]["detail"] == {"by_currency": each}
    assert overview.today(UTC, UTC).month_costs == each
    rows = database.query(
        "SELECT DISTINCT account_id, cost_micros FROM message WHERE campaign_id = ?", (campaign,)
    )
    assert set(rows) == {(yuan.id, 45_000), (dollars.id, 7_500)}


def test_what_was_spent_keeps_its_currency_when_the_prices_go(rt, cli, two):
    yuan, dollars = two
    campaign = spent(rt, two)
    before = costs.of(Scope(campaign_id=campaign))
    for account in two:
        prices.remove(account.id, "", prices.ANY, 0)
    assert costs.of(Scope(campaign_id=campaign)) == before and set(before) == {"CNY", "USD"}
    rows = messages.page(rt, messages.Filter(campaign_id=campaign)).rows
    assert {row.currency for row in rows if row.account == "yuan"} == {"CNY"}
    with pytest.raises(Refusal, match="has spent CNY already.*USD") as refused:
        price(yuan.id, 7_000, "USD")
    assert refused.value.field == "currency" and prices.table(yuan.id) == []
    price(yuan.id, 50_000, "CNY")
    assert costs.of(Scope(account_id=dollars.id)) == {"USD": before["USD"]}


def test_an_upgrade_takes_the_currency_from_the_prices_or_from_what_was_launched(rt, two):
    yuan, dollars = two
    prices.remove(dollars.id, "", prices.ANY, 0)
    with database.write_tx():
        accounts.create(rt, "new", "null", {})
        Campaign.insert(
            name="old", cls=2, state="done", account_id=dollars.id, currency="USD", created_at=1
        ).execute()
        database.execute("ALTER TABLE account DROP COLUMN currency")
        import_module("core.db.migrations.0026_accountcurrency").up(None, database.proxy)
    found = dict(database.query("SELECT name, currency FROM account"))
    assert (found["yuan"], found["dollars"], found["new"]) == ("CNY", "USD", "")


def test_the_pages_show_both(rt_sqlite, client):
    two = kit.ways(rt_sqlite, "yuan", "dollars")
    price(two[0].id, 45_000, "CNY")
    price(two[1].id, 7_500, "USD")
    campaign = spent(rt_sqlite, two)
    for path in ("/", f"/campaigns/{campaign}/result"):
        page = client.get(path).get_data(as_text=True)
        assert "CN¥" in page and "$ " in page, path
    page = client.get("/messages").get_data(as_text=True)
    assert "CN¥ 0.045" in page and "$ 0.008" in page


def test_a_draft_by_the_routes_tells_the_cost_for_each_and_takes_no_budget(rt, cli, two):
    yuan, dollars = two
    kit.rule(yuan, dollars)
    kit.crowd(rt, 3)
    campaign = campaign_kit.campaign(rt, account_id=yuan.id, options={"approve": "off"})
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (campaign,))
        database.execute("DELETE FROM account WHERE provider <> name")
    said = dryrun.run(rt, campaign)
    assert said.costs == {"CNY": 45_000 * said.parts, "USD": 7_500 * said.parts} and said.currency == ""
    assert [f["level"] for f in said.findings if f["code"] == "cost.currencies"] == ["info"]
    told = json.loads(cli("campaign", "check", str(campaign), "--json").stdout)
    assert told["cost"] is None and told["costs"] == {"CNY": 0.045 * said.parts, "USD": 0.0075 * said.parts}
    assert " CNY or " in cli("campaign", "check", str(campaign)).stdout
    with database.write_tx():
        database.execute("UPDATE campaign SET budget_micros = 1000000 WHERE id = ?", (campaign,))
    assert dryrun.run(rt, campaign).blocks
    with pytest.raises(Refusal, match="CNY, USD"):
        launch.launch(rt, campaign)
    with database.write_tx():
        database.execute("UPDATE campaign SET budget_micros = NULL WHERE id = ?", (campaign,))
    assert launch.launch(rt, campaign) == "expanding"


def test_the_cheapest_is_looked_for_in_the_first_accounts_currency(rt_sqlite):
    yuan, dollars, free = kit.ways(rt_sqlite, "yuan", "dollars", "also yuan")
    price(yuan.id, 45_000, "CNY")
    price(dollars.id, 7_500, "USD")
    price(free.id, 40_000, "CNY")
    kit.rule(yuan, dollars, free, strategy="cheapest")
    some = kit.items(1)
    assert kit.chosen(rt_sqlite, some) == [(1, free.id)]
    assert [dollars.id, "dearer", 0] in json.loads(some[0].choice.why)["not"]


def test_what_is_left_in_another_currency_is_not_divided_by_what_messages_cost(rt, two):
    campaign = spent(rt, two)
    assert campaign
    yuan, _dollars = two
    for currency, known in (("CNY", True), ("USD", False), ("", True)):
        with database.write_tx():
            database.execute("DELETE FROM balance")
            database.execute(
                "INSERT INTO balance (account_id, at, amount_micros, units, currency) VALUES (?, ?, 9000000, NULL, ?)",
                (yuan.id, clock.now_ms(), currency),
            )
        left = balances.left(yuan.id)
        assert (left.days is not None, left.burn is not None) == (known, known)
        assert left.currency == (currency or "CNY")
