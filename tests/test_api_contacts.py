"""PUT /contacts: upsert by number, typed, with labels and consent."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.audience import consent, contacts, erasing, fields, labels, suppression, upserts
from core.db import database
from core.db.codes import Cls
from tests.api_kit import Caller, problem

ONE = "+8613800138000"
YES = {"agree": True, "source": "checkout"}
NO = {"agree": False, "source": "account page"}


@pytest.fixture
def caller(rt):
    return Caller(rt)


def put(caller, *rows):
    answer = caller("PUT", "/contacts", list(rows))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    made = answer.json
    statuses = [row["status"] for row in made["rows"]]
    assert len(statuses) == len(rows)
    assert all(made[status] == statuses.count(status) for status in made if status != "rows")
    return made["rows"]


def state(rt, phone=ONE):
    return contacts.as_dict(rt, contacts.need(rt, phone))


def test_a_contact_is_made_changed_and_left_alone(caller, rt):
    row = {
        "phone": "138 0013 8000", "name": "张伟", "email": "wei@shop.example", "language": "zh",
        "fields": {"city": "上海", "birthday": "1990-05-31", "gender": "男"}, "labels": ["vip", "new"],
        "consent": {"mass": YES},
    }  # fmt: skip
    [made] = put(caller, row)
    assert made["status"] == "created"
    now = state(rt)
    assert (now["id"], now["name"], now["email"], now["language"]) == (
        made["id"],
        "张伟",
        "wei@shop.example",
        "zh",
    )
    assert now["fields"] == {"gender": "male", "birthday": "1990-05-31", "city": "上海"}
    assert sorted(now["labels"]) == ["new", "vip"] and now["country"] == "CN"
    assert now["consent"]["mass"]["status"] == "opted_in"
    assert now["consent"]["mass"]["source"] == "checkout" and now["consent"]["mass"]["who"] == "api:shop"
    assert put(caller, row)[0]["status"] == "unchanged"
    assert put(caller, {"phone": ONE, "name": "张伟 2"})[0] == {"status": "updated", "id": made["id"]}
    assert state(rt)["fields"]["city"] == "上海"
    assert consent.check() is None and labels.check() is None and suppression.check() is None


def test_null_clears_and_labels_come_off(caller, rt):
    put(
        caller, {"phone": ONE, "name": "A", "language": "en", "fields": {"city": "Berlin"}, "labels": ["vip"]}
    )
    put(
        caller,
        {"phone": ONE, "name": None, "language": None, "fields": {"city": None}, "remove_labels": ["vip"]},
    )
    now = state(rt)
    assert (now["name"], now["language"], now["fields"]["city"], now["labels"]) == ("", "", None, [])
    assert labels.check() is None


def test_fields_take_values_of_their_kind(caller, rt):
    for key, kind in (("points", "number"), ("member", "bool"), ("note", "text"), ("since", "date")):
        fields.define(key, kind)
    good = {"points": 12.5, "member": True, "note": "hello", "since": "2026-01-31"}
    assert put(caller, {"phone": ONE, "fields": good})[0]["status"] == "created"
    assert state(rt)["fields"] | {} == state(rt)["fields"] | {
        "points": "12.5", "member": "yes", "note": "hello", "since": "2026-01-31",
    }  # fmt: skip
    for key, value in (("points", "many"), ("member", "perhaps"), ("since", "1990-02-30"), ("nothing", 1)):
        [row] = put(caller, {"phone": ONE, "fields": {key: value}})
        assert (row["status"], row["field"]) == ("rejected", f"fields.{key}") and row["reason"]


def test_a_day_nobody_can_be_born_on_is_no_birthday(caller, rt):
    for day, said in (("2999-01-01", "lies in the future"), ("1850-05-31", "longer ago than anybody lives")):
        [row] = put(caller, {"phone": ONE, "fields": {"birthday": day}})
        assert (row["status"], row["field"]) == ("rejected", "fields.birthday") and said in row["reason"]
    fields.define("founded", "date")
    [row] = put(caller, {"phone": ONE, "fields": {"birthday": "1926-01-01", "founded": "1850-05-31"}})
    assert row["status"] == "created"


def test_rows_that_make_no_sense_are_rejected_by_themselves(caller, rt):
    rows = put(
        caller, {"phone": "12"}, {}, 5, {"phone": ONE, "email": "nobody"}, {"phone": ONE, "nick": "x"},
        {"phone": ONE, "name": "a\0b"}, {"phone": ONE, "consent": {"otp": NO}},
        {"phone": ONE, "consent": {"mass": {"agree": True, "source": " "}}}, {"phone": ONE, "labels": ["\u200b"]},
        {"phone": "+8613800138001", "name": "Good"},
    )  # fmt: skip
    assert [row["status"] for row in rows] == ["rejected"] * 9 + ["created"]
    assert [row["field"] for row in rows[:8]] == [
        "phone", "phone", "", "email", "nick", "name", "consent.otp", "consent.mass.source",
    ]  # fmt: skip
    assert database.scalar("SELECT COUNT(*) FROM contact") == 1


def test_of_two_rows_with_one_number_the_later_overwrites(caller, rt):
    rows = put(
        caller,
        {"phone": ONE, "name": "First", "fields": {"city": "Berlin"}, "labels": ["a"]},
        {"phone": "8613800138000", "name": "Second", "labels": ["b"]},
    )
    assert [row["status"] for row in rows] == ["duplicate", "created"]
    now = state(rt)
    assert (now["name"], now["fields"]["city"], sorted(now["labels"])) == ("Second", "Berlin", ["a", "b"])


def test_a_yes_never_beats_a_stop_nor_an_opt_out_of_ones_own(caller, rt):
    [made] = put(caller, {"phone": ONE, "consent": {"mass": YES}})
    consent.change(rt, made["id"], Cls.mass, "opt_out", source="phone call", who="ann@shop.example")
    [row] = put(caller, {"phone": ONE, "consent": {"mass": YES}})
    assert row == {"status": "unchanged", "id": made["id"], "consent_ignored": ["mass"]}
    assert state(rt)["consent"]["mass"]["status"] == "opted_out"
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, "+8613800138001")], reason="stop")
    [row] = put(caller, {"phone": "+8613800138001", "consent": {"mass": YES, "voice": YES}})
    assert row["status"] == "created" and row["consent_ignored"] == ["mass", "voice"]
    assert not state(rt, "+8613800138001")["consent"]["mass"]["may_text"]
    assert suppression.check() is None and consent.check() is None


def test_what_a_program_said_it_may_take_back(caller, rt):
    for said, status in ((YES, "opted_in"), (NO, "opted_out"), (YES, "opted_in")):
        [row] = put(caller, {"phone": ONE, "consent": {"mass": said}})
        assert "consent_ignored" not in row and state(rt)["consent"]["mass"]["status"] == status
    assert consent.check() is None


def test_somebody_erased_stays_so(caller, rt):
    [made] = put(caller, {"phone": ONE, "name": "Gone"})
    erasing.erase(rt, made["id"], who="test")
    [row] = put(caller, {"phone": ONE, "name": "Back"})
    assert (row["status"], row["field"]) == ("rejected", "phone")
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0


def test_events_that_waited_join_the_new_contact(caller, rt):
    event = {"phone": ONE, "type": "view", "at": "2026-05-01T10:00:00Z"}
    assert caller("POST", "/events", [event]).json["waiting"] == 1
    [made] = put(caller, {"phone": ONE})
    assert database.query("SELECT contact_id FROM event") == [(made["id"],)]


def test_plugins_hear_of_consent_after_the_commit(caller, rt, monkeypatch):
    heard = []
    monkeypatch.setattr(rt.plugins, "call", lambda name, **given: heard.append((name, given)) or [])
    [made] = put(caller, {"phone": ONE, "consent": {"mass": YES}})
    said = {"contact_ids": [made["id"]], "cls": "mass", "action": "opt_in"}
    assert ("consent_changed", said) in heard


def test_a_thousand_contacts_are_few_statements(caller, rt, monkeypatch):
    rows = [
        {"phone": f"+86138{n:08d}", "name": f"P{n}", "fields": {"city": f"c{n % 7}"}, "labels": [f"l{n % 3}"],
         "consent": {"mass": YES}} for n in range(1000)
    ]  # fmt: skip
    statements = []
    execute = database.proxy.obj.execute_sql
    monkeypatch.setattr(
        database.proxy.obj,
        "execute_sql",
        lambda sql, params=None: statements.append(sql) or execute(sql, params),
    )
    assert {row["status"] for row in put(caller, *rows)} == {"created"}
    made = len(statements)
    assert {row["status"] for row in put(caller, *rows)} == {"unchanged"}
    assert made < 120 and len(statements) - made < 60
    assert consent.check() is None and labels.check() is None


def test_a_contact_is_read_by_its_number_and_masked(caller, rt):
    put(caller, {"phone": ONE, "name": "Anna"})
    blind = Caller(rt, "contacts.read", name="reader", app=caller.app)
    for path in ("%2B8613800138000", "+8613800138000", "13800138000"):
        assert blind("GET", f"/contacts/{path}").json["phone"] == "+86138****8000"
    assert caller("GET", f"/contacts/{ONE}").json["phone"] == ONE
    assert problem(blind("GET", "/contacts/+8613800138009"))[:2] == (404, "not-found")
    assert problem(blind("GET", "/contacts/nobody"))[:2] == (404, "not-found")


NUMBERS = st.sampled_from([f"+861380013800{n}" for n in range(4)])
MAYBE = st.none() | st.sampled_from(["a", "b"])
ROWS = st.builds(
    lambda phone, basics, city, on, off: upserts.Row(phone, basics, city, on, off),
    NUMBERS,
    st.dictionaries(st.just("name"), MAYBE),
    st.dictionaries(st.just("city"), MAYBE),
    st.lists(st.sampled_from(["x", "y"]), max_size=2),
    st.lists(st.sampled_from(["x", "y"]), max_size=1),
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(calls=st.lists(st.lists(ROWS, max_size=5), max_size=4))
def test_many_at_once_are_the_same_as_one_after_another(rt, calls):
    """A plain dictionary says what must be there after any calls."""
    for table in ("contact_label", "profile", "contact"):
        with database.write_tx():
            database.execute(f"DELETE FROM {table}")
    expected: dict[str, dict] = {}
    for rows in calls:
        upserts.upsert(rt, rows, who="api:test")
        for row in rows:
            person = expected.setdefault(row.phone, {"name": None, "city": None, "labels": set()})
            person |= row.basics | row.fields
            person["labels"] = (person["labels"] - set(row.unlabel)) | set(row.labels)
    for phone, person in expected.items():
        now = state(rt, phone)
        assert now["name"] == (person["name"] or "") and now["fields"]["city"] == person["city"]
        assert set(now["labels"]) == person["labels"]
    assert database.scalar("SELECT COUNT(*) FROM contact") == len(expected)
    assert labels.check() is None
