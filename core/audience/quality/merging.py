"""Two contacts that are one person: merging them, and taking it back.

What is kept is a contact with its number; consent and suppression are by number and stay as they are, so no
STOP is ever lost and no consent won.  What moves is what a person is and did: values, labels, labels taken
off, events.  Texts, replies and clicks keep the contact they went to, so that campaigns go on adding up; the
timeline reads both.  All is one transaction, and all an undo needs is stored encrypted with the merge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from core import clock
from core.audience import consent, suppression
from core.audience.events import folding, store
from core.audience.labelling import bits
from core.audience.quality import named, whole
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import WAITING
from core.db.models import ContactMerge
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_AAD = b"contact_merge:data"
#: Columns of the kept contact that follow its number, or are worked out here; no person chooses them.
_OWN = frozenset({
    "id", "contact_id", "phone_bidx", "phone_enc", "tail", "country", "line_type", "consent_bits", "optout_bits",
    "blocked_bits", "label_bits", "batch_id", "source", "created_at", "updated_at", "last_sent_at", "sent_count",
})  # fmt: skip
_EVENT = ("contact_id", *store.CONTENT)
_COUNTED = ("contact_id", "type", "at", "amount_micros")
#: One row a contact, which goes with it.
_ROWS = (("contact", "id"), ("profile", "contact_id"), ("number_info", "contact_id"))
#: Rows a label, of which the kept contact gets those it has not.
_SETS = ("contact_label", "label_block")


def merge(
    rt: Runtime, keep_id: int, other_id: int, *, take: Sequence[str] | None = None, who: str = ""
) -> int:
    """Make `other_id` part of `keep_id`; returns the id of the merge, for `unmerge`.

    `take`: columns (of contact and profile) whose value is the other's; by default those the kept one has
    none for.  Raises `Refusal` when either is gone, both are the same, texts to the other wait to be sent, or
    its phone takes part in a trial that is not over.
    """
    if keep_id == other_id:
        raise Refusal(_("A contact cannot be merged with itself."), field="other", status=409)
    with database.write_tx():
        store.hold()
        kept, gone = _snapshot(keep_id), _snapshot(other_id)
        _nothing_waits(other_id)
        named.in_no_trial(other_id)
        chosen = _choose(kept, gone, take)
        data: dict[str, Any] = {
            "rows": gone["rows"],
            "sets": gone["sets"],
            "kept": _set_values(keep_id, kept, gone, chosen),
            **_move_events(keep_id, other_id),
            "named": named.move(keep_id, other_id),
            "added": {table: _add_rows(table, keep_id, kept, gone) for table in _SETS},
        }
        _remove(other_id)
        merge_id = ContactMerge.insert(
            kept_id=keep_id,
            gone_id=other_id,
            gone_bidx=gone["rows"]["contact"]["phone_bidx"],
            data_enc=rt.keys.encrypt(orjson.dumps(data, default=whole.plain), _AAD),
            who=who,
            at=clock.now_ms(),
        ).execute()
        audit.record(who, "contact.merge", f"contact:{keep_id}", f"contact:{other_id}")
    rt.plugins.call("events_recorded", contact_ids=[keep_id])
    return merge_id


def unmerge(rt: Runtime, merge_id: int, *, who: str = "") -> int:
    """Take a merge back; returns the id of the contact that is there again.

    Everything is as before; what was changed on the kept contact since then stays as it was changed.
    Raises `Refusal` when it was undone, or one of the two can no longer be told apart.
    """
    with database.write_tx():
        store.hold()
        suppression.hold()
        found = ContactMerge.get_or_none(ContactMerge.id == merge_id)
        if found is None or found.undone_at is not None:
            raise Refusal(
                _("There is no merge %(id)s that could be undone.", id=merge_id), field="id", status=404
            )
        data = orjson.loads(rt.keys.decrypt(found.data_enc, _AAD))
        _still_there(found)
        for table, _key in _ROWS:
            if data["rows"][table]:
                whole.insert(table, data["rows"][table])
        _move_back(found.kept_id, found.gone_id, data)
        named.back(found.kept_id, found.gone_id, data.get("named", {}))
        for table in _SETS:
            for row in data["sets"][table]:
                whole.insert(table, row)
            _take_rows(table, found.kept_id, data["added"][table])
        _put_back(found.kept_id, data["kept"])
        _follow_number(found.gone_id)
        ContactMerge.update(undone_at=clock.now_ms(), data_enc=b"").where(
            ContactMerge.id == merge_id
        ).execute()
        audit.record(who, "contact.unmerge", f"contact:{found.kept_id}", f"contact:{found.gone_id}")
    rt.plugins.call("events_recorded", contact_ids=sorted([found.kept_id, found.gone_id]))
    return found.gone_id


def _snapshot(contact_id: int) -> dict[str, Any]:
    lock = " FOR UPDATE" if database.is_postgres() else ""
    rows = {table: whole.row(table, key, contact_id, lock) for table, key in _ROWS}
    if rows["contact"] is None:
        raise Refusal(
            _("Contact %(id)s does not exist any more.", id=contact_id), field="contact", status=404
        )
    return {"rows": rows, "sets": {table: whole.rows(table, "contact_id", contact_id) for table in _SETS}}


def _nothing_waits(contact_id: int) -> None:
    marks = database.in_list(len(WAITING))
    if database.one(
        f"SELECT 1 FROM message WHERE contact_id = ? AND state IN ({marks})", (contact_id, *map(int, WAITING))
    ):
        raise Refusal(
            _("A text to contact %(id)s waits to be sent; merge once it is out.", id=contact_id),
            field="other",
            status=409,
        )


def _choose(kept: dict, gone: dict, take: Sequence[str] | None) -> set[str]:
    """Columns whose value comes from the other contact."""
    known = {c for table in ("contact", "profile") for c in gone["rows"][table]} - _OWN
    if take is not None:
        return set(take) & known
    mine = kept["rows"]["contact"] | kept["rows"]["profile"]
    return {column for column in known if mine.get(column) in (None, "")}


def _set_values(keep_id: int, kept: dict, gone: dict, chosen: set[str]) -> dict[str, dict[str, list]]:
    """Give the kept contact its new values; {table: {column: [old, new]}} of what changed."""
    changed: dict[str, dict[str, list]] = {}
    for table, key in (("contact", "id"), ("profile", "contact_id")):
        mine, theirs = kept["rows"][table], gone["rows"][table]
        new = {column: theirs[column] for column in mine if column in chosen}
        new["created_at"] = min(mine["created_at"], theirs["created_at"])
        if table == "profile":
            new["last_sent_at"] = max(mine["last_sent_at"], theirs["last_sent_at"])
            new["sent_count"] = mine["sent_count"] + theirs["sent_count"]
        different = {column: [mine[column], value] for column, value in new.items() if value != mine[column]}
        if table == "contact":
            different["updated_at"] = [mine["updated_at"], clock.now_ms()]
        if different:
            sets = ", ".join(f"{column} = ?" for column in different)
            values = [new_ for _old, new_ in different.values()]
            database.execute(f"UPDATE {table} SET {sets} WHERE {key} = ?", (*values, keep_id))
        changed[table] = different
    return changed


def _put_back(keep_id: int, changed: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    """Old values where the merge's value still stands; texts counted since stay counted."""
    for table, key in (("contact", "id"), ("profile", "contact_id")):
        there = whole.columns(table)
        for column, (old, new) in changed[table].items():
            if column == "sent_count":
                database.execute(
                    f"UPDATE profile SET sent_count = sent_count - ? WHERE {key} = ?", (new - old, keep_id)
                )
            elif column in there:
                database.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {key} = ? AND {column} = ?", (old, keep_id, new)
                )


