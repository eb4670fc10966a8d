"""Two people with the same form open: what the second saves never undoes what the first saved without a word."""

import json
import re
from html import unescape

import pytest

from core import clock
from core.audience import contacts
from core.audience.segments import store
from core.content import templates
from core.db import database, settings
from core.sending import approval, judge
from core.timing import hours
from tests import campaign_kit as kit
from tests.campaign_shop import text

INPUT = re.compile(r'<input[^>]*\bname="([\w:.-]+)"[^>]*\bvalue="([^"]*)"[^>]*>')
AREA = re.compile(r'<textarea[^>]*\bname="([\w-]+)"[^>]*>([^<]*)</textarea>')
CHOSEN = re.compile(r'<select[^>]*\bname="([\w-]+)"[^>]*>(.*?)</select>', re.S)


def form(page: str, action: str) -> dict[str, str]:
    """What a browser would send of the form with this action."""
    part = page[page.index(f'action="{action}"') :]
    part = part[: part.index("</form>")]
    found = dict(CHOSEN.findall(part))
    chosen = {
        name: option[0]
        for name, options in found.items()
        if (option := re.findall(r'<option[^>]*\bselected[^>]*\bvalue="([^"]*)"', options))
        or (option := re.findall(r'<option[^>]*\bvalue="([^"]*)"[^>]*\bselected', options))
        or (option := re.findall(r'<option[^>]*\bvalue="([^"]*)"', options))
    }
    inputs = {
        name: value
        for tag, name, value in ((m[0], m[1], m[2]) for m in re.finditer(INPUT, part))
        if not re.search(r'type="(checkbox|radio)"', tag) or "checked" in tag
    }
    areas = {name: value.removeprefix("\n") for name, value in AREA.findall(part)}
    return {name: unescape(value) for name, value in (chosen | inputs | areas).items()}


@pytest.fixture
def two(login):
    """Two people with pages of their own."""
    return login("admin"), login("admin", email="ben@shop.example")


# --- contacts -----------------------------------------------------------------------------------------


@pytest.fixture
def person(rt_sqlite):
    return contacts.create(rt_sqlite, "+8613800138000", name="Anna", who="test")


def contact_form(client, person):
    return form(text(client.get(f"/contacts/{person}/edit")), f"/contacts/{person}/edit")


def test_two_fields_of_a_contact_changed_by_two_people_both_stay(two, person, rt_sqlite):
    ann, ben = two
    first, second = contact_form(ann, person), contact_form(ben, person)
    ann.post(f"/contacts/{person}/edit", data=first | {"city": "Nanjing"})
    assert ben.post(f"/contacts/{person}/edit", data=second | {"name": "Berta"}).status_code == 303
    shown = contact_form(ann, person)
    assert (shown["name"], shown["city"]) == ("Berta", "Nanjing")


def test_one_field_of_a_contact_changed_by_two_people_asks_the_second(two, person, rt_sqlite):
    ann, ben = two
    first, second = contact_form(ann, person), contact_form(ben, person)
    ann.post(f"/contacts/{person}/edit", data=first | {"city": "Nanjing"})
    ben.post(f"/contacts/{person}/reveal")  # in the audit log, but no change
    answer = ben.post(f"/contacts/{person}/edit", data=second | {"city": "Suzhou", "name": "Berta"})
    assert answer.status_code == 409
    assert "Changed meanwhile by admin@shop.example" in text(answer)
    again = form(text(answer), f"/contacts/{person}/edit")
    assert (again["city"], again["name"]) == ("Suzhou", "Berta")
    assert contact_form(ann, person)["city"] == "Nanjing"
    ben.post(f"/contacts/{person}/edit", data=again)
    shown = contact_form(ann, person)
    assert (shown["city"], shown["name"]) == ("Suzhou", "Berta")


