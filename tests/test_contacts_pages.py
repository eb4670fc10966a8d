"""Pages of contacts: the list finds and acts on people; and every page of contacts, labels, fields and suppression
refuses the wrong method and role, bears being done twice, and answers both as a page and as a fragment."""

from __future__ import annotations

import csv
import io
import re

import pytest

from core import i18n
from core.audience import consent, contacts, labels, suppression
from core.db import database
from tests.contacts_kit import HX, PHONE, audit, evil
from tests.pages import text


@pytest.fixture
def one(rt_sqlite, app):
    return evil(rt_sqlite)


@pytest.fixture
def vip():
    return labels.create("vip")


PAGES = (
    *("/contacts", "/contacts/figures", "/contacts/countries", "/contacts/{one}", "/contacts/{one}/timeline"),
    *("/contacts/labels", "/contacts/fields", "/contacts/fields/filled", "/contacts/suppression"),
)
#: Pages that need contacts.edit.
FORMS = ("/contacts/new", "/contacts/{one}/edit", "/contacts/suppression/add", "/contacts/suppression/import")
#: action, form, permission "contacts.edit" unless said otherwise
ACTIONS = {
    "/contacts/new": {"phone": "13900139000", "name": "李静"},
    "/contacts/bulk": {"ids": "{one}", "act": "label", "label": "vip"},
    "/contacts/{one}/edit": {"name": "王芳"},
    "/contacts/{one}/reveal": {},
    "/contacts/{one}/labels": {"label": "vip"},
    "/contacts/{one}/labels/{vip}/remove": {},
    "/contacts/{one}/consent": {"class": "mass", "agree": "yes", "source": "paper form"},
    "/contacts/{one}/suppress": {"note": "call"},
    "/contacts/{one}/release": {},
    "/contacts/{one}/erase": {"confirm": "8000"},
    "/contacts/labels": {"name": "new one"},
    "/contacts/labels/{vip}/rename": {"name": "loyal"},
    "/contacts/labels/{vip}/delete": {"confirm": "vip"},
    "/contacts/fields": {"title": "Shoe size", "key": "shoe", "kind": "number"},
    "/contacts/fields/rename": {"key": "city", "title": "Town"},
    "/contacts/suppression/add": {"phone": "13900139000", "reason": "manual"},
    "/contacts/suppression/import": {"reason": "import"},
}


