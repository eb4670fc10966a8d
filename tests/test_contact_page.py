"""The page of one contact: each card is edited where it stands, and the timeline tells what became of it."""

from __future__ import annotations

import re

import pytest

from core import i18n
from core.audience import consent, contacts, evidence, labels
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.web import evidencefile
from tests.contacts_kit import HX, PHONE, audit, evil, state
from tests.pages import text


@pytest.fixture
def one(rt_sqlite, app):
    return evil(rt_sqlite)


def test_fields_are_edited_in_their_card(client, rt_sqlite, one):
    card = text(client.get(f"/contacts/{one}/edit", headers=HX))
    assert 'name="city" value="上海"' in card
    wrong = client.post(f"/contacts/{one}/edit", data={"birthday": "soon", "city": "杭州"}, headers=HX)
    kept = text(wrong, 422)
    assert 'value="soon"' in kept
    assert "write it like 1990-05-31" in kept
    saved = text(
        client.post(f"/contacts/{one}/edit", data={"birthday": "1990-05-31", "name": "王芳"}, headers=HX)
    )
    assert "1990-05-31" in saved
    assert "Saved." in saved
    values = {field.key: value for field, value in contacts.field_values(one)}
    assert (values["birthday"], values["city"]) == ("1990-05-31", "上海")
    plain = client.post(f"/contacts/{one}/edit", data={"name": "李静"})
    assert (plain.status_code, contacts.get(rt_sqlite, one).name) == (303, "李静")


def test_a_new_choice_is_told_and_a_known_one_is_not(client, one):
    said = "is a new choice of City"
    assert said not in text(client.post(f"/contacts/{one}/edit", data={"city": "上海 "}, headers=HX))
    assert f"“杭州” {said}" in text(client.post(f"/contacts/{one}/edit", data={"city": "杭州"}, headers=HX))


def test_a_gender_stands_in_the_readers_language_and_is_stored_in_one(client, rt_sqlite, one):
    contacts.edit(rt_sqlite, one, {"gender": "female"})
    assert "<dd>female</dd>" in text(client.get(f"/contacts/{one}"))
    with i18n.use("en"):  # puts the language back afterwards
        chinese = {"Accept-Language": "zh-CN"}
        assert "<dd>女</dd>" in text(client.get(f"/contacts/{one}", headers=chinese))
        assert 'name="gender" value="女"' in text(client.get(f"/contacts/{one}/edit", headers=chinese | HX))
    client.post(f"/contacts/{one}/edit", data={"gender": "男"})
    assert contacts.as_dict(rt_sqlite, one)["fields"]["gender"] == "male"


def test_only_an_admin_sees_a_whole_number_and_it_is_written_down(client, login, one):
    assert PHONE not in text(client.get(f"/contacts/{one}"))
    assert text(client.post(f"/contacts/{one}/reveal", headers=HX)).strip().startswith("<span")
    assert PHONE in text(client.post(f"/contacts/{one}/reveal"))
    assert audit("number.reveal") == 2
    for role in ("marketer", "approver"):
        assert login(role).post(f"/contacts/{one}/reveal").status_code == 403
    assert audit("number.reveal") == 2


def test_labels_go_on_and_off_in_their_card(client, one):
    card = text(client.post(f"/contacts/{one}/labels", data={"label": "vip"}, headers=HX))
    assert "vip" in card
    label_id = labels.find("vip").id
    card = text(client.post(f"/contacts/{one}/labels/{label_id}/remove", headers=HX))
    assert "No labels yet" in card
    assert client.post(f"/contacts/{one}/labels", data={"label": ""}).status_code == 422


def test_consent_is_recorded_with_its_proof(client, one):
    form = {"class": "mass", "agree": "yes", "source": "paper form", "wording": "Yes, text me"}
    card = text(client.post(f"/contacts/{one}/consent", data=form, headers=HX))
    assert "paper form" in card
    assert "Yes, text me" in card
    assert state(one) == "opted_in"
    kept = text(
        client.post(f"/contacts/{one}/consent", data={"class": "mass", "agree": "no"}, headers=HX), 422
    )
    assert "Say where this comes from" in kept
    assert state(one) == "opted_in"
    client.post(f"/contacts/{one}/consent", data={"class": "mass", "agree": "no", "source": "call"})
    assert state(one) == "opted_out"
    assert client.post(f"/contacts/{one}/consent", data={"class": "spam", "source": "x"}).status_code == 422


def test_suppressing_and_releasing_one_number(client, rt_sqlite, one):
    assert "Suppressed" in text(client.post(f"/contacts/{one}/suppress", data={"note": "call"}, headers=HX))
    assert contacts.get(rt_sqlite, one).blocked_bits == 15
    client.post(f"/contacts/{one}/release")
    assert contacts.get(rt_sqlite, one).blocked_bits == 0


def test_erasing_asks_for_the_last_digits(client, rt_sqlite, one):
    assert "Type 8000 to confirm" in text(client.post(f"/contacts/{one}/erase", data={"confirm": "yes"}), 422)
    assert contacts.get(rt_sqlite, one)
    assert client.post(f"/contacts/{one}/erase", data={"confirm": "8000"}).location == "/contacts"
    with pytest.raises(Refusal):
        contacts.get(rt_sqlite, one)


def test_the_timeline_pages_and_filters(client, rt_sqlite, one):
    bidx = contacts.get(rt_sqlite, one).phone_bidx
    with database.write_tx():
        consent.record(
            rt_sqlite,
            [consent.Event(one, bidx, Cls.mass, "ask", f"form {n}", at=1_000 + n) for n in range(40)],
        )
    first = text(client.get(f"/contacts/{one}/timeline?kind=consent", headers=HX))
    older = re.search(r'hx-get="(/contacts/\d+/timeline\?kind=consent&amp;before=[^"]+)"', first)
    second = text(client.get(older[1].replace("&amp;", "&"), headers=HX))
    assert "form 39" in first
    assert "form 0" in second
    assert "form 39" not in second
    assert "Show older" not in second
    assert client.get(f"/contacts/{one}/timeline?before=x.y.z&kind=nonsense").status_code == 200


def test_a_timeline_without_entries_of_a_kind_does_not_say_it_is_empty(client, one):
    shown = text(client.get(f"/contacts/{one}/timeline?kind=reply", headers=HX))
    assert "Nothing of this kind" in shown and "Nothing has happened yet" not in shown


def test_the_file_a_consent_came_from_is_told_in_words(client, rt_sqlite, one):
    contacts.set_consent(rt_sqlite, one, Cls.mass, True, source="import: kunden.csv")
    with i18n.use("en"):  # puts the language back afterwards
        page = text(client.get(f"/contacts/{one}", headers={"Accept-Language": "zh-CN"}))
    assert page.count("来自文件“kunden.csv”") == 2 and "import: kunden" not in page
    with i18n.use("zh_Hans"):
        data = evidence.evidence(rt_sqlite, PHONE, who="mei@shop.example")
        assert "来自文件“kunden.csv”" in evidencefile.html(data)
