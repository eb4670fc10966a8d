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
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from core import clock
from core.db import database

if TYPE_CHECKING:
    from core.security.crypto import Keys

_SEQUENCE_BITS = 20
_HALF, _ALL = (1 << 32) - 1, (1 << 64) - 1
_LENGTH = 20
#: So many ids share a wide integer.
_LANES = 1_024
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


@lru_cache(maxsize=4)
def _ones(n: int) -> int:
    """1 in each of `n` lanes."""
    return int.from_bytes(b"\1".rjust(16, b"\0") * n)


def _spread(packed: bytes, begin: int) -> int:
    """Four bytes of each eight, from `begin` on, in a lane each."""
    lanes = bytearray(2 * len(packed))
    for byte in range(4):
        lanes[12 + byte :: 16] = packed[begin + byte :: 8]
    return int.from_bytes(lanes)


class References:
    """Client references of one instance.  A four-round Feistel network over 64 bits, keyed.

    References are made many at a time, in wide integers that hold each half of an id in a lane of 128 bits: one
    operation works on all of them, which takes a quarter of the time of one after the other.
    """

    def __init__(self, keys: Keys):
        material = hmac.digest(keys.reference, b"feistel", "sha512")
        rounds = [int.from_bytes(material[i * 8 : i * 8 + 8]) | 1 for i in range(4)]
        #: Of each round the key and its lower half.
        self._rounds = tuple((key, key & _HALF) for key in rounds)
        self._tag, self._head = keys.tag, keys.tag.to_bytes(2)

    def of(self, message_id: int) -> str:
        """The 20-character reference of a message."""
        return self.many((message_id,))[0]

    def many(self, message_ids: Sequence[int]) -> list[str]:
        """The references of many messages."""
        made: list[str] = []
        for at in range(0, len(message_ids), _LANES):
            made += self._some(message_ids[at : at + _LANES])
        return made

    def _some(self, message_ids: Sequence[int]) -> list[str]:
        n = len(message_ids)
        ones = _ones(n)
        lower, whole = ones * _HALF, ones * _ALL
        packed = struct.pack(f">{n}Q", *message_ids)
        halves = _spread(packed, 0), _spread(packed, 4)
        for key, low in self._rounds:
            left, right = halves
            # A product has 96 bits, and what a shift moves into the lane below is cut off by the mask.
            mixed = (right ^ ones * low) * key & whole
            halves = right, left ^ ((mixed ^ mixed >> 29) >> 16 & lower)
        data = bytearray(self._head.ljust(_LENGTH // 2, b"\0") * n)
        for begin, half in zip((2, 6), halves, strict=True):
            lanes = half.to_bytes(16 * n)
            for byte in range(4):
                data[begin + byte :: 10] = lanes[12 + byte :: 16]
        text = data.hex()
        return [text[at : at + _LENGTH] for at in range(0, _LENGTH * n, _LENGTH)]

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
