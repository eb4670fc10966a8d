"""Walking along a chain of seals (`core.db.chain`): the first row or seal that does not fit is named."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from core.db import chain as chains
from core.db import database
from core.db.chain import Chain, Head, HeadGone

#: A sentence, and the row it is about where it is about one.
_Fault = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a walk along the chain found; `broken` is one sentence, None when everything fits.

    `row`: id of the first row that is wrong, missing or too much, where it is a row.
    """

    events: int
    seals: int
    broken: str | None = None
    row: int | None = None


def verify(chain: Chain, *kept: tuple[int, str]) -> Report:
    """Walk the whole chain; names the first row or seal that does not fit.

    May run while others append: what comes after the head it began with is left for the next time.  `kept`
    are seals (number, hash) somebody wrote down elsewhere, to be found in it.
    """
    outside = chain.noted()
    try:
        with database.write_tx():
            chain.lock()
    except HeadGone:
        return Report(0, 0, "The head of the chain is gone.")
    head = chain.head()
    walk = _Walk(chain, head)
    found = walk.run() or _ends(chain, head) or (_against(chain, outside, head) if outside else None)
    for number, digest in kept:
        found = found or _written_down(chain, number, digest, head)
    return Report(walk.events, walk.seals, *(found or ()))


def glance(chain: Chain) -> str | None:
    """The ends only, at no cost: what a cut or an addition would show without walking; None when they fit."""
    outside, head = chain.noted(), chain.head()
    if head is None:
        return "The head of the chain is gone."
    found = (None if head.open_to else _ends(chain, head)) or (
        _against(chain, outside, head) if outside else None
    )
    return found[0] if found else None


def _ends(chain: Chain, head: Head) -> _Fault | None:
    """Nothing stands beyond the head; each question is one statement, so that writers do not matter."""
    last = f"SELECT last FROM {chain.name}_head"
    row = database.scalar(
        f"SELECT MIN(id) FROM {chain.table} WHERE id > ({last}) OR (id < 1 AND ({last}) = 0)"
    )
    if row is not None:
        return f"{chain.what} {row} is in no seal: it was added after the newest one.", row
    row = database.scalar(
        f"SELECT MIN(id) FROM {chain.name}_seal WHERE id > (SELECT seal FROM {chain.name}_head)"
    )
    return None if row is None else (f"Seal {row} stands beyond the head of the chain.", None)


def _against(chain: Chain, outside: Head, head: Head) -> _Fault | None:
    many = f"{chain.what.lower()}s"
    if outside.seal > head.seal:
        return (
            f"The chain ends with seal {head.seal} and {head.events} {many}; in {chain.file.name} there were "
            f"{outside.seal} seals and {outside.events} {many}. Its end was cut off: "
            f"{chain.what.lower()} {head.last + 1} is the first that is missing.",
            head.last + 1,
        )
    # Made anew after the note was written: the first seal that is younger than the note is the first false one.
    return _written_down(chain, outside.seal, outside.hash, head, chain.noted_at())


def _written_down(
    chain: Chain, number: int, digest: str, head: Head, since: int | None = None
) -> _Fault | None:
    if number > head.seal:
        return f"The chain ends with seal {head.seal}; seal {number} was cut off.", head.last + 1
    if not chain.has(number, digest):
        since = (1 << 62) if since is None else since
        # On PostgreSQL ids are not given out again: the first missing row is the one behind the last true one.
        last = f'(SELECT MIN(id) FROM {chain.name}_seal WHERE id = ? OR (id < ? AND "at" > ?)) - 1'
        row = database.scalar(
            f"SELECT COALESCE(MAX(hi), 0) + 1 FROM {chain.name}_seal WHERE id = {last}",
            (number, number, since),
        )
        what = chain.what.lower()
        return (
            f"Seal {number} is not the one that was noted: the chain was made anew from {what} {row} on.",
            row,
        )
    return None


