"""Sixteen days of notices through all accounts, so that arrival by carrier and hour has a past, and one drop."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections import Counter, defaultdict
from itertools import accumulate

from core import clock
from core.db import database
from core.db.codes import Cls, EventType, State
from core.db.models import Account
from core.demo import people
from core.demo.history import TALLY
from core.demo.people import Person
from core.demo.providers import DIRECT, MAIN, RESELLER, WORLD
from core.measure.arrival import alarm, cells, store, watch
from core.runtime import Runtime
from core.sending import direct, errorkinds, prices
from core.sending.routes import decision

DAYS = 16
#: The past of so many customers at most, and notices of each.
_PEOPLE, _MOST, _EACH = 5_000, 12, 20_000
#: How busy each hour of the day is where the people are.
_HOURS = (1, 0, 0, 0, 0, 0, 1, 4, 10, 14, 15, 14, 9, 10, 12, 13, 13, 12, 10, 11, 12, 9, 5, 2)
_AHEAD_H = {"CN": 8, "DE": 1, "FR": 1}
#: Account → (median of a receipt's seconds, spread, {carrier: arrival}, arrival elsewhere).
_WAYS = {
    MAIN: (4.0, 0.7, {"中国电信": 0.95}, 0.965),
    DIRECT: (2.5, 0.6, {"中国移动": 0.988, "中国电信": 0.93}, 0.975),
    RESELLER: (9.0, 1.0, {"中国电信": 0.89}, 0.93),
    WORLD: (6.0, 0.8, {"Bouygues": 0.86, "Three": 0.955}, 0.97),
}
#: In the evening the direct line to one carrier is full.
_FULL = (DIRECT, "中国电信", range(19, 22), 0.8)
#: The drop: minutes ago, from and to; how many texts it met, the share that arrived, when it was noticed.
_FROM_MIN, _TO_MIN, _MET, _LEFT, _NOTICED_MIN = 95, 48, 140, 0.35, 44
_TRIED = 9
#: (code, share of the failed): the last two wait for somebody to say what they mean.
_CODES = (
    ("MK:0012", 0.34), ("EXPIRED", 0.24), ("MN:0001", 0.18), ("CB:0053", 0.14), ("9013", 0.10),
)  # fmt: skip
_DROPPED = "XA:0132"
#: Is it Chinese → what someone is told who bought nothing, bought something, sent something back.
_WORDS = {
    True: {
        "visit": (
            "【可乐店】您预约的到店体验已确认，请于预约时间前10分钟到店。",
            "【可乐店】您登记的到货提醒：商品已到店，我们为您保留三天。",
        ),
        "purchase": (
            "【可乐店】您的包裹已到驿站，请凭取件码在今天20点前领取。",
            "【可乐店】您的订单已发出，预计两天内送达。",
        ),
        "refund": ("【可乐店】退款已原路退回，1至3个工作日到账。",),
    },
    False: {
        "visit": (
            "Kola: your appointment in our store is confirmed; please come ten minutes early.",
            "Kola: the item you asked about is back; we keep one for you for three days.",
        ),
        "purchase": (
            "Kola: your parcel waits at the pick-up point until 8 pm today.",
            "Kola: your order left our store and arrives within two days.",
        ),
        "refund": ("Kola: your refund is on its way and reaches you within three working days.",),
    },
}
_COLUMNS = (
    "id", "campaign_id", "contact_id", "dedupe", "cls", "state", "reason", "attempt", "account_id", "provider_id",
    "parts", "cost_micros", "submitted_at", "final_at",
)  # fmt: skip


class _Writer:
    """Rows under collection: messages, their words and decisions."""

    def __init__(self, by: dict[str, Account], routes: dict[str, int], chance: random.Random):
        self.by, self.routes, self.chance = by, routes, chance
        self.campaign_id = direct.campaign(Cls.notice)
        self.messages: list[tuple] = []
        self.texts: list[tuple] = []
        self.decisions: list[tuple] = []
        self.refused: Counter[tuple[int, str, int]] = Counter()
        self._prices = {
            name: prices.Prices(account.id, Cls.notice, clock.now_ms()) for name, account in by.items()
        }
        self._did: dict[int, set[str]] = defaultdict(set)
        for contact_id, kind in database.query(
            "SELECT contact_id, type FROM event_stat WHERE type IN (?, ?)",
            (int(EventType.purchase), int(EventType.refund)),
        ):
            self._did[contact_id].add(EventType(kind).name)
        self._why = {
            True: decision.pack("weight", None, ()),
            False: decision.pack("order", None, ()),
        }

    def add(self, person: Person, at: int, name: str, share: float) -> None:
        """One notice: sent at this time, arriving with this chance."""
        chance, account = self.chance, self.by[name]
        median, spread, _carriers, _rest = _WAYS[name]
        id_, cost = (at << 20) + len(self.messages), self._prices[name].micros(person.country)
        state, reason, final = (
            State.delivered,
            None,
            at + int(chance.lognormvariate(math.log(median), spread) * 1000),
        )
        if chance.random() >= share:
            failing = chance.random()
            state = (
                State.undelivered if failing < 0.8 else State.accepted if failing < 0.94 else State.rejected
            )
            if state is State.accepted:
                final = None
            else:
                reason = _DROPPED if share == _LEFT else _drawn(chance)
                final = at + (int(chance.uniform(5, 200) * 1000) if state is State.undelivered else 200)
                self.refused[account.id, reason, final // clock.DAY_MS] += 1
        self.messages.append(
            (id_, self.campaign_id, person.contact_id, id_, int(Cls.notice), int(state), reason, 1, account.id,
             f"{name[0].lower()}{id_ % 10**12:012d}" if state is not State.rejected else None, 1,
             cost if state is not State.rejected else 0, at, final)
        )  # fmt: skip
        chinese = person.country == "CN"
        self.texts.append((id_, self._word(person.contact_id, chinese, id_)))
        rule = self.routes["CN" if chinese else ""]
        self.decisions.append((id_, rule, account.id, 0, self._why[chinese], at))

    def _word(self, contact_id: int, chinese: bool, draw: int) -> str:
        """A notice about something that person did; an appointment needs no order."""
        did = self._did.get(contact_id, {"visit"})
        fitting = [text for kind, texts in _WORDS[chinese].items() if kind in did for text in texts]
        return fitting[draw % len(fitting)]

    def store(self) -> None:
        """Write all of it, with what is counted of it."""
        with database.write_tx():
            database.copy_rows("message", _COLUMNS, self.messages)
            database.copy_rows("message_text", ("message_id", "body"), self.texts)
            database.copy_rows(
                "message_route",
                ("message_id", "rule_id", "account_id", "sender_id", "why", "at"),
                self.decisions,
            )
            database.execute(TALLY, (self.campaign_id,))
            for (account_id, code, day), n in sorted(self.refused.items()):
                errorkinds.note(
                    [(account_id, code)] * n, min(day * clock.DAY_MS + clock.HOUR_MS, clock.now_ms())
                )


def write(rt: Runtime, by: dict[str, Account], routes: dict[str, int], chance: random.Random) -> int:
    """Write the notices and count them; returns how many."""
    everyone = people.known(rt, _PEOPLE)
    writer, now = _Writer(by, routes, chance), clock.now_ms()
    hours = list(accumulate(_HOURS))
    for person in everyone:
        for _one in range(min(_MOST, max(1, _EACH // len(everyone)))):
            at = _moment(person, now, hours, chance)
            if at > person.since:
                writer.add(person, at, name := _way(person, chance), _arrival(person, name, at))
    chinese = [person for person in everyone if person.country == "CN"]
    for n, first, last, share in ((_MET, _FROM_MIN, _TO_MIN, _LEFT), (_TRIED, _NOTICED_MIN - 5, 16, _LEFT)):
        for _one in range(n):
            at = now - int(chance.uniform(last, first) * clock.MINUTE_MS)
            writer.add(chance.choice(chinese), at, RESELLER, share)
    writer.store()
    with database.write_tx():
        database.execute(
            "UPDATE account SET last_ok_at = (SELECT MAX(submitted_at) FROM message WHERE account_id = account.id)"
        )
    return len(writer.messages)


def notice(rt: Runtime) -> None:
    """Count what arrived, and let the watch find the drop when it would have, and look again now."""
    count()
    with clock.earlier(_NOTICED_MIN * clock.MINUTE_MS):
        watch.run(rt, force=True)
    watch.run(rt, force=True)


def count() -> None:
    """Count what arrived, hour by hour."""
    hour = clock.now_ms() // clock.HOUR_MS
    cells.recount(hour - 24 * 45, hour)


def old_alarm(by: dict[str, Account]) -> None:
    """Another drop that is over: it was short, and proved to be so."""
    at = clock.now_ms()
    with database.write_tx():
        store.save_alarms(
            [
                store.Alarm(
                    0, by[DIRECT].id, "中国电信", at, at - 50 * clock.MINUTE_MS, at - 6 * clock.MINUTE_MS, 0.93,
                    150, 118, 21, alarm.THRESHOLD + 1.4, 1.6, ended_at=at + 3 * clock.HOUR_MS, ending="proved",
                )
            ]
        )  # fmt: skip


def _moment(person: Person, now: int, hours: list[int], chance: random.Random) -> int:
    """Some day, in an hour when its people are awake; never in the last hour before the drop is judged."""
    local = bisect(hours, chance.random() * hours[-1])
    hour = (local - _AHEAD_H.get(person.country, 0)) % 24
    midnight = now // clock.DAY_MS * clock.DAY_MS - chance.randint(0, DAYS) * clock.DAY_MS
    at = midnight + hour * clock.HOUR_MS + int(chance.random() * clock.HOUR_MS)
    return at if at < now - 15 * clock.MINUTE_MS else at - clock.DAY_MS


def _way(person: Person, chance: random.Random) -> str:
    draw = chance.random()
    if person.country != "CN":
        return WORLD if draw < 0.85 else MAIN
    return DIRECT if draw < 0.6 else RESELLER if draw < 0.88 else MAIN


def _arrival(person: Person, name: str, at: int) -> float:
    local = (at // clock.HOUR_MS + _AHEAD_H.get(person.country, 0)) % 24
    if (name, person.carrier) == _FULL[:2] and local in _FULL[2]:
        return _FULL[3]
    _median, _spread, carriers, rest = _WAYS[name]
    return carriers.get(person.carrier, rest)


def _drawn(chance: random.Random) -> str:
    draw = chance.random()
    for code, share in _CODES:
        draw -= share
        if draw < 0:
            return code
    return _CODES[-1][0]