def test_a_change_nobody_made_by_hand_is_laid_to_nobody(two, person, rt_sqlite):
    ann, ben = two
    ann.post(f"/contacts/{person}/edit", data=contact_form(ann, person) | {"city": "Nanjing"})
    time_of = clock.now_ms() + clock.MINUTE_MS
    sent = contact_form(ben, person)
    sent["seen"] = json.dumps(json.loads(sent["seen"]) | {"@": time_of})
    with database.write_tx():
        database.execute("UPDATE contact SET email = 'file@shop.example' WHERE id = ?", (person,))
    answer = ben.post(f"/contacts/{person}/edit", data=sent | {"email": "ben@shop.example"})
    assert answer.status_code == 409
    assert "Changed meanwhile by somebody else" in text(answer)


# --- settings -----------------------------------------------------------------------------------------


def test_a_box_of_the_rules_writes_only_itself(two):
    ann, ben = two
    first, second = (form(text(one.get("/settings/rules")), "/settings/rules") for one in two)
    ann.post("/settings/rules", data=first | {"four_eyes": "50"})
    assert ben.post("/settings/rules", data=second | {"pause_after": "11"}).status_code == 303
    assert settings.get(approval.RECIPIENTS_KEY) == 50
    assert settings.get(judge.PAUSE_AFTER_KEY) == 11
    answer = ben.post("/settings/rules", data=second | {"four_eyes": "70"})
    assert answer.status_code == 409
    assert settings.get(approval.RECIPIENTS_KEY) == 50
    ben.post("/settings/rules", data=form(text(answer), "/settings/rules"))
    assert settings.get(approval.RECIPIENTS_KEY) == 70


def test_a_rule_that_came_after_the_page_was_loaded_stays_in_force(client, rt_sqlite):
    sent = form(text(client.get("/settings/hours")), "/settings/hours")
    names = list(rt_sqlite.plugins.rules)
    seen = json.loads(sent["seen"])
    # The page was loaded before the last rule was installed.
    del seen[f"rule:{names[-1]}"]
    data = {"start": "10:00", "end": sent["end"], "seen": json.dumps(seen), "rules": names[1:-1]}
    assert client.post("/settings/hours", data=data).status_code == 303
    assert settings.get(hours.RULES_OFF_KEY) == [names[0]]
    assert settings.get(hours.HOURS_KEY)["start"] == "10:00"


def test_hours_set_by_two_people_are_asked_about(two):
    ann, ben = two
    first, second = (form(text(one.get("/settings/hours")), "/settings/hours") for one in two)
    marked = re.findall(r'name="rules" value="([^"]+)"', text(ann.get("/settings/hours")))
    ann.post("/settings/hours", data=first | {"start": "10:00", "rules": marked})
    answer = ben.post("/settings/hours", data=second | {"start": "11:00", "rules": marked})
    assert answer.status_code == 409
    assert settings.get(hours.HOURS_KEY)["start"] == "10:00"


# --- templates ----------------------------------------------------------------------------------------


def test_two_languages_changed_by_two_people_both_stay(two, rt_sqlite):
    ann, ben = two
    template = kit.template("both", en="Hello. Reply STOP", zh="【可乐店】你好。拒收请回复R")
    url = f"/templates/{template}"
    first, second = (form(text(one.get(url)), url) for one in two)
    ann.post(url, data=first | {"text-en": "Hello Ann. Reply STOP"})
    assert ben.post(url, data=second | {"text-zh": "【可乐店】您好。拒收请回复R"}).status_code == 303
    bodies = {lang: row.body for lang, row in templates.texts(template).items()}
    assert bodies == {"en": "Hello Ann. Reply STOP", "zh": "【可乐店】您好。拒收请回复R"}


def test_a_language_added_meanwhile_is_not_taken_away(two, rt_sqlite):
    ann, ben = two
    template = kit.template("one", en="Hello. Reply STOP")
    url = f"/templates/{template}"
    first, second = (form(text(one.get(url)), url) for one in two)
    ann.post(url, data=first | {"text-de": "Hallo. STOP zum Abmelden"})
    ben.post(url, data=second | {"text-en": "Hello Ben. Reply STOP"})
    assert sorted(templates.texts(template)) == ["de", "en"]
    third = form(text(ann.get(url)), url)
    third.pop("text-de")
    ann.post(url, data=third)
    assert sorted(templates.texts(template)) == ["en"]


