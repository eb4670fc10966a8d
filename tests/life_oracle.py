"""Whom a rule about lives (`segment_life`) must find.

Like `segment_people`, the oracle reads plain values and shares nothing with the product but the rule's JSON.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date, datetime

from core import clock
from tests.segment_life import CAMPAIGNS, HOUR_MS, LINKS
from tests.segment_people import DAY_MS, EPOCH, ORACLES, holds


def _span(rule, now_ms):
    """(first instant, first instant beyond)."""
    low, high = -math.inf, math.inf
    if "within_days" in rule:
        low = now_ms - rule["within_days"] * DAY_MS
    if "before_days" in rule:
        high = now_ms - rule["before_days"] * DAY_MS
    if "since" in rule:
        low = _midnight(rule["since"])
    if "until" in rule:
        high = _midnight(rule["until"]) + DAY_MS
    return low, high


def _midnight(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH).days * DAY_MS


def _bounded(rule, figure, default=None):
    if "exactly" in rule:
        return figure == rule["exactly"]
    low = rule.get("at_least", default if "at_most" not in rule else None)
    return (low is None or figure >= low) and figure <= rule.get("at_most", math.inf)


def _micros(rule):
    return {key: round(rule[key] * 1e6) for key in ("at_least", "at_most", "exactly") if key in rule}


def _same(has, wanted) -> bool:
    """5 and "5", yes and true are the same value of a property."""
    if has is None:
        return False
    if isinstance(has, bool):
        return str(wanted).lower() in (("true", "yes") if has else ("false", "no"))
    if isinstance(has, str):
        return has == str(wanted)
    try:
        return not isinstance(wanted, bool) and float(wanted) == has
    except ValueError:
        return False


def _many(value):
    return value if isinstance(value, list) else [value]


def _counts(rule, event) -> bool:
    if event["type"] != rule["type"]:
        return False
    for key in ("item", "category"):
        if key in rule and event[key] not in _many(rule[key]):
            return False
    if "amount_at_least" in rule and (
        event["amount"] is None or event["amount"] < rule["amount_at_least"] * 1e6
    ):
        return False
    if "amount_at_most" in rule and (
        event["amount"] is None or event["amount"] > rule["amount_at_most"] * 1e6
    ):
        return False
    asked = {"place": rule.get("place")} | {
        key[5:]: value for key, value in rule.items() if key.startswith("prop.")
    }
    return all(
        any(_same(event["props"].get(name), one) for one in _many(wanted))
        for name, wanted in asked.items()
        if wanted is not None
    )


def _event(rule, person, now_ms):
    low, high = _span(rule, now_ms)
    every = [event for event in person["events"] if _counts(rule, event)]
    inside = [event for event in every if low <= event["at"] < high]
    match rule.get("op", "count"):
        case "did":
            return bool(inside)
        case "did_not":
            return not inside
        case "first":
            return bool(every) and low <= min(event["at"] for event in every) < high
        case "last":
            return bool(every) and low <= max(event["at"] for event in every) < high
        case "sum":
            return _bounded(_micros(rule), sum(event["amount"] or 0 for event in inside))
    return _bounded(rule, len(inside), default=1)


def spent(rule, person, now_ms):
    """Micro-units, as `of` says."""
    low, high = _span(rule, now_ms)
    if not any(event["type"] == "purchase" for event in person["events"]):
        return 0
    inside = [event for event in person["events"] if low <= event["at"] < high]
    bought = [event["amount"] for event in inside if event["type"] == "purchase"]
    back = [event["amount"] for event in inside if event["type"] == "refund"]
    of = rule.get("of", "net")
    if of == "average":
        return sum(bought) // len(bought) if bought else 0
    return sum(bought) - (sum(back) if of == "net" else 0)


def _spend(rule, person, now_ms):
    figure = spent(rule, person, now_ms)
    if "top_percent" in rule:
        every = sorted((f for f in (spent(rule, p, now_ms) for p in person["all"]) if f > 0), reverse=True)
        place = math.ceil(len(every) * rule["top_percent"] / 100) - 1
        if not every or figure < every[max(place, 0)]:
            return False
        if not {"at_least", "at_most", "exactly"} & set(rule):
            return True
    return _bounded(_micros(rule), figure)


def _happened(outcome, person, campaign, low):
    text = person["texts"].get(campaign)
    if text is None:
        return False
    received = text["state"] in ("accepted", "delivered")
    if outcome in ("replied", "refused"):
        return received and any(
            text["at"] <= at <= text["at"] + 7 * DAY_MS
            and at >= low
            and (intent in ("stop", "held")) == (outcome == "refused")
            and not any(text["at"] < (other["at"] or 0) <= at for other in person["texts"].values())
            for at, intent in person["replies"]
        )
    if outcome == "converted":
        return received and any(
            event["type"] == "purchase"
            and text["at"] <= event["at"] <= text["at"] + 72 * HOUR_MS
            and event["at"] >= low
            for event in person["events"]
        )
    states = {
        "received": ("accepted", "delivered"),
        "delivered": ("delivered",),
        "failed": ("undelivered", "expired", "rejected"),
    }
    if outcome == "clicked":
        return any(key[0] == campaign and key in LINKS and at >= low for key, at in person["clicks"].items())
    return text["state"] in states[outcome] and text["at"] >= low


def _campaign(rule, person, now_ms):
    ids = [c for c, days in sorted(CAMPAIGNS.items(), key=lambda item: item[1]) if days > 0]
    ids = ids[: rule["last"]] if "last" in rule else _many(rule["campaign"]) if "campaign" in rule else ids
    low = now_ms - rule["within_days"] * DAY_MS if "within_days" in rule else -math.inf
    outcome, negated = rule.get("outcome", "received"), rule.get("did_not", False)
    several = all if rule.get("match") == "all" else any
    if negated and outcome == "received" and several is any:
        return not any(_happened(outcome, person, c, low) for c in ids)

    def answers(campaign):
        there = _happened(outcome, person, campaign, low)
        if not negated or outcome == "received":
            return there != negated
        state = person["texts"].get(campaign, {}).get("state")
        if outcome in ("delivered", "failed"):
            return state not in (None, "skipped", "holdout") and not there
        return state in ("accepted", "delivered") and not there

    return several(answers(c) for c in ids)


def _link(rule, person, now_ms):
    low, high = _span(rule, now_ms)

    def meant(campaign, idx):
        if (campaign, idx) not in LINKS or rule.get("campaign", campaign) != campaign:
            return False
        link = rule.get("link")
        if link is None:
            return True
        return idx == link if isinstance(link, int) else link.lower() in LINKS[campaign, idx].lower()

    there = any(meant(*key) and low <= at < high for key, at in person["clicks"].items())
    if rule.get("clicked", True):
        return there
    text = person["texts"].get(rule.get("campaign"))
    return not there and (
        "campaign" not in rule or (text and text["state"] in ("accepted", "delivered")) or False
    )


def _km(a, b):
    """Great-circle distance by the law of cosines of unit vectors, another formula than the product's."""

    def vector(lat, lon):
        lat, lon = math.radians(lat), math.radians(lon)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    dot = sum(x * y for x, y in zip(vector(*a), vector(*b), strict=True))
    return 6371.0088 * math.acos(max(-1.0, min(1.0, dot)))


