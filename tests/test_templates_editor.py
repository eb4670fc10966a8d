"""The template editor: saving, what is refused, and the panel that answers while someone types."""

import re

import pytest

from core.content import drafts, templates
from core.db import database
from core.db.models import Account, Price, Template
from tests.campaign_kit import person
from tests.template_kit import HX, SALE, TEXTS, WHO, body, form, typed_text


@pytest.fixture
def sale(rt_sqlite) -> int:
    return templates.create(rt_sqlite, "Sale", "mass", TEXTS, WHO)


def test_the_editor_shows_text_preview_parts_and_findings(client, sale):
    page = body(client.get(f"/templates/{sale}"))
    assert "Coke Store: Hi Emma, 20 % off." in page
    assert "1 part" in page and "GSM-7" in page
    assert "Tells a way out" in page


def test_a_price_shows_what_a_thousand_people_cost(client, sale):
    with database.write_tx():
        account = Account.create(
            name="Route A", provider="simulator", settings_enc=b"", token="t", created_at=1
        )
        Price.insert(
            {Price.account_id: account.id, Price.micros_per_part: 45_000, Price.currency: "CNY"}
        ).execute()
    page = body(client.get(f"/templates/{sale}"))
    assert "45.00" in page and "Route A" in page


def test_enter_in_a_field_checks_and_never_saves(client, sale):
    for path in ("/templates/new", f"/templates/{sale}"):
        buttons = re.findall(r"<button[^>]*>", body(client.get(path)))
        first = next(button for button in buttons if 'form="editor"' in button)
        assert 'formaction="/templates/check"' in first


def test_an_unknown_template_is_not_found(client):
    assert client.get("/templates/99").status_code == 404
    assert client.get(f"/templates/{10**30}").status_code == 404
    assert client.post("/templates/99", data=form()).status_code == 404
    assert client.get("/templates/99/history").status_code == 404


def test_a_new_template_is_stored_and_shown(client):
    answer = client.post("/templates/new", data=form())
    assert answer.status_code == 303
    made = Template.get(Template.name == "Spring")
    assert f"/templates/{made.id}" in answer.headers["Location"]
    assert templates.texts(made.id)["en"].body == SALE
    assert "Saved." in body(client.get(answer.headers["Location"]))


def test_saving_makes_a_version_and_saving_again_none(client, sale):
    data = form(
        **{
            "template": str(sale),
            "name": "Sale",
            "text-en": SALE + "!",
            "text-zh": "【可乐店】八折，拒收请回复R",
        }
    )
    for _time in range(2):
        assert client.post(f"/templates/{sale}", data=data).status_code == 303
    assert {lang: text.version for lang, text in templates.texts(sale).items()} == {"en": 2, "zh": 2}


def test_the_address_decides_which_template_is_saved(client, rt_sqlite, sale):
    other = templates.create(rt_sqlite, "Other", "mass", {"en": "Words"}, WHO)
    client.post(f"/templates/{sale}", data=form(template=str(other), name="Sale", **{"text-en": "Changed"}))
    assert templates.texts(other)["en"].body == "Words"
    assert templates.texts(sale)["en"].body == "Changed"


#: what is typed, the sentence beside it
UNUSABLE = [
    ({"name": ""}, "needs a name"),
    ({"name": "Sale"}, "already"),
    ({"text-en": ""}, "Write a text"),
    ({"text-en": "Hi {{nmae}}"}, "did you mean “name”"),
    ({"text-en": "Hi {{name"}, "never closed"),
    ({"text-en": "x" * 1601}, "at most 1600"),
]


def test_what_cannot_be_saved_comes_back_with_the_reason_and_the_text(client, sale):
    for changed, says in UNUSABLE:
        answer = client.post("/templates/new", data=form(**changed))
        assert answer.status_code == 422
        assert says in body(answer)
        assert typed_text(answer) == form(**changed)["text-en"]
    assert Template.select().count() == 1


def test_the_language_at_fault_comes_on_screen(client):
    answer = client.post("/templates/new", data=form(**{"text-zh": "您好 {{"}))
    assert answer.status_code == 422 and typed_text(answer) == "您好 {{"


def test_an_unknown_language_is_refused_not_a_failure(client):
    for data in (form(lang="!!"), form(**{"text-english!": "x"}), form(add="1234")):
        assert client.post("/templates/check", data=data).status_code == 422
        assert client.post("/templates/new", data=data).status_code == 422


def test_typing_refreshes_only_the_panel(client):
    answer = client.post(
        "/templates/check?only=panel", data=form(**{"text-en": "Hi {{first_name}} – now"}), headers=HX
    )
    page = body(answer)
    assert "<textarea" not in page and "<html" not in page
    assert 'id="meter"' in page and page.count("hx-swap-oob") == 3
    assert "Hi Emma – now" in page and "Marketing must tell" in page and "UCS-2" in page


def test_the_same_works_as_a_plain_page(client):
    page = client.post("/templates/check", data=form(**{"text-en": "Hi {{first_name}}"}))
    assert page.status_code == 200 and "<html" in body(page)
    assert "Hi Emma" in body(page) and typed_text(page) == "Hi {{first_name}}"


def test_a_button_of_the_editor_answers_with_the_editor_alone(client):
    page = body(client.post("/templates/check", data=form(), headers=HX))
    assert page.lstrip().startswith("<form") and "<html" not in page


def test_a_fix_replaces_the_text_on_screen(client):
    fixed = "Sale. Reply STOP to opt out"
    for headers in ({}, HX):
        answer = client.post(
            "/templates/check", data=form(**{"text-en": "Sale", "fix": fixed}), headers=headers
        )
        assert typed_text(answer) == fixed


