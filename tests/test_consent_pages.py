"""Pages of consent: the preference page without sign-in, replies to read, keywords, topics, retention, papers."""

from __future__ import annotations

import json
import re

import pytest

from core import clock, ids
from core.audience import (
    consent,
    contacts,
    heldreplies,
    keywords,
    preferences,
    retention,
    suppression,
    topics,
)
from core.contract.types import Inbound
from core.db import database, settings
from core.db.codes import Cls, State
from core.measure import overview
from core.sending import direct, inbound, links
from tests.people import signed_in

PHONE = "+8613812345678"


def texted(rt, phone: str = PHONE, kind: int = 14, agreed: bool = True) -> tuple[int, str]:
    """A contact who got a text; the id, and the code of a service link of that text."""
    bidx = rt.keys.blind_index(phone)
    contact_id = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    if contact_id is None:
        contact_id = contacts.create(rt, phone, name="王芳")
        if agreed:
            consent.change(rt, contact_id, Cls.mass, "opt_in", source="paper form")
    campaign = direct.campaign(Cls.mass)
    with database.write_tx():
        message_id = ids.allocate(1)
        columns = ("id", "campaign_id", "contact_id", "dedupe", "cls", "state")
        row = (message_id, campaign, contact_id, message_id, int(Cls.mass), int(State.accepted))
        database.copy_rows("message", columns, [row])
    return contact_id, links.token(rt.keys, message_id, kind)


def state() -> list[tuple]:
    return database.query("SELECT COUNT(*) FROM consent_event") + database.query(
        "SELECT contact_id, consent_bits, optout_bits, blocked_bits, language FROM profile ORDER BY 1"
    )


@pytest.fixture
def visitor(app):
    """A browser of somebody who is nobody's user."""
    return app.test_client()


def test_get_shows_and_changes_nothing(rt_sqlite, visitor):
    _one, token = texted(rt_sqlite)
    before = state()
    for agent in ("WhatsApp/2", "Mozilla/5.0", "facebookexternalhit/1.1"):
        answer = visitor.get(f"/u/{token}", headers={"User-Agent": agent})
        assert answer.status_code == 200 and "不再接收" in answer.get_data(as_text=True)
    visitor.head(f"/u/{token}")
    assert state() == before
    assert "Set-Cookie" not in answer.headers


def test_one_click_stops_as_a_stop_by_text_does(rt_sqlite, visitor):
    one, token = texted(rt_sqlite)
    answer = visitor.post(f"/u/{token}", data={"act": "stop"}, follow_redirects=True)
    assert answer.status_code == 200
    assert contacts.get(rt_sqlite, one).blocked_bits == keywords.stop_mask()
    last = consent.state(one)[Cls.mass].event
    assert (last["action"], last["source"], last["who"]) == ("opt_out", "page", "contact")
    assert last["evidence"]["link"] == "preferences" and last["evidence"]["message"] > 0
    assert [row["reason"] for row in suppression.of(rt_sqlite.keys.blind_index(PHONE))] == ["stop"]


def test_a_stop_can_be_taken_back_from_the_page_it_leads_to(rt_sqlite, visitor):
    one, token = texted(rt_sqlite)
    html = visitor.post(f"/u/{token}", data={"act": "stop"}, follow_redirects=True).get_data(as_text=True)
    act = re.search(r'name="of" value="(\w+)"', html)[1]
    visitor.post(f"/u/{token}", data={"act": "undo", "of": act})
    assert contacts.get(rt_sqlite, one).blocked_bits == 0
    assert consent.state(one)[Cls.mass].status == "opted_in"
    assert consent.state(one)[Cls.voice].status == "none"
    assert consent.check() is suppression.check() is None
    again = visitor.post(f"/u/{token}", data={"act": "undo", "of": act})
    assert again.status_code == 422


def test_switches_set_classes_topics_and_language(rt_sqlite, visitor):
    one, token = texted(rt_sqlite)
    sale, event = (
        topics.add("sale", "Sales", title_zh="优惠"),
        topics.add("events", "Events", title_zh="活动"),
    )
    visitor.post(f"/u/{token}", data={"act": "save", "class": "mass", "topic": "events", "language": "en"})
    assert topics.state(one) == {sale.id: False}
    assert database.scalar("SELECT language FROM profile WHERE contact_id = ?", (one,)) == "en"
    assert "Offers and news" in visitor.get(f"/u/{token}").get_data(as_text=True)
    visitor.post(f"/u/{token}", data={"act": "save", "topic": "sale", "language": "en"})
    assert consent.state(one)[Cls.mass].status == "opted_out"
    assert topics.state(one) == {sale.id: True, event.id: False}
    visitor.post(f"/u/{token}", data={"act": "save", "class": "mass", "language": "zh"})
    last = consent.state(one)[Cls.mass].event
    assert (last["action"], last["source"]) == ("opt_in", "page") and last["wording"]