# --- events ---------------------------------------------------------------------------------------------


def _move_events(keep_id: int, other_id: int) -> dict[str, Any]:
    """Events of the other contact become the kept one's; the same event of both stays once."""
    both = (
        "contact_id = ? AND key_hash IN (SELECT k.key_hash FROM event k WHERE k.contact_id = ?)",
        (other_id, keep_id),
    )
    dropped = [
        dict(zip(_EVENT, row, strict=True))
        for row in database.query(f"SELECT {', '.join(_EVENT)} FROM event WHERE {both[0]}", both[1])
    ]
    database.execute(f"DELETE FROM event WHERE {both[0]}", both[1])
    folding.days([tuple(row[column] for column in _COUNTED) for row in dropped], -1)
    moved = [row[0] for row in database.query("SELECT key_hash FROM event WHERE contact_id = ?", (other_id,))]
    database.execute("UPDATE event SET contact_id = ? WHERE contact_id = ?", (keep_id, other_id))
    folding.refold([keep_id, other_id])
    database.execute("DELETE FROM touched WHERE contact_id = ?", (other_id,))
    store.touch([keep_id])
    return {"moved": moved, "dropped": dropped}


def _move_back(keep_id: int, other_id: int, data: Mapping[str, Any]) -> None:
    if data["moved"]:
        database.executemany(
            "UPDATE event SET contact_id = ? WHERE contact_id = ? AND key_hash = ?",
            [(other_id, keep_id, key_hash) for key_hash in data["moved"]],
        )
    for row in data["dropped"]:
        whole.insert("event", row)
    folding.days([tuple(row[column] for column in _COUNTED) for row in data["dropped"]], 1)
    folding.refold([keep_id, other_id])
    store.touch([keep_id, other_id])


