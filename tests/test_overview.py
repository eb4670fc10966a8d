"""The Overview tells what happened, what needs someone and what to do first."""

from datetime import UTC

from core import clock
from core.db import database
from core.db.codes import State
from core.db.models import Account
from core.measure import overview
from core.sending import approval, checking
from tests.measure_kit import campaign, kit, messages, sent


def test_an_empty_instance_is_shown_the_way(client):
    page = client.get("/").get_data(as_text=True)
    for words in ("Connect a provider", "Import your contacts", "Write a text", "Nothing waits for you"):
        assert words in page


def test_the_page_speaks_chinese(client):
    page = client.get("/", headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)
    assert "一步步完成第一次营销活动" in page


def test_every_role_sees_it_and_a_stranger_does_not(app, login):
    assert app.test_client().get("/").status_code == 302
    assert login("viewer").get("/").status_code == 200


def test_a_viewer_gets_no_buttons_that_would_refuse(login):
    page = login("viewer").get("/").get_data(as_text=True)
    assert "New campaign" not in page


def test_todays_figures_are_todays_messages(client):
    messages(campaign(), [sent(State.delivered, 1, ago_h=0)] * 3 + [sent(State.delivered, 1, ago_h=50)])
    found = overview.today(UTC, UTC)
    assert found.counts.submitted == 3
    assert '3 <span class="u">messages</span>' in client.get("/").get_data(as_text=True)


def test_whatever_needs_a_person_is_listed(rt, client=None):
    campaign("Stuck", state="paused", reason="the provider refuses our credentials")
    campaign("Waiting", state="approval")
    messages(campaign("Doubtful"), [sent(State.in_doubt, reason="worker_died")] * 2)
    with database.write_tx():
        for name, more in (
            ("halted", {"halted": "bad password"}),
            ("resting", {"open_until": clock.now_ms() + 9_000}),
        ):
            Account.create(name=name, provider="null", settings_enc=b"", token=name, created_at=1, **more)
    kinds = sorted((need.kind, need.name) for need in overview.needs())
    assert kinds == [
        ("account", "halted"),
        ("account", "resting"),
        ("approval", "Waiting"),
        ("in_doubt", "Doubtful"),
        ("paused", "Stuck"),
    ]


def test_an_approval_says_how_many_would_be_texted_once_that_is_known(rt_sqlite, client):
    kit.crowd(rt_sqlite, 40)
    kit.crowd(rt_sqlite, 2, country="US", consent=0)
    campaign_id = kit.campaign(rt_sqlite, name="Two arms")
    approval.ask(rt_sqlite, campaign_id, "ann@example.com")
    page = client.get("/").get_data(as_text=True)
    assert "people" not in page.split("“Two arms” waits")[1].split("Review")[0]
    checking.run(rt_sqlite, campaign_id)
    assert [(need.name, need.n) for need in overview.needs()] == [("Two arms", 40)]
    page = client.get("/").get_data(as_text=True)
    assert "40 people" in page.split("“Two arms” waits")[1].split("Review")[0]


def test_a_handful_of_texts_is_told_as_counts_and_not_as_a_score(rt_sqlite, client):
    account = kit.account(rt_sqlite)
    few = [sent(State.delivered, 1, ago_h=0, account=account)]
    id_ = campaign()
    pages = ("/", "/providers", f"/providers/{account}", f"/campaigns/{id_}/result")

    def shown() -> list[str]:
        return [client.get(path).get_data(as_text=True) for path in pages]

    messages(id_, few * 2)
    for path, page in zip(pages, shown(), strict=True):
        assert "2 / 2" in page and "100.0 %" not in page, path
    messages(id_, few * 30)
    for path, page in zip(pages, shown(), strict=True):
        assert "100.0 %" in page and "2 / 2" not in page, path


def test_beside_a_long_list_stand_the_hours_so_that_no_card_is_stretched_over_nothing(client):
    def order() -> list[int]:
        page = client.get("/").get_data(as_text=True)
        return [page.index(words) for words in ("When texts go out", "Thirty days")]

    for n in range(3):
        campaign(f"Stuck {n}", state="paused", reason="no")
    assert order() == sorted(order(), reverse=True)
    campaign("Stuck again", state="paused", reason="no")
    assert order() == sorted(order())


def test_thirty_days_hold_every_message_of_thirty_days(rt):
    messages(
        campaign(),
        [sent(State.delivered, 1, ago_h=24 * d) for d in (0, 1, 5, 29)]
        + [sent(State.delivered, 1, ago_h=24 * 40)],
    )
    days = overview.days(UTC)
    assert len(days) == 30
    assert sum(counts.delivered for _day, counts in days) == 4
    assert days[-1][1].delivered == 1


def test_people_counts_those_who_may_be_texted(rt):
    from tests.campaign_kit import person

    person(rt, 1)
    person(rt, 2, consent=0)
    person(rt, 3, blocked=15)
    assert overview.people() == (3, 1)


def test_fragments_answer_without_the_page_around_them(client):
    for path in ("/overview/people", "/overview/running"):
        answer = client.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 200 and "<html" not in answer.get_data(as_text=True)
