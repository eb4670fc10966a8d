"""POST /events and PUT /items: each row is answered in its place."""

from __future__ import annotations

import pytest

from core import clock
from core.audience.events import catalogue
from core.db import database
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem

KNOWN, STRANGE = "+8613800000001", "+8613800000002"
AT = "2026-05-24T12:01:08Z"


@pytest.fixture
def caller(rt):
    kit.person(rt, 1)
    return Caller(rt)


def post(caller, *rows):
    answer = caller("POST", "/events", list(rows))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json


def test_each_row_is_stored_duplicate_waiting_or_rejected(caller):
    good = {"phone": KNOWN, "type": "view", "at": AT, "key": "v1", "item": "sku-1"}
    made = post(
        caller,
        good,
        good,
        {"phone": STRANGE, "type": "view", "at": AT},
        {"phone": KNOWN, "type": "vew", "at": AT},
    )
    assert [row["status"] for row in made["rows"]] == ["stored", "duplicate", "waiting", "rejected"]
    assert [made[word] for word in ("stored", "duplicate", "waiting", "rejected")] == [1, 1, 1, 1]
    assert made["rows"][3]["field"] == "type" and made["rows"][3]["code"] == "unknown_type"
    assert "view" in made["rows"][3]["reason"]
    assert post(caller, good)["duplicate"] == 1


def test_impossible_rows_say_why(caller):
    future = clock.now_ms() + clock.DAY_MS
    rows = [
        ({"type": "view", "at": AT}, "phone"),
        ({"phone": "12", "type": "view", "at": AT}, "phone"),
        ({"phone": KNOWN, "type": "view", "at": "yesterday"}, "at"),
        ({"phone": KNOWN, "type": "view", "at": 1_779_624_068}, "at"),
        ({"phone": KNOWN, "type": "view", "at": future}, "at"),
        ({"phone": KNOWN, "type": "purchase", "at": AT}, "amount"),
        ({"phone": KNOWN, "type": "purchase", "at": AT, "amount": -5}, "amount"),
        ({"phone": KNOWN, "type": "purchase", "at": AT, "amount": "ten"}, "amount"),
        ({"phone": KNOWN, "type": "purchase", "at": AT, "amount": "NaN"}, "amount"),
        ({"phone": KNOWN, "type": "purchase", "at": AT, "amount": 5, "currency": "ZZZ"}, "currency"),
        ({"phone": KNOWN, "type": "view", "at": AT, "item": "a\0b"}, "item"),
        ({"phone": KNOWN, "type": "view", "at": AT, "properties": {"a": []}}, "properties.a"),
        ({"phone": KNOWN, "type": "view", "at": AT, "colour": "red"}, "colour"),
        ("view", ""),
    ]
    made = post(caller, *(row for row, _field in rows))
    assert made["rejected"] == len(rows)
    assert [row["field"] for row in made["rows"]] == [field for _row, field in rows]
    assert all(row["reason"] for row in made["rows"])
    assert database.scalar("SELECT COUNT(*) FROM event") == 0


def test_times_and_amounts_are_exact(caller):
    rows = [
        {
            "phone": KNOWN,
            "type": "purchase",
            "at": "2026-05-24T20:01:08.250+08:00",
            "key": "a",
            "amount": 0.1,
        },
        {"phone": KNOWN, "type": "purchase", "at": 1_779_624_068_250, "key": "b", "amount": "1234567.891234"},
        {"phone": KNOWN, "type": "purchase", "at": "2026-05-24T12:01:08", "key": "c", "amount": 19.99},
    ]
    assert post(caller, *rows)["stored"] == 3
    found = database.query('SELECT "at", amount_micros FROM event ORDER BY amount_micros')
    assert found == [
        (1_779_624_068_250, 100_000),
        (1_779_624_068_000, 19_990_000),
        (1_779_624_068_250, 1_234_567_891_234),
    ]


def test_only_a_body_that_is_no_list_is_422(caller):
    assert problem(caller("POST", "/events", {"events": []}))[:2] == (422, "invalid")
    assert problem(caller("POST", "/events", [{}] * 1001))[:2] == (422, "invalid")
    assert post(caller) == {"stored": 0, "duplicate": 0, "waiting": 0, "rejected": 0, "rows": []}


def test_a_thousand_rows_are_one_call(caller):
    rows = [
        {"phone": KNOWN, "type": "view", "at": 1_770_000_000_000 + n, "key": f"k{n}"} for n in range(1000)
    ]
    assert post(caller, *rows)["stored"] == 1000
    assert post(caller, *reversed(rows))["duplicate"] == 1000


def test_items_are_made_and_changed_by_key(caller):
    rows = [
        {"key": "sku-1", "title": "Shoe", "category": "shoes", "price": 199.5, "tags": ["new", "run"]},
        {"key": "sku-2"}, {"title": "no key"}, {"key": "sku-3", "price": -1}, {"key": "sku-1", "title": None},
    ]  # fmt: skip
    made = caller("PUT", "/items", rows).json
    assert (made["created"], made["updated"], made["unchanged"]) == (2, 0, 1)
    assert [(row["row"], row["field"]) for row in made["rejected"]] == [(2, "key"), (3, "price")]
    assert caller("PUT", "/items", [{"key": "sku-1", "price": 99}]).json["updated"] == 1
    [item] = catalogue.search("sku-1")
    assert (item.title, item.category, item.price_micros, item.tags) == (
        "Shoe",
        "shoes",
        99_000_000,
        ("new", "run"),
    )
