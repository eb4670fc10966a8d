"""One contact and the list: making, editing, finding, revealing."""

from __future__ import annotations

import pytest

from core.audience import contacts, fields, labels, lookup, search
from core.audience.search import Filter
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, LineType

PHONE = "+8613800138000"


def names(page):
    return [row.name for row in page.rows]


def test_a_contact_is_made_once(rt):
    one = contacts.create(rt, "１３８ 0013-8000", name=" 王芳 ", who="a@b.c")
    made = contacts.get(rt, one)
    assert (made.phone, made.name, made.country, made.line_type) == (
        "+86138****8000",
        "王芳",
        "CN",
        LineType.mobile,
    )
    with pytest.raises(Refusal, match=r"\+86138\*\*\*\*8000 is a contact already"):
        contacts.create(rt, PHONE)
    with pytest.raises(Refusal, match=r"“\+44123” is no valid phone number; look at its digits again"):
        lookup.number(rt, "+44123")
    with pytest.raises(Refusal, match="“12345” is no valid phone number in CN"):
        contacts.create(rt, "12345")
    assert database.scalar("SELECT COUNT(*) FROM contact") == 1


def test_fields_are_edited_as_people_write_them(rt):
    one = contacts.create(rt, PHONE)
    for key, kind in (("tier", "choice"), ("spent", "number"), ("member", "bool"), ("note", "text")):
        fields.define(key, kind)
    contacts.edit(
        rt,
        one,
        {
            "name": "李静",
            "email": "li@example.com",
            "language": "zh",
            "birthday": "1990/5/31",
            "tier": "黄金",
            "spent": "1,234.50",
            "member": "是",
            "note": " hi ",
        },
    )
    values = {field.key: value for field, value in contacts.field_values(one)}
    assert values == {
        "gender": "",
        "birthday": "1990-05-31",
        "city": "",
        "tier": "黄金",
        "spent": "1234.5",
        "member": "yes",
        "note": "hi",
    }
    made = contacts.get(rt, one)
    assert (made.name, made.email, made.language) == ("李静", "li@example.com", "zh")
    # A gender is the same choice in every language it is typed in.
    assert [(f.key, text) for f, text in contacts.edit(rt, one, {"gender": "女"})] == [("gender", "female")]
    assert contacts.edit(rt, one, {"gender": "weiblich", "tier": "黄金"}) == []
    contacts.edit(rt, one, {"tier": "", "name": "", "language": ""})
    assert contacts.get(rt, one).name == contacts.get(rt, one).language == ""
    assert {f.key: v for f, v in contacts.field_values(one)}["tier"] == ""


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("birthday", "31.02.1990", "does not fit Birthday; write it like 1990-05-31"),
        ("birthday", "2999-01-01", "“2999-01-01” lies in the future"),
        ("birthday", "1850-05-31", "“1850-05-31” is longer ago than anybody lives"),
        ("spent", "a lot", "write it like 1234.5"),
        ("email", "not an address", "no e-mail address"),
        ("language", "5", "no language code"),
        ("name", "x" * 101, "too long"),
        ("name", "a\x07b", "control characters"),
        ("shoe", "42", "There is no field “shoe”"),
    ],
)
def test_a_wrong_value_changes_nothing(rt_sqlite, key, value, sentence):
    one = contacts.create(rt_sqlite, PHONE, name="王芳")
    fields.define("spent", "number")
    with pytest.raises(Refusal, match=sentence) as refused:
        contacts.edit(rt_sqlite, one, {"city": "上海", key: value})
    assert refused.value.field == key
    assert contacts.get(rt_sqlite, one).name == "王芳"
    assert "上海" not in [value for _, value in contacts.field_values(one)]


def test_looking_at_a_number_is_audited(rt):
    one = contacts.create(rt, PHONE)
    assert contacts.reveal(rt, one, who="eve@b.c") == PHONE
    assert database.one("SELECT who, action, object FROM audit ORDER BY id DESC LIMIT 1") == (
        "eve@b.c",
        "number.reveal",
        f"contact:{one}",
    )
    assert PHONE not in str(database.query("SELECT * FROM audit"))


@pytest.mark.parametrize(
    "text", [PHONE, "13800138000", "138 0013 8000", "0086-138-0013-8000", "8613800138000"]
)
def test_a_number_is_found_in_any_spelling(rt_sqlite, text):
    contacts.create(rt_sqlite, PHONE, name="王芳")
    contacts.create(rt_sqlite, "+8613800138001", name="李静")
    assert names(search.find(rt_sqlite, Filter(text=text))) == ["王芳"]


