"""What a chunk would change: rows of a file against the contacts there are.

Reads only, so a dry run is this alone.  Contacts there are already are compared in Python and only those
that differ are written: a repeated import is a read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import consent, fields, labels
from core.audience.importing.options import Options
from core.audience.importing.rows import Chunk
from core.db import bulk, database
from core.db.codes import MARKETING, Cls

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Columns of `import_batch` a chunk adds to.
COUNTS = ("rows", "created", "updated", "unchanged", "duplicates", "rejected", "notes")
#: What a person of a chunk looks like (rows.Chunk.people).
BIDX, ENC, TAIL, COUNTRY, LINE, CONSENT, ROW, CONTACT, PROFILE = range(9)


@dataclass
class Change:
    """What a chunk changes on a contact that exists."""

    contact_id: int
    bidx: bytes
    contact: tuple | None = None
    profile: tuple | None = None
    before: dict[str, Any] = field(default_factory=dict)
    event: consent.Event | None = None


class Comparer:
    """Compares the chunks of one batch; batch 0 is a dry run, which defines nothing."""

    def __init__(self, rt: Runtime, batch_id: int, options: Options, who: str = ""):
        self._rt, self._batch_id, self._who = rt, batch_id, who
        self._rules = options.rules
        self._cls = Cls[options.rules.cls]
        ordered = options.plan.ordered()
        known = {made.key: made for made in fields.all_fields()}
        self._contact_columns = [column.to for column in ordered if column.to in ("name", "email")]
        self._fields = {column.key: known.get(column.key) for column in ordered if column.to == "field"}
        self._has_language = any(column.to == "language" for column in ordered)
        self._profile_columns = ["language"] * self._has_language + [
            made.column for made in self._fields.values() if made
        ]
        #: In a dry run some fields are not defined yet; everything they hold would be new.
        self._all_defined = all(self._fields.values())
        self._labels = [] if batch_id == 0 else [labels.ensure(name) for name in options.rules.labels]
        self._label_bits = sum(1 << label.bit for label in self._labels if label.bit is not None)
        self.now = clock.now_ms()

    def codes(self, texts: dict[str, list[str]], *, write: bool = True) -> dict[str, dict[str, int]]:
        """The codes of the texts the survey found, by field key; new texts get one, unless in a dry run."""
        made = {}
        for key, wanted in texts.items():
            chosen = self._fields.get(key)
            if write and chosen:
                with database.write_tx():
                    made[key] = fields.add_choices(chosen, wanted)
            else:
                have = fields.choices(chosen) if chosen else {}
                made[key] = {text: have.get(text, -at) for at, text in enumerate(wanted, 1)}
        return made

    def compare(self, chunk: Chunk) -> tuple[list[tuple], list[Change], dict[str, int]]:
        """(people to create, contacts to change, counts); reads only.  Erased numbers become rejects."""
        known = self._known([person[BIDX] for person in chunk.people])
        fresh = [person for person in chunk.people if person[BIDX] not in known] if known else chunk.people
        fresh = self._without_erased(fresh, chunk)
        changes = []
        if known:
            having = self._labelled([row[0] for row in known.values()])
            for person in chunk.people:
                row = known.get(person[BIDX])
                if row is not None and (change := self._difference(person, row, having)):
                    changes.append(change)
            self._keep_own_opt_outs(changes, chunk)
        counts = dict.fromkeys(COUNTS, 0)
        changed = sum(bool(change.before) for change in changes)
        counts.update(
            rows=chunk.rows, created=len(fresh), updated=changed, unchanged=len(known) - changed,
            duplicates=chunk.duplicates, rejected=len(chunk.rejects), notes=len(chunk.notes),
        )  # fmt: skip
        return fresh, [change for change in changes if change.before], counts

    def _known(self, bidxs: list[bytes]) -> dict[bytes, tuple]:
        if not bidxs:
            return {}
        wanted = ["c.id", "c.phone_bidx", "p.consent_bits", "p.optout_bits", "p.blocked_bits"]
        wanted += [f"c.{name}" for name in self._contact_columns] + [
            f"p.{name}" for name in self._profile_columns
        ]
        where, params = bulk.among_values("c.phone_bidx", bidxs)
        rows = database.query(
            f"SELECT {', '.join(wanted)} FROM contact c JOIN profile p ON p.contact_id = c.id WHERE {where}",  # noqa: S608
            params,
        )
        return {bytes(row[1]): row for row in rows}

    def _labelled(self, ids: list[int]) -> dict[int, set[int]]:
        """Which of the import's labels these contacts have: label id → contact ids."""
        where, params = bulk.among_values("contact_id", ids)
        return {
            label.id: {
                row[0]
                for row in database.query(
                    f"SELECT contact_id FROM contact_label WHERE label_id = ? AND {where}",  # noqa: S608
                    (label.id, *params),
                )
            }
            for label in self._labels
        }

    def _without_erased(self, fresh: list[tuple], chunk: Chunk) -> list[tuple]:
        """Leave out people who were erased: only the index of their number is left, and it says no."""
        if not fresh or database.one("SELECT 1 FROM suppression WHERE reason = 'erased' LIMIT 1") is None:
            return fresh
        where, params = bulk.among_values("phone_bidx", [person[BIDX] for person in fresh])
        rows = database.query(
            f"SELECT phone_bidx FROM suppression WHERE reason = 'erased' AND {where}", params
        )  # noqa: S608
        erased = {bytes(row[0]) for row in rows}
        # Their cells are not kept: that would bring back what was erased.
        others = [reject for reject in chunk.rejects if reject[1] != "erased"]
        chunk.rejects = others + [(person[ROW], "erased", []) for person in fresh if person[BIDX] in erased]
        return [person for person in fresh if person[BIDX] not in erased]

    def _consents(self, value: int | None) -> str:
        """The ledger's action for a row's yes (1), no (0) or nothing (None)."""
        if self._rules.consent_all or value == 1:
            return "opt_in"
        return "opt_out" if value == 0 and self._cls in MARKETING else ""

    def _difference(self, person: tuple, row: tuple, having: dict[int, set[int]]) -> Change | None:
        change = Change(row[0], person[BIDX])
        split = 5 + len(self._contact_columns)
        for name, columns, new, old in (
            ("contact", self._contact_columns, person[CONTACT], row[5:split]),
            ("profile", self._profile_columns, self._defined(person[PROFILE]), row[split:]),
        ):
            if new != old:
                found = {
                    c: [o, n] for c, n, o in zip(columns, new, old, strict=True) if n is not None and n != o
                }
                if found:
                    change.before[name] = found
                    setattr(change, name, tuple(o if n is None else n for n, o in zip(new, old, strict=True)))
        if not self._all_defined and any(value is not None for value in person[PROFILE]):
            change.before.setdefault("profile", {})
        if missing := [label.id for label in self._labels if row[0] not in having[label.id]]:
            change.before["labels"] = missing
        self._consent_change(change, person, *row[2:5])
        return change if change.before or change.event else None

    def _defined(self, values: tuple) -> tuple:
        if self._all_defined:
            return values
        keep = [True] * self._has_language + [made is not None for made in self._fields.values()]
        return tuple(value for value, kept in zip(values, keep, strict=True) if kept)

    def _consent_change(
        self, change: Change, person: tuple, consents: int, optouts: int, blocked: int
    ) -> None:
        action, bit = self._consents(person[CONSENT]), self._cls.bit
        if not action or (consents if action == "opt_in" else optouts) & bit:
            return
        # A yes in a file never beats a STOP: that was the person, and later.
        if action == "opt_in" and blocked & bit:
            return
        change.before["consent"] = "opt_in" if consents & bit else "opt_out" if optouts & bit else "erase"
        change.event = self._event(change.contact_id, person, action)

    def _event(self, contact_id: int, person: tuple, action: str) -> consent.Event:
        return consent.Event(
            contact_id, person[BIDX], self._cls, action, self._rules.source, self._rules.wording,
            {"row": person[ROW]}, self._who, self._batch_id, self.now,
        )  # fmt: skip

    def _keep_own_opt_outs(self, changes: list[Change], chunk: Chunk) -> None:
        """An opt-out that came from elsewhere than a file stands: an old list must not undo it."""
        asked = {
            c.contact_id: c
            for c in changes
            if c.event and c.event.action == "opt_in" and c.before["consent"] == "opt_out"
        }
        if not asked:
            return
        where, params = bulk.among_values("contact_id", list(asked))
        rows = database.query(
            "SELECT contact_id, batch_id FROM consent_event WHERE id IN (SELECT MAX(id) FROM consent_event "  # noqa: S608
            f"WHERE cls = ? AND action IN ('opt_in', 'opt_out', 'erase') AND {where} GROUP BY contact_id)",
            (int(self._cls), *params),
        )
        for contact_id, batch_id in rows:
            if batch_id is None:
                change = asked[contact_id]
                del change.before["consent"]
                change.event = None
