"""What the pages of a site may tell, and about whom."""

from __future__ import annotations

import json

import pytest

from core.audience import contacts
from core.audience.sources import site, store
from core.contract.errors import Refusal
from core.db import database
from core.sending.clicks.redirect import Redirector
from core.sending.links import person_of
from core.web import linkapp
from tests.click_kit import Sent

ORIGIN = "https://shop.example"


@pytest.fixture
def source(rt_sqlite):
    return store.create(rt_sqlite, "Site", "site", origins=f"{ORIGIN}\nhttps://www.shop.example/")


def person(rt, source, number: str) -> str:
    return site.person_hash(store.secret_of(rt, source), number).hex()


def send(app, source, body, origin: str = ORIGIN):
    data = body if isinstance(body, str) else json.dumps(body)
    return app.test_client().post(f"/t/{source.token}", data=data, headers={"Origin": origin})


def stored() -> list[tuple]:
    return database.query(
        "SELECT e.contact_id, t.key, i.key FROM event e JOIN event_type t ON t.id = e.type "
        "LEFT JOIN item i ON i.id = e.item_id ORDER BY e.contact_id, t.key"
    )


def test_a_visitor_named_by_the_hash_of_the_number_is_known(app, rt_sqlite, source):
    who = contacts.create(rt_sqlite, "+8613812345678")
    assert site.know_people(rt_sqlite) == 1
    body = {
        "person": person(rt_sqlite, source, "+8613812345678"),
        "events": [{"type": "view", "item": "TEA"}],
    }
    assert send(app, source, body).status_code == 204
    assert stored() == [(who, "view", "TEA")]


def test_the_answer_does_not_tell_whether_somebody_is_a_contact(app, rt_sqlite, source):
    contacts.create(rt_sqlite, "+8613812345678")
    site.know_people(rt_sqlite)
    known = send(
        app, source, {"person": person(rt_sqlite, source, "+8613812345678"), "events": [{"type": "view"}]}
    )
    other = send(
        app, source, {"person": person(rt_sqlite, source, "+8613900000000"), "events": [{"type": "view"}]}
    )
    assert (known.status_code, known.data, dict(known.headers)) == (
        other.status_code,
        other.data,
        dict(other.headers),
    )


def test_people_are_hashed_once_and_newcomers_later(rt, monkeypatch):
    monkeypatch.setattr(site, "_PEOPLE_CHUNK", 2)
    made = store.create(rt, "Site", "site", origins=ORIGIN)
    first = [contacts.create(rt, f"+861381234567{n}") for n in range(5)]
    assert site.know_people(rt) == 5
    late = contacts.create(rt, "+8613812345679")
    assert site.know_people(rt) == 1
    assert site.know_people(rt) == 0
    made = store.get(made.id)
    found = [site.contact_of(made, person(rt, made, f"+861381234567{n}")) for n in (*range(5), 9)]
    assert found == [*first, late]


def test_a_new_secret_forgets_the_old_hashes(rt_sqlite, source):
    contacts.create(rt_sqlite, "+8613812345678")
    site.know_people(rt_sqlite)
    old = person(rt_sqlite, source, "+8613812345678")
    store.edit(rt_sqlite, source, name="Site", region="", plan=store.plan_of(source), secret="new one")
    site.know_people(rt_sqlite)
    source = store.get(source.id)
    assert site.contact_of(source, old) == 0
    assert site.contact_of(source, person(rt_sqlite, source, "+8613812345678"))


@pytest.mark.parametrize("kind", ["purchase", "refund", "nothing", "", None, 7])
def test_a_page_may_not_send_what_was_not_allowed(app, rt_sqlite, source, kind):
    contacts.create(rt_sqlite, "+8613812345678")
    site.know_people(rt_sqlite)
    body = {
        "person": person(rt_sqlite, source, "+8613812345678"),
        "events": [{"type": kind, "amount": 5, "currency": "CNY"}, {"type": "cart", "item": "TEA"}],
    }
    assert send(app, source, body).status_code == 204
    assert [row[1] for row in stored()] == ["cart"]


