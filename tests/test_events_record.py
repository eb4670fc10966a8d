"""Recording events: checks a row, duplicates, unknown numbers, and counts that follow."""

from __future__ import annotations

import pytest

from core import clock
from core.audience import contacts, erasing, events
from core.audience.events import eventtypes, folding
from core.audience.events.recording import NewEvent
from core.contract.errors import Refusal
from core.db import database, settings

ANN, BOB = "+8613800138000", "+8613800138001"
DAY = clock.DAY_MS


@pytest.fixture
def now():
    return clock.now_ms()


def test_a_purchase_is_stored_and_counted(rt, now):
    ann = contacts.create(rt, ANN)
    outcomes = events.record(
        rt,
        [
            NewEvent("purchase", now - DAY, phone=ANN, key="o1", amount_micros=12_500_000, currency="CNY",
                     item="SKU1", category="shoes", props={"order": "1001"}),
            NewEvent("view", now - 2 * DAY, contact_id=ann),
        ],
    )  # fmt: skip
    assert [o.status for o in outcomes] == ["stored", "stored"]
    assert events.currency() == "CNY"
    bought = events.of_contact(ann)[0]
    assert (bought.type, bought.amount_micros, bought.item, bought.category) == (
        "purchase", 12_500_000, "SKU1", "shoes",
    )  # fmt: skip
    assert bought.props == {"order": "1001"}
    assert events.counted(ann)["purchase"] == events.Counted(1, 12_500_000, now - DAY, now - DAY)
    assert database.query("SELECT contact_id FROM touched") == [(ann,)]
    assert list(folding.check_stats()) == list(folding.check_days()) == []
    assert events.of_contact(ann, only=["view"])[0].at == now - 2 * DAY


def test_the_same_event_again_changes_nothing(rt, now):
    contacts.create(rt, ANN)
    keyed = NewEvent("purchase", now - DAY, phone=ANN, key="o1", amount_micros=1)
    plain = NewEvent("view", now - DAY, phone=ANN, item="SKU1")
    assert [o.status for o in events.record(rt, [keyed, keyed, plain])] == ["stored", "duplicate", "stored"]
    assert [o.status for o in events.record(rt, [plain, keyed])] == ["duplicate", "duplicate"]
    assert database.scalar("SELECT SUM(n) FROM event_stat") == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_key_with_two_contents_ends_the_same_in_any_order(rt, now, order):
    ann = contacts.create(rt, ANN)
    two = [
        NewEvent("purchase", now - DAY, phone=ANN, key="o1", amount_micros=5, item="b"),
        NewEvent("purchase", now - DAY, phone=ANN, key="o1", amount_micros=5, item="a"),
    ]
    for at in order:
        events.record(rt, [two[at]])
    assert [(done.item, done.amount_micros) for done in events.of_contact(ann)] == [("a", 5)]
    later = NewEvent("refund", now - 9 * DAY, phone=ANN, key="o1", amount_micros=7)
    assert events.record(rt, [later])[0].status == "duplicate"
    assert events.counted(ann) == {"refund": events.Counted(1, 7, now - 9 * DAY, now - 9 * DAY)}
    assert list(folding.check_stats()) == list(folding.check_days()) == []


@pytest.mark.parametrize(
    ("event", "field", "says"),
    [
        ({"type": "purchse", "amount_micros": 1}, "type", "purchase"),
        ({"type": ""}, "type", "no type"),
        ({"at": "ahead"}, "at", "future"),
        ({"at": 900_000_000_000}, "at", "2000"),
        ({"at": None}, "at", "time"),
        ({"type": "purchase"}, "amount", "needs an amount"),
        ({"amount_micros": -1}, "amount", "negative"),
        ({"amount_micros": 10**18}, "amount", "ten thousand million"),
        ({"amount_micros": 1.5}, "amount", "not an amount"),
        ({"amount_micros": 1, "currency": "RMB"}, "currency", "RMB"),
        ({"amount_micros": 1, "currency": "USD"}, "currency", "exchange rate"),
        ({"phone": "12345"}, "phone", "not a valid number"),
        ({"phone": ""}, "phone", "no number"),
        ({"contact_id": 99}, "contact_id", "no such contact"),
        ({"key": "k" * 201}, "key", "longer"),
        ({"item": "k" * 201}, "item", "longer"),
        ({"item": "a\0"}, "item", "does not fit"),
        ({"props": {"lat": 91}}, "props", "latitude"),
        ({"props": {"lon": "x"}}, "props", "lon=x"),
        ({"props": {"a": [1]}}, "props", "a="),
    ],
)
def test_an_impossible_event_is_answered_and_the_others_are_stored(rt_sqlite, now, event, field, says):
    contacts.create(rt_sqlite, ANN)
    settings.put("currency", "CNY")
    event = {"type": "view", "at": now, "phone": ANN} | event
    if event["at"] == "ahead":
        event["at"] = now + 6 * clock.MINUTE_MS
    good = NewEvent("view", now, phone=ANN, key="good")
    bad, stored = events.record(rt_sqlite, [NewEvent(**event), good])
    assert (bad.status, bad.field, stored.status) == ("rejected", field, "stored")
    assert says in bad.reason
    assert database.scalar("SELECT COUNT(*) FROM event") == 1


