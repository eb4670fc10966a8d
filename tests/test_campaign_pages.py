"""Pages of campaigns: each act works, refuses the wrong role and method, is harmless twice, and answers
as a page and as a fragment."""

import json
from datetime import datetime, timedelta

import pytest

from core import clock, i18n
from core.content import templates
from core.db import database, settings, tally
from core.db.codes import Cls, State
from core.sending import approval, checking, drafts, dryrun, expand, lifecycle, log, pausing
from core.sending.calls import Call, write
from core.web import live
from tests import campaign_kit as kit

HX = {"HX-Request": "true"}


@pytest.fixture
def shop(rt_sqlite):
    """60 people, 5 of them without consent, a segment, two texts, an account with a price."""
    for n in range(60):
        kit.person(
            rt_sqlite,
            n,
            name=f"王芳{n}" if n % 2 else "欧阳娜娜",
            language="zh",
            consent=0 if n < 5 else kit.MASS,
        )
    return {
        "segment": kit.segment("Shanghai"),
        "first": kit.template(
            "first", default="zh", zh="【可乐店】{{honorific}}，本周日全场八折。拒收请回复R"
        ),
        "second": kit.template("second", default="zh", zh="【可乐店】{{name}}，周末见。拒收请回复R"),
        "account": kit.account(rt_sqlite, "Route A", price=45_000),
        "rt": rt_sqlite,
    }


@pytest.fixture
def draft(shop):
    return kit.campaign(
        shop["rt"], who="author@shop.example", segment_id=shop["segment"], account_id=shop["account"],
        templates=[(shop["first"], 1)],
    )  # fmt: skip


def text(answer) -> str:
    return answer.get_data(as_text=True)


def launched(rt, campaign_id: int) -> None:
    kit.launched(rt, campaign_id)


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
    answer = client.post(f"/campaigns/{campaign_id}/launch", data={"key": "abc"})
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
    launched(shop["rt"], draft)
    assert "audience 55, with those kept aside" in text(client.get(f"/campaigns/{draft}"))


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


def test_nothing_is_written_by_looking(shop, client, draft):
    tables = ("campaign", "campaign_check", "campaign_log", "audit", "message")
    before = [database.query(f"SELECT * FROM {table}") for table in tables]
    for step in ("audience", "content", "checks", "time", "confirm"):
        assert client.get(f"/campaigns/{draft}/{step}").status_code == 200
    assert client.get(f"/campaigns/{draft}").status_code == 303
    assert before == [database.query(f"SELECT * FROM {table}") for table in tables]


def test_the_steps_close_with_the_launch(shop, client, draft):
    launched(shop["rt"], draft)
    for step in ("audience", "content", "checks", "time", "confirm"):
        assert client.get(f"/campaigns/{draft}/{step}").status_code == 409


# --- four eyes ----------------------------------------------------------------------------------------


def test_approval_is_asked_given_and_needed(shop, login, draft):
    settings.put(approval.RECIPIENTS_KEY, 10)
    marketer, approver = login("marketer"), login("approver")
    marketer.post(f"/campaigns/{draft}/checks")
    assert "Ask for approval" in text(marketer.get(f"/campaigns/{draft}/confirm"))
    marketer.post(f"/campaigns/{draft}/launch")
    assert drafts.get(draft).state == "draft"
    marketer.post(f"/campaigns/{draft}/ask")
    assert drafts.get(draft).state == "approval"
    assert marketer.post(f"/campaigns/{draft}/approve").status_code == 403
    assert "Approve" in text(approver.get(f"/campaigns/{draft}/confirm"))
    approver.post(f"/campaigns/{draft}/approve")
    assert "Approved by approver@shop.example" in text(marketer.get(f"/campaigns/{draft}/confirm"))
    marketer.post(f"/campaigns/{draft}/launch")
    assert drafts.get(draft).state == "expanding"


def test_a_declined_campaign_shows_the_note(shop, login, draft):
    settings.put(approval.RECIPIENTS_KEY, 10)
    approval.ask(shop["rt"], draft, "author@shop.example")
    login("approver").post(f"/campaigns/{draft}/decline", data={"note": "wrong week"})
    assert drafts.get(draft).state == "draft"


# --- at work ------------------------------------------------------------------------------------------


def test_the_live_page_and_its_fragment(shop, client, draft):
    launched(shop["rt"], draft)
    page = client.get(f"/campaigns/{draft}")
    assert "<html" in text(page)
    assert 'hx-trigger="every 2s"' in text(page)
    fragment = client.get(f"/campaigns/{draft}", headers=HX)
    assert "<html" not in text(fragment)
    assert 'id="live"' in text(fragment)
    assert "55" in text(fragment)
    lifecycle.cancel(shop["rt"], draft)
    assert 'hx-trigger="every 2s"' not in text(client.get(f"/campaigns/{draft}"))


