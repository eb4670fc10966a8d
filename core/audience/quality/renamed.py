"""People whom a file gave another name after a long silence: perhaps the number has a new owner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from core.audience import kinds
from core.audience.numbers import QUIET_MS
from core.db import database, settings
from core.db.codes import EventType, NumberStatus, State

_CHUNK = 2_000
_SEEN_BATCH = "numbers:batch"


def mark(at: int) -> None:
    """Flag people whom a file since the last check gave another name after a long silence."""
    after = settings.get(_SEEN_BATCH, 0)
    top = database.scalar("SELECT MAX(id) FROM import_batch WHERE state IN ('done', 'undone')") or 0
    found = [
        contact_id
        for contact_id, before in database.query(
            "SELECT x.contact_id, x.before FROM import_change x JOIN import_batch b ON b.id = x.batch_id "
            "WHERE x.batch_id > ? AND x.batch_id <= ? AND b.state = 'done' AND x.before LIKE '%\"name\"%'",
            (after, top),
        )
        if another(*json.loads(before).get("contact", {}).get("name", ("", "")))
    ]
    quiet = _silent(found, at)
    database.retry_locked(_store_recycled, quiet, at, top)


def another(old: Any, new: Any) -> bool:
    """Is this another person's name, not a longer or tidier spelling of the same?"""
    unseen = dict.fromkeys(map(ord, kinds.JOINERS))
    first, second = (
        "".join(kinds.clean(str(name or "")).translate(unseen).casefold().replace(".", " ").split())
        for name in (old, new)
    )
    return bool(first and second) and first not in second and second not in first


def _silent(contact_ids: Sequence[int], at: int) -> list[int]:
    """Those known for long who did nothing and got nothing in `QUIET_DAYS`; the import itself aside."""
    quiet: list[int] = []
    for start in range(0, len(contact_ids), _CHUNK):
        some = list(contact_ids[start : start + _CHUNK])
        marks = database.in_list(len(some))
        quiet += [
            row[0]
            for row in database.query(
                f"SELECT c.id FROM contact c WHERE c.id IN ({marks}) AND c.created_at < ? "
                "AND NOT EXISTS (SELECT 1 FROM event_stat s WHERE s.contact_id = c.id AND s.type IN "
                f"({database.in_list(len(EventType))}) AND s.at1 >= ?) "
                "AND NOT EXISTS (SELECT 1 FROM inbound i WHERE i.contact_id = c.id AND i.received_at >= ?) "
                "AND NOT EXISTS (SELECT 1 FROM message m WHERE m.contact_id = c.id AND m.state = ? AND m.final_at >= ?)",
                (
                    *(*some, at - QUIET_MS, *map(int, EventType), at - QUIET_MS, at - QUIET_MS),
                    *(int(State.delivered), at - QUIET_MS),
                ),
            )
        ]
    return quiet


def _store_recycled(contact_ids: Iterable[int], at: int, batch: int) -> None:
    with database.write_tx():
        database.executemany(
            "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, status, "
            "status_at, checked_at) SELECT p.contact_id, '', '', '', p.line_type, 0, ?, ?, ? FROM profile p "
            "WHERE p.contact_id = ? ON CONFLICT (contact_id) DO UPDATE SET status = excluded.status, "
            "status_at = excluded.status_at",
            [(int(NumberStatus.recycled), at, at, contact_id) for contact_id in contact_ids],
        )
        settings.put(_SEEN_BATCH, batch)
