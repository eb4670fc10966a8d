"""Made-up customers: a file as a shop would have it, imported like any other."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from core import clock
from core.audience.importing import batch
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import State
from core.db.models import ImportBatch
from core.runtime import Runtime

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
_GIVEN = (
    "芳",
    "娜",
    "静",
    "敏",
    "伟",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
    "子轩",
    "雨桐",
    "思远",
)
_FIRST = (
    "Emma",
    "Oliver",
    "Ava",
    "Noah",
    "Mia",
    "Leo",
    "Zoë",
    "Jack",
    "Lily",
    "Max",
    "Ada",
    "Tom",
    "Ines",
    "Paul",
    "Elif",
    "Can",
)
_LAST = (
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Müller",
    "Schmidt",
    "Martin",
    "Dubois",
    "Yılmaz",
    "Kaya",
    "O'Brien",
    "Walker",
)
_CN_CITIES = ("上海", "北京", "杭州", "广州", "深圳", "成都", "武汉", "南京")
_EN_CITIES = {
    "GB": ("London", "Leeds", "York"),
    "DE": ("Berlin", "Köln", "Ulm"),
    "FR": ("Paris", "Lyon", "Nîmes"),
}
_TIERS = ("basic", "basic", "basic", "silver", "silver", "gold")
_CATEGORIES = ("护肤", "彩妆", "母婴", "数码", "家居", "食品", "运动", "图书")
HEADER = (
    "phone", "name", "country", "language", "gender", "birthday", "city", "tier", "spent",
    "first category", "last visit", "consent",
)  # fmt: skip


def write_csv(file: Path, n: int, chance: random.Random) -> None:
    """Write `n` customers, two thirds of them Chinese, one in eleven without consent, a few rows unusable."""
    today = clock.now().date()
    with file.open("w", newline="", encoding="utf-8-sig") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for i in range(n):
            writer.writerow(_chinese(i, chance, today) if i % 3 else _european(i, chance, today))
        writer.writerow(["12345", "No such number", "GB", *[""] * 9])
        writer.writerow(["", "Nobody", "DE", *[""] * 9])


def _chinese(i: int, chance: random.Random, today: date) -> list[Any]:
    prefix = chance.choice(("138", "139", "150", "158", "187", "186", "130", "189", "133"))
    name = chance.choice(_SURNAMES) + chance.choice(_GIVEN)
    phone = f"{prefix} {i // 10_000 % 10_000:04d} {i % 10_000:04d}"
    return [
        phone,
        name,
        "CN",
        "zh",
        chance.choice("男女"),
        *_rest(chance, today, chance.choice(_CN_CITIES), i),
    ]


def _european(i: int, chance: random.Random, today: date) -> list[Any]:
    country = chance.choice(list(_EN_CITIES))
    number = {
        "GB": (f"07400 {i % 1_000_000:06d}", f"07950 {i % 1_000_000:06d}"),
        "DE": (f"0151 {20_000_000 + i:08d}", f"0176 {20_000_000 + i:08d}"),
        "FR": (f"06 {10_000_000 + i:08d}", f"06 {60_000_000 + i:08d}"),
    }[country][chance.random() < 0.4]
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    return [
        number,
        name,
        country,
        "en",
        chance.choice(("female", "male")),
        *_rest(chance, today, chance.choice(_EN_CITIES[country]), i),
    ]


def _rest(chance: random.Random, today: date, city: str, i: int) -> list[Any]:
    tier = chance.choice(_TIERS)
    spent = round(chance.lognormvariate({"basic": 4.2, "silver": 5.4, "gold": 6.6}[tier], 0.6), 2)
    birthday = date(chance.randint(1955, 2006), chance.randint(1, 12), chance.randint(1, 28))
    last_visit = today - timedelta(days=int(chance.expovariate(1 / 60)))
    consent = "no" if i % 11 == 5 else "yes"
    return [birthday, city, tier, spent, chance.choice(_CATEGORIES), last_visit, consent]


def take_in(rt: Runtime, file: Path) -> dict[str, int]:
    """Import the file as `cooee contact import` does."""
    options = batch.prepare(
        rt, file, region="CN", cls="mass", source="checkout form", wording="I agree to offers by text"
    )
    batch_id = batch.begin(rt, options, path=file, file_name=file.name, who="demo")
    batch.run(rt, batch_id)
    done = ImportBatch.get_by_id(batch_id)
    if not done.created:
        raise Refusal("The demo's customers could not be imported; see `cooee doctor`.")
    return {"created": done.created, "rejected": done.rejected}


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the demo texts them."""

    contact_id: int
    bidx: bytes
    number: str
    country: str
    carrier: str


def known(rt: Runtime, most: int) -> list[Person]:
    """At most so many customers by their numbers: ids differ from instance to instance, numbers do not."""
    found = [
        Person(contact_id, bytes(bidx), rt.keys.open_number(sealed), country, carrier)
        for contact_id, bidx, sealed, country, carrier in database.query(
            "SELECT c.id, c.phone_bidx, c.phone_enc, p.country, COALESCE(n.carrier, '') FROM contact c "
            "JOIN profile p ON p.contact_id = c.id LEFT JOIN number_info n ON n.contact_id = c.id LIMIT ?",
            (most,),
        )
    ]
    return sorted(found, key=lambda person: person.number)


def texted() -> None:
    """Say in everyone's profile how often they were texted, and when last, as sending does."""
    theirs = (
        "FROM message m WHERE m.contact_id = profile.contact_id AND m.submitted_at IS NOT NULL "
        f"AND m.state <> {State.rejected:d}"
    )
    with database.write_tx():
        database.execute(
            f"UPDATE profile SET sent_count = (SELECT COUNT(*) {theirs}), "
            f"last_sent_at = (SELECT COALESCE(MAX(m.submitted_at), 0) {theirs})"
        )
