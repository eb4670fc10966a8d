"""What merged contacts mean for everybody else: whose history a page shows, and what a former number is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.audience.events import store
from core.db import bulk, database

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHUNK = 5_000


def ids_of(contact_id: int) -> list[int]:
    """The contact and all that were merged into it, and into those, the contact first."""
    found = [contact_id]
    for known in found:
        found += [
            row[0]
            for row in database.query(
                "SELECT gone_id FROM contact_merge WHERE kept_id = ? AND undone_at IS NULL ORDER BY id",
                (known,),
            )
            if row[0] not in found
        ]
    return found


def kept_for(phone_bidx: bytes) -> int | None:
    """The contact a former number belongs to; None when nobody was merged under it."""
    kept = database.scalar(
        "SELECT kept_id FROM contact_merge WHERE gone_bidx = ? AND undone_at IS NULL ORDER BY id DESC LIMIT 1",
        (phone_bidx,),
    )
    return None if kept is None else kept_of(kept)


def gone_with(phone_bidx: bytes) -> int | None:
    """The id the contact of a former number had: what was sent to that number names it."""
    return database.scalar(
        "SELECT gone_id FROM contact_merge WHERE gone_bidx = ? AND undone_at IS NULL ORDER BY id DESC LIMIT 1",
        (phone_bidx,),
    )


def kept_of(contact_id: int) -> int:
    """The contact this one is part of now; itself when it was not merged away."""
    further = "SELECT kept_id FROM contact_merge WHERE gone_id = ? AND undone_at IS NULL LIMIT 1"
    while (kept := database.scalar(further, (contact_id,))) is not None:
        contact_id = kept
    return contact_id


def former(bidxs: Sequence[bytes]) -> set[bytes]:
    """Which of these numbers are former ones; free when nobody was ever merged."""
    if not bidxs or database.one("SELECT 1 FROM contact_merge WHERE undone_at IS NULL LIMIT 1") is None:
        return set()
    return {
        bytes(row[0])
        for row in bulk.query_among(
            "SELECT gone_bidx FROM contact_merge WHERE undone_at IS NULL AND", "gone_bidx", list(bidxs)
        )
    }


def of(contact_id: int) -> list[dict]:
    """The merges into a contact that stand, newest first."""
    keys = ("id", "gone_id", "who", "at")
    return [
        dict(zip(keys, row, strict=True))
        for row in database.query(
            f"SELECT {', '.join(keys)} FROM contact_merge WHERE kept_id = ? AND undone_at IS NULL ORDER BY id DESC",
            (contact_id,),
        )
    ]


def join_waiting(rt: Runtime) -> int:
    """Give events that wait for a former number to the contact that has it now; how many were new.

    Job, each hour.  They stay there when the merge is undone: they never belonged to the other contact.
    """
    rows = database.query(
        f"SELECT w.phone_bidx, w.{', w.'.join(store.CONTENT)} FROM event_waiting w WHERE w.phone_bidx IN "
        "(SELECT gone_bidx FROM contact_merge WHERE undone_at IS NULL) LIMIT ?",
        (_CHUNK,),
    )
    owners = {bidx: kept_for(bidx) for bidx in {bytes(row[0]) for row in rows}}
    mine = [row for row in rows if owners[bytes(row[0])] is not None]
    if not mine:
        return 0
    with database.write_tx():
        store.hold()
        new = store.put([(owners[bytes(row[0])], *row[1:]) for row in mine])
        database.executemany(
            "DELETE FROM event_waiting WHERE phone_bidx = ? AND key_hash = ?", [row[:2] for row in mine]
        )
    ids = sorted({owners[bytes(row[0])] for row in mine})
    rt.plugins.call("events_recorded", contact_ids=ids)
    return sum(new)


def forget(contact_id: int) -> tuple[list[int], list[bytes]]:
    """The person is erased: drop what undoing would need, inside the caller's `write_tx`.

    Returns the ids whose messages are theirs too, and the blind indexes of their former numbers.
    """
    ids = ids_of(contact_id)[1:]
    standing = "SELECT id, gone_bidx FROM contact_merge WHERE gone_id = ? AND undone_at IS NULL"
    rows = [database.one(standing, (gone,)) for gone in ids]
    database.executemany(
        "UPDATE contact_merge SET data_enc = ?, undone_at = at WHERE id = ?", [(b"", row[0]) for row in rows]
    ) if rows else None
    return ids, [bytes(row[1]) for row in rows]
