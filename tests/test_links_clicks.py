"""A link is followed: answered, taken down, stored once, judged, and told as an event."""

from __future__ import annotations

import pytest

from core import clock, faults
from core.audience import events
from core.contract.types import Scope
from core.db import database
from core.db.codes import ClickKind
from core.measure import clicks, report
from core.sending import links
from core.sending.clicks import journal, judge, store
from tests.click_kit import DESK, IPHONE, SHOP, Sent


@pytest.fixture
def sent(rt, monkeypatch):
    return Sent(rt, monkeypatch)


@pytest.fixture
def sent_sqlite(rt_sqlite, monkeypatch):
    return Sent(rt_sqlite, monkeypatch)


def fold() -> list[tuple]:
    """What `clicked` must be: the persons' clicks, counted."""
    return database.query(
        "SELECT campaign_id, link_id, contact_id, MIN(at), MAX(at), COUNT(*) FROM click WHERE kind = 0 "
        "GROUP BY campaign_id, link_id, contact_id ORDER BY 1, 2, 3"
    )


def clicked() -> list[tuple]:
    return database.query(
        "SELECT campaign_id, link_id, contact_id, first_at, last_at, n FROM clicked ORDER BY 1, 2, 3"
    )


def counted() -> dict[str, int]:
    rows = database.query("SELECT kind, SUM(n) FROM click_count GROUP BY kind ORDER BY kind")
    return {ClickKind(kind).name: int(n) for kind, n in rows}


def told() -> list[tuple]:
    return database.query(
        "SELECT contact_id, message_id FROM event WHERE type = 7 ORDER BY contact_id, message_id"
    )


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


RULES = [
    ("agent", {"HTTP_USER_AGENT": "facebookexternalhit/1.1 Facebot Twitterbot/1.0"}),
    ("no_agent", {"HTTP_USER_AGENT": ""}),
    ("method", {"REQUEST_METHOD": "HEAD"}),
    ("prefetch", {"HTTP_SEC_PURPOSE": "prefetch;prerender"}),
    ("prefetch", {"HTTP_PURPOSE": "prefetch"}),
    ("human", {"HTTP_SEC_PURPOSE": "something"}),
    ("human", {"HTTP_USER_AGENT": DESK}),
]


@pytest.mark.parametrize(("kind", "environ"), RULES)
def test_what_a_request_says_of_itself_decides(sent_sqlite, kind, environ):
    status, _headers = sent_sqlite.click(**environ)
    assert status == "302 Found"
    assert sent_sqlite.judged() == [kind]
    assert bool(told()) == (kind == "human")


def test_options_is_answered_and_is_no_person(sent_sqlite):
    status, headers = sent_sqlite.click(REQUEST_METHOD="OPTIONS")
    assert (status, headers["Allow"]) == ("204 No Content", "GET, HEAD, OPTIONS")
    assert sent_sqlite.click(REQUEST_METHOD="POST")[0].startswith("405")
    assert sent_sqlite.judged() == ["method"]


def test_nobody_reads_within_two_seconds(sent_sqlite):
    submitted = database.scalar("SELECT MAX(submitted_at) FROM message")
    sent_sqlite.clock.now = submitted + 1_999
    sent_sqlite.click(person=0)
    sent_sqlite.clock.now = submitted + 2_000
    sent_sqlite.click(person=1)
    assert sent_sqlite.judged() == ["early", "human"]


def test_the_same_person_and_link_within_thirty_seconds_is_one_click(sent):
    for seconds in (0, 29, 2):
        sent.clock.on(seconds)
        sent.click()
    sent.click(link=1)
    sent.click(person=1)
    assert sorted(sent.judged()) == ["human", "human", "human", "human", "repeat"]
    sent.clock.on(19)
    sent.click()
    assert sent.judged()[-1] == "human"
    assert clicked() == fold()
    assert counted() == {"human": 5, "repeat": 1}


def test_five_personal_links_from_one_network_are_no_person(sent):
    sent.click(person=11, REMOTE_ADDR="192.0.2.1")
    sent.clock.on(10)
    for person in range(5):
        sent.click(person, REMOTE_ADDR=f"192.0.2.{person + 10}")
        sent.clock.on(2)
    sent.click(person=6, REMOTE_ADDR="192.0.3.1")
    assert sent.judged() == ["human", *["burst_net"] * 5, "human"]
    assert len(told()) == 2
    assert clicked() == fold()


