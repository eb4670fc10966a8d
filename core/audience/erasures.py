"""The receipt of an erased person: what was overwritten, when and by whom, under a keyed hash.

It names nobody: the row of the contact, the keyed index of the number, and counts.  `check` tells whether a
receipt is as it was made; the paper for the person is `web.evidencefile`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: What a person's rows are counted by: table → condition on the contact's id, or on the index of the number.
_BY_CONTACT = {
    "contact": "id = ?",
    "profile": "contact_id = ?",
    "contact_label": "contact_id = ?",
    "event": "contact_id = ?",
    "message_text": "message_id IN (SELECT id FROM message WHERE contact_id = ?)",
}
_BY_NUMBER = {"inbound": "phone_bidx = ?", "event_waiting": "phone_bidx = ?", "suppression": "phone_bidx = ?"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """One erasure; `whole` when the hash fits what it says."""

    id: int
    contact_id: int
    counts: Mapping[str, int]
    who: str
    at: int
    hash: str
    whole: bool


def counted(contact_id: int, bidx: bytes) -> dict[str, int]:
    """Rows about a person a table, just before they go."""
    asked = [(*pair, contact_id) for pair in _BY_CONTACT.items()] + [
        (*pair, bidx) for pair in _BY_NUMBER.items()
    ]
    return {
        table: database.scalar(f"SELECT COUNT(*) FROM {table} WHERE {where}", (value,))
        for table, where, value in asked
    }


def write(rt: Runtime, contact_id: int, bidx: bytes, counts: Mapping[str, int], who: str) -> int:
    """Keep a receipt, inside the transaction that erases; returns its number."""
    at, text = clock.now_ms(), json.dumps(dict(counts))
    return database.scalar(
        'INSERT INTO erasure (contact_id, phone_bidx, counts, who, "at", hash) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
        (contact_id, bidx, text, who, at, _hash(rt, contact_id, bidx, text, who, at)),
    )


def get(rt: Runtime, number: int) -> Receipt:
    """A receipt by its number; raises `Refusal` (404)."""
    row = database.one(
        'SELECT contact_id, phone_bidx, counts, who, "at", hash FROM erasure WHERE id = ?', (number,)
    )
    if row is None:
        raise Refusal(_("There is no receipt %(n)s.", n=number), status=404)
    whole = hmac.compare_digest(_hash(rt, row[0], bytes(row[1]), *row[2:5]), row[5])
    return Receipt(number, row[0], json.loads(row[2]), *row[3:6], whole)


def latest(limit: int = 20) -> list[tuple[int, int, str]]:
    """The newest receipts: (number, when, by whom)."""
    return database.query('SELECT id, "at", who FROM erasure ORDER BY id DESC LIMIT ?', (limit,))


def _hash(rt: Runtime, contact_id: int, bidx: bytes, counts: str, who: str, at: int) -> str:
    return hmac.digest(
        rt.keys.ledger, orjson.dumps([contact_id, bidx.hex(), counts, who, at]), "sha256"
    ).hex()