def test_a_finished_campaign_is_followed_while_receipts_come_and_leads_to_its_result(shop, client, draft):
    launched(shop["rt"], draft)
    with database.write_tx():
        for state in (State.claimed, State.submitting, State.accepted):
            database.execute(
                "UPDATE message SET state = ? WHERE campaign_id = ? AND state <> ?",
                (state.value, draft, State.skipped.value),
            )
        database.execute(
            "UPDATE tally SET state = ? WHERE campaign_id = ? AND state = ?",
            (State.accepted.value, draft, State.ready.value),
        )
    assert lifecycle.finish(shop["rt"], draft)
    page = text(client.get(f"/campaigns/{draft}"))
    assert 'hx-trigger="every 10s"' in page and "See the result" in page
    with database.write_tx():
        database.execute("UPDATE campaign SET finished_at = 1 WHERE id = ?", (draft,))
    assert "hx-trigger" not in text(client.get(f"/campaigns/{draft}", headers=HX))


def test_a_paused_campaign_is_followed_slowly(shop, client, draft):
    launched(shop["rt"], draft)
    lifecycle.pause(shop["rt"], draft, "Lunch")
    assert 'hx-trigger="every 10s"' in text(client.get(f"/campaigns/{draft}", headers=HX))


def called(campaign_id: int, ended_s: float, accepted: int, wire_ms: int = 0, unknown: int = 0) -> None:
    """A window that ended so many seconds ago."""
    at = clock.now_ms() - round(ended_s * 1000) - wire_ms
    call = Call(1, campaign_id, "send", at, wire_ms, accepted + unknown, accepted, unknown=unknown)
    with database.write_tx():
        write([call])


def test_the_speed_is_that_of_the_last_minute(shop, client, draft):
    launched(shop["rt"], draft)
    with database.write_tx():
        database.execute("UPDATE campaign SET started_at = ?", (clock.now_ms() - clock.HOUR_MS,))
    called(draft, 300, 50_000)
    assert "a second" not in text(client.get(f"/campaigns/{draft}"))
    called(draft, 5, 600, wire_ms=30_000)
    called(draft, 50, 0, unknown=900)
    assert live.state(shop["rt"], drafts.get(draft)).per_s == pytest.approx(10, rel=0.05)


def test_the_speed_begins_anew_when_it_goes_on(shop, draft):
    launched(shop["rt"], draft)
    called(draft, 30, 600)
    lifecycle.pause(shop["rt"], draft, "Lunch")
    lifecycle.resume(shop["rt"], draft)
    with database.write_tx():
        database.execute("UPDATE campaign SET started_at = ?", (clock.now_ms() - clock.HOUR_MS,))
        database.execute("UPDATE campaign_log SET at = at - 10000 WHERE what = 'resumed'")
    assert live.state(shop["rt"], drafts.get(draft)).per_s is None
    called(draft, 5, 100)
    assert live.state(shop["rt"], drafts.get(draft)).per_s == pytest.approx(10, rel=0.1)


def test_the_page_says_that_its_account_rests_until_when_and_why(shop, client, draft):
    launched(shop["rt"], draft)
    assert "rests until" not in text(client.get(f"/campaigns/{draft}", headers=HX))
    until = clock.now_ms() + 30_000
    with database.write_tx():
        database.execute(
            "UPDATE account SET failures = 9, open_until = ?, last_error = ? WHERE id = ?",
            (until, "No complete answer came: Empty reply from server.", shop["account"]),
        )
    page = text(client.get(f"/campaigns/{draft}", headers=HX))
    assert "“Route A” fails and rests until" in page
    assert "Last error: No complete answer came: Empty reply from server." in page
    assert "None so far" not in page
    chinese = text(client.get(f"/campaigns/{draft}", headers=HX | {"Accept-Language": "zh-CN"}))
    assert "没有收到完整的应答：Empty reply from server" in chinese


def test_reasons_of_the_machine_are_told_in_the_language_of_the_reader(shop, client, draft):
    launched(shop["rt"], draft)
    why = pausing.say("rejected", n=20, why="bad.")
    assert why == "20 messages in a row were rejected: bad."
    for stored, shown in [
        (why, "连续 20 条短信被拒：bad。"),
        (pausing.say("down", name="A", minutes=15, why="No complete answer came: x."), "A”已有 15 分钟"),
        (pausing.say("halted", name="A", why="wrong key"), "账户“A”已停止：wrong key。"),
        (
            pausing.say("words_of", n=9, text="B (Promo)", codes="codes 7, 8"),
            "文案 B (Promo) 的 9 条短信（代码 7, 8）",
        ),
        ("Somebody's own words.", "Somebody&#39;s own words."),
    ]:
        lifecycle.pause(shop["rt"], draft, stored)
        page = text(client.get(f"/campaigns/{draft}", headers={"Accept-Language": "zh-CN"}))
        assert page.count(shown) == 2, "the notice and the log"
        assert stored in text(client.get(f"/campaigns/{draft}")) or "own" in stored
        lifecycle.resume(shop["rt"], draft)


def test_the_log_says_in_words_what_was_changed(shop, client, draft):
    drafts.edit(shop["rt"], draft, "author@shop.example", holdout_bp=500, budget_micros=1_000_000)
    launched(shop["rt"], draft)
    log = text(client.get(f"/campaigns/{draft}"))
    assert "budget, people kept aside" in log
    assert "budget_micros" not in log and "holdout_bp" not in log