def test_the_same_text_changed_by_two_people_asks_the_second(two, rt_sqlite):
    ann, ben = two
    template = kit.template("one", en="Hello. Reply STOP")
    url = f"/templates/{template}"
    first, second = (form(text(one.get(url)), url) for one in two)
    ann.post(url, data=first | {"text-en": "Hello Ann. Reply STOP"})
    answer = ben.post(url, data=second | {"text-en": "Hello Ben. Reply STOP"})
    assert answer.status_code == 409
    assert "Changed meanwhile by admin@shop.example" in text(answer)
    assert templates.texts(template)["en"].body == "Hello Ann. Reply STOP"
    ben.post(url, data=form(text(answer), url))
    assert templates.texts(template)["en"].body == "Hello Ben. Reply STOP"


# --- segments -----------------------------------------------------------------------------------------

AGREED = {"all": [{"segmenter": "consent", "class": "mass", "state": "yes"}]}


def builder(client, row):
    return form(text(client.get(f"/segments/{row.id}")), "/segments/draft")


def test_a_rule_and_a_name_changed_by_two_people_both_stay(two, rt_sqlite):
    ann, ben = two
    row = store.save(rt_sqlite, "Mine", AGREED, "ann")
    sent = builder(ben, row)
    store.save(rt_sqlite, "Mine", {"not": AGREED}, "cleo@shop.example", segment_id=row.id)
    assert ben.post("/segments/save", data=sent | {"name": "Ours"}).status_code == 303
    assert store.rule_of(store.get("Ours")) == {"not": AGREED}


def test_a_rule_changed_by_two_people_asks_the_second(two, rt_sqlite):
    _ann, ben = two
    row = store.save(rt_sqlite, "Mine", AGREED, "ann")
    sent = builder(ben, row)
    changed = form(text(ben.post("/segments/draft", data=sent | {"do": "not:0_0"})), "/segments/draft")
    store.save(rt_sqlite, "Mine", {"all": []}, "cleo@shop.example", segment_id=row.id)
    answer = ben.post("/segments/save", data=changed)
    assert answer.status_code == 409
    assert "Changed meanwhile by cleo@shop.example" in text(answer)
    assert store.rule_of(store.get("Mine")) == {"all": []}
    assert ben.post("/segments/save", data=form(text(answer), "/segments/draft")).status_code == 303
    assert store.rule_of(store.get("Mine")) == {"all": [{"not": AGREED["all"][0]}]}


def test_the_tab_of_a_deleted_segment_never_overwrites_another(two, rt_sqlite):
    ann, ben = two
    row = store.save(rt_sqlite, "Mine", AGREED, "ann")
    sent = builder(ben, row)
    store.delete(row, "ann")
    other = store.save(rt_sqlite, "Other", {"all": []}, "ann")
    assert other.id > row.id
    answer = ben.post("/segments/save", data=sent)
    assert answer.status_code == 404
    assert "deleted meanwhile" in text(answer)
    assert [r.name for r in store.Segment.select()] == ["Other"]
    drawn = text(ben.post("/segments/draft", data=sent | {"do": "not:0_0"}))
    assert "deleted meanwhile" in drawn
    assert ben.post("/segments/save", data=form(text(answer), "/segments/draft")).status_code == 303
    assert store.rule_of(store.get("Mine")) == AGREED
    assert store.rule_of(store.get("Other")) == {"all": []}


def test_the_id_of_a_deleted_segment_is_not_given_again(rt):
    row = store.save(rt, "Mine", AGREED, "ann")
    store.delete(row, "ann")
    assert store.save(rt, "Other", AGREED, "ann").id > row.id
    assert store.duplicate(store.get("Other"), "ann").id > row.id + 1