def test_a_yes_on_the_page_lifts_the_persons_own_stop_only(rt_sqlite, visitor):
    one, token = texted(rt_sqlite)
    visitor.post(f"/u/{token}", data={"act": "stop"})
    visitor.post(f"/u/{token}", data={"act": "save", "class": "mass"})
    assert (contacts.get(rt_sqlite, one).blocked_bits, consent.state(one)[Cls.mass].status) == (0, "opted_in")
    with database.write_tx():
        suppression.add(rt_sqlite, [suppression.entry(rt_sqlite, PHONE)], reason="complaint")
    assert visitor.post(f"/u/{token}", data={"act": "save", "class": "mass"}).status_code == 422
    assert contacts.get(rt_sqlite, one).blocked_bits


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_site_does_nothing(rt_sqlite, visitor, headers):
    _one, token = texted(rt_sqlite)
    before = state()
    assert visitor.post(f"/u/{token}", data={"act": "stop"}, headers=headers).status_code == 403
    assert state() == before


def test_unknown_erased_and_other_links_look_alike(rt_sqlite, visitor):
    from core.audience import erasing

    one, token = texted(rt_sqlite)
    erasing.erase(rt_sqlite, one, who="a@b.c")
    pages = [visitor.get(f"/u/{code}") for code in (token, "AAAAAAAAAAA", "x", "0" * 39)]
    assert {page.status_code for page in pages} == {404}
    assert len({page.get_data() for page in pages}) == 1


def test_guessing_is_slowed_down(rt_sqlite, visitor):
    codes = [visitor.get(f"/u/AAAAAAAA{n:03}").status_code for n in range(40)]
    assert codes[0] == 404 and codes[-1] == 429


def test_a_confirm_link_asks_first_and_a_post_confirms(rt_sqlite, visitor):
    contact_id = contacts.create(rt_sqlite, PHONE)
    bidx = rt_sqlite.keys.blind_index(PHONE)
    with database.write_tx():
        consent.record(rt_sqlite, [consent.Event(contact_id, bidx, Cls.mass, "ask", "web form")])
    _same, token = texted(rt_sqlite, kind=15)
    assert 'value="confirm"' in visitor.get(f"/u/{token}").get_data(as_text=True)
    assert consent.state(contact_id)[Cls.mass].status == "none"
    visitor.post(f"/u/{token}", data={"act": "confirm"})
    assert consent.state(contact_id)[Cls.mass].status == "opted_in"
    assert visitor.post(f"/u/{token}", data={"act": "confirm"}).status_code == 422


def reply(rt, text: str, phone: str = PHONE) -> None:
    with database.write_tx():
        done = inbound.apply(rt, 1, [Inbound(phone, text, id=f"{phone}{text}")])
    inbound.announce(rt, done)


def test_an_unsure_reply_is_held_with_the_number_suppressed(rt):
    one, _token = texted(rt)
    reply(rt, "wrong number")
    assert contacts.get(rt, one).blocked_bits == keywords.stop_mask()
    assert consent.state(one)[Cls.mass].status == "opted_in"
    [held], _more = heldreplies.page(rt, held=True)
    assert (held.body, held.state, heldreplies.waiting()) == ("wrong number", "held", 1)
    assert [(need.kind, need.n) for need in overview.needs()] == [("replies", 1)]


def test_a_sure_one_is_a_stop_that_names_its_pattern(rt):
    one, _token = texted(rt)
    reply(rt, "please take me off your list")
    last = consent.state(one)[Cls.mass].event
    assert (last["action"], last["evidence"]["pattern"]) == ("opt_out", "en.remove")
    assert heldreplies.waiting() == 0


@pytest.mark.parametrize(
    ("verdict", "status", "blocked"),
    [("out", "opted_out", True), ("kept", "opted_in", False), ("question", "opted_in", False)],
)
def test_a_held_reply_is_decided_and_taken_back(rt, verdict, status, blocked):
    one, _token = texted(rt)
    reply(rt, "not interested")
    [held], _more = heldreplies.page(rt, held=True)
    heldreplies.decide(rt, held.inbound_id, verdict, who="a@b.c")
    at = contacts.get(rt, one)
    assert (consent.state(one)[Cls.mass].status, bool(at.blocked_bits)) == (status, blocked)
    with pytest.raises(Exception, match="meanwhile"):
        heldreplies.decide(rt, held.inbound_id, "kept", who="b@b.c")
    heldreplies.take_back(rt, held.inbound_id, who="a@b.c")
    assert [row["reason"] for row in suppression.of(at.phone_bidx)] == ["held"]
    assert consent.state(one)[Cls.mass].status == "opted_in"
    assert consent.check() is suppression.check() is None
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action LIKE 'reply.%'") == 2


