"""How good a source is: a score from 0 to 100 for each import and each other way people came.

100 less, for each measure, its weight times share / worst share (at most the whole weight):

    rejected rows of the file · duplicates · empty values of the fields in use · unreachable numbers ·
    people who opted out within 30 days of coming
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import clock
from core.audience import fields
from core.audience.quality import duplicates
from core.db import database
from core.db.codes import NumberStatus

#: Measure → (points it can cost, share at which it costs them all).
WEIGHTS = {
    "rejected": (25, 0.5),
    "duplicates": (15, 0.3),
    "missing": (15, 1.0),
    "unreachable": (25, 0.2),
    "optouts": (20, 0.1),
}
SOON_DAYS = 30
#: A field counts as in use when at least this share of all people has it.
IN_USE = 0.05


@dataclass(frozen=True, slots=True)
class Source:
    """One source with its counts; `missing` is people × share of empty values, rounded."""

    source: str
    title: str
    contacts: int
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0
    missing: int = 0
    unreachable: int = 0
    optouts: int = 0

    def shares(self) -> dict[str, float]:
        """Each measure as a share of rows or people."""
        people = self.contacts or 1
        return {
            "rejected": self.rejected / self.rows if self.rows else 0.0,
            **{
                name: getattr(self, name) / people
                for name in ("duplicates", "missing", "unreachable", "optouts")
            },
        }

    @property
    def score(self) -> int:
        """0 to 100."""
        lost = sum(
            WEIGHTS[name][0] * min(1.0, share / WEIGHTS[name][1]) for name, share in self.shares().items()
        )
        return round(100 - lost)


def find(filled: dict[str, int], people: int) -> list[Source]:
    """Every source people came from; `filled` is how many have each field.  Reads only, after `duplicates`
    were stored."""
    empties = _empties({key for key, n in filled.items() if people and n / people >= IN_USE})
    rows = database.query(
        # Membership, not joins: each list is built once and looked into a million times.
        "SELECT c.batch_id, c.source, COUNT(*), "
        f"SUM(CASE WHEN c.id IN (SELECT contact_id FROM quality_contact WHERE kind IN ({_words(duplicates.KINDS)})) "
        f"THEN 1 ELSE 0 END), SUM({' + '.join(empties) or '0'}), "
        "SUM(CASE WHEN c.id IN (SELECT contact_id FROM number_info WHERE status = ?) THEN 1 ELSE 0 END), "
        # What a file says is no answer to it.
        "SUM(CASE WHEN c.id IN (SELECT e.contact_id FROM consent_event e JOIN contact k ON k.id = e.contact_id "
        "WHERE e.action = 'opt_out' AND e.batch_id IS NULL AND e.at - k.created_at BETWEEN 0 AND ?) "
        "THEN 1 ELSE 0 END) "
        "FROM contact c JOIN profile p ON p.contact_id = c.id GROUP BY c.batch_id, c.source",
        (int(NumberStatus.unreachable), SOON_DAYS * clock.DAY_MS),
    )
    files = {row[0]: row[1:] for row in database.query(_BATCHES)}
    found: dict[str, Source] = {}
    for batch_id, source, n, *counts in rows:
        made = _source(batch_id, source, int(n), list(map(int, counts)), len(empties), files)
        found[made.source] = made
    return sorted(found.values(), key=lambda made: (-made.contacts, made.source))


_BATCHES = (
    "SELECT b.id, b.file_name, b.rows, b.rejected - (SELECT COUNT(*) FROM import_reject r WHERE r.batch_id = b.id "
    "AND r.reason = 'merged') FROM import_batch b"
)


def _source(
    batch_id: int | None, source: str, n: int, counts: list[int], fields_in_use: int, files: dict[int, Any]
) -> Source:
    doubled, empty, unreachable, optouts = counts
    missing = round(empty / fields_in_use) if fields_in_use else 0
    key, title, rows, rejected = source or "unknown", "", 0, 0
    if batch_id is not None:
        title, rows, rejected = files.get(batch_id, ("", 0, 0))
        key = f"import:{batch_id}"
    return Source(key, title, n, rows, rejected, doubled, missing, unreachable, optouts)


def _empties(keys: set[str]) -> list[str]:
    """1 for each field in use a person has no value for, as SQL."""
    basics = {"name": "c.name", "email": "c.email", "language": "NULLIF(p.language, '')"}
    columns = basics | {field.key: f"p.{field.column}" for field in fields.all_fields()}
    return [f"CASE WHEN {columns[key]} IS NULL THEN 1 ELSE 0 END" for key in sorted(keys) if key in columns]


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
