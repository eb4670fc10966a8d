"""Writing one chunk: one transaction with the cursor committed in it.

New contacts are appended to contact, profile, labels and ledger with ids taken
beforehand; their masks are worked out here, which saves folding the ledger again.
"""

from __future__ import annotations

import json
from itertools import compress, repeat

from core import clock
from core.audience import chain, consent, contactids, labels, suppression
from core.audience.importing.comparing import COUNTS, Change, Comparer, Comparison
from core.audience.importing.rows import Chunk
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _


class Writer(Comparer):
    """Writes the chunks of one batch."""

    def write(self, chunk: Chunk, cursor: int, seconds: float) -> dict[str, int]:
        """Commit a chunk that begins at `cursor`; returns what it adds to the counts of the batch.

        Raises `Refusal` when another process went on with this batch meanwhile: it committed this chunk.
        """
        with bulk.uncollected(), database.write_tx():
            taken = database.execute(
                "UPDATE import_batch SET cursor = ?, beat_at = ?, seconds = seconds + ? "
                "WHERE id = ? AND cursor = ? AND state = 'running'",
                (chunk.cursor, clock.now_ms(), seconds, self._batch_id, cursor),
            )
            if taken.rowcount != 1:
                raise Refusal(
                    _("Import %(id)s is being continued by another process.", id=self._batch_id), status=409
                )
            # In this order everywhere: the ledger's chain, then the suppression list, then profiles.
            chain.lock(self._rt)
            suppression.hold()
            made = self.compare(chunk)
            created = self._insert(made)
            self._update(made.changes)
            self._report(made)
            database.execute(
                f"UPDATE import_batch SET {', '.join(f'{name} = {name} + ?' for name in COUNTS)} WHERE id = ?",
                (*(made.counts[name] for name in COUNTS), self._batch_id),
            )
        self._announce(created, made.changes)
        return made.counts

    def _insert(self, made: Comparison) -> dict[str, list[int]]:
        """Append new contacts; returns the ids of those with consent, by action of the ledger."""
        bidxs, blobs, tails, countries, lines, answers, rows, *values = made.fresh
        n, count = len(bidxs), len(self._contact_columns)
        if n == 0:
            return {}
        ids = contactids.new(n)
        stops = [made.blocked.get(bidx, 0) for bidx in bidxs] if made.blocked else [0] * n
        actions = self._actions(answers, stops)
        bulk.insert_columns(
            "contact",
            {"id": ids, "phone_bidx": bidxs, "phone_enc": blobs, "tail": tails}
            | dict(zip(self._contact_columns, values[:count], strict=True)),
            {"batch_id": self._batch_id, "source": "import", "created_at": self.now, "updated_at": self.now},
            n,
        )
        bit = self._cls.bit
        profile = dict(zip(self._profile_columns, values[count:], strict=True))
        same = {"label_bits": self._label_bits, "created_at": self.now, "last_sent_at": 0, "sent_count": 0}
        if self._has_language:
            profile["language"] = [text or "" for text in profile["language"]]
        else:
            same["language"] = ""
        bulk.insert_columns(
            "profile",
            {
                "contact_id": ids, "country": countries, "line_type": lines, "blocked_bits": stops,
                "consent_bits": [bit * (action == "opt_in") for action in actions],
                "optout_bits": [bit * (action == "opt_out") for action in actions],
            } | profile,
            same,
            n,
        )  # fmt: skip
        self._insert_events(ids, bidxs, rows, actions)
        for label in self._labels:
            same = {"label_id": label.id, "source": "import", "confidence": 1.0, "since_at": self.now}
            bulk.insert_columns("contact_label", {"contact_id": ids}, same, n)
        return {
            action: [contact_id for contact_id, done in zip(ids, actions, strict=True) if done == action]
            for action in ("opt_in", "opt_out")
        }

    def _actions(self, answers: list[int | None], stops: list[int]) -> list[str]:
        """The ledger's action for each new contact; a yes in a file never beats a STOP."""
        decided = {value: self._consents(value) for value in (None, 0, 1)}
        bit = self._cls.bit
        actions = [decided[value] for value in answers]
        if any(stops):
            pairs = zip(actions, stops, strict=True)
            return ["" if action == "opt_in" and stop & bit else action for action, stop in pairs]
        return actions

    def _insert_events(self, ids: list[int], bidxs: list[bytes], rows: list[int], actions: list[str]) -> None:
        given = [action != "" for action in actions]
        ids, bidxs, rows, actions = (list(compress(column, given)) for column in (ids, bidxs, rows, actions))
        n = len(ids)
        if n == 0:
            return
        columns = {
            "id": chain.take_ids(self._rt, n), "contact_id": ids, "phone_bidx": bidxs, "action": actions,
            "evidence": [f'{{"row": {row}}}' for row in rows],
        }  # fmt: skip
        same = {
            "cls": int(self._cls), "source": self._rules.source, "wording": self._rules.wording, "who": self._who,
            "batch_id": self._batch_id, "at": self.now, "topic_id": 0,
        }  # fmt: skip
        bulk.insert_columns("consent_event", columns, same, n)
        columns |= {name: repeat(value, n) for name, value in same.items()}
        chain.seal(self._rt, list(zip(*map(columns.__getitem__, chain.COLUMNS), strict=True)))

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

    def _report(self, made: Comparison) -> None:
        lines = [
            (row, False, reason, json.dumps(cells, ensure_ascii=False)) for row, reason, cells in made.rejects
        ]
        lines += [(row, True, reason, "[]") for row, reason in made.notes.items()]
        database.copy_rows(
            "import_reject",
            ("batch_id", "row", "taken", "reason", "raw"),
            [
                (self._batch_id, row, taken, reason[:250], raw.replace("\\u0000", ""))
                for row, taken, reason, raw in lines
            ],
        )

    def _announce(self, created: dict[str, list[int]], changes: list[Change]) -> None:
        for action in ("opt_in", "opt_out"):
            ids = created.get(action, [])
            ids += [change.contact_id for change in changes if change.event and change.event.action == action]
            if ids:
                chain.note(self._rt)
                self._rt.plugins.call("consent_changed", contact_ids=ids, cls=self._cls.name, action=action)
