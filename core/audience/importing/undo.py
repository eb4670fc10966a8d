"""Taking an import back.

Contacts the batch created go, unless something happened with them since; what it changed on others gets its
old value back, unless someone changed it again.  The consent ledger is append-only: each consent the batch
gave is answered by an event that takes it back.  Fields and choices it made go too, when nobody has them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import peewee

from core import clock
from core.audience import consent, fields, labels
from core.audience.events import waiting
from core.audience.importing.batch import forget_upload
from core.audience.importing.plan import Plan
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.codes import Cls
from core.db.models import Field, ImportBatch
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHUNK = 10_000
#: What keeps a contact: a message, a text from it, someone merged into it, or a later import that changed it.
#: A message never sent counts as well: what people held out buy afterwards is what the texts are measured by, and
#: who was skipped is listed with the reason.
_KEEP = """
SELECT c.id FROM contact c WHERE {where} AND (
    EXISTS (SELECT 1 FROM message m WHERE m.contact_id = c.id)
    OR EXISTS (SELECT 1 FROM inbound i WHERE i.contact_id = c.id)
    OR EXISTS (SELECT 1 FROM contact_merge g WHERE g.kept_id = c.id AND g.undone_at IS NULL)
    OR EXISTS (SELECT 1 FROM import_batch b JOIN import_change x ON x.batch_id = b.id
               WHERE b.id > ? AND b.state <> 'undone' AND x.contact_id = c.id))
