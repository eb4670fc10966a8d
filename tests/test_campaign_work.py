"""Pages of campaigns at work: each act works, refuses the wrong role and method, is harmless twice, and answers
as a page and as a fragment."""

import pytest

from core import clock
from core.db import database
from core.db.codes import State
from core.sending import drafts, lifecycle, log, pausing
from core.sending.calls import Call, write
from core.web import live
from tests import campaign_kit as kit
from tests import campaign_shop
from tests.campaign_shop import HX, text


@pytest.fixture
def shop(rt_sqlite):
    return campaign_shop.shop(rt_sqlite)


@pytest.fixture
def draft(shop):
    return campaign_shop.draft(shop)


def test_the_live_page_and_its_fragment(shop, client, draft):
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
    lifecycle.pause(shop["rt"], draft, "Lunch")
    assert 'hx-trigger="every 10s"' in text(client.get(f"/campaigns/{draft}", headers=HX))


def called(campaign_id: int, ended_s: float, accepted: int, wire_ms: int = 0, unknown: int = 0) -> None:
    """A window that ended so many seconds ago."""
    at = clock.now_ms() - round(ended_s * 1000) - wire_ms
    call = Call(1, campaign_id, "send", at, wire_ms, accepted + unknown, accepted, unknown=unknown)
    with database.write_tx():
        write([call])


def test_the_speed_is_that_of_the_last_minute(shop, client, draft):
    kit.launched(shop["rt"], draft)
    with database.write_tx():
        database.execute("UPDATE campaign SET started_at = ?", (clock.now_ms() - clock.HOUR_MS,))
    called(draft, 300, 50_000)
    assert "a second" not in text(client.get(f"/campaigns/{draft}"))
    called(draft, 5, 600, wire_ms=30_000)
    called(draft, 50, 0, unknown=900)
    assert live.state(shop["rt"], drafts.get(draft)).per_s == pytest.approx(10, rel=0.05)


def test_the_speed_begins_anew_when_it_goes_on(shop, draft):
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
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
    kit.launched(shop["rt"], draft)
    client.post(f"/campaigns/{draft}/cancel", data={"confirm": "Winter"})
    assert "Cancelled. What has not left will not be sent." in text(client.get(f"/campaigns/{draft}"))
    assert [what for _at, _who, what, _detail in log.lines(draft)][0] == "cancelled"


def test_a_cancel_without_the_name_typed_is_refused(shop, client, draft):
    kit.launched(shop["rt"], draft)
    client.post(f"/campaigns/{draft}/cancel", data={"confirm": "Summer"})
    assert drafts.get(draft).state == "running"


def test_a_scheduled_campaign_can_be_taken_back(shop, client, draft):
    drafts.edit(shop["rt"], draft, "author", at="2099-07-01T10:00")
    client.post(f"/campaigns/{draft}/launch", data=campaign_shop.seen(shop, draft))
    assert drafts.get(draft).state == "scheduled"
    assert "Change it" in text(client.get(f"/campaigns/{draft}"))
    client.post(f"/campaigns/{draft}/reschedule")
    assert drafts.get(draft).state == "draft"


def test_a_reason_of_a_stranger_stays_text(shop, client, draft):
    kit.launched(shop["rt"], draft)
    lifecycle.pause(shop["rt"], draft, '<img src=x onerror="alert(1)">')
    page = text(client.get(f"/campaigns/{draft}"))
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_messages_in_doubt_are_shown_and_settled_by_a_person(shop, client, draft):
    kit.launched(shop["rt"], draft)
    kit.in_doubt(draft, 3)
    page = text(client.get(f"/campaigns/{draft}", headers=HX))
    assert "The provider gave no answer" in page, "it comes with what the page asks for anew"
    assert "Whoever got the first one gets it twice" in page
    client.post(f"/campaigns/{draft}/doubt", data={"reason": "no_answer", "answer": "not_sent"})
    counts = kit.states(draft)
    assert counts["rejected"] == 3
    assert counts.get("in_doubt", 0) == 0
    client.post(f"/campaigns/{draft}/doubt", data={"reason": "no_answer", "answer": "maybe"})
    assert "is not one of" in text(client.get(f"/campaigns/{draft}"))
