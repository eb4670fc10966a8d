"""Message ids and the references given to providers.

A message id is milliseconds << 20 | sequence: it grows with time and is never reused, not even after an
older state of the database was restored, because the clock has moved on.  Blocks are taken from one row in
the transaction that uses them.

A client reference is a keyed permutation of the id, with 16 bits of the instance in front, as 20 hexadecimal
digits: it can be turned back without a look-up and cannot be guessed in sequence.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from core import clock
from core.db import database

if TYPE_CHECKING:
    from core.security.crypto import Keys

_SEQUENCE_BITS = 20
_HALF = (1 << 32) - 1
_LENGTH = 20


def allocate(n: int) -> int:
    """Take `n` consecutive ids and return the first.  Call inside `write_tx()`."""
    floor = clock.now_ms() << _SEQUENCE_BITS
    greatest = "GREATEST" if database.is_postgres() else "MAX"
    last = database.scalar(
        f"UPDATE id_block SET last = {greatest}(last, ?) + ? WHERE id = 1 RETURNING last",  # noqa: S608
        (floor, n),
    )
    if last is None:
        database.execute("INSERT INTO id_block (id, last) VALUES (1, ?)", (floor + n,))
        last = floor + n
    return last - n + 1


def at_ms(message_id: int) -> int:
    """When the id was taken, epoch milliseconds (at the earliest)."""
    return message_id >> _SEQUENCE_BITS


class References:
    """Client references of one instance.  A four-round Feistel network over 64 bits, keyed."""

    def __init__(self, keys: Keys):
        material = hmac.digest(keys.reference, b"feistel", "sha512")
        self._rounds = [int.from_bytes(material[i * 8 : i * 8 + 8]) | 1 for i in range(4)]
        self._tag = keys.tag << 64

    def _round(self, half: int, key: int) -> int:
        mixed = (half ^ (key & _HALF)) * key & 0xFFFFFFFFFFFFFFFF
        return (mixed ^ (mixed >> 29)) >> 16 & _HALF

    def of(self, message_id: int) -> str:
        """The 20-character reference of a message."""
        left, right = message_id >> 32, message_id & _HALF
        for key in self._rounds:
            left, right = right, left ^ self._round(right, key)
        return f"{self._tag | left << 32 | right:020x}"

    def id_of(self, reference: str) -> int | None:
        """The message id of one of our references; None for anything else."""
        if len(reference) != _LENGTH:
            return None
        try:
            value = int(reference, 16)
        except ValueError:
            return None
        if value >> 64 << 64 != self._tag:
            return None
        left, right = value >> 32 & _HALF, value & _HALF
        for key in reversed(self._rounds):
            left, right = right ^ self._round(left, key), left
        message_id = left << 32 | right
        return message_id if message_id < 1 << 63 else None