# --- labels ---------------------------------------------------------------------------------------------


def _add_rows(table: str, keep_id: int, kept: dict, gone: dict) -> list[int]:
    """Rows of a table by label that only the other contact has; their label ids."""
    have = {row["label_id"] for row in kept["sets"][table]}
    # A label a person took off one of the two stays off both.
    barred = {row["label_id"] for side in (kept, gone) for row in side["sets"]["label_block"]}
    added = [
        row["label_id"]
        for row in gone["sets"][table]
        if row["label_id"] not in have and not (table == "contact_label" and row["label_id"] in barred)
    ]
    for row in gone["sets"][table]:
        if row["label_id"] in added:
            whole.insert(table, row | {"contact_id": keep_id})
    if table == "contact_label":
        bits.refold(keep_id)
    return added


def _take_rows(table: str, keep_id: int, label_ids: Sequence[int]) -> None:
    if label_ids:
        database.executemany(
            f"DELETE FROM {table} WHERE label_id = ? AND contact_id = ?",
            [(id_, keep_id) for id_ in label_ids],
        )
    if table == "contact_label":
        bits.refold(keep_id)


# --- rows -----------------------------------------------------------------------------------------------


def _still_there(found: ContactMerge) -> None:
    if database.one("SELECT 1 FROM contact WHERE id = ?", (found.kept_id,)) is None:
        raise Refusal(
            _("The contact that was kept is gone; undo what was done with it first."), field="id", status=409
        )
    if database.one("SELECT 1 FROM contact WHERE phone_bidx = ?", (found.gone_bidx,)):
        raise Refusal(
            _("The other number is a contact of its own again; erase or merge that one first."),
            field="id",
            status=409,
        )


def _remove(contact_id: int) -> None:
    for table in _SETS:
        database.execute(f"DELETE FROM {table} WHERE contact_id = ?", (contact_id,))
    for table, key in reversed(_ROWS):
        database.execute(f"DELETE FROM {table} WHERE {key} = ?", (contact_id,))
    database.execute("DELETE FROM quality_contact WHERE contact_id = ?", (contact_id,))


def _follow_number(contact_id: int) -> None:
    """Consent and suppression are by number and may have changed meanwhile; so may labels be gone."""
    bidx = database.scalar("SELECT phone_bidx FROM contact WHERE id = ?", (contact_id,))
    suppression.fold([bytes(bidx)])
    state = consent.state(contact_id)
    agreed, declined = (
        sum(cls.bit for cls, at in state.items() if at.event and at.event["action"] == action)
        for action in ("opt_in", "opt_out")
    )
    database.execute(
        "UPDATE profile SET consent_bits = ?, optout_bits = ? WHERE contact_id = ?",
        (agreed, declined, contact_id),
    )
    for table in _SETS:
        database.execute(
            f"DELETE FROM {table} WHERE contact_id = ? AND label_id NOT IN (SELECT id FROM label)",
            (contact_id,),
        )
    bits.refold(contact_id)
