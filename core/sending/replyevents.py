"""Replies become events: a text from a contact that is no STOP is something they did.

Follows the inbound texts by id; the key of the event is the inbound text, so looking twice changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.audience import events
from core.db import database, settings
from core.sending import handsets

if TYPE_CHECKING:
    from core.runtime import Runtime

SETTING = "reply_events_upto"
_CHUNK = 500
#: A STOP, and a text of ours that a test phone handed over.
_NO_REPLY = ("stop", handsets.INTENT)
#: Looked at again each time: on PostgreSQL a lower id may be committed after a higher one.
_OVERLAP = 1_000


def record(rt: Runtime) -> int:
    """Periodic: record the replies that came since the last time; returns how many were new."""
    upto = settings.get(SETTING, 0)
    if (database.scalar("SELECT MAX(id) FROM inbound") or 0) <= upto:
        return 0
    last, new = max(0, upto - _OVERLAP), 0
    while rows := database.query(
        "SELECT id, intent, contact_id, phone_enc, received_at FROM inbound WHERE id > ? ORDER BY id LIMIT ?",
        (last, _CHUNK),
    ):
        last = rows[-1][0]
        made = [_event(rt, *row) for row in rows if row[1] not in _NO_REPLY and (row[2] or row[3])]
        new += sum(outcome.status == "stored" for outcome in events.record(rt, made))
    if last > upto:
        with database.write_tx():
            settings.put(SETTING, last)
    return new


def _event(
    rt: Runtime, inbound_id: int, _intent: str, contact_id: int | None, sealed: bytes, at: int
) -> events.NewEvent:
    phone = "" if contact_id else rt.keys.open_number(bytes(sealed))
    return events.NewEvent("reply", at, phone, contact_id or 0, key=f"inbound:{inbound_id}")
