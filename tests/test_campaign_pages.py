"""Pages of campaigns before the launch: the steps, and a second pair of eyes."""

import json
from datetime import datetime, timedelta

import pytest

from core import clock
from core.content import templates
from core.contract.errors import Refusal
from core.db import database, settings
from core.sending import approval, checking, drafts, dryrun, expand
from tests import campaign_kit as kit
from tests import campaign_shop
from tests.campaign_shop import HX, text


@pytest.fixture
def shop(rt_sqlite):
    return campaign_shop.shop(rt_sqlite)


@pytest.fixture
def draft(shop):
    return campaign_shop.draft(shop)


# --- the steps ----------------------------------------------------------------------------------------


def test_the_whole_way_through_the_steps(shop, client):
    answer = client.post(
        "/campaigns/new", data={"name": "Winter", "segment": shop["segment"], "holdout": "10"}
    )
    assert answer.status_code == 303
    campaign_id = int(answer.location.split("/")[2])
    assert answer.location.endswith("/content")
    chosen = {
        "template": [shop["first"], shop["second"]],
        f"weight-{shop['first']}": "3",
        "account": shop["account"],
    }
    answer = client.post(f"/campaigns/{campaign_id}/content", data=chosen)
    assert answer.location.endswith("/checks")
    checks = text(client.get(f"/campaigns/{campaign_id}/checks"))
    assert "Without consent" in checks
    answer = client.post(
        f"/campaigns/{campaign_id}/time",
        data={"when": "now", "zone": "Asia/Shanghai", "rate": "50", "quiet_hours": ""},
    )
    assert answer.location.endswith("/confirm")
    campaign = drafts.get(campaign_id)
    assert json.loads(campaign.options) == {"quiet_hours": "off", "rate": 50.0}
    assert campaign.holdout_bp == 1000
    assert [arm.weight for arm in drafts.variants(campaign_id)] == [3, 1]
    report = dryrun.run(shop["rt"], campaign_id)
    page = text(client.get(f"/campaigns/{campaign_id}/confirm"))
    assert f"Text {report.messages} people now" in page
    assert "【可乐店】尊敬的" in page or "【可乐店】王芳" in page
    seen = campaign_shop.seen(shop, campaign_id)
    answer = client.post(f"/campaigns/{campaign_id}/launch", data={"key": "abc"} | seen)
    assert answer.location.endswith(f"/campaigns/{campaign_id}")
    expand.run(shop["rt"], campaign_id)
    counts = kit.states(campaign_id)
    # Of so few people chance may keep nobody aside.
    assert (counts["ready"], counts["skipped"]) == (report.messages, 5)
    assert counts.get("holdout", 0) == report.holdout


def test_the_last_page_says_the_end_and_that_a_pace_is_assumed(shop, client, draft):
    end = clock.now_ms() + 10 * clock.DAY_MS
    drafts.edit(shop["rt"], draft, "ann@example.com", not_after=end)
    checking.run(shop["rt"], draft)
    page = text(client.get(f"/campaigns/{draft}/confirm"))
    assert "Nothing after" in page and "100 a second, assumed" in page
    drafts.edit(shop["rt"], draft, "ann@example.com", options={"rate": "50/s"})
    checking.run(shop["rt"], draft)
    page = text(client.get(f"/campaigns/{draft}/confirm"))
    assert "50 a second" in page and "assumed" not in page


def test_only_what_may_stay_empty_is_called_optional(client, draft):
    page = text(client.get(f"/campaigns/{draft}/time"))
    for label, optional in (("Day and time", False), ("Nothing after", True)):
        assert ("optional" in page.split(f">{label}")[1].split("</label>")[0]) is optional


def test_the_approval_and_the_log_say_which_people_they_count(shop, client, draft):
    settings.put(approval.RECIPIENTS_KEY, 50)
    drafts.edit(shop["rt"], draft, "ann@example.com", holdout_bp=5000)
    checking.run(shop["rt"], draft)
    page = text(client.get(f"/campaigns/{draft}/confirm"))
    assert "55 people may be texted, those kept aside included; above 50" in page
    settings.put(approval.RECIPIENTS_KEY, 10_000)
    kit.launched(shop["rt"], draft)
    assert "55 who may be texted, with those kept aside" in text(client.get(f"/campaigns/{draft}"))