def snapshot():
    """Everything an action here could change."""
    tables = ("contact", "profile", "contact_label", "label", "field", "suppression", "consent_event")
    return [database.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def filled(path, one, vip):
    return path.format(one=one, vip=vip.id)


def form_of(path, one):
    form = {key: value.format(one=one) for key, value in ACTIONS[path].items()}
    if path.endswith("/import"):
        form["file"] = (io.BytesIO(b"phone\n13900139000\n"), "stops.csv")
    return form


def test_every_page_answers_whole_and_escapes_names(client, one, vip):
    for path in (*PAGES, *FORMS):
        whole = text(client.get(filled(path, one, vip)))
        assert whole.startswith("<!doctype html>"), path
        assert "<img src=x" not in whole, path


def test_fragments_are_parts_of_their_page(client, one, vip):
    for path in PAGES:
        if path.endswith(("/labels", "/fields", "{one}")):
            continue  # whole pages only
        answer = client.get(filled(path, one, vip), headers=HX)
        assert "<!doctype" not in text(answer), path
        assert "HX-Request" in answer.headers["Vary"], path


def test_a_viewer_reads_and_finds_no_button_to_change(login, one, vip):
    viewer = login("viewer")
    for path in PAGES:
        whole = text(viewer.get(filled(path, one, vip)))
        posts = re.findall(r'<form method="post" action="(/contacts[^"]*)"', whole)
        assert [action for action in posts if action != "/contacts/bulk"] == [], path
        assert 'name="act"' not in whole, path


def test_a_viewer_gets_no_form_no_export_and_changes_nothing(login, one, vip):
    viewer = login("viewer")
    for path in (*FORMS, "/contacts/export.csv", "/contacts/suppression/export.csv"):
        assert viewer.get(filled(path, one, vip)).status_code == 403, path
    before = snapshot()
    for path in ACTIONS:
        assert viewer.post(filled(path, one, vip), data=form_of(path, one)).status_code == 403, path
    assert snapshot() == before


def test_actions_refuse_other_methods(client, one, vip):
    for path in ACTIONS:
        assert client.put(filled(path, one, vip)).status_code == 405, path
        if path not in FORMS and path not in PAGES:
            assert client.get(filled(path, one, vip)).status_code == 405, path


def test_actions_need_the_token_of_the_form(client, one, vip):
    client.environ_base.pop("HTTP_X_CSRFTOKEN")
    before = snapshot()
    for path in ACTIONS:
        assert client.post(filled(path, one, vip), data=form_of(path, one)).status_code == 400, path
    assert snapshot() == before


def test_actions_bear_being_done_twice(client, rt_sqlite):
    for n, path in enumerate(ACTIONS):
        fresh, label = contacts.create(rt_sqlite, f"+8613811{n:02}8000"), labels.ensure("vip")
        first, second = (
            client.post(filled(path, fresh, label), data=form_of(path, fresh)).status_code
            for _time in range(2)
        )
        assert first in (200, 303), path
        assert second in (200, 303, 404, 422), path
        assert consent.check() is labels.check() is suppression.check() is None, path


def test_the_list_masks_numbers_and_finds_people(client, rt_sqlite, one):
    contacts.create(rt_sqlite, "+4915152992312", name="Zoë")
    listed = text(client.get("/contacts"))
    assert "+86138****8000" in listed
    assert "13800138000" not in listed
    found = text(client.get("/contacts", query_string={"q": "0151 5299-2312", "country": "DE"}, headers=HX))
    assert "Nobody matches" in found  # read as a number of China
    assert "Zoë" in text(client.get("/contacts", query_string={"q": "zo"}, headers=HX))
    assert "Zoë" in text(client.get("/contacts?country=DE"))
    assert "Zoë" not in text(client.get("/contacts?country=US", headers=HX))


def test_a_search_that_begins_a_label_leads_to_its_people(client, one, vip):
    labels.create("<i>vips</i>")
    found = text(client.get("/contacts?q=VI", headers=HX))
    assert f'href="/contacts?label={vip.id}"' in found and "masked as in this list" in found
    assert "Labels that begin like this" not in text(client.get("/contacts?q=ip", headers=HX))
    assert "Labels that begin like this" not in text(client.get(f"/contacts?q=VI&label={vip.id}", headers=HX))


def test_senseless_filters_do_no_harm(client, one):
    for query in ("label=x", "before=abc", "after=-1", "consent=maybe", "blocked=7"):
        assert client.get(f"/contacts?{query}").status_code == 200, query
    assert client.get("/contacts?label=999").status_code == 404
    # No database keeps a NUL in a text.
    assert client.get("/contacts?q=%00a").status_code == 400


def test_an_empty_house_leads_to_the_import(client):
    assert "/import" in text(client.get("/contacts")).split("Import a file of customers as it is")[1]


def test_bulk_labels_unlabels_and_suppresses(client, rt_sqlite, one):
    two = contacts.create(rt_sqlite, "+8613800138001")
    for act in ("label", "unlabel", "suppress"):
        form = {"ids": [one, two], "act": act, "label": "spring", "back": "country=CN"}
        answer = client.post("/contacts/bulk", data=form)
        assert (answer.status_code, answer.location) == (303, "/contacts?country=CN")
        have = database.scalar("SELECT COUNT(*) FROM contact_label")
        assert have == (2 if act == "label" else 0)
    assert contacts.get(rt_sqlite, two).blocked_bits == 15
    assert "Nobody was chosen" in text(
        client.post("/contacts/bulk", data={"act": "label", "label": "x"}), 422
    )
    assert client.post("/contacts/bulk", data={"ids": one, "act": "explode"}).status_code == 400
    evil = client.post(
        "/contacts/bulk", data={"ids": one, "act": "label", "label": "x", "back": "//evil.example"}
    )
    assert evil.location == "/contacts?//evil.example"


def test_export_gives_whole_numbers_and_no_formula(client, one):
    body = text(client.get("/contacts/export.csv?country=CN"))
    rows = list(csv.DictReader(io.StringIO(body.removeprefix("\ufeff"))))
    assert (rows[0]["phone"], rows[0]["city"]) == ("'" + PHONE, "上海")
    assert audit("contact.export") == 1


def test_a_contact_is_made_and_a_wrong_number_keeps_the_form(client, one):
    kept = text(client.post("/contacts/new", data={"phone": "123", "name": "Li"}), 422)
    assert 'value="Li"' in kept
    assert "no valid phone number" in kept
    assert "is a contact already" in text(client.post("/contacts/new", data={"phone": PHONE}), 422)
    made = client.post("/contacts/new", data={"phone": "139 0013 9000", "name": "Li"})
    assert re.fullmatch(r"/contacts/\d+", made.location)


def test_a_contact_that_is_gone_is_a_404(client, one):
    for path in ("/contacts/999999", "/contacts/999999/timeline", "/contacts/999999/edit"):
        assert client.get(path).status_code == 404
    assert client.post("/contacts/999999/suppress").status_code == 404
    assert client.post("/contacts/999999/labels", data={"label": "x"}).status_code == 404


def test_pages_speak_chinese(client, one, vip):
    with i18n.use("en"):  # puts the language back afterwards
        for path in (*PAGES, *FORMS):
            page = text(client.get(filled(path, one, vip), headers={"Accept-Language": "zh-CN"}))
            assert re.search("联系人|标签|禁发", page), path
