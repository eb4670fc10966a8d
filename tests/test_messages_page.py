"""The messages page: filters, keys, and the story of one message."""

import pytest

from core import ids
from core.db import database
from core.db.models import MessageText
from core.sending import messages
from tests import campaign_kit as kit
from tests.pages import text

HX = {"HX-Request": "true"}


@pytest.fixture
def sent(rt_sqlite):
    """A launched campaign of 70 people, one of whom is on the list never to text."""
    for n in range(69):
        kit.person(rt_sqlite, n, name=f"Anna {n}")
    kit.person(rt_sqlite, 69, name="Stopped", blocked=15)
    campaign_id = kit.campaign(rt_sqlite)
    kit.launched(rt_sqlite, campaign_id)
    return campaign_id


def test_all_messages_newest_first_page_by_key(sent, client):
    first = text(client.get("/messages"))
    assert first.count("Details") == 50
    older = first.split("before=")[1].split('"')[0]
    second = text(client.get(f"/messages?before={older}", headers=HX))
    assert "<html" not in second
    assert second.count("Details") == 20
    back = second.split("after=")[1].split('"')[0]
    assert text(client.get(f"/messages?after={back}")).count("Details") == 50


def test_filters_by_state_campaign_class_and_number(sent, client):
    assert text(client.get("/messages?state=skipped")).count("Details") == 1
    assert text(client.get(f"/messages?campaign={sent}&state=ready")).count("Details") == 50
    assert text(client.get("/messages?class=otp")).count("Details") == 0
    one = text(client.get("/messages?q=138 0000 0069"))
    assert one.count("Details") == 1
    assert "Stopped" in one
    assert "No message fits" in text(client.get("/messages?q=13900000000"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("state=lost", "is no state"), ("class=spam", "is no class"), ("campaign=x", "is not a number")],
)
def test_a_filter_that_makes_no_sense_is_said(sent, client, query, sentence):
    answer = client.get(f"/messages?{query}")
    assert answer.status_code == 200
    assert sentence in text(answer)


def test_the_empty_page_says_what_to_do(client):
    assert "Every text Cooee sends is listed here" in text(client.get("/messages"))


def test_a_message_tells_its_story(sent, rt_sqlite, client):
    id_ = database.scalar("SELECT id FROM message WHERE state = 9")
    page = text(client.get(f"/messages/{id_}"))
    assert "On the list never to text" in page
    assert ids.References(rt_sqlite.keys).of(id_) in page
    assert "+86138****" in page
    assert "+8613800000069" not in page
    assert "as they would be now" in page
    assert client.get("/messages/12345").status_code == 404
    assert client.get("/messages/99999999999999999999").status_code == 404


def test_the_words_are_those_that_were_sent(sent, rt_sqlite, client):
    id_ = database.scalar("SELECT id FROM message WHERE state = 0 ORDER BY id LIMIT 1")
    with database.write_tx():
        MessageText.create(message_id=id_, body="What Anna <b>read</b>")
    row = messages.get(rt_sqlite, id_)
    assert messages.words(rt_sqlite, row) == ("What Anna <b>read</b>", True)
    page = text(client.get(f"/messages/{id_}"))
    assert "What Anna &lt;b&gt;read&lt;/b&gt;" in page


def test_viewers_see_messages_and_strangers_do_not(sent, app, login):
    assert login("viewer").get("/messages").status_code == 200
    assert app.test_client().get("/messages").status_code in (302, 303)


def test_an_export_reads_chunk_by_chunk(sent, rt_sqlite, monkeypatch):
    monkeypatch.setattr(messages, "EXPORT_CHUNK", 7)
    rows = list(messages.export(rt_sqlite, sent))
    assert len(rows) == len({row[0] for row in rows}) == 70
