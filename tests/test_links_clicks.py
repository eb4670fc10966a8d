"""A link is followed: answered, taken down, counted, and told as an event."""

from __future__ import annotations

import pytest

from core import clock
from core.audience import events
from core.contract.types import Scope
from core.db import database
from core.measure import clicks, report, stats
from core.sending import links
from core.sending.clicks import journal, judge
from tests import campaign_kit as kit
from tests.click_kit import IPHONE, SHOP, Sent, clicked, fold, told


@pytest.fixture
def sent(rt, monkeypatch):
    return Sent(rt, monkeypatch)


@pytest.fixture
def sent_sqlite(rt_sqlite, monkeypatch):
    return Sent(rt_sqlite, monkeypatch)


def test_a_tap_leads_to_the_target_unchanged(sent):
    status, headers = sent.click()
    assert (status, headers["Location"]) == ("302 Found", SHOP)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert sent.click(link=1)[1]["Location"] == "http://b.example/x"


def test_a_tap_is_on_disk_before_it_is_answered(sent_sqlite):
    sent_sqlite.click()
    (file,) = journal.files(sent_sqlite.folder())
    (line,) = journal.unpacked(file.read_bytes())
    assert (line.campaign_id, line.kind, line.agent) == (sent_sqlite.campaign, 0, IPHONE)
    assert str(line.contact_id) and b"10." not in file.read_bytes()


def test_a_tap_becomes_a_row_a_person_and_an_event(sent):
    sent.click(person=2)
    assert sent.judged() == ["human"]
    row = database.one("SELECT message_id, contact_id, campaign_id, at, net <> 0 FROM click")
    assert row[2] == sent.campaign and bool(row[4])
    assert told() == [(row[1], row[0])]
    assert clicked() == fold() != []
    assert judge.run(sent.rt) == 0
    assert database.scalar("SELECT n FROM event_stat WHERE type = 7") == 1


def test_before_ten_seconds_nothing_is_said(sent):
    sent.click()
    sent.store()
    sent.clock.on(5)
    assert judge.run(sent.rt) == 0
    assert clicked() == told() == []


def test_unknown_and_expired_links_get_the_same_answer(rt_sqlite, monkeypatch):
    from core.web.application import make_app

    sent = Sent(rt_sqlite, monkeypatch)
    web = make_app(rt_sqlite).test_client()
    good = sent.urls()[0].removeprefix("http://127.0.0.1:8000")
    assert web.get(good).headers["Location"] == SHOP
    unknown = [web.get(path) for path in ("/l/aaaaaaaaaaa", "/l/", "/l/x/y", good[:-1])]
    sent.clock.on(181 * 86_400)
    expired = web.get(good)
    answers = {(a.status_code, a.data, str(sorted(a.headers.items()))) for a in [*unknown, expired]}
    assert len(answers) == 1
    assert expired.status_code == 404
    assert b"This link does not work" in expired.data
    assert "这个链接打不开".encode() in web.get("/l/aaaaaaaaaaa", headers={"Accept-Language": "zh-CN"}).data
    assert "Set-Cookie" not in expired.headers


def test_whoever_guesses_on_is_told_to_wait(rt_sqlite, monkeypatch):
    sent = Sent(rt_sqlite, monkeypatch, n=2)
    tried = [sent.get("/l/aaaaaaaaaaa", REMOTE_ADDR="192.0.2.7")[0][:3] for _try in range(62)]
    assert tried[59:] == ["404", "429", "429"]
    assert sent.get("/l/aaaaaaaaaaa", REMOTE_ADDR="198.51.100.7")[0].startswith("404")
    assert sent.click(REMOTE_ADDR="192.0.2.7")[0] == "302 Found"


def test_a_link_host_of_its_own_answers_only_links(rt_sqlite, monkeypatch):
    rt_sqlite.settings.link_url = "https://k.la"
    try:
        sent = Sent(rt_sqlite, monkeypatch, n=2)
        code = sent.tape.sent[0].text.split("https://k.la/")[1][:11]
        assert sent.get(f"/{code}", HTTP_HOST="k.la")[1]["Location"] == SHOP
        assert sent.get(f"/l/{code}")[1]["Location"] == SHOP
        assert sent.get("/contacts", HTTP_HOST="k.la")[0].startswith("404")
        assert sent.get(f"/{code}")[0].startswith("404")
    finally:
        rt_sqlite.settings.link_url = ""


def test_service_links_lead_to_their_page_and_are_no_click_on_an_offer(rt, monkeypatch):
    sent = Sent(rt, monkeypatch, body="【Cooee】https://a.example {{optout_link}} STOP 拒收请回复R")
    status, headers = sent.click(link=1)
    code = sent.urls()[0 + 1].rsplit("/", 1)[1]
    assert (status, headers["Location"]) == ("302 Found", f"http://127.0.0.1:8000/u/{code}")
    assert links.person_of(rt, code).kind == "optout"
    assert sent.judged() == ["human"]
    assert told() == []
    assert clicks.people(Scope(campaign_id=sent.campaign)) == 0


