"""Who followed a link: a person, the same person again, or a program."""

from __future__ import annotations

import pytest

from core.db import database
from core.sending.clicks import judge
from tests.click_kit import DESK, IPHONE, Sent, clicked, counted, fold, told


@pytest.fixture
def sent(rt, monkeypatch):
    return Sent(rt, monkeypatch)


@pytest.fixture
def sent_sqlite(rt_sqlite, monkeypatch):
    return Sent(rt_sqlite, monkeypatch)


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
