"""Writing one chunk of a file of events: one transaction with the cursor committed in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core import clock
from core.audience.events import store
from core.audience.events.catalogue import Names
from core.audience.events.reading import Chunk
from core.audience.events.recording import contacts_of, erased_among
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Columns of `event_batch` a chunk adds to.
COUNTS = ("rows", "stored", "duplicates", "waiting", "rejected")
_ADD = ", ".join(f"{name} = {name} + ?" for name in COUNTS)


class Writer:
    """Writes the chunks of one batch."""

    def __init__(self, rt: Runtime, batch_id: int):
        self._rt, self._batch_id, self._names = rt, batch_id, Names()

    def write(self, chunk: Chunk, cursor: int, seconds: float) -> None:
        """Commit a chunk that begins at file row `cursor`; `seconds` went by since the chunk before.

        Raises `Refusal` when another process went on with this batch meanwhile: it committed this chunk.
        """
        with bulk.uncollected():
            with database.write_tx():
                taken = database.execute(
                    "UPDATE event_batch SET cursor = ?, beat_at = ?, seconds_ms = seconds_ms + ? "
                    "WHERE id = ? AND cursor = ? AND state = 'running'",
                    (chunk.cursor, clock.now_ms(), round(seconds * 1000), self._batch_id, cursor),
                )
                if taken.rowcount != 1:
                    raise Refusal(
                        _("Import %(id)s is being continued by another process.", id=self._batch_id),
                        status=409,
                    )
                fresh = self._store(chunk)
            self._names.keep()
            if fresh and self._rt.plugins.listens("events_recorded"):
                self._rt.plugins.call("events_recorded", contact_ids=sorted(fresh))

    def _store(self, chunk: Chunk) -> set[int]:
        """Store the rows; returns the contacts with news."""
        store.hold()
        batch_id, rejects = self._batch_id, chunk.rejects
        items = self._names.items({row[6] for row in chunk.rows})
        categories = self._names.categories({row[7] for row in chunk.rows})
        ids = contacts_of(sorted({row[0] for row in chunk.rows}))
        known, unknown = [], []
        for bidx, line, key, kind, at, amount, item, category, props in chunk.rows:
            row = (key, kind, at, amount, items.get(item), categories.get(category), None, batch_id, props)
            if bidx in ids:
                known.append((ids[bidx], *row))
            else:
                unknown.append((line, (bidx, *row)))
        # Their cells are not kept: that would bring back what was erased.
        erased = erased_among(sorted({row[0] for _line, row in unknown}))
        rejects += [(line, "erased", []) for line, row in unknown if row[0] in erased]
        waiting = [row for _line, row in unknown if row[0] not in erased]
        new = store.put(known) if known else []
        kept = store.put_waiting(waiting, clock.now_ms()) if waiting else []
        self._reject(rejects)
        stored, waits = sum(new), sum(kept)
        duplicates = len(new) + len(kept) - stored - waits
        database.execute(
            f"UPDATE event_batch SET {_ADD} WHERE id = ?",
            (chunk.count, stored, duplicates, waits, len(rejects), batch_id),
        )
        return {row[0] for row, is_new in zip(known, new, strict=True) if is_new}

    def _reject(self, rejects: list[tuple]) -> None:
        database.copy_rows(
            "event_reject",
            ("batch_id", "row", "reason", "raw"),
            [
                (
                    self._batch_id, line, reason[:250].replace("\0", ""),
                    json.dumps(cells, ensure_ascii=False).replace("\\u0000", ""),
                )
                for line, reason, cells in rejects
            ],
        )  # fmt: skip