def test_a_person_decides_on_the_page_and_a_viewer_may_not(rt_sqlite, app, client):
    texted(rt_sqlite)
    reply(rt_sqlite, "not interested")
    html = client.get("/replies").get_data(as_text=True)
    assert "not interested" in html and client.get("/replies/waiting").get_data(as_text=True) == "1"
    held = heldreplies.page(rt_sqlite, held=True)[0][0].inbound_id
    assert signed_in(app, "viewer").post(f"/replies/{held}", data={"verdict": "out"}).status_code == 403
    assert client.post(f"/replies/{held}", data={"verdict": "out"}).status_code == 303
    assert client.post(f"/replies/{held}/undo").status_code == 303
    assert heldreplies.waiting() == 1


def test_the_keyword_page_saves_by_country_and_tells_what_a_reply_does(client):
    page = client.get("/settings/keywords").get_data(as_text=True)
    assert "退订" in page and "2026-11-21" in page
    data = {
        "stop-en": "STOP\nBASTA", "stop-zh": "退订", "start-en": "START", "confirm-en": "YES", "help-en": "HELP",
        "country": ["CN", "FR"], "stop-in": ["R, T", "36111"], "start-in": ["", "REPRISE"],
        "confirm-in": ["", "OUI"], "help-in": ["", ""],
    }  # fmt: skip
    assert client.post("/settings/keywords", data=data).status_code == 303
    meant = [
        keywords.intent(*pair) for pair in (("36111", "FR"), ("36111", "DE"), ("reprise", "FR"), ("R", "CN"))
    ]
    assert meant == ["stop", "", "start", "stop"]
    assert keywords.intent("oui", "FR", pending=True) == "start"
    tried = client.get("/settings/keywords/try?text=leave+me+alone&country=US").get_data(as_text=True)
    assert "Ends the texts at once" in tried and "en.alone" in tried
    assert client.post("/settings/keywords", data=data | {"stop-en": "BASTA"}).status_code == 422


def test_topics_and_the_question_are_edited_and_previewed(client):
    assert (
        client.post(
            "/settings/consent", data={"key": "sale", "title": "Sales", "cls": "mass", "public": "y"}
        ).status_code
        == 303
    )
    assert (
        client.post("/settings/consent", data={"key": "Sale!", "title": "x", "cls": "mass"}).status_code
        == 422
    )
    assert (
        client.post("/settings/consent/sale", data={"title": "Offers", "title_zh": "优惠"}).status_code == 303
    )
    assert (topics.get("sale").title, topics.get("sale").public) == ("Offers", False)
    client.post("/settings/consent/sale", data={"title": "Offers", "title_zh": "优惠", "public": "on"})
    assert (
        client.post("/settings/consent/question", data={"en": "{brand}: YES?", "zh": ""}).status_code == 303
    )
    assert settings.get("double_opt_in_texts") == {"en": "{brand}: YES?"}
    preview = client.get("/settings/consent/preview?lang=zh").get_data(as_text=True)
    assert "优惠" in preview and "disabled" in preview


def test_periods_are_saved_and_counted(client):
    days = {key: str(value) for key, value in retention.periods().items()}
    assert client.post("/settings/retention", data=days | {"texts": "200"}).status_code == 303
    assert settings.get("retention")["texts"] == 200
    assert client.post("/settings/retention", data=days | {"audit": "7"}).status_code == 422
    assert client.post("/settings/retention", data=days | {"texts": "-1"}).status_code == 422
    assert client.get("/settings/retention?count=1").status_code == 200


def test_papers_are_whole_files_and_audited(rt_sqlite, app, client):
    one, token = texted(rt_sqlite)
    app.test_client().post(f"/u/{token}", data={"act": "stop"})
    paper = client.post(f"/contacts/{one}/evidence")
    html = paper.get_data(as_text=True)
    assert "attachment" in paper.headers["Content-Disposition"]
    assert PHONE in html and "paper form" in html and "intact" in html and "<script" not in html
    data = json.loads(client.post(f"/contacts/{one}/subject", data={"format": "json"}).get_data())
    assert data["profile"]["name"] == "王芳" and data["ledger"][0]["seal"] == 1
    assert signed_in(app, "viewer").post(f"/contacts/{one}/evidence").status_code == 403
    assert (
        database.scalar("SELECT COUNT(*) FROM audit WHERE action IN ('consent.export', 'contact.subject')")
        >= 2
    )
    client.post(f"/contacts/{one}/erase", data={"confirm": PHONE[-4:]})
    receipt = client.get("/contacts/receipts/1").get_data(as_text=True)
    assert "as it was made" in receipt and PHONE not in receipt


def test_choices_know_a_pending_question_only_while_it_is_fresh(rt_sqlite, monkeypatch):
    contact_id = contacts.create(rt_sqlite, PHONE)
    bidx = rt_sqlite.keys.blind_index(PHONE)
    old = clock.now_ms() - 40 * clock.DAY_MS
    with database.write_tx():
        consent.record(rt_sqlite, [consent.Event(contact_id, bidx, Cls.mass, "ask", "web form", at=old)])
    assert preferences.of(contact_id).waiting == []