def test_a_burst_is_seen_across_what_was_stored_and_judged_at_different_times(sent):
    for person in range(3):
        sent.click(person, REMOTE_ADDR="192.0.2.1")
    sent.store()
    sent.clock.on(4)
    for person in range(3, 6):
        sent.click(person, REMOTE_ADDR="192.0.2.1")
    sent.store()
    sent.clock.on(7)
    judge.run(sent.rt)
    sent.clock.on(7)
    judge.run(sent.rt)
    assert sent.kinds() == ["burst_net"] * 6
    assert clicked() == []


def test_four_links_or_ten_slow_seconds_are_no_burst(sent_sqlite):
    for person in range(4):
        sent_sqlite.click(person, REMOTE_ADDR="192.0.2.1")
        sent_sqlite.click(person, link=1, REMOTE_ADDR="192.0.2.1")
    sent_sqlite.clock.on(10)
    sent_sqlite.click(5, REMOTE_ADDR="192.0.2.1")
    assert set(sent_sqlite.judged()) == {"human"}


def test_one_program_from_many_networks_is_no_person_but_a_model_of_phone_is_many(sent_sqlite):
    for person in range(6):
        sent_sqlite.click(person, HTTP_USER_AGENT=DESK)
        sent_sqlite.click(person, link=1, HTTP_USER_AGENT=IPHONE)
    assert sorted(sent_sqlite.judged()) == ["burst_agent"] * 6 + ["human"] * 6


def test_networks_are_told_apart_and_kept_as_hashes_only(sent_sqlite):
    from core.sending.clicks.redirect import Redirector

    net = Redirector(sent_sqlite.rt).net
    assert net("192.0.2.1") == net("192.0.2.200") == net("::ffff:192.0.2.9") != net("192.0.3.1")
    assert net("2001:db8:1:1::1") == net("2001:db8:1:ffff::2") != net("2001:db8:2::1")
    assert net("") == net("somebody") == 0
    assert all(0 < net(a) < 1 << 63 for a in ("192.0.2.1", "2001:db8::1"))


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


@pytest.mark.parametrize("point", ["clicks.stored", "clicks.committed", "clicks.told"])
def test_a_crash_between_store_and_judgement_neither_loses_nor_doubles(sent, point):
    for person in range(4):
        sent.click(person)
    faults.arm(f"{point}:raise:1")
    try:
        with pytest.raises(faults.Injected):
            sent.judged()
    finally:
        faults.arm("")
    assert sent.judged() == ["human"] * 4
    assert len(told()) == 4
    assert clicked() == fold()
    assert counted() == {"human": 4}
    assert database.scalar("SELECT n FROM event_day WHERE type = 7") == 4


def test_a_crash_between_removing_a_file_and_its_row_stores_nothing_twice(sent):
    sent.click()
    (path,) = journal.files(sent.folder())
    faults.arm("clicks.removed:raise:1")
    try:
        with pytest.raises(faults.Injected):
            store.Store().file(path, closed=True)
    finally:
        faults.arm("")
    assert not path.exists()
    assert store.leftovers(sent.rt) == 0
    assert sent.judged() == ["human"]


def test_two_at_the_same_file_store_it_once(sent, monkeypatch):
    sent.click()
    (path,) = journal.files(sent.folder())
    first, second = store.Store(), store.Store()
    real = journal.unpacked
    # The second is through while the first has read, but not written yet.
    monkeypatch.setattr(
        journal, "unpacked", lambda data: (_undo(monkeypatch, real), second.file(path, False), real(data))[2]
    )
    first.file(path, closed=False)
    assert database.scalar("SELECT COUNT(*) FROM click") == 1


def _undo(monkeypatch, real) -> None:
    monkeypatch.setattr(journal, "unpacked", real)


def test_a_file_somebody_writes_is_left_alone_and_taken_over_later(sent_sqlite):
    made = journal.Journal(sent_sqlite.folder())
    line = journal.Line(1 << 60, 1, 1, 1, clock.now_ms(), 0, 5, "x")
    made.put(journal.packed(line))
    assert store.leftovers(sent_sqlite.rt) == 0
    path = made.path
    made.rotate(at_least=1)
    assert store.leftovers(sent_sqlite.rt) == 1
    assert not path.exists()
    assert database.scalar("SELECT COUNT(*) FROM click_file") == 0


def test_a_line_the_disk_cut_off_takes_no_other_with_it(sent_sqlite):
    good = journal.packed(journal.Line(1, 2, 3, 4, 5, 0, 7, "a  b\n\0c"))
    assert journal.unpacked(good[:9] + b"\n" + good + b"\n") == [journal.Line(1, 2, 3, 4, 5, 0, 7, "a b c")]


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


def test_events_of_clicks_stand_in_the_story_of_a_contact(sent):
    sent.click()
    sent.judged()
    ((contact, _message),) = told()
    assert [event.type for event in events.of_contact(contact)] == ["click"]