def test_a_field_is_appended_without_javascript(client):
    assert (
        typed_text(client.post("/templates/check", data=form(**{"text-en": "Hi "}, insert="{{city}}")))
        == "Hi {{city}}"
    )


def test_languages_are_added_and_switched_and_nothing_typed_is_lost(client):
    added = client.post("/templates/check", data=form(add="zh"))
    assert typed_text(added) == "" and "Coke Store: Hi {{first_name" in body(added)
    data = form(lang="zh", **{"text-zh": "您好 {{honorific}}"}, tab="en")
    assert typed_text(client.post("/templates/check", data=data)) == SALE


def test_the_preview_can_be_any_contact(client, rt_sqlite, sale):
    nana = person(rt_sqlite, 1, name="欧阳娜娜", language="zh", country="CN")
    found = body(client.post("/templates/check?only=people", data=form(q="欧阳"), headers=HX))
    assert f'value="{nana}"' in found and "欧阳娜娜" in found and "13800" not in found
    shown = body(client.post("/templates/check", data=form(template=str(sale), lang="zh", **{
        "text-zh": "【可乐店】{{honorific}}，您好"}, person=str(nana))))  # fmt: skip
    assert "【可乐店】尊敬的欧阳娜娜，您好" in shown and "counted as in China" in shown


def test_a_contact_who_lacks_a_value_shows_why_there_is_no_text(client, rt_sqlite):
    nobody = person(rt_sqlite, 1, name=None)
    page = body(
        client.post(
            "/templates/check?only=panel",
            data=form(contact=str(nobody), **{"text-en": "Hi {{first_name}}"}),
            headers=HX,
        )
    )
    assert "has no first_name" in page and "1 of 1 people has no first_name" in page


def test_a_contact_who_is_gone_becomes_the_made_up_person(client):
    for gone in ("987654", "9" * 40, "-1", "x"):
        assert "A made-up person" in body(client.post("/templates/check", data=form(contact=gone)))


def test_values_and_words_are_escaped(client, rt_sqlite):
    evil = "<img src=x onerror=alert(1)>"
    who = person(rt_sqlite, 1, name=evil)
    page = body(
        client.post(
            "/templates/check", data=form(name=evil, contact=str(who), **{"text-en": evil + "{{name}}"})
        )
    )
    assert "<img" not in page and "&lt;img" in page


def test_a_text_in_another_script_than_its_language_can_move_there(client):
    chinese = "【可乐店】{{honorific}}，本周日全场八折"
    page = body(client.post("/templates/check", data=form(**{"text-en": chinese})))
    assert "This is Chinese, but it stands under English" in page and "Make it Chinese" in page
    moved = body(client.post("/templates/check", data=form(**{"text-en": chinese}) | {"move": "zh"}))
    assert 'name="text-zh"' in moved and 'name="text-en"' not in moved and "Make it Chinese" not in moved
    assert "尊敬的" in moved or "女士" in moved
    # A brand in Chinese makes no Chinese text, and a language that has its own text is not overwritten.
    assert "Make it" not in body(
        client.post("/templates/check", data=form(**{"text-en": "【可乐】20 % off. Reply STOP"}))
    )
    both = form(**{"text-en": chinese}) | {"text-zh": "【可乐店】八折"}
    assert "Make it" not in body(client.post("/templates/check", data=both))
    kept = body(client.post("/templates/check", data=both | {"move": "zh"}))
    assert 'name="text-en"' in kept and "八折</textarea>" in kept


def test_without_a_person_the_text_is_checked_for_where_most_of_its_readers_are(client, rt_sqlite):
    data = form(**{"text-en": "Coke Store: sale. Reply STOP to opt out"})
    assert "Tells a way out" in body(client.post("/templates/check", data=data))
    for n in (1, 2):
        person(rt_sqlite, n, language="zh", country="CN")
    person(rt_sqlite, 3, language="en", country="GB")
    page = body(client.post("/templates/check", data=data))
    assert "“Reply STOP” is not enough" in page and "In China a text begins with" in page
    assert "Checked for China, where most readers" in page
    own = body(client.post("/templates/check", data=data | {"text-zh": "【可乐店】八折，拒收请回复R"}))
    assert "Tells a way out" in own and "Checked for United Kingdom" in own


def test_more_contacts_than_are_looked_at_are_never_everyone(client, rt_sqlite, monkeypatch):
    monkeypatch.setattr(drafts, "NEWEST", 2)
    data = form(**{"text-en": "Hi {{name}}"})
    for n in (1, 2):
        person(rt_sqlite, n)
    assert "Everyone has a value" in body(client.post("/templates/check", data=data))
    person(rt_sqlite, 3)
    assert "Each of the newest 2 people has a value" in body(client.post("/templates/check", data=data))


def test_emoji_are_named_however_short_the_text(client):
    page = body(client.post("/templates/check", data=form(**{"text-en": "Hi 🎁🎁🎁🎁"})))
    assert "These make it UCS-2" in page and "halve the room" in page
    assert "These make it UCS-2" not in body(
        client.post("/templates/check", data=form(**{"text-en": "【可乐店】全场八折🎁"}))
    )


def test_where_only_the_newest_contacts_are_looked_at_that_is_said(client, rt_sqlite, monkeypatch):
    data = form(**{"text-en": "Coke Store: sale. Reply STOP to opt out"})
    for n in (1, 2, 3):
        person(rt_sqlite, n, language="en", country="GB")
    assert "Of the newest" not in body(client.post("/templates/check", data=data))
    monkeypatch.setattr(drafts, "NEWEST", 2)
    assert "Of the newest 2 contacts." in body(client.post("/templates/check", data=data))
