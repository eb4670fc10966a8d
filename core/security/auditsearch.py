"""Looking through the audit log: pages by key, newest first, and everything as lines of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from core import clock
from core.db import database

PAGE = 50
#: Rows read at a time for a file.
_CHUNK = 1_000
HEADER = ("id", "at", "who", "action", "object", "detail", "ip")


class Row(NamedTuple):
    """One deed; `at` in epoch ms."""

    id: int
    at: int
    who: str
    action: str
    object: str
    detail: str
    ip: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; None and '' mean any.  `action` is how it begins, the others are parts; `either` is a part of
    who did it or of what it was done to."""

    who: str = ""
    action: str = ""
    object: str = ""
    either: str = ""
    since: int | None = None
    until: int | None = None

    def sql(self) -> tuple[list[str], list[Any]]:
        """Conditions and their parameters."""
        who, thing = "LOWER(who) LIKE ? ESCAPE '\\'", "LOWER(\"object\") LIKE ? ESCAPE '\\'"
        either = f"%{_literal(self.either)}%"
        pairs: list[tuple[str, list[Any] | None]] = [
            (who, [f"%{_literal(self.who)}%"] if self.who else None),
            ("LOWER(\"action\") LIKE ? ESCAPE '\\'", [f"{_literal(self.action)}%"] if self.action else None),
            (thing, [f"%{_literal(self.object)}%"] if self.object else None),
            (f"({who} OR {thing})", [either, either] if self.either else None),
            ('"at" >= ?', None if self.since is None else [self.since]),
            ('"at" < ?', None if self.until is None else [self.until]),
        ]
        kept = [(sql, values) for sql, values in pairs if values is not None]
        return [sql for sql, _values in kept], [value for _sql, values in kept for value in values]


def _literal(text: str) -> str:
    # A NUL is no text for PostgreSQL, and in no row.
    text = text.lower().replace("\x00", "\ufffd")
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def page(
    wanted: Filter, *, before: int | None = None, after: int | None = None, size: int = PAGE
) -> tuple[list[Row], bool, bool]:
    """(rows, are there newer ones, are there older ones): those below the id `before`, or above `after`."""
    conditions, params = wanted.sql()
    edge = after if after is not None else before
    if edge is not None:
        conditions.append(f"id {'>' if after is not None else '<'} ?")
        params.append(max(-(1 << 62), min(edge, 1 << 62)))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = database.query(
        f'SELECT id, "at", who, "action", "object", detail, ip FROM audit{where} '
        f"ORDER BY id {'ASC' if after is not None else 'DESC'} LIMIT ?",
        (*params, size + 1),
    )
    more, found = len(rows) > size, [Row(*row) for row in rows[:size]]
    if after is not None:
        return found[::-1], more, True
    return found, before is not None, more


def lines(wanted: Filter) -> Iterator[tuple[Any, ...]]:
    """All rows as `HEADER`, newest first; instants as ISO 8601 in UTC."""
    before = None
    while True:
        found, _newer, older = page(wanted, before=before, size=_CHUNK)
        for row in found:
            yield (row.id, clock.from_ms(row.at).isoformat(timespec="milliseconds"), *row[2:])
        if not older:
            return
        before = found[-1].id
