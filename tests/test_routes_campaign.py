"""A campaign that names no account: launched, priced and approved by the routes."""

from __future__ import annotations

import pytest

from core.contract.errors import Refusal
from core.db import database
from core.sending import drafts, dryrun, launch, prices, snapshot
from tests import campaign_kit
from tests import routes_kit as kit
from tests.send_kit import crowd, send_all, states


@pytest.fixture
def draft(rt):
    crowd(rt, 20)
    a, b = kit.ways(rt, "one", "two")
    campaign = campaign_kit.campaign(rt, name="Free", options={"approve": "off"}, account_id=a.id)
    drafts.edit(rt, campaign, "me", account_id=None)
    return campaign, a, b


def test_without_rules_it_lacks_an_account(rt, draft):
    campaign, *_ways = draft
    with pytest.raises(Refusal, match="no account"):
        launch.launch(rt, campaign, "me")


def test_with_a_rule_of_its_class_it_is_launched_and_goes_that_way(rt, draft):
    campaign, a, b = draft
    kit.rule(b, name="marketing", cls=2)
    campaign_kit.launched(rt, campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 20}
    assert (len(a.accepted), len(b.accepted)) == (0, 20)


def test_it_is_priced_at_the_dearest_account_of_its_rules(rt, draft):
    campaign, a, b = draft
    prices.put(a.id, [prices.Line(50_000, "CNY"), prices.Line(90_000, "CNY", "US")])
    prices.put(b.id, [prices.Line(60_000, "CNY")])
    kit.rule(a, b)
    report = dryrun.run(rt, campaign)
    assert report.cost_micros == 60_000 * report.parts
    assert (report.currency, report.unpriced) == ("CNY", 0)


def test_an_approval_does_not_outlive_the_prices_it_rests_on(rt, draft):
    campaign, a, _b = draft
    kit.rule(a)
    before = snapshot.take(rt, drafts.get(campaign))
    prices.put(a.id, [prices.Line(50_000, "CNY")])
    assert snapshot.take(rt, drafts.get(campaign)) != before


def test_the_wizard_offers_the_routes_once_there_are_rules(rt_sqlite, client):
    crowd(rt_sqlite, 3)
    (a,) = kit.ways(rt_sqlite, "one")
    campaign = campaign_kit.campaign(rt_sqlite, account_id=a.id)
    path = f"/campaigns/{campaign}/content"
    assert "as the routes say" not in client.get(path).get_data(as_text=True)
    kit.rule(a)
    assert "as the routes say" in client.get(path).get_data(as_text=True)
    template = database.scalar("SELECT template_id FROM variant WHERE campaign_id = ?", (campaign,))
    answer = client.post(path, data={"account": "0", "template": str(template)})
    assert answer.status_code == 303
    assert database.scalar("SELECT account_id FROM campaign WHERE id = ?", (campaign,)) is None
    assert client.get(f"/campaigns/{campaign}/confirm").status_code == 200
