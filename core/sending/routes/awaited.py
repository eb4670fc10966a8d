"""Receipts that are waited for: which texts, and how long (the rule `second_after_s` of their class).

Only codes and notices may be sent a second time; marketing and voice never, whatever is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.db import classes, database


def delay_s(cls: int) -> int:
    """Seconds to wait for a receipt before another text goes; 0 where none ever does."""
    return classes.of(cls).second_after_s or 0 if cls in classes.SECOND else 0


def expect(message_ids: Sequence[int], due_at: int) -> None:
    """These were marked; their receipts are awaited until `due_at` (epoch ms).  Inside `write_tx()`."""
    database.executemany(
        "INSERT INTO second_text (first_id, due_at) VALUES (?, ?) "
        "ON CONFLICT (first_id) DO UPDATE SET due_at = excluded.due_at WHERE second_text.second_id IS NULL",
        [(id_, due_at) for id_ in message_ids],
    )


def pair_of(message_id: int) -> tuple[int | None, int | None]:
    """(the text this one was sent instead of, the text sent instead of this one)."""
    rows = database.query(
        "SELECT first_id, second_id FROM second_text WHERE first_id = ? OR second_id = ?",
        (message_id, message_id),
    )
    first = next((first for first, second in rows if second == message_id), None)
    return first, next((second for first, second in rows if first == message_id), None)