class _Walk:
    """One pass over seals and rows side by side."""

    def __init__(self, chain: Chain, head: Head):
        self._chain, self._head = chain, head
        self.events = self.seals = 0
        self._hash, self._last = "", 0
        self._rows = chain.read(chains.LOWEST, head.last)
        self._next = next(self._rows, None)

    def run(self) -> _Fault | None:
        self._skip_forgotten()
        while self.seals < self._head.seal:
            found = database.query(
                f'SELECT id, lo, hi, n, hash, "at" FROM {self._chain.name}_seal WHERE id > ? AND id <= ? '
                "ORDER BY id LIMIT ?",
                (self.seals, self._head.seal, chains.CHUNK),
            )
            if not found:
                return self._missing_seal()
            for each in found:
                fault = self._one(*each)
                if fault:
                    return fault
        end = Head(self.seals, self.events, self._last, self._hash)
        if end != Head(*[getattr(self._head, name) for name in ("seal", "events", "last", "hash")]):
            return f"The head of the chain does not fit seal {self.seals}, its newest one.", None
        return None

    def _skip_forgotten(self) -> None:
        """Begin behind what a rule of ours removed: the seals stand, and the next one vouches for the last of them."""
        upto = self._chain.forgotten()
        if not upto:
            return
        name = self._chain.name
        found = database.one(
            f"SELECT id, hi, hash, (SELECT SUM(n) FROM {name}_seal b WHERE b.id <= a.id) FROM {name}_seal a "
            "WHERE hi = ?",
            (upto,),
        )
        if found:
            self.seals, self._last, self._hash, self.events = found

    def _missing_seal(self) -> _Fault:
        return f"Seal {self.seals + 1} is missing.", self._next[0] if self._next else self._last + 1

    def _one(self, number: int, lo: int, hi: int, n: int, sealed: str, at: int) -> _Fault | None:
        what = self._chain.what
        if number != self.seals + 1:
            return self._missing_seal()
        # SQLite keeps any kind of value in any column.
        if not all(isinstance(value, int) for value in (lo, hi, n, at)) or not self._last < lo <= hi:
            return (
                f"Seal {number} says it covers {what.lower()}s {lo} to {hi}, which does not follow {what.lower()} "
                f"{self._last}.",
                self._next[0] if self._next else self._last + 1,
            )
        digest = self._chain.begin(number, lo, hi, n, at, self._hash)
        count, last, chunk, between = 0, lo - 1, [], b""
        while self._next is not None and self._next[0] <= hi:
            row = self._next
            # Below the first seal nothing may stand either, whatever its number.
            if row[0] < lo:
                told = f"it was put in between seals {number - 1} and {number}."
                return f"{what} {row[0]} is in no seal: {told}", row[0]
            # Only what was there before seals were may have holes in its ids.
            if row[0] != last + 1 and number > 1:
                return self._missing(last + 1, number, lo, hi)
            chunk.append(row)
            count, last = count + 1, row[0]
            if len(chunk) == chains.CHUNK:
                digest.update(between + chains.canonical(chunk))
                chunk, between = [], b","
            self._next = next(self._rows, None)
        if chunk:
            digest.update(between + chains.canonical(chunk))
        if count != n or last != hi:
            if last < hi and (number > 1 or lo == hi):
                return self._missing(last + 1, number, lo, hi)
            told = f"seal {number} covers {n} {what.lower()}s, {lo} to {hi}, and {count} are there."
            return f"{what}s are missing or added; {told}", lo
        if not isinstance(sealed, str) or not hmac.compare_digest(
            digest.hexdigest().encode(), sealed.encode()
        ):
            where = f"{what.lower()} {lo}" if lo == hi else f"one of the {what.lower()}s {lo} to {hi}"
            return f"Seal {number} does not fit: {where}, or the seal itself, was changed.", lo
        self.events, self.seals, self._last, self._hash = self.events + n, number, hi, sealed
        return None

    def _missing(self, row: int, number: int, lo: int, hi: int) -> _Fault:
        what = self._chain.what
        covers = f"{what.lower()} {lo}" if lo == hi else f"{what.lower()}s {lo} to {hi}"
        return f"{what} {row} is missing; seal {number} covers {covers}.", row