@pytest.mark.parametrize(
    ("body", "origin", "status"),
    [
        ({"events": []}, "https://evil.example", 403),
        ({"events": []}, "", 403),
        ({"events": []}, "null", 403),
        ("{", ORIGIN, 400),
        ("[]", ORIGIN, 400),
        ({"events": []}, ORIGIN, 204),
        ({"code": "x" * 500, "person": 4, "events": 3}, ORIGIN, 204),
    ],
)
def test_bad_calls_get_one_sentence(app, source, body, origin, status):
    assert send(app, source, body, origin).status_code == status


def test_too_many_events_in_a_call_are_refused(app, rt_sqlite, source):
    contacts.create(rt_sqlite, "+8613812345678")
    site.know_people(rt_sqlite)
    body = {"person": person(rt_sqlite, source, "+8613812345678"), "events": [{"type": "view"}] * 21}
    assert send(app, source, body).status_code == 400


def test_one_address_cannot_flood(app, source, monkeypatch):
    from core.security.throttle import Limit
    from core.web import collect

    monkeypatch.setattr(collect, "LIMITS", (Limit(3, 3600),))
    assert [send(app, source, {"events": []}).status_code for _call in range(4)] == [204, 204, 204, 429]


def test_the_script_and_the_pixel_may_be_loaded_by_the_site(app, rt_sqlite, source):
    client = app.test_client()
    script = client.get(f"/t/{source.token}.js")
    assert script.status_code == 200
    assert "sendBeacon" in script.text
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    who = contacts.create(rt_sqlite, "+8613812345678")
    site.know_people(rt_sqlite)
    address = f"/t/{source.token}.gif?e=view&item=TEA&p={person(rt_sqlite, source, '+8613812345678')}"
    page = {"Referer": f"{ORIGIN}/tea"}
    assert client.get(address, headers=page).mimetype == "image/gif"
    assert stored() == [], "without consent=1 nothing is kept"
    client.get(f"{address}&consent=1", headers=page | {"Sec-GPC": "1"})
    client.get(f"{address}&consent=1", headers={"Referer": "https://evil.example/"})
    assert stored() == []
    client.get(f"{address}&consent=1", headers=page)
    assert stored() == [(who, "view", "TEA")]


def test_a_site_that_is_off_is_gone(app, source):
    store.switch(source, False, who="t")
    assert app.test_client().get(f"/t/{source.token}.js").status_code == 404
    assert send(app, source, {"events": []}).status_code == 404


@pytest.mark.parametrize("origins", ["", "shop.example", "ftp://shop.example", "https://", "https://a/b"])
def test_origins_that_are_none_are_refused(rt_sqlite, origins):
    with pytest.raises(Refusal):
        store.create(rt_sqlite, "Site", "site", origins=origins)


def test_a_link_to_the_site_carries_its_code_along_and_names_the_visitor(rt_sqlite, monkeypatch):
    text = f"【Cooee】Sale {ORIGIN}/tea?size=2#top and https://elsewhere.example/x. Reply STOP to opt out 拒收请回复R"
    sent = Sent(rt_sqlite, monkeypatch, body=text)
    assert sent.click(link=0)[1]["Location"] == f"{ORIGIN}/tea?size=2#top", "no site, nothing is added"
    store.create(rt_sqlite, "Site", "site", origins=ORIGIN)
    sent.app = linkapp.wrap(sent.app, rt_sqlite, Redirector(rt_sqlite, background=False))
    where = sent.click(link=0)[1]["Location"]
    code = sent.urls()[0].rpartition("/")[2]
    assert where == f"{ORIGIN}/tea?size=2&cooee={code}#top"
    assert person_of(rt_sqlite, code) is not None
    assert sent.click(link=1)[1]["Location"] == "https://elsewhere.example/x"
