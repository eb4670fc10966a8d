"""Taking a file of events back: what it brought goes, what was there before stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.events import folding, store
from core.audience.importing.batch import forget_upload
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.models import EventBatch
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHUNK = 10_000


def undo(rt: Runtime, batch_id: int, *, who: str) -> dict[str, Any]:
    """Undo a finished, failed or half undone batch; returns {"batch", "removed"}: events that went, waiting
    ones included.  In transactions of 10,000 events; a killed undo is run again.

    Raises `Refusal` for a batch that does not exist, runs, or was undone already.
    """
    start(batch_id, who=who)
    return finish(rt, batch_id)


def start(batch_id: int, *, who: str) -> None:
    """Mark a batch as being undone; `finish`, or the job "event-import", does it."""
    with database.write_tx():
        may = (EventBatch.id == batch_id) & EventBatch.state.in_(("done", "failed", "undoing"))
        if EventBatch.update(state="undoing", beat_at=clock.now_ms()).where(may).execute():
            audit.record(who, "events.undo", f"event_batch:{batch_id}")
            return
    batch = EventBatch.get_or_none(EventBatch.id == batch_id)
    if batch is None:
        raise Refusal(_("There is no import %(id)s.", id=batch_id), field="batch", status=404)
    if batch.state == "undone":
        raise Refusal(_("Import %(id)s was undone already.", id=batch_id), field="batch", status=409)
    raise Refusal(
        _("Import %(id)s is still running; wait until it is done.", id=batch_id), field="batch", status=409
    )


def finish(rt: Runtime, batch_id: int) -> dict[str, Any]:
    """Undo a batch that `start` marked, or go on with one whose process died."""
    removed, last = 0, -1
    while (done := bulk.retry_conflict(_remove, batch_id, last)) is not None:
        n, last = done
        removed += n
    while n := bulk.retry_conflict(_remove_waiting, batch_id):
        removed += n
    with database.write_tx():
        batch = EventBatch.get_by_id(batch_id)
        EventBatch.update(state="undone").where(EventBatch.id == batch_id).execute()
        audit.record(batch.created_by, "events.undone", f"event_batch:{batch_id}", f"{removed} removed")
    forget_upload(rt, batch.path)
    return {"batch": batch_id, "removed": removed}


def _remove(batch_id: int, last: int) -> tuple[int, int] | None:
    """Remove the batch's events of some contacts behind `last`; (how many, the last of them) or None."""
    with database.write_tx():
        store.hold()
        rows = database.query(
            "SELECT contact_id, type, at, amount_micros, key_hash FROM event WHERE batch_id = ? "
            "AND contact_id >= ? ORDER BY contact_id LIMIT ?",
            (batch_id, last, _CHUNK),
        )
        if not rows:
            return None
        database.executemany(
            "DELETE FROM event WHERE contact_id = ? AND key_hash = ?", [(row[0], row[4]) for row in rows]
        )
        folding.days([row[:4] for row in rows], -1)
        ids = sorted({row[0] for row in rows})
        folding.refold(ids)
        store.touch(ids)
        _beat(batch_id)
        return len(rows), ids[-1]


def _remove_waiting(batch_id: int) -> int:
    with database.write_tx():
        store.hold()
        _beat(batch_id)
        return database.execute(
            "DELETE FROM event_waiting WHERE (phone_bidx, key_hash) IN "
            "(SELECT phone_bidx, key_hash FROM event_waiting WHERE batch_id = ? LIMIT ?)",
            (batch_id, 10 * _CHUNK),
        ).rowcount


def _beat(batch_id: int) -> None:
    database.execute("UPDATE event_batch SET beat_at = ? WHERE id = ?", (clock.now_ms(), batch_id))
