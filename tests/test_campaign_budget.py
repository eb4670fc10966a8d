"""A campaign whose budget is used up goes on with a higher one, told by a page or a command."""

from __future__ import annotations

import json

import pytest

from core.contract.errors import Refusal
from core.db import database, settings
from core.sending import approval, budgets, drafts, lifecycle, log
from tests import campaign_kit as kit
from tests.send_kit import due_now, send_all, setup, states, whole


@pytest.fixture
def used_up(rt):
    """A campaign of 20 texts at 0.001 that stopped after 7 of them, for a budget of 0.0075."""
    campaign, _account = setup(rt, n=20, price=1_000, budget_micros=7_500, options={"window": 3})
    send_all(rt, campaign)
    assert drafts.get(campaign).state == "paused"
    return campaign


def test_the_command_raises_the_budget_and_the_campaign_ends(rt, cli, used_up):
    answer = cli("campaign", "resume", used_up, "--budget", "0.02")
    assert answer.exit_code == 0, answer.stderr
    due_now(used_up)
    send_all(rt, used_up)
    assert states(used_up) == {"accepted": 20}
    assert drafts.get(used_up).spent_micros == 20_000
    lines = json.loads(cli("campaign", "log", used_up, "--json").stdout)
    assert [line["detail"] for line in lines if line["what"] == "budget"] == ["0.0075 → 0.02 CNY"]
    assert database.query("SELECT detail FROM audit WHERE action = 'campaign.budget'") == [
        ("0.0075 → 0.02 CNY",)
    ]
    whole(rt)


@pytest.mark.parametrize(
    ("budget", "words"), [("0.007", "is used up"), ("0.0075", "is used up"), ("0", "used up")]
)
def test_a_budget_that_helps_nothing_is_refused(cli, used_up, budget, words):
    answer = cli("campaign", "resume", used_up, "--budget", budget)
    assert (answer.exit_code, words in answer.stderr) == (1, True)
    assert drafts.get(used_up).state == "paused"
    assert drafts.get(used_up).budget_micros == 7_500


def test_only_a_paused_campaign_with_a_budget_gets_another(rt_sqlite):
    kit.crowd(rt_sqlite, 3)
    campaign = kit.campaign(rt_sqlite)
    kit.launched(rt_sqlite, campaign)
    for words in ("while it is paused", "has no budget"):
        with pytest.raises(Refusal, match=words):
            budgets.change(rt_sqlite, campaign, 5, "ann@example.com", approves=True)
        lifecycle.pause(rt_sqlite, campaign, "Lunch")


@pytest.fixture
def paused(rt_sqlite):
    """Ann's campaign, paused with a budget of 1; above 50 a second person must approve."""
    kit.crowd(rt_sqlite, 3)
    campaign = kit.campaign(rt_sqlite, budget_micros=1_000_000)
    kit.launched(rt_sqlite, campaign)
    lifecycle.pause(rt_sqlite, campaign, "The budget of the campaign is used up.")
    settings.put(approval.COST_KEY, 50_000_000)
    return campaign


def test_the_page_takes_it_beside_resume(client, paused):
    page = client.get(f"/campaigns/{paused}").get_data(as_text=True)
    assert 'name="budget"' in page and 'value="1"' in page
    client.post(f"/campaigns/{paused}/resume", data={"budget": "a lot"})
    assert "“a lot” cannot be read as one number" in client.get(f"/campaigns/{paused}").get_data(as_text=True)
    client.post(f"/campaigns/{paused}/resume", data={"budget": "2.5"})
    campaign = drafts.get(paused)
    assert (campaign.state, campaign.budget_micros) == ("running", 2_500_000)
    assert "1 → 2.5" in client.get(f"/campaigns/{paused}").get_data(as_text=True)


def test_above_the_cost_for_four_eyes_it_takes_somebody_else_who_may_approve(login, paused):
    marketer, approver = login("marketer"), login("approver")
    marketer.post(f"/campaigns/{paused}/resume", data={"budget": "60"})
    assert "a second person must approve" in marketer.get(f"/campaigns/{paused}").get_data(as_text=True)
    assert drafts.get(paused).state == "paused"
    approver.post(f"/campaigns/{paused}/resume", data={"budget": "60"})
    assert drafts.get(paused).state == "running"


def test_whoever_made_it_does_not_raise_it_above_that_alone(rt_sqlite, paused):
    with pytest.raises(Refusal, match="a second person must approve"):
        budgets.change(rt_sqlite, paused, 60, "ann@example.com", approves=True)
    assert "budget" not in [what for _at, _who, what, _detail in log.lines(paused)]
