"""Contacts → Events, as a person sees it."""

from __future__ import annotations

import io

import pytest

from core.audience import contacts, events
from core.audience.events import importing, money
from core.db import database
from core.db.models import EventBatch, EventType, Item

FILE = (
    "phone,type,at,amount,currency,item,category,key\n"
    "+8613812345678,purchase,2026-11-01T10:00:00Z,12.50,CNY,TEA,Drinks,a\n"
    "+8613812345678,view,2026-11-02T10:00:00Z,,,TEA,Drinks,b\n"
    "+8613900000000,view,2026-11-02T10:00:00Z,,,CUP,,c\n"
    "nobody,view,2026-11-02T10:00:00Z,,,CUP,,d\n"
)


def upload(client, text: str, name: str = "orders.csv"):
    file = (io.BytesIO(text.encode()), name)
    return client.post("/contacts/events/files/new", data={"file": file}, content_type="multipart/form-data")


def imported(client, rt, text: str = FILE, **form) -> EventBatch:
    at = upload(client, text).location
    done = client.post(at, data={"go": "1", "name": "orders.csv", **form})
    batch_id = int(done.location.rpartition("/")[2])
    importing.run(rt, batch_id)
    return EventBatch.get_by_id(batch_id)


def test_an_empty_page_says_how_to_begin(client):
    page = client.get("/contacts/events").text
    assert "Import events" in page
    assert "Nothing has been told yet" in page


def test_a_file_is_looked_at_imported_and_taken_back(client, rt_sqlite):
    contacts.create(rt_sqlite, "+8613812345678")
    check = client.get(upload(client, FILE).location).text
    assert "1 of 4 looked at would be rejected" in check
    assert database.scalar("SELECT COUNT(*) FROM event") == 0, "nothing before it was said"
    batch = imported(client, rt_sqlite)
    assert (batch.stored, batch.waiting, batch.rejected) == (2, 1, 1)
    page = client.get(f"/contacts/events/files/{batch.id}").text
    assert "nobody" in page
    assert "orders.csv" in client.get("/contacts/events/files").text
    assert "nobody" in client.get(f"/contacts/events/files/{batch.id}/rejects.csv").text
    overview = client.get("/contacts/events").text
    assert "12.50" in overview
    assert "purchase" in overview
    client.post(f"/contacts/events/files/{batch.id}/undo", data={"confirm": "wrong"})
    assert EventBatch.get_by_id(batch.id).state == "done"
    client.post(f"/contacts/events/files/{batch.id}/undo", data={"confirm": str(batch.id)})
    importing.run(rt_sqlite, batch.id)
    assert database.scalar("SELECT COUNT(*) FROM event") == 0
    assert "the events it brought are gone" in client.get(f"/contacts/events/files/{batch.id}").text


def test_columns_nobody_could_guess_are_mapped_by_hand(client, rt_sqlite):
    contacts.create(rt_sqlite, "+8613812345678")
    text = "who,what happened,moment\n+8613812345678,view,2026-11-02T10:00:00Z\n"
    at = upload(client, text).location
    page = client.get(at)
    assert "what happened" in page.text
    form = {"to-phone": "#1", "to-type": "#2", "to-at": "#3"}
    assert "would be rejected" in client.post(at, data=form).text
    batch = imported(client, rt_sqlite, text, **form)
    assert batch.stored == 1


@pytest.mark.parametrize("text", ["", "\x00\x01\x02", "a"])
def test_what_is_no_table_is_refused_and_gone(client, rt_sqlite, text):
    answer = upload(client, text)
    assert answer.status_code == 422
    assert '<div class="notice bad">' in answer.text or "is-invalid" in answer.text
    assert not list(rt_sqlite.settings.path("uploads").glob("*")), "nothing is left of it"


def test_a_file_may_be_left(client, rt_sqlite):
    at = upload(client, FILE).location
    token = at.partition("?")[0].rpartition("/")[2]
    assert rt_sqlite.settings.path("uploads", token).is_file()
    client.post(f"/contacts/events/files/check/{token}/discard")
    assert not rt_sqlite.settings.path("uploads", token).exists()
    assert client.get(at).status_code == 404
    assert client.get("/contacts/events/files/check/..%2f..%2fkeys").status_code == 404


def test_types_and_money_are_settled_here(client, rt_sqlite):
    made = {"key": "trial_lesson", "title": "Trial lesson", "properties": "hours = number\nroom = text"}
    assert client.post("/contacts/events/types", data=made).status_code in (302, 303)
    assert EventType.get(EventType.key == "trial_lesson").properties == '{"hours": "number", "room": "text"}'
    assert client.post("/contacts/events/types", data=made).status_code == 422
    assert (
        client.post("/contacts/events/types", data={"key": "a", "properties": "x = nonsense"}).status_code
        == 422
    )
    form = {"currency": "cny", "rates": "USD = 7.2"}
    assert client.post("/contacts/events/money", data=form).status_code in (302, 303)
    assert money.house() == "CNY"
    assert {code: str(rate) for code, rate in money.rates().items()} == {"USD": "7.2"}
    for bad in (
        {"currency": "XYZ"},
        {"currency": "CNY", "rates": "USD = 0"},
        {"currency": "CNY", "rates": "cheap"},
    ):
        assert client.post("/contacts/events/money", data=bad).status_code == 422
    contact_id = contacts.create(rt_sqlite, "+8613812345678")
    events.record(
        rt_sqlite,
        [
            events.NewEvent(
                "purchase", 1_760_000_000_000, contact_id=contact_id, amount_micros=1, currency="CNY"
            )
        ],
    )
    assert client.post("/contacts/events/money", data={"currency": "EUR"}).status_code == 422


def test_the_catalogue_is_searched_and_filled_from_a_file(client, rt_sqlite):
    text = "key,title,category,price,tags\nTEA,Green tea,Drinks,12.50,new\nCUP,Cup,Things,cheap,\n"
    data = {"file": (io.BytesIO(text.encode()), "items.csv")}
    page = client.post("/contacts/events/items", data=data, content_type="multipart/form-data").text
    assert "1 created" in page
    assert "cheap" in page
    assert Item.get(Item.key == "TEA").title == "Green tea"
    assert "Green tea" in client.get("/contacts/events/items?q=green").text
    assert "No item fits" in client.get("/contacts/events/items?q=zzz").text
    assert client.post("/contacts/events/items", data={}).status_code == 422


def test_viewers_look_and_do_not_touch(login):
    viewer = login("viewer")
    for path in ("", "/files", "/items"):
        assert viewer.get(f"/contacts/events{path}").status_code == 200
    for path in ("types", "money", "items", "files/new", "files/1/undo"):
        assert viewer.post(f"/contacts/events/{path}").status_code == 403


def test_days_are_said_to_be_those_of_utc(client, rt_sqlite):
    contacts.create(rt_sqlite, "+8613812345678")
    imported(client, rt_sqlite)
    page = client.get("/contacts/events").text
    assert "the last 30 days of UTC" in page and page.count("whole days of UTC") == 2