"""


def undo(rt: Runtime, batch_id: int, *, who: str) -> dict[str, Any]:
    """Undo a finished, failed or half undone batch; returns {"batch", "removed", "restored", "kept"}.

    `kept` counts contacts of the batch that stay because a campaign counts them, they wrote, or a later import
    changed them.  In transactions of 10,000 contacts, so that sending goes on; a killed undo is run again.
    Raises `Refusal` for a batch that does not exist, runs, or was undone already.
    """
    start(batch_id, who=who)
    return finish(rt, batch_id, who=who)


def start(batch_id: int, *, who: str) -> None:
    """Mark a batch as being undone; `finish`, or the job `import`, does it."""
    with database.write_tx():
        taken = (
            ImportBatch.update(state="undoing", beat_at=_later())
            .where((ImportBatch.id == batch_id) & ImportBatch.state.in_(("done", "failed", "undoing")))
            .execute()
        )
        if taken == 1:
            audit.record(who, "import.undo", f"import:{batch_id}")
            return
    batch = ImportBatch.get_or_none(ImportBatch.id == batch_id)
    if batch is None:
        raise Refusal(_("There is no import %(id)s.", id=batch_id), field="batch", status=404)
    why = {
        "undone": _("Import %(id)s was undone already.", id=batch_id),
        "running": _("Import %(id)s is still running; wait until it is done.", id=batch_id),
    }
    raise Refusal(
        why.get(batch.state, _("Import %(id)s was never run.", id=batch_id)), field="batch", status=409
    )


def _later() -> peewee.Case:
    """Now, and later than whoever has the batch: it is taken out of their hands (`_Turn`)."""
    now = clock.now_ms()
    return peewee.Case(None, [(ImportBatch.beat_at >= now, ImportBatch.beat_at + 1)], now)


def finish(rt: Runtime, batch_id: int, *, who: str) -> dict[str, Any]:
    """Undo a batch that `start` marked, or go on with one whose process died.

    Whoever began last goes on and counts what the others had done, too.  Raises `Refusal` (409) in those.
    """
    batch = ImportBatch.get_by_id(batch_id)
    turn = _Turn(batch)
    _restore_changed(rt, batch, turn, who)
    kept = _remove_created(rt, batch, turn, who)
    _remove_fields(batch, who)
    _remove_choices(batch)
    removed, restored = turn.done["removed"], turn.done["restored"]
    with database.write_tx():
        turn.take()
        ImportBatch.update(state="undone").where(ImportBatch.id == batch_id).execute()
        audit.record(
            who, "import.undone", f"import:{batch_id}", f"{removed} removed, {restored} restored, {kept} kept"
        )
    forget_upload(rt, batch.path)
    return {"batch": batch_id, "removed": removed, "restored": restored, "kept": kept}


def created_now(batch_id: int) -> int:
    """How many contacts the batch created are still there, for the question before an undo."""
    return database.scalar("SELECT COUNT(*) FROM contact WHERE batch_id = ?", (batch_id,)) or 0


class _Turn:
    """Whose turn a batch is: of two processes that undo it, that which took it last.  With what was done so far."""

    def __init__(self, batch: ImportBatch):
        self._id, self._beat_at, self._options = batch.id, batch.beat_at, json.loads(batch.options)
        self.done: dict[str, int] = self._options.setdefault("undone", {"removed": 0, "restored": 0})

    def take(self) -> None:
        """The first thing in each transaction.  Raises `Refusal` (409) when another process took it meanwhile."""
        before, self._beat_at = self._beat_at, max(clock.now_ms(), self._beat_at + 1)
        taken = database.execute(
            "UPDATE import_batch SET beat_at = ? WHERE id = ? AND state = 'undoing' AND beat_at = ?",
            (self._beat_at, self._id, before),
        )
        if taken.rowcount != 1:
            raise Refusal(
                _("Import %(id)s is being undone by another process.", id=self._id), field="batch", status=409
            )

    def count(self, what: str, n: int) -> None:
        """Keep what this transaction does, so that the report is whole whoever ends the work."""
        self.done[what] += n
        database.execute(
            "UPDATE import_batch SET options = ? WHERE id = ?",
            (json.dumps(self._options, ensure_ascii=False), self._id),
        )


def _class_of(batch: ImportBatch) -> Cls:
    return Cls[json.loads(batch.options)["rules"]["cls"]]


def _remove_created(rt: Runtime, batch: ImportBatch, turn: _Turn, who: str) -> int:
    """Removes who came with the batch; how many stay."""
    kept = last = 0
    cls = _class_of(batch)
    while True:
        with database.write_tx():
            turn.take()
            rows = database.query(
                "SELECT id, phone_bidx FROM contact WHERE batch_id = ? AND id > ? ORDER BY id LIMIT ?",
                (batch.id, last, _CHUNK),
            )
            if not rows:
                return kept
            last, ids = rows[-1][0], [row[0] for row in rows]
            where, params = bulk.among_values("c.id", ids)
            staying = {row[0] for row in database.query(_KEEP.format(where=where), (*params, batch.id))}
            going = [contact_id for contact_id in ids if contact_id not in staying]
            events = _taken_back(batch, cls, dict(rows), set(going), who)
            consent.record(rt, events)
            # What they did is known from elsewhere and holds for the number: it waits for it again.
            bidxs = dict(rows)
            waiting.put_back({contact_id: bidxs[contact_id] for contact_id in going})
            turn.count("removed", len(going))
            for table, key in (
                ("contact_label", "contact_id"),
                ("label_change", "contact_id"),
                ("label_block", "contact_id"),
                ("not_same_contact", "contact_id"),
                ("import_change", "contact_id"),
                ("profile", "contact_id"),
                ("contact", "id"),
            ):
                _delete(table, key, going, batch.id)
        consent.announce(rt, events)
        kept += len(staying)


def _delete(table: str, key: str, ids: list[int], batch_id: int) -> None:
    where, params = bulk.among_values(key, ids)
    if table == "import_change":
        # By batch, because the key of this table begins with it; only undone batches still name these.
        where, params = f"batch_id > ? AND {where}", (batch_id, *params)
    if ids:
        database.execute(f"DELETE FROM {table} WHERE {where}", params)


def _taken_back(
    batch: ImportBatch, cls: Cls, bidxs: dict[int, bytes], going: set[int], who: str
) -> list[consent.Event]:
    """An erase event for each contact whose last word on the class is this batch's."""
    if not going:
        return []
    where, params = bulk.among_values("contact_id", sorted(going))
    rows = database.query(
        "SELECT contact_id FROM consent_event WHERE batch_id = ? AND id IN (SELECT MAX(id) FROM consent_event "
        f"WHERE cls = ? AND topic_id = 0 AND action IN ('opt_in', 'opt_out', 'erase') AND {where} "
        "GROUP BY contact_id) AND action <> 'erase'",
        (batch.id, int(cls), *params),
    )
    return [_answer(batch, cls, row[0], bytes(bidxs[row[0]]), "erase", who) for row in rows]


