"""The people of a segment, page by page, and as the rows of a file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.audience import labels, people
from core.audience.segments import store
from core.audience.segments.compile import where_sql
from core.audience.segments.figures import limited
from core.db import database
from core.db.models import Segment
from core.security import audit
from core.security.crypto import mask

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Member:
    """Someone of a segment; `phone` is masked."""

    contact_id: int
    name: str
    phone: str
    country: str
    labels: list[str]


def page(rt: Runtime, rule: Any, *, after: int = 0, most: int = 50) -> tuple[list[Member], int | None]:
    """(up to `most` people with an id above `after`, the id to go on from or None at the end).

    Raises `Refusal` when it takes too long.
    """
    sql, params = where_sql(rt, rule)
    with limited():
        rows = database.query(
            "SELECT contact.id, contact.name, contact.phone_enc, profile.country FROM profile "
            "JOIN contact ON contact.id = profile.contact_id "
            f"WHERE profile.contact_id > ? AND ({sql}) ORDER BY profile.contact_id LIMIT ?",
            (after, *params, most + 1),
        )
    shown = rows[:most]
    carried = labels.of([row[0] for row in shown])
    members = [
        Member(
            row[0],
            row[1] or "",
            mask(rt.keys.open_number(row[2])),
            row[3],
            [label["name"] for label in carried[row[0]]],
        )
        for row in shown
    ]
    return members, shown[-1][0] if len(rows) > most else None


def anywhere() -> int:
    """An id to start from, so that the page shows people from a random place."""
    highest = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    return random.randint(0, max(0, highest - 1))  # noqa: S311


def export(rt: Runtime, segment: Segment, who: str, *, full: bool) -> Iterator[list[Any]]:
    """Rows for `people.header()`, oldest first; numbers masked unless `full`.  Written to the audit log."""
    sql, params = where_sql(rt, store.rule_of(segment), alias="p")
    with database.write_tx():
        audit.record(who, "segment.export", segment.name, "full" if full else "masked")
    rows = people.lines(rt, sql, params)
    return rows if full else ([mask(phone), *others] for phone, *others in rows)
