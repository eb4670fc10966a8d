"""Erasing a person: everything personal goes, a keyed suppression stays.

What stays: the message rows (counts of campaigns must go on adding up), without their words; the consent
ledger, which names a contact by number of row and keyed index only and is the proof of what was agreed; a
suppression without the number, so that a later import cannot bring the person back (GDPR art. 17(3)(b)).
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

from core.audience import chain, consent, erasures, numbers, suppression
from core.audience.events import store, waiting
from core.audience.quality import merged
from core.contract.errors import Refusal
from core.db import database, scrub, tally
from core.db.codes import Cls, State
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_REJECTS = 5_000


def erase(rt: Runtime, contact_id: int, *, who: str) -> int:
    """Erase a contact in one transaction, then overwrite what the database still holds of it.

    1. Texts not yet sent are cancelled (their counters move along).
    2. The ledger gets an `erase` event a class; the number is suppressed for everything, by index only.
    3. Words of messages, inbound texts, events, labels, undo records and the contact itself go; rows that
       imports rejected for holding this number lose their cells; files of rejected rows with it go.
    4. A receipt says how many rows went (`erasures`).

    Returns the number of the receipt.  Raises `Refusal` (404) when the contact is gone.
    """
    row = database.one("SELECT phone_bidx, phone_enc FROM contact WHERE id = ?", (contact_id,))
    if row is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    bidx, phone = bytes(row[0]), rt.keys.open_number(row[1])
    events = [consent.Event(contact_id, bidx, cls, "erase", "erasure", who=who) for cls in Cls]
    with scrub.overwriting(), database.write_tx():
        chain.lock(rt)
        counts = erasures.counted(contact_id, bidx)
        _cancel_waiting(contact_id)
        consent.record(rt, events)
        suppression.add(rt, [suppression.Entry(bidx)], reason="erased", who=who)
        database.execute("UPDATE suppression SET phone_enc = NULL, note = '' WHERE phone_bidx = ?", (bidx,))
        store.remove([contact_id])
        waiting.forget(bidx)
        numbers.forget([contact_id])
        _forget(contact_id, bidx)
        gone, former = merged.forget(contact_id)
        for other, other_bidx in zip(gone, former, strict=True):
            waiting.forget(other_bidx)
            _forget(other, other_bidx)
        suppression.add(
            rt, [suppression.Entry(other_bidx) for other_bidx in former], reason="erased", who=who
        )
        # The last payload of a shop, kept for its mapping page, may be this person's order.
        database.execute("UPDATE event_source SET sample_enc = NULL WHERE sample_enc IS NOT NULL")
        for table in ("import_reject", "event_reject"):
            _blank_rejects(table, phone)
        receipt = erasures.write(rt, contact_id, bidx, counts, who)
        audit.record(who, "contact.erase", f"contact:{contact_id}", f"receipt:{receipt}")
    _drop_files(rt, phone)
    consent.announce(rt, events)
    return receipt


def _cancel_waiting(contact_id: int) -> None:
    """Texts not yet claimed are cancelled; a claimed one fails its submit mark, which needs a profile."""
    deltas = tally.Deltas()
    for campaign, variant, account, submitted_at, parts, cost_micros in database.query(
        "UPDATE message SET state = ?, reason = 'erased' WHERE contact_id = ? AND state = ? "
        "RETURNING campaign_id, variant, account_id, submitted_at, parts, cost_micros",
        (int(State.cancelled), contact_id, int(State.ready)),
    ):
        at = (campaign, variant, account, tally.hour_of(submitted_at))
        deltas.add((*at, int(State.ready)), -1, -parts, -cost_micros)
        deltas.add((*at, int(State.cancelled)), 1, parts, cost_micros)
    tally.move(deltas)


def _forget(contact_id: int, bidx: bytes) -> None:
    for sql, value in (
        (
            "DELETE FROM message_text WHERE message_id IN (SELECT id FROM message WHERE contact_id = ?)",
            contact_id,
        ),
        ("UPDATE inbound SET body = '', phone_enc = '', contact_id = NULL WHERE contact_id = ?", contact_id),
        ("UPDATE inbound SET body = '', phone_enc = '', contact_id = NULL WHERE phone_bidx = ?", bidx),
        ("DELETE FROM contact_label WHERE contact_id = ?", contact_id),
        ("DELETE FROM sender_sticky WHERE contact_id = ?", contact_id),
        ("DELETE FROM contact_topic WHERE contact_id = ?", contact_id),
        ("DELETE FROM label_change WHERE contact_id = ?", contact_id),
        ("DELETE FROM label_block WHERE contact_id = ?", contact_id),
        # By batch, because the key of this table begins with it.
        (
            "DELETE FROM import_change WHERE batch_id IN (SELECT id FROM import_batch) AND contact_id = ?",
            contact_id,
        ),
        ("DELETE FROM source_order WHERE phone_bidx = ?", bidx),
        ("DELETE FROM not_same_contact WHERE contact_id = ?", contact_id),
        ("DELETE FROM site_person WHERE contact_id = ?", contact_id),
        ("DELETE FROM otp WHERE contact_id = ?", contact_id),
        ("UPDATE trial_number SET owner = '', link = link + 1 WHERE contact_id = ?", contact_id),
        ("DELETE FROM profile WHERE contact_id = ?", contact_id),
        ("DELETE FROM contact WHERE id = ?", contact_id),
    ):
        database.execute(sql, (value,))


def _blank_rejects(table: str, phone: str) -> None:
    """Empty the cells of rejected rows that hold the number in any spelling; their reasons stay."""
    digits, last = phone.lstrip("+"), (0, 0)
    while rows := database.query(
        f"SELECT batch_id, row, raw FROM {table} WHERE (batch_id, row) > (?, ?) AND raw <> '[]' "
        "ORDER BY batch_id, row LIMIT ?",
        (*last, _REJECTS),
    ):
        last = rows[-1][:2]
        hit = [(batch, row) for batch, row, raw in rows if _holds(raw, digits)]
        database.executemany(f"UPDATE {table} SET raw = '[]' WHERE batch_id = ? AND row = ?", hit)


def _drop_files(rt: Runtime, phone: str) -> None:
    """Rejected rows written to files, for people to mend, lie beside the database; those with the number go."""
    digits = phone.lstrip("+")[-9:]
    for file in rt.settings.path("uploads").glob("rejects-*.csv"):
        plain = "".join(c for c in file.read_text("utf-8", errors="replace") if c.isdecimal() or c in "\n,;")
        if digits in plain:
            file.unlink(missing_ok=True)


def _holds(raw: str, digits: str) -> bool:
    """Does a cell hold the number, with or without its country code (the last nine digits decide)?"""
    for cell in json.loads(raw):
        plain = "".join(c for c in unicodedata.normalize("NFKC", str(cell)) if c.isdecimal())
        if len(plain) >= 6 and (plain.endswith(digits[-9:]) or digits in plain):
            return True
    return False
