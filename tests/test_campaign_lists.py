"""The list of campaigns, single messages beside it, and the people of one."""

import re

import pytest

from core import i18n
from core.db.codes import Cls
from core.sending import checking, drafts
from tests import campaign_kit as kit
from tests import campaign_shop
from tests.campaign_shop import HX, text


@pytest.fixture
def shop(rt_sqlite):
    return campaign_shop.shop(rt_sqlite)


@pytest.fixture
def draft(shop):
    return campaign_shop.draft(shop)


def test_the_list_searches_filters_and_pages_by_key(shop, client, draft):
    for n in range(35):
        drafts.add(shop["rt"], name=f"Spring {n:02d}", segment_id=shop["segment"])
    first = text(client.get("/campaigns"))
    assert "Spring 34" in first
    assert "Winter" not in first
    assert "before=" in first
    found = text(client.get("/campaigns?q=Winter", headers=HX))
    assert "<html" not in found
    assert "Winter" in found
    assert "Spring" not in found
    kit.launched(shop["rt"], draft)
    assert "Winter" in text(client.get("/campaigns?state=running"))
    assert "Spring" not in text(client.get("/campaigns?state=running"))
    assert "No campaign fits" in text(client.get("/campaigns?q=Autumn"))


def test_the_empty_list_says_what_to_do(client):
    page = text(client.get("/campaigns"))
    assert "A campaign sends one text to one segment" in page
    assert "/campaigns/new" in page


def test_single_messages_are_not_campaigns_of_the_list(shop, client):
    from core.sending import direct

    direct.campaign(Cls.mass)
    assert "direct:" not in text(client.get("/campaigns"))


def test_their_page_offers_nothing_that_is_done_to_campaigns_and_leads_to_messages(shop, client):
    from core.sending import direct

    id_ = direct.campaign(Cls.mass)
    page = text(client.get(f"/campaigns/{id_}"))
    assert "Single messages" in page and f"/messages?campaign={id_}" in page and "direct:" not in page
    # They belong to Messages, and have no end: the state of a campaign says nothing of them.
    assert re.search(r'href="/messages" class="on"', page)
    assert "sending" not in page
    for act in ("pause", "resume", "cancel", "duplicate"):
        assert f"/campaigns/{id_}/{act}" not in page
    for path in ("people", "result"):
        answer = client.get(f"/campaigns/{id_}/{path}?state=rejected&reason=cap")
        assert answer.status_code == 303 and f"/messages?campaign={id_}" in answer.location
    assert (
        "state=rejected&code=cap" in client.get(f"/campaigns/{id_}/people?state=rejected&reason=cap").location
    )


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
def test_nobody_stops_single_messages_as_if_they_were_a_campaign(shop, client, act):
    from core.sending import direct

    id_ = direct.campaign(Cls.otp)
    answer = client.post(f"/campaigns/{id_}/{act}", data={"confirm": "direct:otp"})
    assert answer.status_code == 404 and "carries single messages" in text(answer)
    assert drafts.get(id_).state == "running"


def test_people_are_filtered_by_state_and_reason_and_paged_by_key(shop, client, draft):
    kit.launched(shop["rt"], draft)
    everyone = text(client.get(f"/campaigns/{draft}/people"))
    assert everyone.count("Details") == 50
    assert "after=" not in everyone
    older = everyone.split("before=")[1].split('"')[0]
    second = text(client.get(f"/campaigns/{draft}/people?before={older}", headers=HX))
    assert second.count("Details") == 10
    back = second.split("after=")[1].split('"')[0]
    assert text(client.get(f"/campaigns/{draft}/people?after={back}", headers=HX)).count("Details") == 50
    skipped = text(client.get(f"/campaigns/{draft}/people?state=skipped"))
    assert skipped.count("Details") == 5
    assert "Without consent 5" in skipped
    assert text(client.get(f"/campaigns/{draft}/people?state=skipped&reason=landline")).count("Details") == 0
    assert client.get(f"/campaigns/{draft}/people?state=lost").status_code == 400
    assert "+8613800000" not in everyone.replace("+86138****", "")


def test_drafts_are_copied_and_deleted(shop, login, draft):
    marketer = login("marketer")
    answer = marketer.post(f"/campaigns/{draft}/duplicate")
    copy = int(answer.location.split("/")[2])
    assert drafts.get(copy).name == "Winter (2)"
    assert login("viewer").post(f"/campaigns/{copy}/delete").status_code == 403
    assert marketer.post(f"/campaigns/{copy}/delete").location == "/campaigns"
    assert marketer.get(f"/campaigns/{copy}").status_code == 404
    kit.launched(shop["rt"], draft)
    marketer.post(f"/campaigns/{draft}/delete")
    assert "only drafts" in text(marketer.get("/campaigns"))


@pytest.mark.parametrize(
    "path", ["", "/new", "/{id}/audience", "/{id}/content", "/{id}/checks", "/{id}/time", "/{id}/confirm"]
)
def test_every_page_stands_in_chinese(shop, client, draft, path):
    checking.check(shop["rt"], draft)
    # The client runs in this thread: what a request speaks would stay for the tests after it.
    with i18n.use("en"):
        answer = client.get(f"/campaigns{path.format(id=draft)}", headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 200
    assert "营销活动" in text(answer)


def test_arrived_is_of_what_the_provider_took_and_of_too_few_is_told_as_counts(shop, client):
    from core.db.codes import State
    from tests.measure_kit import campaign, messages, sent

    few, many = campaign("Few"), campaign("Many")
    messages(few, [sent(State.delivered, 1)] * 2 + [sent(State.rejected)] * 5)
    messages(
        many, [sent(State.delivered, 1)] * 30 + [sent(State.accepted)] * 10 + [sent(State.rejected)] * 60
    )
    shown = {
        name: row
        for row in text(client.get("/campaigns")).split("<tr>")
        for name in ("Few", "Many")
        if f">{name}<" in row
    }
    assert "2 / 2" in shown["Few"] and "75.0 %" in shown["Many"]
