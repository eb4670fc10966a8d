"""People for the tests of segments, and an oracle that says in plain Python whom a rule means.

The oracle shares nothing with the product but the rule's JSON: it reads values, never SQL.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import clock
from core.db import database
from core.db.models import Contact, ContactLabel, Field, FieldChoice, Label, Profile

KINDS = {
    "text": "TEXT",
    "choice": "INTEGER",
    "number": "DOUBLE PRECISION",
    "date": "INTEGER",
    "bool": "SMALLINT",
}
CITIES = ("上海", "杭州", "Bergen")
DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)
LINES = ("unknown", "mobile", "fixed", "mobile_or_fixed", "voip", "toll_free", "premium", "other")
BIT = {"otp": 1, "notice": 2, "mass": 4, "voice": 8}


def define(key: str, kind: str, choices: tuple[str, ...] = ()) -> Field:
    """A contact field with its column and dictionary; an existing one only gets the dictionary."""
    field = Field.get_or_none(Field.key == key)
    with database.write_tx():
        if field is None:
            field = Field.create(key=key, title=key.title(), kind=kind, column=key, position=9, created_at=1)
            field.column = f"f{field.id}"
            field.save(only=[Field.column])
            database.execute(f"ALTER TABLE profile ADD COLUMN {field.column} {KINDS[kind]}")
        for code, text in enumerate(choices, 1):
            FieldChoice.create(field_id=field.id, code=code, text=text)
    return field


def add(rt, person: dict[str, Any], number: int) -> int:
    """Store one person of `crowd`; returns the contact id."""
    phone = f"+8613800{number:06d}"
    with database.write_tx():
        contact = Contact.create(
            phone_bidx=rt.keys.blind_index(phone), phone_enc=rt.keys.seal_number(phone), tail=number % 10_000,
            name=person.get("name"), created_at=person["created_at"], updated_at=person["created_at"],
        )  # fmt: skip
        Profile.create(
            contact_id=contact.id, country=person["country"], language=person["language"],
            line_type=LINES.index(person["line_type"]), consent_bits=person["consent_bits"],
            optout_bits=person["optout_bits"], blocked_bits=person["blocked_bits"],
            created_at=person["created_at"], last_sent_at=person["last_sent_at"], sent_count=person["sent_count"],
            label_bits=sum(1 << LABELS[name] for name in person["labels"] if LABELS[name] is not None),
        )  # fmt: skip
        for key, value in person["fields"].items():
            column = Field.get(Field.key == key).column
            database.execute(
                f"UPDATE profile SET {column} = ? WHERE contact_id = ?", (stored(key, value), contact.id)
            )
        for name, (confidence, since_at) in person["labels"].items():
            ContactLabel.create(
                label_id=Label.get(Label.name == name).id, contact_id=contact.id, source="person",
                confidence=confidence, since_at=since_at,
            )  # fmt: skip
    return contact.id


FIELDS = {"nick": "text", "city": "choice", "age": "number", "joined": "date", "member": "bool"}
#: name → bit, or None for a label without one.
LABELS: dict[str, int | None] = {"vip": 3, "quiet": 61, "unpinned": None}


def world() -> None:
    """The fields and labels the people below have."""
    for key, kind in FIELDS.items():
        define(key, kind, CITIES if key == "city" else ())
    with database.write_tx():
        for name, bit in LABELS.items():
            Label.create(name=name, bit=bit, created_at=1)


def stored(key: str, value: Any) -> Any:
    """A value as its column keeps it."""
    if value is None:
        return None
    if key == "city":
        return CITIES.index(value) + 1
    if key == "joined":
        return (value - EPOCH).days
    return int(value) if key == "member" else value


def crowd(n: int, now_ms: int, seed: int = 7) -> list[dict[str, Any]]:
    """`n` people with many gaps and many values at the edges the rules below ask about."""
    draw = random.Random(seed)
    today = clock.from_ms(now_ms).date()

    def some(values):
        return draw.choice([None, *values])

    def person():
        yes = draw.randrange(16)
        return {
            "name": some(["王芳", "Ada", "O'Hara"]),
            "fields": {
                "nick": some(["", "Ann", "anna", "ÄNN", "50%_off", "王芳", "x\\y"]),
                "city": some(CITIES),
                "age": some([9.0, 18.0, 30.0, 100.0, 17.5, -1.0, 0.0]),
                "joined": some(
                    [today - timedelta(days=d) for d in (0, 1, 6, 7, 8, 400)] + [today + timedelta(days=2)]
                ),
                "member": some([True, False]),
            },
            "country": draw.choice(["CN", "NO", ""]),
            "language": draw.choice(["zh", "en", ""]),
            "line_type": draw.choice(LINES),
            "consent_bits": yes,
            "optout_bits": draw.randrange(16) & ~yes,
            "blocked_bits": draw.choice([0, 0, 4, 15]),
            "created_at": now_ms - draw.choice([0, 1, 6 * DAY_MS, 7 * DAY_MS, 7 * DAY_MS + 1, 40 * DAY_MS]),
            "last_sent_at": draw.choice([0, 0, now_ms - 1, now_ms - 7 * DAY_MS - 1]),
            "sent_count": draw.choice([0, 0, 1, 5]),
            "labels": {
                name: (draw.choice([0.3, 0.6, 1.0]), now_ms - draw.choice([0, 7, 30]) * DAY_MS)
                for name in LABELS
                if draw.random() < 0.4
            },
        }

    return [person() for _ in range(n)]


def means(
    rule: dict[str, Any], person: dict[str, Any], now_ms: int, oracles: dict[str, Any] | None = None
) -> bool:
    """The oracle: does this rule mean this person?  `oracles` answers leaves by segmenter."""
    if "all" in rule:
        return all(means(r, person, now_ms, oracles) for r in rule["all"])
    if "any" in rule:
        return any(means(r, person, now_ms, oracles) for r in rule["any"])
    if "not" in rule:
        return not means(rule["not"], person, now_ms, oracles)
    return (oracles or ORACLES)[rule["segmenter"]](rule, person, now_ms)


def _attribute(rule, person, now_ms):
    return holds(
        FIELDS[rule["field"]], person["fields"].get(rule["field"]), rule["op"], rule.get("value"), now_ms
    )


def _label(rule, person, now_ms):
    if rule["label"] not in person["labels"]:
        return False
    confidence, since = person["labels"][rule["label"]]
    fresh = since >= now_ms - rule.get("within_days", 10_000) * DAY_MS
    return confidence >= rule.get("min_confidence", 0) and fresh


def _consent(rule, person, now_ms):
    bit = BIT[rule["class"]]
    state = "no" if person["optout_bits"] & bit else "yes" if person["consent_bits"] & bit else "unknown"
    return state == rule["state"]


def _contact(rule, person, now_ms):
    field, op, value = rule["field"], rule["op"], rule.get("value")
    if field == "suppressed":
        return holds("bool", person["blocked_bits"] != 0, op, value, now_ms)
    if field in ("created", "last_sent"):
        at = person["created_at" if field == "created" else "last_sent_at"]
        if op == "within_days":
            return at > 0 and at >= now_ms - value * DAY_MS
        if op == "older_than_days":
            return at > 0 and at < now_ms - value * DAY_MS
        day = datetime.fromtimestamp(at / 1000, UTC).date() if at else None
        return holds("date", day, op, value, now_ms)
    return holds("number" if field == "sent_count" else "text", person[field], op, value, now_ms)


def holds(kind, has, op, value, now_ms):
    if op in ("ne", "not_in", "not_empty"):
        return not holds(kind, has, {"ne": "eq", "not_in": "in", "not_empty": "empty"}[op], value, now_ms)
    missing = has is None or has == ""
    if op == "empty":
        return missing
    if missing:
        return False
    if op in ("contains", "starts_with"):
        # Both sides in small ASCII letters; others as they are.
        mine, theirs = (s.encode().lower().decode() for s in (has, value))
        return theirs in mine if op == "contains" else mine.startswith(theirs)
    if kind == "date":
        if op in ("within_days", "older_than_days"):
            age = (clock.from_ms(now_ms).date() - has).days
            return 0 <= age <= value if op == "within_days" else age > value
        value = (
            [date.fromisoformat(v) for v in value] if isinstance(value, list) else date.fromisoformat(value)
        )
    return {
        "eq": lambda: has == value,
        "in": lambda: has in value,
        "gt": lambda: has > value,
        "gte": lambda: has >= value,
        "lt": lambda: has < value,
        "lte": lambda: has <= value,
        "between": lambda: value[0] <= has <= value[1],
    }[op]()


ORACLES = {"attribute": _attribute, "label": _label, "consent": _consent, "contact": _contact}
