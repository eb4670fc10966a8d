"""Message ids and the references given to providers.

A message id is milliseconds << 20 | sequence: it grows with time and is never reused, not even after an
older state of the database was restored, because the clock has moved on.  Blocks are taken from one row in
the transaction that uses them.

A client reference is a keyed permutation of the id, with 16 bits of the instance in front, as 20 hexadecimal
digits: it can be turned back without a look-up and cannot be guessed in sequence.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core import clock
from core.db import database

if TYPE_CHECKING:
    from core.security.crypto import Keys

_SEQUENCE_BITS = 20
_HALF, _ALL = (1 << 32) - 1, (1 << 64) - 1
_LENGTH = 20
#: A reference's bytes: instance, two halves.
_PARTS = struct.Struct(">HII")


def allocate(n: int) -> int:
    """Take `n` consecutive ids and return the first.  Call inside `write_tx()`."""
    floor = clock.now_ms() << _SEQUENCE_BITS
    greatest = "GREATEST" if database.is_postgres() else "MAX"
    last = database.scalar(
        f"UPDATE id_block SET last = {greatest}(last, ?) + ? WHERE id = 1 RETURNING last",
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
    """Client references of one instance.  A four-round Feistel network over 64 bits, keyed.

    The rounds are written out: a reference is made for each message and turned back for each receipt.
    """

    def __init__(self, keys: Keys):
        material = hmac.digest(keys.reference, b"feistel", "sha512")
        rounds = [int.from_bytes(material[i * 8 : i * 8 + 8]) | 1 for i in range(4)]
        #: Of each round the key and its lower half.
        self._rounds = tuple((key, key & _HALF) for key in rounds)
        self._tag, self._head = keys.tag, f"{keys.tag:04x}"

    def of(self, message_id: int) -> str:
        """The 20-character reference of a message."""
        return self.many((message_id,))[0]

    def many(self, message_ids: Iterable[int]) -> list[str]:
        """The references of many messages."""
        (key1, low1), (key2, low2), (key3, low3), (key4, low4) = self._rounds
        head, made = self._head, []
        for message_id in message_ids:
            left, right = message_id >> 32, message_id & _HALF
            mixed = (right ^ low1) * key1 & _ALL
            left ^= (mixed ^ mixed >> 29) >> 16 & _HALF
            mixed = (left ^ low2) * key2 & _ALL
            right ^= (mixed ^ mixed >> 29) >> 16 & _HALF
            mixed = (right ^ low3) * key3 & _ALL
            left ^= (mixed ^ mixed >> 29) >> 16 & _HALF
            mixed = (left ^ low4) * key4 & _ALL
            right ^= (mixed ^ mixed >> 29) >> 16 & _HALF
            made.append("%s%08x%08x" % (head, left, right))  # noqa: UP031 - the faster of the two
        return made

    def id_of(self, reference: str) -> int | None:
        """The message id of one of our references; None for anything else."""
        try:
            tag, left, right = _PARTS.unpack(bytes.fromhex(reference))
        except (ValueError, struct.error):
            return None
        if tag != self._tag or len(reference) != _LENGTH:
            return None
        (key1, low1), (key2, low2), (key3, low3), (key4, low4) = self._rounds
        mixed = (left ^ low4) * key4 & _ALL
        right ^= (mixed ^ mixed >> 29) >> 16 & _HALF
        mixed = (right ^ low3) * key3 & _ALL
        left ^= (mixed ^ mixed >> 29) >> 16 & _HALF
        mixed = (left ^ low2) * key2 & _ALL
        right ^= (mixed ^ mixed >> 29) >> 16 & _HALF
        mixed = (right ^ low1) * key1 & _ALL
        left ^= (mixed ^ mixed >> 29) >> 16 & _HALF
        message_id = left << 32 | right
        return message_id if message_id < 1 << 63 else None