def test_amounts_are_kept_in_the_house_currency(rt, now):
    ann = contacts.create(rt, ANN)
    settings.put("currency", "CNY")
    settings.put("rates", {"USD": "7.125", "EUR": "junk"})
    outcomes = events.record(
        rt,
        [
            NewEvent("purchase", now, phone=ANN, key="1", amount_micros=10_000_000, currency="usd"),
            NewEvent("purchase", now, phone=ANN, key="2", amount_micros=1_000_000),
            NewEvent("purchase", now, phone=ANN, key="3", amount_micros=1_000_000, currency="EUR"),
        ],
    )
    assert [o.status for o in outcomes] == ["stored", "stored", "rejected"]
    assert events.counted(ann)["purchase"].sum_micros == 72_250_000


def test_events_of_an_unknown_number_wait_for_it(rt, now):
    first, second = (NewEvent("view", now - n * DAY, phone=BOB, key=str(n), item="SKU1") for n in (1, 2))
    assert [o.status for o in events.record(rt, [first, second])] == ["waiting", "waiting"]
    assert events.record(rt, [first])[0].status == "duplicate"
    assert database.scalar("SELECT COUNT(*) FROM event") == events.join_waiting(rt) == 0
    bob = contacts.create(rt, BOB)
    assert [done.at for done in events.of_contact(bob)] == [now - DAY, now - 2 * DAY]
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 0
    assert list(folding.check_stats()) == list(folding.check_days()) == []
    assert events.record(rt, [second])[0].status == "duplicate"


def test_nothing_about_an_erased_person_is_kept(rt, now):
    ann = contacts.create(rt, ANN)
    event = NewEvent("purchase", now, phone=ANN, key="o1", amount_micros=9)
    events.record(rt, [event])
    erasing.erase(rt, ann, who="test")
    for table in ("event", "event_stat", "event_day", "event_waiting", "touched"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == 0, table
    assert events.record(rt, [event])[0].code == "erased"
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 0


def test_a_custom_type_has_typed_properties(rt, now):
    ann = contacts.create(rt, ANN)
    assert events.record(rt, [NewEvent("trial", now, phone=ANN)])[0].code == "unknown_type"
    made = eventtypes.add(
        "trial",
        title="Trial lesson",
        properties={"hours": "number", "day": "date", "paid": "bool", "room": "text"},
    )
    assert made.id > 10 and events.types()["trial"] == (made.id, "Trial lesson")
    good = {"hours": "1.50", "day": "2026/05/04", "paid": "yes", "room": 7, "order": "A1"}
    outcomes = events.record(
        rt,
        [
            NewEvent("trial", now, phone=ANN, props=good),
            NewEvent("trial", now, phone=ANN, props={"hours": "many"}),
            NewEvent("trial", now, phone=ANN, props={"colour": "red"}),
            NewEvent("trial", now, phone=ANN, props={"day": "2026-02-30"}),
        ],
    )
    assert [o.code for o in outcomes] == ["", "bad_property", "unknown_property", "bad_property"]
    assert events.of_contact(ann)[0].props == {
        "hours": 1.5, "day": "2026-05-04", "paid": True, "room": "7", "order": "A1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "properties"),
    [("Bad key", {}), ("view", {}), ("x", {"lat": "number"}), ("x", {"a b": "text"}), ("x", {"a": "money"})],
)
def test_types_that_cannot_be_are_refused(rt_sqlite, key, properties):
    with pytest.raises(Refusal):
        eventtypes.add(key, properties=properties)
    assert len(eventtypes.all_types()) == 10


def test_plugins_hear_of_contacts_with_news_once_each(rt, now, monkeypatch):
    ann = contacts.create(rt, ANN)
    heard = []
    monkeypatch.setattr(
        type(rt.plugins), "call", lambda _self, hook, **given: heard.append((hook, given)) or []
    )
    two = [NewEvent("view", now - n, phone=ANN) for n in (1, 2)]
    events.record(rt, two)
    events.record(rt, two)
    assert heard == [("events_recorded", {"contact_ids": [ann]})]