def test_a_step_with_errors_keeps_what_was_typed_and_says_what_is_wrong(shop, client, draft):
    answer = client.post("/campaigns/new", data={"name": "", "segment": shop["segment"], "holdout": "120"})
    assert answer.status_code == 422
    assert 'value="120"' in text(answer)
    answer = client.post(f"/campaigns/{draft}/content", data={"account": shop["account"]})
    assert answer.status_code == 422
    assert "Choose at least one text." in text(answer)
    past = (datetime.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    answer = client.post(
        f"/campaigns/{draft}/time", data={"when": "later", "at": past, "zone": "UTC", "quiet_hours": "y"}
    )
    assert answer.status_code == 422
    assert "That time has passed" in text(answer)
    answer = client.post(
        f"/campaigns/{draft}/time", data={"when": "later", "at": "", "zone": "UTC", "quiet_hours": "y"}
    )
    assert "Choose the day and time" in text(answer)
    answer = client.post(
        f"/campaigns/{draft}/time", data={"when": "now", "zone": "Mars/Base", "quiet_hours": "y"}
    )
    assert "not an IANA time zone" in text(answer)


def test_a_start_is_kept_as_wall_time_in_its_zone(client, draft):
    given = {"when": "later", "at": "2099-07-01T10:00", "zone": "Asia/Shanghai", "quiet_hours": "y"}
    assert client.post(f"/campaigns/{draft}/time", data=given).status_code == 303
    campaign = drafts.get(draft)
    assert clock.from_ms(campaign.send_at).isoformat() == "2099-07-01T02:00:00+00:00"
    assert 'value="2099-07-01T10:00"' in text(client.get(f"/campaigns/{draft}/time"))
    assert "Schedule for" in text(client.get(f"/campaigns/{draft}/confirm"))


def test_only_admins_may_switch_quiet_hours_off(draft, login):
    drafts_before = json.loads(drafts.get(draft).options)
    assert drafts_before == {"quiet_hours": "off"}
    drafts.edit(None, draft, "x", options={"quiet_hours": "on"})
    login("marketer").post(f"/campaigns/{draft}/time", data={"when": "now", "zone": "UTC"})
    assert json.loads(drafts.get(draft).options)["quiet_hours"] == "on"
    login("admin").post(f"/campaigns/{draft}/time", data={"when": "now", "zone": "UTC"})
    assert json.loads(drafts.get(draft).options)["quiet_hours"] == "off"
    assert (
        database.scalar(
            "SELECT COUNT(*) FROM audit WHERE action = 'campaign.quiet_hours' AND who LIKE 'admin%'"
        )
        == 1
    )


def test_saving_for_later_leads_to_the_list(shop, client, draft):
    data = {"name": "Later", "segment": shop["segment"], "holdout": "0", "later": "1"}
    answer = client.post(f"/campaigns/{draft}/audience", data=data)
    assert answer.location == "/campaigns"
    assert "The draft is saved." in text(client.get("/campaigns"))


def test_the_reach_beside_the_choice_is_a_fragment(shop, client):
    answer = client.get(f"/campaigns/reach?segment={shop['segment']}", headers=HX)
    assert "<html" not in text(answer)
    assert "55" in text(answer)
    assert "HX-Request" in answer.headers["Vary"]
    assert client.get("/campaigns/reach?segment=999", headers=HX).status_code == 200


def test_a_big_check_runs_as_a_job_and_the_page_follows_it(shop, client, draft, monkeypatch):
    monkeypatch.setattr(checking, "INLINE", 10)
    client.post(f"/campaigns/{draft}/checks")
    page = text(client.get(f"/campaigns/{draft}/confirm"))
    assert 'hx-trigger="every 2s"' in page
    assert "now</button>" not in page
    checking.job(shop["rt"], draft)
    polled = client.get(f"/campaigns/{draft}/confirm", headers=HX)
    assert polled.headers["HX-Redirect"] == f"/campaigns/{draft}/confirm"
    assert "people now" in text(client.get(f"/campaigns/{draft}/confirm"))


def test_a_finding_leads_to_the_text_that_is_to_be_mended(shop, client, draft):
    client.post(f"/campaigns/{draft}/checks")
    assert "Mend the text" not in text(client.get(f"/campaigns/{draft}/checks"))
    templates.edit(
        shop["rt"], shop["first"], "author@shop.example", bodies={"zh": "【可乐店】本周日全场八折"}
    )
    client.post(f"/campaigns/{draft}/checks")
    for step in ("checks", "confirm"):
        page = text(client.get(f"/campaigns/{draft}/{step}"))
        assert f'Mend the text, then come back: <a href="/templates/{shop["first"]}">first</a>' in page


def test_a_text_mended_on_its_own_page_is_checked_when_somebody_comes_back(shop, login, client, draft):
    client.post(f"/campaigns/{draft}/checks")
    templates.edit(
        shop["rt"], shop["first"], "author@shop.example", bodies={"zh": "【可乐店】全场八折。拒收请回复R"}
    )
    for step in ("checks", "confirm"):
        page = text(client.get(f"/campaigns/{draft}/{step}"))
        assert f'hx-post="/campaigns/{draft}/checks" hx-trigger="load"' in page
    asked = client.post(f"/campaigns/{draft}/checks", data={"back": "confirm"}, headers=HX)
    assert asked.headers["HX-Redirect"] == f"/campaigns/{draft}/confirm"
    assert "people now" in text(client.get(f"/campaigns/{draft}/confirm"))
    # Who may not edit is told, and asks for nothing.
    templates.edit(
        shop["rt"], shop["first"], "author@shop.example", bodies={"zh": "【可乐店】周日见。拒收请回复R"}
    )
    seen = text(login("viewer").get(f"/campaigns/{draft}/checks"))
    assert "Nothing was checked since the last change." in seen
    assert 'hx-trigger="load"' not in seen


def test_a_check_that_is_refused_is_not_asked_for_again_and_again(shop, client, draft, monkeypatch):
    def refuse(*_args):
        raise Refusal("The rule of its segment is broken.")

    templates.edit(
        shop["rt"], shop["first"], "author@shop.example", bodies={"zh": "【可乐店】周日见。拒收请回复R"}
    )
    monkeypatch.setattr(checking, "check", refuse)
    asked = client.post(f"/campaigns/{draft}/checks", headers=HX)
    assert asked.headers["HX-Redirect"] == f"/campaigns/{draft}/checks?refused=1"
    page = text(client.get(asked.headers["HX-Redirect"]))
    assert "The rule of its segment is broken." in page
    assert 'hx-trigger="load"' not in page


def test_nothing_is_written_by_looking(shop, client, draft):
    tables = ("campaign", "campaign_check", "campaign_log", "audit", "message")
    before = [database.query(f"SELECT * FROM {table}") for table in tables]
    for step in ("audience", "content", "checks", "time", "confirm"):
        assert client.get(f"/campaigns/{draft}/{step}").status_code == 200
    assert client.get(f"/campaigns/{draft}").status_code == 303
    assert before == [database.query(f"SELECT * FROM {table}") for table in tables]


def test_the_steps_close_with_the_launch(shop, client, draft):
    kit.launched(shop["rt"], draft)
    for step in ("audience", "content", "checks", "time", "confirm"):
        assert client.get(f"/campaigns/{draft}/{step}").status_code == 409


# --- four eyes ----------------------------------------------------------------------------------------


def test_approval_is_asked_given_and_needed(shop, login, draft):
    settings.put(approval.RECIPIENTS_KEY, 10)
    marketer, approver = login("marketer"), login("approver")
    marketer.post(f"/campaigns/{draft}/checks")
    assert "Ask for approval" in text(marketer.get(f"/campaigns/{draft}/confirm"))
    seen = campaign_shop.seen(shop, draft)
    marketer.post(f"/campaigns/{draft}/launch", data=seen)
    assert drafts.get(draft).state == "draft"
    marketer.post(f"/campaigns/{draft}/ask")
    assert drafts.get(draft).state == "approval"
    assert marketer.post(f"/campaigns/{draft}/approve", data=seen).status_code == 403
    assert "Approve" in text(approver.get(f"/campaigns/{draft}/confirm"))
    approver.post(f"/campaigns/{draft}/approve", data=seen)
    assert "Approved by approver@shop.example" in text(marketer.get(f"/campaigns/{draft}/confirm"))
    marketer.post(f"/campaigns/{draft}/launch", data=seen)
    assert drafts.get(draft).state == "expanding"


def test_a_declined_campaign_shows_the_note(shop, login, draft):
    settings.put(approval.RECIPIENTS_KEY, 10)
    approval.ask(shop["rt"], draft, "author@shop.example")
    login("approver").post(f"/campaigns/{draft}/decline", data={"note": "wrong week"})
    assert drafts.get(draft).state == "draft"