def _place(rule, person, now_ms):
    low, high = _span(rule, now_ms)
    source = rule.get("source", "any")
    visits = [e["props"] for e in person["events"] if e["type"] == "visit" and low <= e["at"] < high]
    if "lat" in rule:
        points = [(v["lat"], v["lon"]) for v in visits if "lat" in v] if source in ("any", "visits") else []
        mine = (person["fields"]["lat"], person["fields"]["lon"])
        if source in ("any", "address") and None not in mine:
            points.append(mine)
        return any(_km(point, (rule["lat"], rule["lon"])) <= rule["km"] for point in points)
    key = "city" if "city" in rule else "region"
    wanted = _many(rule[key])
    found = source in ("any", "visits") and any(v.get("place") in wanted for v in visits)
    found = found or (
        source in ("any", "address") and key == "city" and person["fields"].get("city") in wanted
    )
    region = person["region"] or ""
    return found or (source in ("any", "number") and any(name.lower() in region.lower() for name in wanted))


def _birthday(rule, person, now_ms):
    born = person["fields"]["birthday"]
    if born is None or born < date(1900, 3, 1):
        return False
    today = clock.from_ms(now_ms).date()

    def celebrated(year):
        try:
            return born.replace(year=year)
        except ValueError:
            return date(year, 2, 28)

    def turned(age):
        try:
            return born.replace(year=born.year + age)
        except ValueError:
            return date(born.year + age, 3, 1)

    if "month" in rule and born.month != rule["month"]:
        return False
    ahead = 0 if rule.get("today") else rule.get("within_days")
    if ahead is not None and not any(
        0 <= (celebrated(year) - today).days <= ahead for year in (today.year, today.year + 1)
    ):
        return False
    age = max((n for n in range(-5, 150) if turned(n) <= today), default=-99)
    return rule.get("age_at_least", -99) <= age <= rule.get("age_at_most", 999)


def _engagement(rule, person, now_ms):
    ats = [event["at"] for event in person["events"] if event["type"] in ("purchase", "reply", "click")]
    if ats:
        age = now_ms - max(ats)
        level = "active" if age <= 30 * DAY_MS else "cooling" if age <= 90 * DAY_MS else "sleeping"
    elif now_ms - person["created_at"] <= 30 * DAY_MS:
        level = "new"
    else:
        level = "never" if person["last_sent_at"] else "untouched"
    return level in _many(rule["level"])


def _sample(rule, person, now_ms):
    p = 2**31 - 1
    digest = hashlib.sha256(f"0:sample:{rule.get('seed', '')}".encode()).digest()
    a0, a1, a2, a3 = (int.from_bytes(digest[i * 8 : i * 8 + 8]) for i in range(4))
    x = person["id"]
    lot = ((a3 % (p - 1) + 1) * x**3 + a2 * x**2 + a1 * x + a0) % p * 10_000 // p
    skip = rule.get("skip", 0) * 100
    return skip <= lot < skip + rule["percent"] * 100


def _contact(rule, person, now_ms):
    if rule["field"] == "number_region":
        return holds("text", person["region"], rule["op"], rule.get("value"), now_ms)
    return ORACLES["contact"](rule, person, now_ms)


LIFE = ORACLES | {
    "contact": _contact,
    "event": _event, "spend": _spend, "campaign": _campaign, "link": _link, "place": _place,
    "birthday": _birthday, "engagement": _engagement, "sample": _sample,
}  # fmt: skip


def iso(now_ms: int, days: int) -> str:
    """The day so many days from now, as rules write it."""
    return datetime.fromtimestamp((now_ms + days * DAY_MS) / 1000, clock.from_ms(0).tzinfo).date().isoformat()
