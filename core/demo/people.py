"""Made-up customers: files as a shop would have them, imported like any other."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
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
from core.demo import words
from core.i18n import _, _l
from core.runtime import Runtime

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
_GIVEN = (
    "芳", "娜", "静", "敏", "伟", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "秀英", "子轩",
    "雨桐", "思远",
)  # fmt: skip
_FIRST = (
    "Emma", "Oliver", "Ava", "Noah", "Mia", "Leo", "Zoë", "Jack", "Lily", "Max", "Ada", "Tom",
    "Ines", "Paul", "Elif", "Can",
)  # fmt: skip
_LAST = (
    "Smith", "Jones", "Taylor", "Brown", "Müller", "Schmidt", "Martin", "Dubois", "Yılmaz", "Kaya",
    "O'Brien", "Walker",
)  # fmt: skip
_CN_CITIES = ("上海", "北京", "杭州", "广州", "深圳", "成都", "武汉", "南京")
_EN_CITIES = {
    "GB": ("London", "Leeds", "York"),
    "DE": ("Berlin", "Köln", "Ulm"),
    "FR": ("Paris", "Lyon", "Nîmes"),
}
GOLD = _l("gold")
_TIERS = (_l("basic"), _l("silver"), GOLD)
#: How many of six are in each tier, and the logarithm of what they usually spent.
_SHARES, _SPENT = (3, 2, 1), (4.2, 5.4, 6.6)
_CATEGORIES = ("护肤", "彩妆", "母婴", "数码", "家居", "食品", "运动", "图书")
#: Of the file: what a column means → its header.
HEADER = {
    "phone": _l("phone"), "name": _l("full name"), "country": _l("country"), "language": _l("language"),
    "gender": _l("gender"), "birthday": _l("birthday"), "city": _l("city"), "tier": _l("tier"),
    "spent": _l("spent"), "first category": _l("first category"), "last visit": _l("last visit"),
    "consent": _l("consent"),
}  # fmt: skip
#: Columns that are fields of this shop's own.
_OWN = ("tier", "spent", "first category", "last visit")
#: Days before the present → when that day a file came, its name, and its share of all customers.
FILES = {
    190: ("9:40", _l("customers"), 0.86),
    21: ("14:35", _l("new members"), 0.09),
    6: ("18:20", _l("shop counter"), 0.05),
}
_FIRST_FILE = max(FILES)
#: Of each later file: customers who are known already and come with news, and those who stand twice.
_KNOWN, _TWICE = 0.08, 0.02


def write_csv(
    file: Path, first: int, n: int, chance: random.Random, known: Sequence[Sequence[Any]] = ()
) -> list:
    """Write `n` customers from the number `first` on, and return their rows.

    Two thirds are Chinese, one in eleven did not agree, a few rows are unusable.  Of the `known` rows of an
    earlier file some come again: they spent more since.
    """
    today = clock.now().date()
    rows = [
        _chinese(i, chance, today) if i % 3 else _european(i, chance, today) for i in range(first, first + n)
    ]
    again = [_again(row, today, chance) for row in chance.sample(known, min(len(known), int(n * _KNOWN)))]
    twice = chance.sample(rows, int(n * _TWICE)) if known else []
    wrong = [["12345", _("No such number"), "GB", *[""] * 9], ["", _("Nobody"), "DE", *[""] * 9]]
    if known:
        wrong += [["021-5550", chance.choice(_SURNAMES) + "先生", "CN", *[""] * 9]]
    with file.open("w", newline="", encoding="utf-8-sig") as out:
        csv.writer(out).writerows([list(map(str, HEADER.values())), *rows, *again, *twice, *wrong])
    return rows


def _chinese(i: int, chance: random.Random, today: date) -> list[Any]:
    prefix = chance.choice(("138", "139", "150", "158", "187", "186", "130", "189", "133"))
    name = chance.choice(_SURNAMES) + chance.choice(_GIVEN)
    phone = f"{prefix} {i // 10_000 % 10_000:04d} {i % 10_000:04d}"
    rest = _rest(chance, today, chance.choice(_CN_CITIES), i)
    return [phone, name, "CN", "zh", chance.choice("男女"), *rest]


def _european(i: int, chance: random.Random, today: date) -> list[Any]:
    country = chance.choice(list(_EN_CITIES))
    number = {
        "GB": (f"07400 {i % 1_000_000:06d}", f"07950 {i % 1_000_000:06d}"),
        "DE": (f"0151 {20_000_000 + i:08d}", f"0176 {20_000_000 + i:08d}"),
        "FR": (f"06 {10_000_000 + i:08d}", f"06 {60_000_000 + i:08d}"),
    }[country][chance.random() < 0.4]
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    rest = _rest(chance, today, chance.choice(_EN_CITIES[country]), i)
    return [number, name, country, "en", chance.choice(("female", "male")), *rest]


def _rest(chance: random.Random, today: date, city: str, i: int) -> list[Any]:
    tier = chance.choices(range(len(_TIERS)), _SHARES)[0]
    spent = round(chance.lognormvariate(_SPENT[tier], 0.6), 2)
    birthday = date(chance.randint(1955, 2006), chance.randint(1, 12), chance.randint(1, 28))
    last_visit = today - timedelta(days=int(chance.expovariate(1 / 60)))
    agreed = "no" if i % 11 == 5 else "yes"
    return [birthday, city, str(_TIERS[tier]), spent, chance.choice(_CATEGORIES), last_visit, agreed]


def _again(row: Sequence[Any], today: date, chance: random.Random) -> list[Any]:
    """A known customer who came back; of consent this file says nothing."""
    spent, category = float(row[8]) + chance.randint(40, 400), row[9]
    return [*row[:8], round(spent, 2), category, today - timedelta(days=chance.randint(0, 5)), ""]


class Arrivals:
    """The customers of a demo of `n`, who come with the files of `FILES`, the first one's rows in hand."""

    def __init__(self, rt: Runtime, folder: Path, n: int, chance: random.Random):
        self._rt, self._folder, self._chance = rt, folder, chance
        self._rows: list[Sequence[Any]] = []
        self._next, self.created = 0, 0
        later = {days: int(n * share) for days, (_at, _name, share) in FILES.items() if days != _FIRST_FILE}
        self._sizes = {_FIRST_FILE: n - sum(later.values()), **later}

    def come(self, days: int) -> list[int]:
        """Import the file of that day as `cooee contact import` does; the ids of those who are new."""
        file, n = self._folder / f"{FILES[days][1]}.csv", self._sizes[days]
        newest = database.scalar("SELECT COALESCE(MAX(id), 0) FROM contact")
        rows = write_csv(file, self._next, n, self._chance, self._rows)
        self._rows, self._next = self._rows or rows, self._next + n
        self.created += _take_in(self._rt, file)
        return [
            row[0] for row in database.query("SELECT id FROM contact WHERE id > ? ORDER BY id", (newest,))
        ]


