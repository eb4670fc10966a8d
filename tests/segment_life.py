"""What people of the tests of segments did: events, texts they got, clicks, replies."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from core import clock
from core.audience.events import eventtypes
from core.db import database
from core.db.codes import State
from core.db.models import Campaign, Field, Link
from tests.segment_people import DAY_MS, EPOCH, define

HOUR_MS = 3_600_000
TYPES = {"view": 1, "purchase": 3, "refund": 4, "reply": 6, "click": 7, "visit": 8}
BOOKING = "booking"
ITEMS, GROUPS, PLACES = ("SKU1", "SKU2", "SKU3"), ("skin", "tea"), ("Bund", "Bryggen")
#: campaign id → days ago it was launched; the last is yet to come, the direct one never counts.
CAMPAIGNS = {1: 100, 2: 20, 3: 3, 4: -1}
LINKS = {
    (c, i): f"https://shop.example/{word}" for c in (1, 2, 3) for i, word in enumerate(("sale", "new/Tea"))
}
REGIONS = ("广东省广州市", "广东省深圳市", "Bergen", "")
LEAP_DAYS = (date(1996, 2, 29), date(2008, 2, 29), date(1900, 2, 28), date(1900, 3, 1))


def life_world(now_ms: int) -> None:
    """Fields, items, campaigns and links that the lives below need."""
    for key, kind in (("birthday", "date"), ("lat", "number"), ("lon", "number")):
        define(key, kind)
    eventtypes.add(BOOKING, title="Booking", properties={"size": "text", "seats": "number", "window": "bool"})
    with database.write_tx():
        for i, name in enumerate(GROUPS, 1):
            database.execute("INSERT INTO category (id, name) VALUES (?, ?)", (i, name))
        for i, key in enumerate(ITEMS, 1):
            database.execute(
                "INSERT INTO item (id, key, title, tags, updated_at) VALUES (?, ?, '', '', 1)", (i, key)
            )
        for number, days in CAMPAIGNS.items():
            Campaign.insert(
                id=number, name=f"campaign {number}", cls=2, state="done", created_at=1,
                launched_at=now_ms - days * DAY_MS,
            ).execute()  # fmt: skip
        Campaign.insert(
            id=9, name="direct:mass", cls=2, state="running", created_at=1, launched_at=1
        ).execute()
        for i, ((campaign, idx), url) in enumerate(LINKS.items(), 1):
            Link.insert(id=i, campaign_id=campaign, idx=idx, url=url, created_at=1).execute()
        Link.insert(id=99, campaign_id=1, idx=13, kind="optout", url="", created_at=1).execute()


def lives(people: dict[int, dict[str, Any]], now_ms: int, seed: int = 11) -> None:
    """Give each person a life, with many times and amounts at the edges the rules ask about; and store them."""
    draw = random.Random(seed)
    booking = database.scalar("SELECT id FROM event_type WHERE key = ?", (BOOKING,))
    edges = [
        d * DAY_MS + off for d in (0, 1, 6, 7, 8, 30, 31, 90, 91, 200) for off in (-1, 0, 1, 5 * HOUR_MS)
    ]

    def some_time() -> int:
        return now_ms - max(0, draw.choice(edges))

    def event(kind: str) -> dict[str, Any]:
        made = {"type": kind, "at": some_time(), "amount": None, "item": None, "category": None, "props": {}}
        if kind in ("purchase", "refund"):
            made["amount"] = draw.choice([0, 10_000_000, 33_333_333, 99_900_000, 100_000_000])
        if kind in ("purchase", "view"):
            made["item"], made["category"] = draw.choice([None, *ITEMS]), draw.choice([None, *GROUPS])
        if kind == "visit":
            made["props"] = draw.choice(
                [{}, {"place": draw.choice(PLACES)}, {"lat": 60.39, "lon": 5.32, "place": "Bergen"},
                 {"lat": 31.2, "lon": 121.5}, {"lat": -17.7, "lon": 179.99}, {"lat": 89.9, "lon": -120}]
            )  # fmt: skip
        if kind == BOOKING:
            made["props"] = draw.choice(
                [
                    {},
                    {"size": "L"},
                    {"size": "5"},
                    {"seats": 5},
                    {"seats": 2.5, "window": True},
                    {"window": False},
                ]
            )
        return made

    for contact_id, person in people.items():
        kinds = [kind for kind in (*TYPES, BOOKING) if draw.random() < 0.6]
        person["events"] = [event(kind) for kind in kinds for _ in range(draw.choice([1, 1, 2, 3, 4, 5, 6]))]
        person["texts"] = {
            campaign: {
                "state": draw.choice(["accepted", "delivered", "delivered", "undelivered", "expired", "rejected",
                                      "in_doubt", "skipped", "holdout"]),
                "at": now_ms - CAMPAIGNS[campaign] * DAY_MS + draw.choice([0, HOUR_MS]),
            }
            for campaign in (1, 2, 3)
            if draw.random() < 0.7
        }  # fmt: skip
        person["clicks"] = {
            key: now_ms - max(0, draw.choice(edges))
            for key in [*LINKS, (1, 13)]
            if key[0] in person["texts"] and draw.random() < 0.3
        }
        person["replies"] = [
            (
                text["at"] + draw.choice([0, 1, 7 * DAY_MS, 7 * DAY_MS + 1]),
                draw.choice(["", "", "start", "stop", "held"]),
            )
            for text in person["texts"].values()
            if draw.random() < 0.4
        ]
        # Purchases at the edges of 72 hours after a text.
        for text in person["texts"].values():
            if draw.random() < 0.4:
                bought = event("purchase") | {
                    "at": text["at"] + draw.choice([-1, 0, 72 * HOUR_MS, 72 * HOUR_MS + 1])
                }
                person["events"].append(bought)
        person["region"] = draw.choice([None, *REGIONS])
        near = [(60.39, 5.32), (60.40, 5.33), (31.2, 121.5), (-17.7, -179.99), (None, 5.0), (0.0, 0.0)]
        lat, lon = draw.choice([(None, None), *near])
        today = clock.from_ms(now_ms).date()
        born = [*LEAP_DAYS, date(1800, 5, 5)]
        born += [date(draw.randrange(1950, 2020), 1, 1) + timedelta(draw.randrange(365)) for _ in range(6)]
        born += [
            today.replace(year=today.year - y) + timedelta(d) for y in (18, 30) for d in (-1, 0, 1, 7, 8)
        ]
        person["fields"] |= {"lat": lat, "lon": lon, "birthday": draw.choice([None, *born])}
        _store(contact_id, person, booking)


def _store(contact_id: int, person: dict[str, Any], booking: int) -> None:
    ids = TYPES | {BOOKING: booking}
    with database.write_tx():
        for key in ("lat", "lon", "birthday"):
            value = person["fields"][key]
            column = Field.get(Field.key == key).column
            kept = (value - EPOCH).days if isinstance(value, date) else value
            database.execute(f"UPDATE profile SET {column} = ? WHERE contact_id = ?", (kept, contact_id))
        of_type = defaultdict(list)
        for i, event in enumerate(person["events"]):
            of_type[ids[event["type"]]].append(event)
            database.execute(
                'INSERT INTO event (contact_id, key_hash, "type", "at", amount_micros, item_id, category_id, props) '
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    contact_id, i, ids[event["type"]], event["at"], event["amount"],
                    ITEMS.index(event["item"]) + 1 if event["item"] else None,
                    GROUPS.index(event["category"]) + 1 if event["category"] else None,
                    json.dumps(event["props"]) if event["props"] else None,
                ),
            )  # fmt: skip
        for type_id, events in of_type.items():
            ats = sorted((event["at"] for event in events), reverse=True)
            total = sum(event["amount"] or 0 for event in events)
            latest = (ats + [None] * 3)[:4]
            database.execute(
                "INSERT INTO event_stat VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (type_id, contact_id, len(ats), total, ats[-1], *latest),
            )
        for campaign, text in person["texts"].items():
            database.execute(
                "INSERT INTO message (id, campaign_id, contact_id, cls, state, submitted_at) VALUES (?, ?, ?, 2, ?, ?)",
                (contact_id * 10 + campaign, campaign, contact_id, int(State[text["state"]]), text["at"]),
            )
        numbers = {key: i for i, key in enumerate(LINKS, 1)} | {(1, 13): 99}
        for (campaign, idx), at in person["clicks"].items():
            database.execute(
                "INSERT INTO clicked VALUES (?, ?, ?, ?, ?, 1)",
                (campaign, numbers[campaign, idx], contact_id, at, at),
            )
        for i, (at, intent) in enumerate(person["replies"]):
            key = f"{contact_id}:{i}".encode()
            database.execute(
                "INSERT INTO inbound (account_id, contact_id, phone_bidx, phone_enc, body, intent, dedupe, received_at) "
                "VALUES (1, ?, ?, ?, 'hello', ?, ?, ?)",
                (contact_id, key, key, intent, key, at),
            )
        if person["region"] is not None:
            database.execute(
                "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, status, "
                "checked_at) VALUES (?, ?, '', '', 1, 0, 0, 1)",
                (contact_id, person["region"]),
            )
