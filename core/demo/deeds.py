"""What the demo's customers did in half a year: they looked, bought, sent back, visited a shop."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from core import clock
from core.audience import events
from core.audience.events import catalogue
from core.db import database, settings
from core.runtime import Runtime

#: Category → its items: (key, title, price).
RANGE = {
    "护肤": (
        ("SK-01", "保湿面霜", 168),
        ("SK-02", "洁面乳", 79),
        ("SK-03", "防晒霜", 129),
        ("SK-04", "精华液", 259),
    ),
    "彩妆": (("MK-01", "口红", 199), ("MK-02", "眼影盘", 239), ("MK-03", "粉底液", 289)),
    "母婴": (("BB-01", "婴儿湿巾", 39), ("BB-02", "儿童水杯", 69), ("BB-03", "连体衣", 119)),
    "数码": (("DG-01", "充电宝", 149), ("DG-02", "蓝牙耳机", 399), ("DG-03", "手机壳", 59)),
    "家居": (("HM-01", "香薰蜡烛", 89), ("HM-02", "毛毯", 219), ("HM-03", "马克杯", 49)),
    "食品": (("FD-01", "乌龙茶", 88), ("FD-02", "坚果礼盒", 128), ("FD-03", "巧克力", 58)),
    "运动": (("SP-01", "瑜伽垫", 159), ("SP-02", "运动水壶", 79), ("SP-03", "跳绳", 45)),
    "图书": (("BK-01", "小说", 42), ("BK-02", "绘本", 56), ("BK-03", "食谱", 68)),
}
#: (place, latitude, longitude) of its two shops.
SHOPS = (("新天地店", 31.2198, 121.4737), ("西湖店", 30.2590, 120.1490))
DAYS = 180
_CHUNK = 1_000


class Deeds:
    """What customers did, written as time passes: `learn` of new ones, `upto` a moment."""

    def __init__(self, rt: Runtime, chance: random.Random):
        self._rt, self._chance = rt, chance
        self._ahead: list[events.NewEvent] = []
        self.written = 0

    def learn(self, contact_ids: Sequence[int], now: int) -> None:
        """Draw what about two thirds of these do from now (the clock's) until the present (`now`)."""
        since = clock.now_ms()
        for contact_id in contact_ids:
            if self._chance.random() < 0.65:
                self._ahead += _person(contact_id, since, now, self._chance)
        self._ahead.sort(key=attrgetter("at"))

    def upto_now(self) -> None:
        """Write what happened until now."""
        n = bisect_right(self._ahead, clock.now_ms(), key=attrgetter("at"))
        done, self._ahead = self._ahead[:n], self._ahead[n:]
        for at in range(0, n, _CHUNK):
            events.record(self._rt, done[at : at + _CHUNK])
        self.written += n


def stock(rt: Runtime) -> None:
    """What the shop sells, and in which money."""
    with database.write_tx():
        settings.put("currency", "CNY")
    catalogue.upsert_items(
        rt,
        [
            {"key": key, "title": title, "category": category, "price": price}
            for category, items in RANGE.items()
            for key, title, price in items
        ],
    )


def _person(contact_id: int, since: int, now: int, chance: random.Random) -> list[events.NewEvent]:
    """Some look once, some come every week; most stay with what they liked first."""
    days = min(DAYS, (now - since) / clock.DAY_MS)
    likes = chance.choice(list(RANGE))
    sessions = 1 + int(min(30, chance.expovariate(1 / 4)) * days / DAYS)
    faithful = chance.random() < 0.5
    # Half of them were last here long ago.
    newest = 0.0 if faithful or days < DAYS else chance.uniform(20, 150)
    made: list[events.NewEvent] = []
    for number in range(sessions):
        day = newest + chance.random() * (days - newest)
        at = max(since, now - int((day + _evening(chance)) * clock.DAY_MS))
        category = likes if chance.random() < 0.75 else chance.choice(list(RANGE))
        item, _title, price = chance.choice(RANGE[category])
        made += _session(contact_id, number, at, now, category, item, price, chance)
    return made


def _evening(chance: random.Random) -> float:
    """A part of a day: most shop after work."""
    return max(0.0, chance.gauss(0.3, 0.15))


def _session(
    contact_id: int,
    number: int,
    at: int,
    now: int,
    category: str,
    item: str,
    price: int,
    chance: random.Random,
) -> list[events.NewEvent]:
    def one(kind: str, minutes: int, **more) -> events.NewEvent:
        return events.NewEvent(
            kind, min(at + minutes * clock.MINUTE_MS, now), contact_id=contact_id,
            key=f"demo:{contact_id}:{number}:{kind}:{minutes}", item=item, category=category, **more,
        )  # fmt: skip

    money = {
        "amount_micros": price * 1_000_000,
        "currency": "CNY",
        "props": {"order": f"K{contact_id}-{number}"},
    }
    if chance.random() < 0.12:
        place, lat, lon = chance.choice(SHOPS)
        return [one("visit", 0, props={"place": place, "lat": lat, "lon": lon})]
    made = [one("view", minute) for minute in range(chance.randint(1, 3))]
    if chance.random() < 0.4:
        made.append(one("cart", 4))
        if chance.random() < 0.6:
            made.append(one("purchase", 9, **money))
            if chance.random() < 0.06:
                made.append(one("refund", 6 * 24 * 60, **money))
    elif chance.random() < 0.05:
        made.append(one("share", 5))
    return made