def test_a_masked_number_is_found_by_its_head_and_its_end(rt):
    for number, name in ((PHONE, "王芳"), ("+8613811118000", "李静"), ("+4915152998000", "Zoë")):
        contacts.create(rt, number, name=name)
    for text, found in (
        ("+86138****8000", ["李静", "王芳"]),
        ("86138 **** 8000", ["李静", "王芳"]),
        ("+86139****8000", []),
        ("+49151529****8000", []),
        ("+49151****8000", ["Zoë"]),
    ):
        assert names(search.find(rt, Filter(text=text))) == found, text
    assert names(search.find(rt, Filter(text="+86138****8000", country="DE"))) == []


def test_names_are_found_by_any_part_and_digits_by_the_end(rt):
    for number, name in (
        (PHONE, "Zoë Müller"),
        ("+8613800138001", "王小芳"),
        ("+8613811118000", "100%_sure"),
    ):
        contacts.create(rt, number, name=name)
    for text, found in (
        ("zoë", ["Zoë Müller"]),
        ("MÜLLER", []) if not database.is_postgres() else ("MÜLLER", ["Zoë Müller"]),
        ("oë M", ["Zoë Müller"]),
        ("小", ["王小芳"]),
        ("%", ["100%_sure"]),
        ("_", ["100%_sure"]),
        ("\\", []),
        ("8000", ["100%_sure", "Zoë Müller"]),
        ("0138001", []),
        ("+86138", []),
        ("'; DROP TABLE contact; --", []),
    ):
        assert names(search.find(rt, Filter(text=text))) == found, text


def test_filters_go_together(rt):
    from core.audience import consent, suppression

    ids = [contacts.create(rt, f"+8613800138{n:03}", name=f"n{n}") for n in range(6)]
    contacts.create(rt, "+4915152992312", name="Zoë")
    vip = labels.create("vip")
    with database.write_tx():
        labels.put(vip, ids[:4])
        suppression.add(rt, [suppression.Entry(contacts.get(rt, ids[0]).phone_bidx)], reason="manual")
    consent.change(rt, ids[1], Cls.mass, "opt_in", source="form")
    consent.change(rt, ids[2], Cls.mass, "opt_out", source="call")
    for wanted, found in (
        (Filter(label_id=vip.id), ["n3", "n2", "n1", "n0"]),
        (Filter(label_id=vip.id, blocked=True), ["n0"]),
        (Filter(label_id=vip.id, blocked=False, consent="no"), ["n3", "n2"]),
        (Filter(consent="yes"), ["n1"]),
        (Filter(consent="out"), ["n2"]),
        (Filter(country="DE"), ["Zoë"]),
        (Filter(country="DE", text="n"), []),
        (Filter(country="CN", text="n5"), ["n5"]),
        (Filter(text="8003", consent="no"), ["n3"]),
    ):
        assert names(search.find(rt, wanted)) == found, wanted
    row = search.find(rt, Filter(text="n1")).rows[0]
    assert (row.phone, row.consent, [label["name"] for label in row.labels]) == (
        "+86138****8001",
        "yes",
        ["vip"],
    )
    assert search.total() == 7


def test_the_list_pages_by_key_both_ways(rt):
    ids = [contacts.create(rt, f"+8613800138{n:03}", name="odd" if n % 2 else "even") for n in range(24)]
    for wanted, matching in ((Filter(), ids[::-1]), (Filter(text="odd"), ids[::-1][::2])):
        seen, before, pages = [], None, []
        while True:
            page = search.find(rt, wanted, before=before, size=5)
            seen += [row.id for row in page.rows]
            pages.append(page)
            before = page.older
            if before is None:
                break
        assert seen == matching
        assert pages[0].newer is None
        back = search.find(rt, wanted, after=pages[1].newer, size=5)
        assert [row.id for row in back.rows] == matching[:5]
        assert (back.newer, back.older) == (None, matching[4])
        again = search.find(rt, wanted, after=pages[2].newer, size=5)
        assert [row.id for row in again.rows] == matching[5:10]
        assert again.newer == matching[5]


def test_a_long_search_stops_in_time_and_goes_on_where_it_was(rt, monkeypatch):
    ids = [contacts.create(rt, f"+8613800138{n:03}", name="needle" if n == 0 else "hay") for n in range(12)]
    monkeypatch.setattr(search, "_FIRST", 3)
    monkeypatch.setattr(search, "_STEP", 3)
    monkeypatch.setattr(search, "BUDGET_S", -1)
    by_name = search.find(rt, Filter(text="need"))
    assert [row.id for row in by_name.rows] == [ids[0]]  # the index on names found it at once
    before, found, looks = None, [], 0
    while True:
        page = search.find(rt, Filter(text="eedle"), before=before)
        found += [row.id for row in page.rows]
        looks += 1
        before = page.older
        if before is None:
            break
        assert page.looked_to == page.older
    assert (found, looks) == ([ids[0]], 4)
