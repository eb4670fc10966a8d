"""Buttons and steps of campaigns' pages that were opened before somebody else changed something."""

import re

import pytest

from core import clock
from core.content import templates
from core.contract.errors import Refusal
from core.db import settings
from core.sending import approval, checking, drafts, launch, log
from tests import campaign_kit as kit
from tests import campaign_shop
from tests.campaign_shop import text

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
#: What the shop's template says after a change.
NEW = "【可乐店】SECRET PRICE 1。拒收请回复R"


@pytest.fixture
def shop(rt_sqlite):
    return campaign_shop.shop(rt_sqlite)


@pytest.fixture
def draft(shop):
    return campaign_shop.draft(shop)


def button(page: str, act: str) -> dict[str, str]:
    """The hidden fields of the form that does it."""
    form = page[page.index(f"/{act}") :]
    return dict(HIDDEN.findall(form[: form.index("</form>")]))


def change(shop):
    templates.edit(shop["rt"], shop["first"], "ann", bodies={"zh": NEW})


def test_an_approval_is_of_the_page_that_was_read(shop, login, draft):
    settings.put(approval.RECIPIENTS_KEY, 10)
    author, approver = login("marketer"), login("approver")
    author.post(f"/campaigns/{draft}/checks")
    author.post(f"/campaigns/{draft}/ask")
    old = button(text(approver.get(f"/campaigns/{draft}/confirm")), "approve")
    change(shop)
    author.post(f"/campaigns/{draft}/audience", data={"name": "Changed", "segment": shop["segment"]})
    author.post(f"/campaigns/{draft}/checks")
    author.post(f"/campaigns/{draft}/ask")
    answer = approver.post(f"/campaigns/{draft}/approve", data=old)
    assert answer.status_code == 409
    assert "changed since you opened this page" in text(answer)
    assert "SECRET PRICE" in text(answer)
    assert drafts.get(draft).state == "approval"
    approver.post(f"/campaigns/{draft}/approve", data=button(text(answer), "approve"))
    assert drafts.get(draft).state == "approved"


def test_a_launch_is_of_the_page_that_was_read(shop, login, draft):
    marketer = login("admin")
    marketer.post(f"/campaigns/{draft}/checks")
    old = button(text(marketer.get(f"/campaigns/{draft}/confirm")), "launch")
    change(shop)
    answer = marketer.post(f"/campaigns/{draft}/launch", data=old)
    assert answer.status_code == 409
    assert "changed since you opened this page" in text(answer)
    assert drafts.get(draft).state == "draft"
    marketer.post(f"/campaigns/{draft}/checks")
    fresh = button(text(marketer.get(f"/campaigns/{draft}/confirm")), "launch")
    marketer.post(f"/campaigns/{draft}/launch", data=fresh)
    assert drafts.get(draft).state == "expanding"
    # The second press of the same button is the same launch.
    assert marketer.post(f"/campaigns/{draft}/launch", data=fresh).status_code == 303


def test_saving_a_step_as_it_was_leaves_a_schedule_alone(shop, client, draft):
    drafts.edit(shop["rt"], draft, "author", at="2099-07-01T10:00")
    launch.launch(shop["rt"], draft, "author")
    before = len(log.lines(draft))
    arm = {"template": shop["first"], f"weight-{shop['first']}": "1", "account": shop["account"]}
    steps = {
        "audience": {"name": "Winter", "segment": shop["segment"], "holdout": "0"},
        "content": arm,
        "time": {"when": "later", "at": "2099-07-01T10:00", "zone": shop["rt"].settings.zone},
    }
    for step, data in steps.items():
        page = client.post(f"/campaigns/{draft}/{step}", data=data | {"later": "1"}, follow_redirects=True)
        assert "Nothing was changed" in text(page), step
        assert "The draft is saved" not in text(page)
        assert drafts.get(draft).state == "scheduled", step
    assert len(log.lines(draft)) == before
    page = client.post(
        f"/campaigns/{draft}/audience", data=steps["audience"] | {"name": "Spring"}, follow_redirects=True
    )
    assert "it is a draft again" in text(page)
    assert drafts.get(draft).state == "draft"


def test_a_change_is_one_on_both_databases_and_the_same_again_is_none(rt):
    campaign_id = kit.campaign(rt, at="2099-07-01T10:00+08:00", options={"rate": "50/s"})
    launch.launch(rt, campaign_id, "ann")
    campaign = drafts.get(campaign_id)
    same = {
        "name": campaign.name, "segment_id": campaign.segment_id, "account_id": campaign.account_id,
        "templates": [(arm.template_id, arm.weight) for arm in drafts.variants(campaign_id)],
        "at": "2099-07-01T10:00+08:00", "options": {"rate": "50/s"}, "holdout_bp": 0,
    }  # fmt: skip
    assert drafts.edit(rt, campaign_id, "ben", **same) == ""
    assert drafts.get(campaign_id).state == "scheduled"
    assert drafts.texts(drafts.get(campaign_id))
    weight = [(arm.template_id, 2) for arm in drafts.variants(campaign_id)]
    assert drafts.edit(rt, campaign_id, "ben", templates=weight) == "scheduled"
    assert drafts.get(campaign_id).state == "draft"
    assert drafts.edit(rt, campaign_id, "ben") == "draft"
    assert checking.run(rt, campaign_id)


@pytest.mark.parametrize("at", ["2020-01-01T10:00", "2020-01-01T10:00+08:00"])
def test_a_start_long_past_is_refused(rt, at):
    with pytest.raises(Refusal, match="past") as refused:
        kit.campaign(rt, at=at)
    assert refused.value.field == "at"
    just_now = clock.from_ms(clock.now_ms() - clock.MINUTE_MS).isoformat()
    assert drafts.get(kit.campaign(rt, name="now", at=just_now)).send_at


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00+08:00", "9999-12-31T23:59-08:00", "0001-01-01T00:00", "9999-12-31T23:59"]
)
def test_a_year_nobody_plans_in_is_one_sentence(rt_sqlite, cli_sqlite, at):
    with pytest.raises(Refusal, match="out of reach"):
        kit.campaign(rt_sqlite, at=at)
    kit.segment("all")
    given = ("--segment", "all", "--template", "text of Winter", "--account", "account of Winter")
    answer = cli_sqlite("campaign", "add", "x", *given, "--at", at)
    assert answer.exit_code != 0
    assert "out of reach" in answer.output
    assert not isinstance(answer.exception, OverflowError)


@pytest.mark.parametrize("field", ["at", "until"])
@pytest.mark.parametrize("wall", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_the_time_step_says_so_beside_the_field(client, shop, draft, field, wall):
    data = {"when": "later", "at": "2099-07-01T10:00", "zone": "America/New_York", field: wall}
    answer = client.post(f"/campaigns/{draft}/time", data=data)
    assert answer.status_code == 422
    assert "out of reach" in text(answer)
    assert drafts.get(draft).send_at is None