def test_the_report_says_people_share_and_what_was_no_person(sent):
    delivered = sent.tape.sent
    with database.write_tx():
        database.execute("UPDATE message SET state = 4 WHERE campaign_id = ?", (sent.campaign,))
        database.execute("UPDATE tally SET state = 4 WHERE campaign_id = ? AND state = 3", (sent.campaign,))
    for person in range(3):
        sent.click(person)
    sent.click(3, HTTP_USER_AGENT="curl/8")
    sent.click(0, link=1)
    sent.judged()
    figure = report.metrics(sent.rt, Scope(campaign_id=sent.campaign))["clicks"]
    assert (figure.numerator, figure.denominator) == (3, len(delivered))
    assert figure.detail == {"automatic": 1}
    assert figure.interval[0] < figure.value < figure.interval[1]
    first, second = clicks.of_links(sent.campaign)
    assert (first.people, first.clicks, first.automatic, first.title) == (
        3,
        3,
        1,
        "shop.example/winter?size=40&colour=blue",
    )
    assert (second.people, second.clicks, second.automatic) == (1, 1, 0)
    assert clicks.people(Scope(campaign_id=sent.campaign, variant=0)) == 3
    assert clicks.people(Scope(campaign_id=sent.campaign, variant=1)) == 0
    assert clicks.people(Scope(campaign_id=sent.campaign, since=clock.now())) == 0


def received(sent, contacts: int) -> None:
    """The first so many of the campaign have a receipt."""
    ids = [row[0] for row in database.query(
        "SELECT id FROM message WHERE campaign_id = ? ORDER BY contact_id LIMIT ?", (sent.campaign, contacts)
    )]  # fmt: skip
    with database.write_tx():
        for id_ in ids:
            database.execute("UPDATE message SET state = 4 WHERE id = ?", (id_,))
        database.execute(
            "UPDATE tally SET n = n - ? WHERE campaign_id = ? AND state = 3", (contacts, sent.campaign)
        )
        database.execute(
            "INSERT INTO tally SELECT campaign_id, variant, account_id, hour, 4, ?, 0, 0, 0, 0 FROM tally "
            "WHERE campaign_id = ? AND state = 3",
            (contacts, sent.campaign),
        )


def test_a_click_proves_that_the_text_arrived_so_no_share_is_above_one(sent):
    received(sent, 2)
    for person in range(6):
        sent.click(person)
    sent.judged()
    figure = report.metrics(sent.rt, Scope(campaign_id=sent.campaign))["clicks"]
    proven = clicks.people(Scope(campaign_id=sent.campaign), proven=True)
    assert figure.numerator == 6 and figure.denominator == 2 + 6 - proven
    assert 0 < figure.value <= 1 and figure.interval == stats.wilson(6, figure.denominator)
    assert figure.detail["without_receipt"] == 6 - proven
    first, second = clicks.of_links(sent.campaign)
    assert (first.share.value, second.share.value) == (figure.value, 0.0)


def test_without_a_receipt_a_click_makes_no_share(sent):
    sent.click()
    sent.judged()
    figure = report.metrics(sent.rt, Scope(campaign_id=sent.campaign))["clicks"]
    assert (figure.value, figure.interval, figure.numerator) == (None, None, 1)


def test_only_those_whose_text_held_a_link_could_follow_one(rt, monkeypatch):
    plain = kit.template("plain", en="【Cooee】Sale. Reply STOP to opt out 拒收请回复R")
    linked = kit.template("linked", en="【Cooee】Sale https://a.example/ Reply STOP to opt out 拒收请回复R")
    sent = Sent(rt, monkeypatch, n=40, templates=[(plain, 1), (linked, 1)])
    with database.write_tx():
        database.execute("UPDATE message SET state = 4 WHERE campaign_id = ?", (sent.campaign,))
        database.execute("UPDATE tally SET state = 4 WHERE campaign_id = ? AND state = 3", (sent.campaign,))
    second = database.scalar(
        "SELECT SUM(n) FROM tally WHERE campaign_id = ? AND variant = 1", (sent.campaign,)
    )
    assert 0 < second < 40
    figure = report.metrics(sent.rt, Scope(campaign_id=sent.campaign))["clicks"]
    assert (figure.numerator, figure.denominator) == (0, second)
    assert "clicks" not in report.metrics(sent.rt, Scope(campaign_id=sent.campaign, variant=0))
    assert (
        report.metrics(sent.rt, Scope(campaign_id=sent.campaign, variant=1))["clicks"].denominator == second
    )


def test_events_of_clicks_stand_in_the_story_of_a_contact(sent):
    sent.click()
    sent.judged()
    ((contact, _message),) = told()
    assert [event.type for event in events.of_contact(contact)] == ["click"]
