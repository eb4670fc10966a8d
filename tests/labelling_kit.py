"""People who did things, and what rules mean for them worked out in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core import clock
from core.audience import contacts, events, labels
from core.audience.labelling import rules, running
from core.db import database

#: 2026-11-21 04:00 UTC, noon in Shanghai.
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
NOW_MS = clock.to_ms(NOW)
DAY = clock.DAY_MS
PHONES = (
    "+8613800138000",
    "+8613800138001",
    "+8613800138002",
    "+12025550123",
    "+8613800138004",
    "+447400123456",
)
CATEGORIES = ("护肤", "tea", "shoes")
ITEMS = ("SKU1", "SKU2")


def crowd(rt) -> list[int]:
    """Six contacts: four Chinese, one American, one British."""
    return [contacts.create(rt, phone) for phone in PHONES]


def did(
    type: str, who: int, days_ago: float, *, category="", item="", amount=None, key=""
) -> events.NewEvent:
    """An event of a contact, so many days before NOW."""
    return events.NewEvent(
        type, NOW_MS - round(days_ago * DAY), contact_id=who, category=category, item=item, key=key,
        amount_micros=None if amount is None else round(amount * 1_000_000),
        currency="" if amount is None else "CNY",
    )  # fmt: skip


def record(rt, done) -> None:
    """Store events as programs send them."""
    outcomes = events.record(rt, list(done))
    assert {o.status for o in outcomes} <= {"stored", "duplicate"}, outcomes


def make(rt, kind: str, label: str = "mark", keep_days: int = 0, **params) -> rules.Rule:
    """A saved rule."""
    return rules.create(rt, rules.checked(rt, label, kind, params, keep_days), "test")


def carried(*, source: str | None = None) -> set[tuple[int, str]]:
    """(contact, label) of everyone."""
    rows = database.query(
        "SELECT x.contact_id, l.name, x.source FROM contact_label x JOIN label l ON l.id = x.label_id"
    )
    return {(row[0], row[1]) for row in rows if source in (None, row[2])}


def facts() -> dict[tuple[int, str], tuple[int, float]]:
    """(contact, label) → (evidence, confidence)."""
    rows = database.query(
        "SELECT x.contact_id, l.name, x.evidence, x.confidence FROM contact_label x "
        "JOIN label l ON l.id = x.label_id"
    )
    return {(row[0], row[1]): (row[2], round(row[3], 2)) for row in rows}


def story(contact_id: int) -> list[tuple[str, str]]:
    """(what, label) of one contact, oldest first."""
    return database.query(
        "SELECT c.what, l.name FROM label_change c JOIN label l ON l.id = c.label_id "
        "WHERE c.contact_id = ? ORDER BY c.at, l.name",
        (contact_id,),
    )


def run(rt, rule) -> dict[str, int]:
    """One rule over everyone; the bits must be right afterwards."""
    done = running.one(rt, rule.id)
    assert labels.check() is None
    return done


# What a rule means, in Python.  `rows` are event dicts of everyone: who type at category item amount.


def stored() -> list[dict]:
    """All events as dicts."""
    rows = database.query(
        "SELECT e.contact_id, t.key, e.at, c.name, i.key, COALESCE(e.amount_micros, 0) FROM event e "
        "JOIN event_type t ON t.id = e.type LEFT JOIN category c ON c.id = e.category_id "
        "LEFT JOIN item i ON i.id = e.item_id"
    )
    keys = ("who", "type", "at", "category", "item", "amount")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _order(table: str, column: str) -> dict[str, int]:
    return dict(database.query(f"SELECT {column}, id FROM {table}"))


def means(kind: str, params: dict, rows: list[dict], people: list[int]) -> dict[int, tuple]:
    """contact → (value, evidence, confidence) of a rule; value is a name, a part, a fifth, or "" for one label."""
    days = params.get("within_days", 0)
    recent = [r for r in rows if r["at"] <= NOW_MS and (not days or r["at"] > NOW_MS - days * DAY)]
    mine = defaultdict(list)
    for row in recent:
        mine[row["who"]].append(row)
    found = globals()[f"_{kind}"](params, mine, people)
    return {who: row for who, row in found.items() if row is not None}


def _bought(rows):
    return [r for r in rows if r["type"] in ("purchase", "order_item")]


def _one(value, wanted):
    return ("" if wanted else value) if not wanted or value == wanted else None


def _shrunk(share, n):
    return round(share * n / (n + 3) + 1e-9, 2)


def _first_bought(params, mine, people):
    of, order, found = params["of"], _order(params["of"], "name" if params["of"] == "category" else "key"), {}
    for who, rows in mine.items():
        bought = sorted((r["at"], order[r[of]], r[of]) for r in _bought(rows) if r[of])
        value = _one(bought[0][2], params.get("thing")) if bought else None
        found[who] = None if value is None else (value, 1, 1.0)
    return found


def _weight(row, half_life):
    return round(1_000_000 * 2 ** (-(NOW_MS - row["at"]) / (half_life * DAY)))


def _top_category(params, mine, people):
    order, found = _order("category", "name"), {}
    for who, rows in mine.items():
        seen = [r for r in rows if r["type"] == params["type"] and r["category"]]
        weights, counts = Counter(), Counter()
        for r in seen:
            weights[r["category"]] += _weight(r, params["half_life"])
            counts[r["category"]] += 1
        if not weights.total():
            continue  # all faded below a millionth
        best = min(weights, key=lambda c: (-weights[c], order[c]))
        value = _one(best, params.get("category"))
        if value is not None and counts[best] >= params["least"]:
            found[who] = (value, counts[best], _shrunk(weights[best] / weights.total(), counts[best]))
    return found


def _active_hours(params, mine, people):
    countries = dict(database.query("SELECT contact_id, country FROM profile"))
    homes = {"CN": "Asia/Shanghai", "US": "America/New_York", "GB": "Europe/London"}
    order, found = ("morning", "noon", "afternoon", "evening", "night"), {}
    for who, rows in mine.items():
        zone = ZoneInfo(homes[countries[who]] if params["clock"] == "contact" else "Asia/Shanghai")
        counts = Counter()
        for r in rows:
            hour = datetime.fromtimestamp(r["at"] / 1000, zone).hour
            starts = {"morning": 6, "noon": 11, "afternoon": 14, "evening": 18, "night": 23}
            counts[next((p for p in reversed(order) if hour >= starts[p]), "night")] += 1
        best = min(counts, key=lambda p: (-counts[p], order.index(p)))
        value = _one(best, params.get("part"))
        if value is not None and counts[best] >= params["least"]:
            found[who] = (value, counts[best], _shrunk(counts[best] / counts.total(), counts[best]))
    return found


def _spent(rows):
    n = sum(r["type"] == "purchase" for r in rows)
    return n, sum(r["amount"] * {"purchase": 1, "refund": -1}.get(r["type"], 0) for r in rows)


def _spender(params, mine, people):
    found = {}
    for who, rows in mine.items():
        n, total = _spent(rows)
        below = params.get("below")
        if n and total >= params["at_least"] * 1e6 and (below is None or total < below * 1e6):
            found[who] = ("", n, 1.0)
    return found


def _quintile(params, mine, people):
    spent = {who: _spent(rows) for who, rows in mine.items()}
    sums = sorted(total for n, total in spent.values() if n)
    found = {}
    for who, (n, total) in spent.items():
        if n:
            below = sum(s < total for s in sums) / len(sums)  # share of buyers who spent less
            value = _one(str(min(5, int(below * 5) + 1)), params.get("quintile"))
            found[who] = None if value is None else (value, n, 1.0)
    return found


def _counted(params, mine, people):
    found = {}
    for who in people:
        rows = [r for r in mine.get(who, []) if r["type"] == params["type"]]
        got = sum(r["amount"] for r in rows) / 1e6 if params["measure"] == "sum" else len(rows)
        if got >= params["amount"] if params["op"] == "at_least" else got <= params["amount"]:
            found[who] = ("", len(rows), 1.0)
    return found


def _since(params, mine, people):
    found = {}
    for who, rows in mine.items():
        times = [r["at"] for r in rows if r["type"] == params["type"]]
        edge = NOW_MS - params["days"] * DAY
        at = (max if params["which"] == "last" else min)(times, default=0)
        if times and (at <= edge if params["op"] == "at_least" else at >= edge):
            found[who] = ("", len(times), 1.0)
    return found


def _bought_not(params, mine, people):
    found, of = {}, params["of"]
    for who, rows in mine.items():
        things = [r[of] for r in _bought(rows)]
        if params["thing"] in things and params["other"] not in things:
            found[who] = ("", things.count(params["thing"]), 1.0)
    return found


def _score(params, mine, people):
    found, weights = {}, params["weights"]
    for who, rows in mine.items():
        counted = [r for r in rows if r["type"] in weights]
        total = sum(_weight(r, params["half_life"]) * round(weights[r["type"]] * 100) for r in counted) / 1e8
        if counted and total >= params["threshold"]:
            found[who] = ("", len(counted), round(total / (total + params["threshold"]) + 1e-9, 2))
    return found


def _birthday(params, mine, people):
    column = database.scalar("SELECT \"column\" FROM field WHERE key = 'birthday'")
    soon = {(NOW.date() + timedelta(days=n)).strftime("%m%d") for n in range(params["ahead_days"] + 1)}
    rows = database.query(f"SELECT contact_id, {column} FROM profile WHERE {column} IS NOT NULL")
    return {
        who: ("", 1, 1.0)
        for who, day in rows
        if (date(1970, 1, 1) + timedelta(days=day)).strftime("%m%d") in soon
    }


def news(rt, *done):
    """What people did, and the incremental run that follows."""
    record(rt, done)
    return running.incremental(rt)
