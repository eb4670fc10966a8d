"""Writing one chunk: one transaction with the cursor committed in it.

New contacts are appended to contact, profile, labels and ledger with ids taken
beforehand; their masks are worked out here, which saves folding the ledger again.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager

from core import clock
from core.audience import consent, labels, suppression
from core.audience.importing.comparing import BIDX, COUNTS, Change, Comparer
from core.audience.importing.rows import Chunk
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _

_CONTACT_COLUMNS = (
    *("id", "phone_bidx", "phone_enc", "tail"),
    *("batch_id", "source", "created_at", "updated_at"),
)
_PROFILE_COLUMNS = (
    *("contact_id", "country", "line_type", "consent_bits", "optout_bits", "blocked_bits"),
    *("label_bits", "created_at", "last_sent_at", "sent_count"),
)
_EVENT_COLUMNS = (
    *("contact_id", "phone_bidx", "action", "evidence"),
    *("cls", "source", "wording", "who", "batch_id", "at"),
)
#: Ids a new contact must not get: those the append-only ledger knows.
_LEDGER_TOP = "SELECT MAX(contact_id) FROM consent_event"


class Writer(Comparer):
    """Writes the chunks of one batch."""

    def write(self, chunk: Chunk, cursor: int, seconds: float) -> dict[str, int]:
        """Commit a chunk that begins at `cursor`; returns what it adds to the counts of the batch.

        Raises `Refusal` when another process went on with this batch meanwhile: it committed this chunk.
        """
        with _uncollected(), database.write_tx():
            taken = database.execute(
                "UPDATE import_batch SET cursor = ?, beat_at = ?, seconds = seconds + ? "
                "WHERE id = ? AND cursor = ? AND state = 'running'",
                (chunk.cursor, clock.now_ms(), seconds, self._batch_id, cursor),
            )
            if taken.rowcount != 1:
                raise Refusal(
                    _("Import %(id)s is being continued by another process.", id=self._batch_id), status=409
                )
            suppression.hold()
            fresh, changes, counts = self.compare(chunk)
            events = self._insert(fresh)
            self._update(changes)
            self._report(chunk)
            database.execute(
                f"UPDATE import_batch SET {', '.join(f'{name} = {name} + ?' for name in COUNTS)} WHERE id = ?",  # noqa: S608
                (*(counts[name] for name in COUNTS), self._batch_id),
            )
        self._announce(events, changes)
        return counts

    def _insert(self, fresh: list[tuple]) -> list[tuple[int, str]]:
        """Append new contacts; returns (contact id, consent action) of those with consent."""
        if not fresh:
            return []
        ids = bulk.new_ids("contact", len(fresh), [_LEDGER_TOP])
        blocked, has_language = self._blocked(fresh), self._has_language
        decided = {value: self._decided(value) for value in (None, 0, 1)}
        made = (self._batch_id, "import", self.now, self.now)
        started = (self._label_bits, self.now, 0, 0) + (() if has_language else ("",))
        proof = (int(self._cls), self._rules.source, self._rules.wording, self._who, self._batch_id, self.now)
        contacts, profiles, events = [], [], []
        for contact_id, (bidx, enc, tail, country, line, value, row, contact, profile) in zip(
            ids, fresh, strict=True
        ):
            action, yes, no = decided[value]
            stop = blocked.get(bidx, 0) if blocked else 0
            if yes & stop:
                action, yes = "", 0
            if action:
                events.append((contact_id, bidx, action, f'{{"row": {row}}}', *proof))
            if has_language and profile[0] is None:
                profile = ("", *profile[1:])
            contacts.append((contact_id, bidx, enc, tail, *made, *contact))
            profiles.append((contact_id, country, line, yes, no, stop, *started, *profile))
        language = () if has_language else ("language",)
        database.copy_rows("contact", (*_CONTACT_COLUMNS, *self._contact_columns), contacts)
        database.copy_rows("profile", (*_PROFILE_COLUMNS, *language, *self._profile_columns), profiles)
        database.copy_rows("consent_event", _EVENT_COLUMNS, events)
        for label in self._labels:
            database.copy_rows(
                "contact_label",
                ("label_id", "contact_id", "source", "confidence", "since_at"),
                [(label.id, contact_id, "import", 1.0, self.now) for contact_id in ids],
            )
        return [(event[0], event[2]) for event in events]

    def _decided(self, value: int | None) -> tuple[str, int, int]:
        """(action of the ledger, consent bits, opt-out bits) of a new contact for a row's yes or no."""
        action, bit = self._consents(value), self._cls.bit
        return action, bit * (action == "opt_in"), bit * (action == "opt_out")

    def _blocked(self, fresh: list[tuple]) -> dict[bytes, int]:
        if database.one("SELECT 1 FROM suppression LIMIT 1") is None:
            return {}
        return suppression.masks([person[BIDX] for person in fresh])

    def _update(self, changes: list[Change]) -> None:
        if not changes:
            return
        touched = [
            (*(change.contact or ()), self.now, change.contact_id) for change in changes if change.contact
        ]
        bulk.update_rows("contact", "id", [*self._contact_columns, "updated_at"], touched)
        bulk.update_rows(
            "contact", "id", ["updated_at"], [(self.now, c.contact_id) for c in changes if not c.contact]
        )
        profiles = [(*change.profile, change.contact_id) for change in changes if change.profile]
        bulk.update_rows("profile", "contact_id", self._profile_columns, profiles)
        for label in self._labels:
            labels.put(
                label,
                [c.contact_id for c in changes if label.id in c.before.get("labels", ())],
                source="import",
            )
        consent.record(self._rt, [change.event for change in changes if change.event])
        database.copy_rows(
            "import_change",
            ("batch_id", "contact_id", "before"),
            [
                (self._batch_id, change.contact_id, json.dumps(change.before, ensure_ascii=False))
                for change in changes
            ],
        )

    def _report(self, chunk: Chunk) -> None:
        lines = [
            (row, False, reason, json.dumps(cells, ensure_ascii=False))
            for row, reason, cells in chunk.rejects
        ]
        lines += [(row, True, reason, "[]") for row, reason, _cells in chunk.notes]
        database.copy_rows(
            "import_reject",
            ("batch_id", "row", "taken", "reason", "raw"),
            [
                (self._batch_id, row, taken, reason[:250], raw.replace("\\u0000", ""))
                for row, taken, reason, raw in lines
            ],
        )

    def _announce(self, created: list[tuple[int, str]], changes: list[Change]) -> None:
        for action in ("opt_in", "opt_out"):
            ids = [contact_id for contact_id, done in created if done == action]
            ids += [change.contact_id for change in changes if change.event and change.event.action == action]
            if ids:
                self._rt.plugins.call("consent_changed", contact_ids=ids, cls=self._cls.name, action=action)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles while the tuples of a chunk are made: it takes a fifth of the time and finds none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