def test_the_only_text_is_chosen_already(shop, client):
    with database.write_tx():
        database.execute("UPDATE template SET archived = ? WHERE id = ?", (True, shop["second"]))
    made = client.post(
        "/campaigns/new", data={"name": "Winter", "segment": shop["segment"], "holdout": "0"}
    ).location
    assert f'value="{shop["first"]}" id="t{shop["first"]}" checked' in text(client.get(made))


ACTS = [
    ("pause", {}, "running", "paused", "nothing to pause"),
    ("resume", {}, "paused", "running", "It is not paused"),
    ("cancel", {"confirm": "Winter"}, "running", "cancelled", "is cancelled"),
]


@pytest.mark.parametrize(("act", "data", "before", "after", "twice"), ACTS)
def test_acts_work_refuse_and_are_harmless_twice(shop, login, draft, act, data, before, after, twice):
    launched(shop["rt"], draft)
    if before == "paused":
        lifecycle.pause(shop["rt"], draft, "wait")
    url = f"/campaigns/{draft}/{act}"
    assert login("viewer").post(url, data=data).status_code == 403
    marketer = login("marketer")
    assert marketer.get(url).status_code == 405
    assert drafts.get(draft).state == before
    answer = marketer.post(url, data=data)
    assert (answer.status_code, answer.location) == (303, f"/campaigns/{draft}")
    assert drafts.get(draft).state == after
    marketer.post(url, data=data)
    assert drafts.get(draft).state == after
    assert twice in text(marketer.get(f"/campaigns/{draft}"))
    hx = marketer.post(url, data=data, headers=HX)
    assert hx.headers["HX-Redirect"] == f"/campaigns/{draft}"
    assert marketer.post(f"/campaigns/999/{act}", data=data).status_code == 404


def test_a_cancel_tells_no_number_that_workers_still_change(shop, client, draft):
    """Some are claimed and come back only later, so nobody knows yet how many will not be sent."""
    launched(shop["rt"], draft)
    client.post(f"/campaigns/{draft}/cancel", data={"confirm": "Winter"})
    assert "Cancelled. What has not left will not be sent." in text(client.get(f"/campaigns/{draft}"))
    assert [what for _at, _who, what, _detail in log.lines(draft)][0] == "cancelled"


def test_a_cancel_without_the_name_typed_is_refused(shop, client, draft):
    launched(shop["rt"], draft)
    client.post(f"/campaigns/{draft}/cancel", data={"confirm": "Summer"})
    assert drafts.get(draft).state == "running"


def test_a_scheduled_campaign_can_be_taken_back(shop, client, draft):
    drafts.edit(shop["rt"], draft, "author", at="2099-07-01T10:00")
    client.post(f"/campaigns/{draft}/launch")
    assert drafts.get(draft).state == "scheduled"
    assert "Change it" in text(client.get(f"/campaigns/{draft}"))
    client.post(f"/campaigns/{draft}/reschedule")
    assert drafts.get(draft).state == "draft"


def test_a_reason_of_a_stranger_stays_text(shop, client, draft):
    launched(shop["rt"], draft)
    lifecycle.pause(shop["rt"], draft, '<img src=x onerror="alert(1)">')
    page = text(client.get(f"/campaigns/{draft}"))
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def in_doubt(campaign_id: int, n: int) -> None:
    """Take n messages the way to the wire and leave them there without an answer."""
    with database.write_tx():
        rows = database.query(
            "SELECT id FROM message WHERE campaign_id = ? AND state = 0 LIMIT ?", (campaign_id, n)
        )
        for state in (State.claimed, State.submitting, State.in_doubt):
            database.executemany(
                f"UPDATE message SET state = {state.value}, reason = 'no_answer' WHERE id = ?", rows
            )
        deltas = tally.Deltas()
        deltas.add((campaign_id, 0, 0, 0, State.ready), -n)
        deltas.add((campaign_id, 0, 0, 0, State.in_doubt), n)
        tally.move(deltas)


def test_messages_in_doubt_are_shown_and_settled_by_a_person(shop, client, draft):
    launched(shop["rt"], draft)
    in_doubt(draft, 3)
    page = text(client.get(f"/campaigns/{draft}", headers=HX))
    assert "The provider gave no answer" in page, "it comes with what the page asks for anew"
    assert "Whoever got the first one gets it twice" in page
    client.post(f"/campaigns/{draft}/doubt", data={"reason": "no_answer", "answer": "not_sent"})
    counts = kit.states(draft)
    assert counts["rejected"] == 3
    assert counts.get("in_doubt", 0) == 0
    client.post(f"/campaigns/{draft}/doubt", data={"reason": "no_answer", "answer": "maybe"})
    assert "is not one of" in text(client.get(f"/campaigns/{draft}"))


# --- list and people ----------------------------------------------------------------------------------


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
    launched(shop["rt"], draft)
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
    launched(shop["rt"], draft)
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
    launched(shop["rt"], draft)
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