def _take_in(rt: Runtime, file: Path) -> int:
    options = batch.prepare(
        rt, file, region="CN", changes={key: str(HEADER[key]) for key in _OWN}, cls="mass",
        source=_("checkout form"), wording=_("I agree to offers by text"),
    )  # fmt: skip
    batch_id = batch.begin(rt, options, path=file, file_name=file.name, who=words.who())
    batch.run(rt, batch_id)
    done = ImportBatch.get_by_id(batch_id)
    if not done.created:
        raise Refusal("The demo's customers could not be imported; see `cooee doctor`.")
    return done.created


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as the demo texts them; `since` is when they became one, epoch ms."""

    contact_id: int
    bidx: bytes
    number: str
    country: str
    carrier: str
    since: int


def known(rt: Runtime, most: int) -> list[Person]:
    """At most so many customers by their numbers: ids differ from instance to instance, numbers do not.

    Nobody who said stop: what they got before it is not told.
    """
    found = [
        Person(contact_id, bytes(bidx), rt.keys.open_number(sealed), country, carrier, since)
        for contact_id, bidx, sealed, country, carrier, since in database.query(
            "SELECT c.id, c.phone_bidx, c.phone_enc, p.country, COALESCE(n.carrier, ''), c.created_at FROM contact c "
            "JOIN profile p ON p.contact_id = c.id LEFT JOIN number_info n ON n.contact_id = c.id "
            "WHERE p.blocked_bits = 0 LIMIT ?",
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
