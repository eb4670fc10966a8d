"""Pages of contacts, labels, fields and suppression: each action works, refuses the wrong method and role,
bears being done twice, and answers both as a page and as a fragment."""

from __future__ import annotations

import csv
import io
import re

import pytest

from core import i18n
from core.audience import consent, contacts, evidence, fields, labels, suppression
from core.audience.suppression import Entry
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.web import evidencefile

PHONE, HX = "+8613800138000", {"HX-Request": "true"}
EVIL = '<img src=x onerror=alert(1)><b hx-get="/settings">'


@pytest.fixture
def one(rt_sqlite, app):
    """A contact with a name that attacks; its id."""
    made = contacts.create(rt_sqlite, PHONE, name=EVIL)
    contacts.edit(rt_sqlite, made, {"city": "上海"})
    return made


@pytest.fixture
def vip():
    return labels.create("vip")


def audit(action):
    return database.scalar("SELECT COUNT(*) FROM audit WHERE action = ?", (action,))


def state(contact_id, cls=Cls.mass):
    return consent.state(contact_id)[cls].status


def text(answer, status=200):
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    return answer.get_data(as_text=True)


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


# --- the list ---------------------------------------------------------------------------------------------


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


# --- one contact ------------------------------------------------------------------------------------------


def test_a_contact_that_is_gone_is_a_404(client, one):
    for path in ("/contacts/999999", "/contacts/999999/timeline", "/contacts/999999/edit"):
        assert client.get(path).status_code == 404
    assert client.post("/contacts/999999/suppress").status_code == 404
    assert client.post("/contacts/999999/labels", data={"label": "x"}).status_code == 404


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


# --- labels and fields ------------------------------------------------------------------------------------


def test_a_label_is_made_renamed_and_deleted_by_name(client, rt_sqlite, one):
    client.post("/contacts/labels", data={"name": "spring"})
    assert "already a label" in text(client.post("/contacts/labels", data={"name": "spring"}), 422)
    label = labels.find("spring")
    with database.write_tx():
        labels.put(label, [one])
    client.post(f"/contacts/labels/{label.id}/rename", data={"name": "summer"})
    assert "summer" in text(client.get("/contacts/labels"))
    assert client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "spring"}).status_code == 422
    assert client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "summer"}).status_code == 303
    assert labels.all_labels() == []
    assert client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "summer"}).status_code == 404


def test_a_field_is_defined_once_and_renamed(client):
    form = {"title": "Shoe size", "key": "shoe", "kind": "number"}
    assert client.post("/contacts/fields", data=form).status_code == 303
    assert "already a field" in text(client.post("/contacts/fields", data=form), 422)
    assert "meaning of its own" in text(client.post("/contacts/fields", data={**form, "key": "phone"}), 422)
    assert client.post("/contacts/fields", data={**form, "key": "x", "kind": "blob"}).status_code == 422
    client.post("/contacts/fields/rename", data={"key": "shoe", "title": "Shoes"})
    assert fields.get("shoe").title == "Shoes"
    assert "{{shoe}}" in text(client.get("/contacts/fields"))
    assert client.post("/contacts/fields/rename", data={"key": "no", "title": "x"}).status_code == 404


def test_an_empty_field_is_removed_and_one_in_use_stays_with_the_reason(client, rt_sqlite, one):
    for key in ("shoe", "hat"):
        client.post("/contacts/fields", data={"title": key.title(), "key": key, "kind": "choice"})
    contacts.edit(rt_sqlite, one, {"hat": "blue"})

    def remove(key: str) -> str:
        return text(client.post("/contacts/fields/remove", data={"key": key}, follow_redirects=True))

    assert "The field shoe is gone." in remove("shoe") and fields.get("shoe") is None
    assert "1 contact has a value in “Hat”" in remove("hat") and fields.get("hat")
    assert "belongs to Cooee" in remove("city") and fields.get("city")
    assert "There is no field" in remove("shoe")


# --- suppression ------------------------------------------------------------------------------------------


def test_a_number_is_added_with_its_classes_and_end(client, rt_sqlite, one):
    form = {"phone": PHONE, "reason": "complaint", "classes": ["mass", "voice"], "note": EVIL, "days": "30"}
    assert client.post("/contacts/suppression/add", data=form).status_code == 303
    assert contacts.get(rt_sqlite, one).blocked_bits == 12
    row = suppression.of(contacts.get(rt_sqlite, one).phone_bidx)[0]
    assert (row["reason"], row["expires_at"] > row["created_at"]) == ("complaint", True)
    listed = text(client.get("/contacts/suppression"))
    assert "+86138****8000" in listed
    assert "<img src=x" not in listed
    for wrong in (
        {"phone": "1"},
        {"reason": "erased"},
        {"reason": "stop"},
        {"days": "0"},
        {"classes": ["sms"]},
    ):
        assert client.post("/contacts/suppression/add", data={**form, **wrong}).status_code == 422


def test_a_number_that_had_an_end_is_told_when_it_is_listed_for_ever(client, one):
    def said(**more) -> str:
        form = {"phone": PHONE, "reason": "manual"} | more
        return text(client.post("/contacts/suppression/add", data=form, follow_redirects=True))

    assert "The number is on the list." in said(days="30")
    assert "it stays for ever now" in said()
    assert "was on the list already" in said(days="30")


def test_a_file_of_numbers_is_taken_and_told(client, rt_sqlite, one):
    file = (io.BytesIO("手机\n13800138000\nnobody\n".encode("gb18030")), "名单.csv")
    told = text(client.post("/contacts/suppression/import", data={"file": file, "reason": "import"}))
    assert "2 rows: 1 added, 0 known already, 1 not taken" in told
    assert "nobody" in told
    assert contacts.get(rt_sqlite, one).blocked_bits == 15
    assert list(rt_sqlite.settings.path("uploads").iterdir()) == []
    assert "Choose a file first" in text(
        client.post("/contacts/suppression/import", data={"reason": "import"}), 422
    )
    empty = (io.BytesIO(b"a,b\nc,d\n"), "x.csv")
    assert "holds phone numbers" in text(
        client.post("/contacts/suppression/import", data={"file": empty, "reason": "import"}), 422
    )


def test_a_row_is_released_once_and_erased_ones_never(client, rt_sqlite, one):
    bidx = contacts.get(rt_sqlite, one).phone_bidx
    with database.write_tx():
        suppression.add(rt_sqlite, [Entry(bidx)], reason="manual")
        suppression.add(rt_sqlite, [Entry(bidx)], reason="erased")
    manual, erased = (row["id"] for row in suppression.of(bidx))
    assert client.post(f"/contacts/suppression/{manual}/remove").status_code == 303
    assert client.post(f"/contacts/suppression/{manual}/remove").status_code == 404
    assert client.post(f"/contacts/suppression/{erased}/remove").status_code == 422
    assert [row["reason"] for row in suppression.of(bidx)] == ["erased"]


def test_pages_speak_chinese(client, one, vip):
    with i18n.use("en"):  # puts the language back afterwards
        for path in (*PAGES, *FORMS):
            page = text(client.get(filled(path, one, vip), headers={"Accept-Language": "zh-CN"}))
            assert re.search("联系人|标签|禁发", page), path
