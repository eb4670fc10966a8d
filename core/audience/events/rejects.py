"""Rows of a file of events that were not taken, with words for the reason and the row as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator

from core.audience.events.problems import words
from core.db import database
from core.db.models import EventBatch
from core.exporting import csv_stream
from core.i18n import _

_PAGE = 5_000


def rows(batch_id: int, *, limit: int = 0) -> Iterator[tuple[int, str, list[str]]]:
    """(row in the file, reason, cells) in the order of the file; read in pages by key."""
    last, left = -1, limit or 1 << 60
    while left > 0:
        page = database.query(
            "SELECT row, reason, raw FROM event_reject WHERE batch_id = ? AND row > ? ORDER BY row LIMIT ?",
            (batch_id, last, min(_PAGE, left)),
        )
        for row, reason, raw in page:
            yield row, reason, json.loads(raw)
        if not page:
            return
        last, left = page[-1][0], left - len(page)


def by_reason(batch_id: int) -> list[tuple[str, int]]:
    """(words of a reason, how often), most frequent first."""
    code = "substr(reason, 1, {}(reason || ':', ':') - 1)".format(
        "strpos" if database.is_postgres() else "instr"
    )
    found = database.query(
        f"SELECT {code}, COUNT(*) FROM event_reject WHERE batch_id = ? GROUP BY 1 ORDER BY 2 DESC, 1",
        (batch_id,),
    )
    return [(words(reason), n) for reason, n in found]


def as_csv(batch_id: int) -> Iterator[str]:
    """The rejected rows as a file: row, reason, then the columns as they came; formulas made harmless."""
    plan = json.loads(EventBatch.get_by_id(batch_id).options)["plan"]
    return csv_stream(
        [_("row"), _("reason"), *plan["titles"]],
        ((row, words(reason), *cells) for row, reason, cells in rows(batch_id)),
    )