def _answer(
    batch: ImportBatch, cls: Cls, contact_id: int, bidx: bytes, action: str, who: str
) -> consent.Event:
    return consent.Event(
        contact_id, bidx, cls, action, f"undo of import {batch.id}", who=who, batch_id=batch.id
    )


def _restore_changed(rt: Runtime, batch: ImportBatch, turn: _Turn, who: str) -> None:
    cls = _class_of(batch)
    while True:
        with database.write_tx():
            turn.take()
            rows = database.query(
                "SELECT x.contact_id, c.phone_bidx, x.before FROM import_change x JOIN contact c ON c.id = x.contact_id "
                "WHERE x.batch_id = ? ORDER BY x.contact_id LIMIT ?",
                (batch.id, _CHUNK),
            )
            if not rows:
                return
            before = {contact_id: json.loads(text) for contact_id, _bidx, text in rows}
            _put_back(before)
            _take_labels(before)
            events = _consents_before(batch, cls, {row[0]: bytes(row[1]) for row in rows}, before, who)
            consent.record(rt, events)
            turn.count("restored", len(rows))
            where, params = bulk.among_values("contact_id", list(before))
            database.execute(f"DELETE FROM import_change WHERE batch_id = ? AND {where}", (batch.id, *params))
        consent.announce(rt, events)


def _put_back(before: dict[int, dict]) -> None:
    """Old values where the batch's value still stands."""
    for table, key in (("contact", "id"), ("profile", "contact_id")):
        columns: dict[str, list[tuple]] = defaultdict(list)
        for contact_id, change in before.items():
            for column, (old, new) in change.get(table, {}).items():
                columns[column].append((old, contact_id, new))
        existing = set(_columns(table))
        for column, rows in columns.items():
            if column in existing:
                database.executemany(
                    f"UPDATE {table} SET {column} = ? WHERE {key} = ? AND {column} = ?", rows
                )


def _remove_fields(batch: ImportBatch, who: str) -> None:
    """Fields the batch made, unless somebody has a value in them or they are used by now."""
    for column in Plan.from_dict(json.loads(batch.options)["plan"]).columns:
        field = fields.get(column.key) if column.to == "field" else None
        if field is None or field.created_at < batch.created_at or _made_by_hand(field):
            continue
        with suppress(Refusal):
            fields.remove(field.key, who=who, besides=batch.id)


def _remove_choices(batch: ImportBatch) -> None:
    """Choices that came with the batch to fields that stay; one somebody has or asks for stays too."""
    for column in Plan.from_dict(json.loads(batch.options)["plan"]).columns:
        field = fields.get(column.key) if column.to == "field" else None
        if field and field.kind == "choice":
            fields.forget_choices(field, since_ms=batch.created_at, besides=batch.id)


def _made_by_hand(field: Field) -> bool:
    """Was the field added on its page?  Somebody wanted it, file or no file."""
    return bool(
        database.one(
            "SELECT 1 FROM audit WHERE at >= ? AND action = 'field.create' AND object = ?",
            (field.created_at, f"field:{field.key}"),
        )
    )


def _columns(table: str) -> list[str]:
    return [column.name for column in database.proxy.get_columns(table)]


def _take_labels(before: dict[int, dict]) -> None:
    wearing: dict[int, list[int]] = defaultdict(list)
    for contact_id, change in before.items():
        for label_id in change.get("labels", ()):
            wearing[label_id].append(contact_id)
    known = {label.id: label for label in labels.all_labels()}
    for label_id, ids in wearing.items():
        if label_id in known:
            labels.take(known[label_id], ids, what="undone")


def _consents_before(
    batch: ImportBatch, cls: Cls, bidxs: dict[int, bytes], before: dict[int, dict], who: str
) -> list[consent.Event]:
    actions = {contact_id: change["consent"] for contact_id, change in before.items() if "consent" in change}
    standing = _taken_back(batch, cls, bidxs, set(actions), who)
    return [
        _answer(batch, cls, event.contact_id, event.phone_bidx, actions[event.contact_id], who)
        for event in standing
    ]
