"""Contacts as plain values, read in chunks by id: for exports and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import contacts, fields, labels, search
from core.db import database

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHUNK = 2_000
_FIXED = ("phone", "name", "email", "country", "language", "labels", "consent", "blocked", "created_at")


def header() -> list[str]:
    """Column heads of `lines`: the fixed ones, then the key of every field."""
    return [*_FIXED, *(field.key for field in fields.all_fields())]


def lines(rt: Runtime, where: str = "1 = 1", params: Sequence[Any] = ()) -> Iterator[list[Any]]:
    """`everyone` as rows of a table; labels are joined by a semicolon, as the import reads them."""
    keys = [field.key for field in fields.all_fields()]
    for person in everyone(rt, where, params):
        fixed = [person[key] for key in _FIXED]
        fixed[_FIXED.index("labels")] = ";".join(person["labels"])
        yield fixed + [person["fields"].get(key) for key in keys]


def everyone(rt: Runtime, where: str = "1 = 1", params: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
    """Contacts a condition on `profile p` and `contact c` finds, oldest first, with whole numbers."""
    known, last = fields.all_fields(), 0
    columns = "".join(f", p.{field.column}" for field in known)
    words = {field.id: {code: text for text, code in fields.choices(field).items()} for field in known}
    while True:
        rows = database.query(
            "SELECT c.id, c.phone_enc, c.name, c.email, p.country, p.language, p.consent_bits, p.optout_bits, "
            f"p.blocked_bits, c.created_at{columns} FROM profile p JOIN contact c ON c.id = p.contact_id "
            f"WHERE p.contact_id > ? AND ({where}) ORDER BY p.contact_id LIMIT ?",
            (last, *params, _CHUNK),
        )
        if not rows:
            return
        last = rows[-1][0]
        numbers = rt.keys.open_numbers([row[1] for row in rows])
        with_labels = labels.of([row[0] for row in rows])
        for row, number in zip(rows, numbers, strict=True):
            values = zip(known, row[10:], strict=True)
            yield {
                "phone": number,
                "name": row[2] or "",
                "email": row[3] or "",
                "country": row[4],
                "language": row[5],
                "labels": [label["name"] for label in with_labels[row[0]]],
                "consent": search.consent_word(row[6], row[7]),
                "blocked": bool(row[8]),
                "created_at": clock.from_ms(row[9]).isoformat(timespec="seconds"),
                "fields": {
                    field.key: contacts.shown(field, value, words[field.id]) for field, value in values
                },
            }
