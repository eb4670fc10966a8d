"""One person at a glance: spend, how often we text, and the facts that help with the next offer.

One read of the person's events (the newest `_EVENTS`), folded here; the sums over all time come from
`event_stat`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from core import clock
from core.audience import events, fields
from core.audience.quality import merged
from core.db import database
from core.db.codes import EventType, State
from core.db.sets import among, listed

_EVENTS = 5_000
_YEAR_MS = 365 * clock.DAY_MS
_MONTHS = 12
#: Fewer deeds than this tell nothing of an hour of day.
_ENOUGH = 5
#: What a deed says of liking a category.
_LIKES = {
    EventType.purchase: 5, EventType.order_item: 5, EventType.cart: 3, EventType.share: 3, EventType.view: 1,
}  # fmt: skip
_BOUGHT = (int(EventType.purchase), int(EventType.order_item))


@dataclass(frozen=True, slots=True)
class Glance:
    """Money in micro-units of the house currency, refunds taken off; None or "" where nothing is known.

    `texts` are texts that went out in each of the last twelve twelfths of a year, oldest first; `hour` is the
    local hour of day the person is most often active in, `birthday_in` days until the next one.
    """

    currency: str = ""
    spent: int = 0
    spent_year: int = 0
    orders: int = 0
    last_order_at: int | None = None
    texts_30d: int = 0
    texts: list[int] = field(default_factory=list)
    first_item: str = ""
    category: str = ""
    hour: int | None = None
    birthday_in: int | None = None

    @property
    def average(self) -> int | None:
        """Spend an order."""
        return self.spent // self.orders if self.orders else None

    @property
    def days_since_order(self) -> int | None:
        """Whole days since the last order."""
        return (clock.now_ms() - self.last_order_at) // clock.DAY_MS if self.last_order_at else None


def of(contact_id: int, zone: tzinfo) -> Glance:
    """The person; hours and days are those of `zone`.  Reads only."""
    now, counted = clock.now_ms(), events.counted(contact_id)
    bought, back = counted.get("purchase"), counted.get("refund")
    deeds = database.query(
        "SELECT type, at, amount_micros, category_id FROM event WHERE contact_id = ? ORDER BY at DESC LIMIT ?",
        (contact_id, _EVENTS),
    )
    signs = {int(EventType.purchase): 1, int(EventType.refund): -1}
    texts = _texts(contact_id, now)
    return Glance(
        currency=events.currency(),
        spent=(bought.sum_micros if bought else 0) - (back.sum_micros if back else 0),
        spent_year=sum(
            signs.get(kind, 0) * (amount or 0) for kind, at, amount, _c in deeds if at >= now - _YEAR_MS
        ),
        orders=bought.n if bought else 0,
        last_order_at=bought.last_at if bought else None,
        texts_30d=sum(at >= now - 30 * clock.DAY_MS for at in texts),
        texts=_by_month(texts, now),
        first_item=_first_item(contact_id),
        category=_category(deeds, now),
        hour=_hour([at for kind, at, _a, _c in deeds if at >= now - _YEAR_MS], zone),
        birthday_in=_birthday_in(contact_id, datetime.now(zone).date()),
    )


def _texts(contact_id: int, now: int) -> list[int]:
    """When texts went out within a year, to this contact and those merged into it; not what a provider refused."""
    return [
        row[0]
        for row in database.query(
            f"SELECT submitted_at FROM message WHERE contact_id {among()} AND submitted_at >= ? AND state <> ?",
            (listed(merged.ids_of(contact_id)), now - _YEAR_MS, State.rejected.value),
        )
    ]


def _by_month(times: list[int], now: int) -> list[int]:
    counts = [0] * _MONTHS
    for at in times:
        counts[min(_MONTHS - 1, max(0, _MONTHS - 1 - (now - at) * _MONTHS // _YEAR_MS))] += 1
    return counts


def _first_item(contact_id: int) -> str:
    row = database.one(
        "SELECT i.title, i.key FROM event e JOIN item i ON i.id = e.item_id "
        f"WHERE e.contact_id = ? AND e.type IN ({database.in_list(len(_BOUGHT))}) ORDER BY e.at, e.key_hash LIMIT 1",
        (contact_id, *_BOUGHT),
    )
    return (row[0] or row[1]) if row else ""


def _category(deeds: list[tuple], now: int) -> str:
    liked: Counter[int] = Counter()
    for kind, at, _amount, category_id in deeds:
        if category_id is not None and at >= now - _YEAR_MS:
            liked[category_id] += _LIKES.get(kind, 0)
    if not liked or not (best := max(liked.items(), key=lambda pair: (pair[1], -pair[0])))[1]:
        return ""
    return database.scalar("SELECT name FROM category WHERE id = ?", (best[0],)) or ""


def _hour(times: list[int], zone: tzinfo) -> int | None:
    if len(times) < _ENOUGH:
        return None
    hours = Counter(clock.from_ms(at).astimezone(zone).hour for at in times)
    return max(hours.items(), key=lambda pair: (pair[1], -pair[0]))[0]


def _birthday_in(contact_id: int, today: date) -> int | None:
    known = fields.get("birthday")
    if known is None or known.kind != "date":
        return None
    days = database.scalar(f"SELECT {known.column} FROM profile WHERE contact_id = ?", (contact_id,))
    if days is None:
        return None
    born = date.fromordinal(date(1970, 1, 1).toordinal() + days)
    for year in (today.year, today.year + 1):
        # 29 February is kept on 1 March in other years.
        leap = born.month == 2 and born.day == 29 and not _is_leap(year)
        then = date(year, 3, 1) if leap else date(year, born.month, born.day)
        if then >= today:
            return (then - today).days
    return None


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
