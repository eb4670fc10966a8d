"""What a chunk would change: rows of a file against the contacts there are.

Reads only, so a dry run is this alone.  Contacts there are already are compared in Python and only those
that differ are written: a repeated import is a read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import consent, fields, labels, suppression
from core.audience.importing.options import Options
from core.audience.importing.rows import BIDX, CONSENT, ROW, VALUES, Chunk
from core.audience.quality import merged
from core.db import bulk, database
from core.db.codes import MARKETING, Cls

if TYPE_CHECKING:
    from core.runtime import Runtime

#: The note of a yes that an earlier STOP or opt-out outweighs.
IGNORED_YES = "bad_yes"
#: Columns of `import_batch` a chunk adds to.
COUNTS = ("rows", "created", "updated", "unchanged", "duplicates", "rejected", "notes")


@dataclass
class Change:
    """What a chunk changes on a contact that exists."""

    contact_id: int
    bidx: bytes
    contact: tuple | None = None
    profile: tuple | None = None
    before: dict[str, Any] = field(default_factory=dict)
    event: consent.Event | None = None


@dataclass
class Comparison:
    """What a chunk would do: columns of people to create (as `Chunk.people`), contacts to change, counts.

    `blocked` are the masks of suppressed numbers among the people to create; `rejects` and `notes` are
    those of the chunk and what the contacts there are add to them.
    """

    fresh: list[list]
    rejects: list[tuple]
    notes: dict[int, str]
    blocked: dict[bytes, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def ignore_yes(self, row: int) -> None:
        """Note that a yes was not taken, because the person said STOP or opted out since."""
        self.notes[row] = f"{self.notes[row]};{IGNORED_YES}" if row in self.notes else IGNORED_YES


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

    def compare(self, chunk: Chunk) -> Comparison:
        """What a chunk would do; reads only.  Erased numbers and former ones of merged people become rejects."""
        people, known = chunk.people, self._known(chunk.people[BIDX])
        made = Comparison(people, list(chunk.rejects), dict(chunk.notes))
        if known:
            made.fresh = _where(people, [bidx not in known for bidx in people[BIDX]])
            having = self._labelled([row[0] for row in known.values()])
            for person in zip(*people, strict=True):
                row = known.get(person[BIDX])
                if row is not None and (change := self._difference(person, row, having, made)):
                    made.changes.append(change)
            self._keep_own_opt_outs(made)
            made.changes = [change for change in made.changes if change.before]
        self._leave_out(made, merged.former(made.fresh[BIDX]), "merged")
        self._ask_suppression(made)
        changed = len(made.changes)
        made.counts = {
            "rows": chunk.rows, "created": len(made.fresh[BIDX]), "updated": changed,
            "unchanged": len(known) - changed, "duplicates": chunk.duplicates, "rejected": len(made.rejects),
            "notes": len(made.notes),
        }  # fmt: skip
        return made

    def _known(self, bidxs: list[bytes]) -> dict[bytes, tuple]:
        wanted = ["c.id", "c.phone_bidx", "p.consent_bits", "p.optout_bits", "p.blocked_bits"]
        wanted += [f"c.{name}" for name in self._contact_columns]
        wanted += [f"p.{name}" for name in self._profile_columns]
        select = f"SELECT {', '.join(wanted)} FROM contact c JOIN profile p ON p.contact_id = c.id WHERE"
        return {bytes(row[1]): row for row in bulk.query_among(select, "c.phone_bidx", bidxs)}

    def _labelled(self, ids: list[int]) -> dict[int, set[int]]:
        """Which of the import's labels these contacts have: label id → contact ids."""
        where, params = bulk.among_values("contact_id", ids)
        return {
            label.id: {
                row[0]
                for row in database.query(
                    f"SELECT contact_id FROM contact_label WHERE label_id = ? AND {where}",
                    (label.id, *params),
                )
            }
            for label in self._labels
        }

    def _ask_suppression(self, made: Comparison) -> None:
        """Leave out people who were erased, and note a yes that a STOP outweighs."""
        if not made.fresh[BIDX] or database.one("SELECT 1 FROM suppression LIMIT 1") is None:
            return
        erased = {
            bytes(row[0])
            for row in bulk.query_among(
                "SELECT phone_bidx FROM suppression WHERE reason = 'erased' AND",
                "phone_bidx",
                made.fresh[BIDX],
            )
        }
        self._leave_out(made, erased, "erased")
        made.blocked = suppression.masks(made.fresh[BIDX])
        if made.blocked:
            for bidx, value, row in zip(*(made.fresh[at] for at in (BIDX, CONSENT, ROW)), strict=True):
                if made.blocked.get(bidx, 0) & self._cls.bit and self._consents(value) == "opt_in":
                    made.ignore_yes(row)

    @staticmethod
    def _leave_out(made: Comparison, numbers: set[bytes], reason: str) -> None:
        """Turn people to create with these numbers into rejects."""
        if numbers:
            pairs = zip(made.fresh[BIDX], made.fresh[ROW], strict=True)
            # Their cells are not kept: that would bring back what was erased.
            made.rejects += [(row, reason, []) for bidx, row in pairs if bidx in numbers]
            made.fresh = _where(made.fresh, [bidx not in numbers for bidx in made.fresh[BIDX]])

    def _consents(self, value: int | None) -> str:
        """The ledger's action for a row's yes (1), no (0) or nothing (None)."""
        if self._rules.consent_all or value == 1:
            return "opt_in"
        return "opt_out" if value == 0 and self._cls in MARKETING else ""

    def _difference(
        self, person: tuple, row: tuple, having: dict[int, set[int]], made: Comparison
    ) -> Change | None:
        change = Change(row[0], person[BIDX])
        count = len(self._contact_columns)
        values, stored = person[VALUES:], row[5:]
        for name, columns, new, old in (
            ("contact", self._contact_columns, values[:count], stored[:count]),
            ("profile", self._profile_columns, self._defined(values[count:]), stored[count:]),
        ):
            if new != old:
                found = {
                    c: [o, n] for c, n, o in zip(columns, new, old, strict=True) if n is not None and n != o
                }
                if found:
                    change.before[name] = found
                    setattr(change, name, tuple(o if n is None else n for n, o in zip(new, old, strict=True)))
        if not self._all_defined and any(value is not None for value in values[count:]):
            change.before.setdefault("profile", {})
        if missing := [label.id for label in self._labels if row[0] not in having[label.id]]:
            change.before["labels"] = missing
        self._consent_change(change, person, row[2:5], made)
        return change if change.before or change.event else None

    def _defined(self, values: tuple) -> tuple:
        if self._all_defined:
            return values
        keep = [True] * self._has_language + [made is not None for made in self._fields.values()]
        return tuple(value for value, kept in zip(values, keep, strict=True) if kept)

    def _consent_change(
        self, change: Change, person: tuple, masks: tuple[int, int, int], made: Comparison
    ) -> None:
        action, bit = self._consents(person[CONSENT]), self._cls.bit
        consents, optouts, blocked = masks
        if not action or (consents if action == "opt_in" else optouts) & bit:
            return
        # A yes in a file never beats a STOP: that was the person, and later.
        if action == "opt_in" and blocked & bit:
            made.ignore_yes(person[ROW])
            return
        change.before["consent"] = "opt_in" if consents & bit else "opt_out" if optouts & bit else "erase"
        change.event = self._event(change.contact_id, person, action)

    def _event(self, contact_id: int, person: tuple, action: str) -> consent.Event:
        return consent.Event(
            contact_id, person[BIDX], self._cls, action, self._rules.source, self._rules.wording,
            {"row": person[ROW]}, self._who, self._batch_id, self.now,
        )  # fmt: skip

    def _keep_own_opt_outs(self, made: Comparison) -> None:
        """An opt-out that came from elsewhere than a file stands: an old list must not undo it."""
        asked = {
            c.contact_id: c
            for c in made.changes
            if c.event and c.event.action == "opt_in" and c.before["consent"] == "opt_out"
        }
        if not asked:
            return
        where, params = bulk.among_values("contact_id", list(asked))
        rows = database.query(
            "SELECT contact_id, batch_id FROM consent_event WHERE id IN (SELECT MAX(id) FROM consent_event "
            f"WHERE cls = ? AND topic_id = 0 AND action IN ('opt_in', 'opt_out', 'erase') AND {where} GROUP BY contact_id)",
            (int(self._cls), *params),
        )
        for contact_id, batch_id in rows:
            if batch_id is None:
                change = asked[contact_id]
                made.ignore_yes(change.event.evidence["row"])
                del change.before["consent"]
                change.event = None


def _where(columns: list[list], wanted: list[bool]) -> list[list]:
    return [list(compress(column, wanted)) for column in columns]
