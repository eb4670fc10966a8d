"""Values that are hardly true: ages, spend, floods of events.

Spend is compared on the logarithm, where amounts of shops are roughly symmetric: a buyer is far out above
median + `SPEND_K` · 1.4826 · MAD (Iglewicz and Hoaglin 1993 take 3.5; money has heavier tails, so 6).  MAD
is the median distance from the median; both are read off sorted columns, no logarithm is needed in SQL:
|ln x − ln m| sorts like max(x/m, m/x).
"""

from __future__ import annotations

from core import clock
from core.audience import fields
from core.audience.events import eventtypes
from core.db import database
from core.db.codes import EventType

KINDS = ("age", "spend", "flood")
#: More than this on one day is a program, or somebody's test.
FLOOD = 200
SPEND_K = 6.0
#: Fewer buyers tell nothing of what is usual.
MIN_BUYERS = 20
_SCALE = 1.4826
MAX_AGE = 110
_AGE_KEYS = ("age", "年龄")

Row = tuple[str, int, int, str]


def find() -> list[Row]:
    """All outliers now: (kind, contact, contact, figure).  Reads only."""
    return _ages() + _spend() + _floods()


def _ages() -> list[Row]:
    """Birthdays in the future or more than 110 years ago, and ages to match; the figure is the age."""
    today, found = clock.now_ms() // clock.DAY_MS, []
    for field in fields.all_fields():
        if field.key == "birthday" and field.kind == "date":
            age = f"({today} - p.{field.column}) / 365.2425"
        elif field.key.lower() in _AGE_KEYS and field.kind == "number":
            age = f"p.{field.column}"
        else:
            continue
        found += database.query(
            f"SELECT p.contact_id, {age} FROM profile p WHERE p.{field.column} IS NOT NULL "
            f"AND ({age} < 0 OR {age} > {MAX_AGE}) ORDER BY p.contact_id"
        )
    return [("age", id_, id_, str(int(age))) for id_, age in dict(found).items()]


def spend_bound() -> int | None:
    """The sum of purchases (micro-units) above which a buyer is far out; None with too few buyers."""
    bought = int(EventType.purchase)
    n = database.scalar("SELECT COUNT(*) FROM event_stat WHERE type = ? AND sum_micros > 0", (bought,))
    if n < MIN_BUYERS:
        return None
    middle = "LIMIT 1 OFFSET ?"
    median = database.scalar(
        f"SELECT sum_micros FROM event_stat WHERE type = ? AND sum_micros > 0 ORDER BY sum_micros {middle}",
        (bought, n // 2),
    )
    away = (
        f"CASE WHEN sum_micros >= {int(median)} THEN sum_micros * 1.0 / {int(median)} "
        f"ELSE {int(median)} * 1.0 / sum_micros END"
    )
    ratio = database.scalar(
        f"SELECT {away} FROM event_stat WHERE type = ? AND sum_micros > 0 ORDER BY {away} {middle}",
        (bought, n // 2),
    )
    # A shop with one price has no spread at all; then a tenth is taken for it.
    return int(median * max(float(ratio), 1.1) ** (SPEND_K * _SCALE))


def _spend() -> list[Row]:
    bound = spend_bound()
    if bound is None:
        return []
    rows = database.query(
        "SELECT contact_id, sum_micros FROM event_stat WHERE type = ? AND sum_micros > ? ORDER BY contact_id",
        (int(EventType.purchase), bound),
    )
    return [("spend", id_, id_, str(total)) for id_, total in rows]


def _floods() -> list[Row]:
    """People with more than `FLOOD` events on one day (UTC); the figure is the most on a day."""
    types = [made.id for made in eventtypes.all_types()]
    rows = database.query(
        f"SELECT contact_id, MAX(n) FROM (SELECT contact_id, at / {clock.DAY_MS} AS day, COUNT(*) AS n FROM event "
        f"WHERE contact_id IN (SELECT contact_id FROM event_stat WHERE type IN ({database.in_list(len(types))}) "
        "GROUP BY contact_id HAVING SUM(n) > ?) GROUP BY 1, 2 HAVING COUNT(*) > ?) d "
        "GROUP BY contact_id ORDER BY contact_id",
        (*types, FLOOD, FLOOD),
    )
    return [("flood", id_, id_, str(n)) for id_, n in rows]
