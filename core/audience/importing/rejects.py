"""Rows that were not taken, with words for the reason and the row as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator

from core.audience.importing.plan import Plan
from core.db import database
from core.db.models import ImportBatch
from core.exporting import csv_stream
from core.i18n import _, lazy

_WORDS = {
    "invalid_number": lazy("not a valid number"),
    "not_a_number": lazy("no phone number in it"),
    "mangled_number": lazy("a spreadsheet shortened this number; format the column as text"),
    "no_number": lazy("no number"),
    "no_country": lazy("no country: choose a region for numbers without one"),
    "unknown_country": lazy("unknown country"),
    "too_many_cells": lazy("more cells than headers; a cell with the separator in it needs quotes"),
    "erased": lazy("this person was erased and stays so"),
    "merged": lazy("this number belongs to a person who was merged into another contact"),
    "not_kept": lazy("the reasons are no longer kept"),
    "bad_date": lazy("no such date"),
    "bad_number": lazy("not a number"),
    "bad_bool": lazy("neither yes nor no"),
    "bad_consent": lazy("neither yes nor no"),
    "bad_yes": lazy("said yes, but opted out before"),
    "bad_email": lazy("not an e-mail address"),
    "bad_language": lazy("unknown language"),
    "bad_text": lazy("longer than 2,000 characters"),
    "bad_name": lazy("longer than 200 characters, so only its beginning was taken"),
    "bad_choice": lazy("too many different values"),
}


def words(reason: str) -> str:
    """A stored reason ("invalid_number:12345") as a sentence for people."""
    return "; ".join(_part(part) for part in reason.split(";bad_" if reason.startswith("bad_") else "\0"))


def _part(part: str) -> str:
    code, _colon, value = part.partition(":")
    known = _WORDS.get(code) or _WORDS.get(f"bad_{code}")
    text = str(known) if known else code
    return f"{text} ({value})" if value else text


def count(batch_id: int, *, taken: bool = False) -> int:
    """How many rows were rejected, or (`taken`) taken with a note."""
    return database.scalar(
        f"SELECT COUNT(*) FROM import_reject WHERE batch_id = ? AND {'' if taken else 'NOT '}taken",
        (batch_id,),
    )


def rows(batch_id: int, *, taken: bool = False, limit: int = 0) -> Iterator[tuple[int, str, list[str]]]:
    """(row in the file, reason, cells) in the order of the file; read in pages by key."""
    last, left = -1, limit or 1 << 60
    while left > 0:
        page = database.query(
            f"SELECT row, reason, raw FROM import_reject WHERE batch_id = ? AND {'' if taken else 'NOT '}taken "
            "AND row > ? ORDER BY row LIMIT ?",
            (batch_id, last, min(5_000, left)),
        )
        if not page:
            return
        for row, reason, raw in page:
            yield row, reason, json.loads(raw)
        last, left = page[-1][0], left - len(page)


def by_reason(batch_id: int) -> list[tuple[str, int]]:
    """How often each reason occurs, most frequent first."""
    counts: dict[str, int] = {}
    for (reason,) in database.query(
        "SELECT reason FROM import_reject WHERE batch_id = ? AND NOT taken", (batch_id,)
    ):
        code = reason.split(":")[0]
        counts[code] = counts.get(code, 0) + 1
    return sorted(((_part(code), n) for code, n in counts.items()), key=lambda pair: -pair[1])


def as_csv(batch_id: int) -> Iterator[str]:
    """The rejected rows as a file: row, reason, then the columns as they came; formulas made harmless."""
    batch = ImportBatch.get_by_id(batch_id)
    options = json.loads(batch.options or "{}")
    names = [column.header for column in Plan.from_dict(options["plan"]).columns] if "plan" in options else []
    return csv_stream(
        [_("row"), _("reason"), *names],
        ((row, words(reason), *cells) for row, reason, cells in rows(batch_id)),
    )
