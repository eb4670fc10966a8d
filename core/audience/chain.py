"""The seals of the consent ledger: nobody changes, adds, drops or reorders a line unseen.

Every transaction that appends to `consent_event` appends one row to `consent_seal`:

    hash = HMAC-SHA-256(key, JSON [seal id, lo, hi, n, at, hash of the seal before] ‖ LF ‖ rows)

where rows are the events lo..hi in the order of their ids, each the JSON array of `COLUMNS` (the blind index
in hex), joined by commas.  The key comes from the instance's keys, so who only has the database can make no
seal that fits.  The head is one locked row: on PostgreSQL writers of the ledger wait for each other there,
and ids are taken after the lock, so seals follow one another without holes.  Whoever takes other locks in the
same transaction calls `lock` first: head, then suppression, then profiles.

Cutting off the end, seals and all, leaves a shorter chain that fits.  So the head is also noted in
`instance/journal/consent.head`, after each commit (`note`); a database that has less than the note is found.
"""

from __future__ import annotations

import fcntl
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import orjson

from core import clock
from core.db import bulk, database

if TYPE_CHECKING:
    from core.runtime import Runtime

COLUMNS = (
    "id", "contact_id", "phone_bidx", "cls", "action", "source", "wording", "evidence", "who", "batch_id", "at",
    "topic_id",
)  # fmt: skip
FILE = "consent.head"
_BIDX = COLUMNS.index("phone_bidx")
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM consent_event WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
_HEAD = "SELECT seal, events, last, hash, open_to FROM consent_head WHERE id = 1"
_LAST = "SELECT last FROM consent_head"
#: Rows and seals read at a time.
_CHUNK = 10_000
_LOWEST = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: number and hash of the newest seal, events sealed so far, id of the last one."""

    seal: int
    events: int
    last: int
    hash: str
    open_to: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a walk along the chain found; `broken` is one sentence, None when everything fits."""

    events: int
    seals: int
    broken: str | None = None


# --- writing ------------------------------------------------------------------------------------------


def lock(rt: Runtime) -> Head:
    """Hold the end of the chain until commit, inside `write_tx`.  SQLite has one writer anyway.

    Events that were there before seals were get theirs now.
    """
    head = Head(*database.one(_HEAD + (" FOR UPDATE" if database.is_postgres() else "")))
    if head.open_to:
        rows = _rows(0, head.open_to)
        head = _write(rt, head, rows) if rows else head
        database.execute("UPDATE consent_head SET open_to = 0 WHERE id = 1")
    return head


def take_ids(rt: Runtime, n: int) -> list[int]:
    """Ids for `n` events to be appended, in order and above all others; holds the chain."""
    lock(rt)
    return bulk.new_ids("consent_event", n, [_LAST])


def seal(rt: Runtime, rows: Sequence[Sequence[Any]]) -> None:
    """Seal events that were just appended with ids of `take_ids`; rows as in `COLUMNS`."""
    if rows:
        _write(rt, Head(*database.one(_HEAD)), rows)


def _write(rt: Runtime, head: Head, rows: Sequence[Sequence[Any]]) -> Head:
    lo, hi, n, at, number = rows[0][0], rows[-1][0], len(rows), clock.now_ms(), head.seal + 1
    digest = _begin(rt, number, lo, hi, n, at, head.hash)
    digest.update(_canonical(rows))
    done = Head(number, head.events + n, hi, digest.hexdigest())
    database.execute(
        'INSERT INTO consent_seal (id, lo, hi, n, hash, "at") VALUES (?, ?, ?, ?, ?, ?)',
        (number, lo, hi, n, done.hash, at),
    )
    database.execute(
        "UPDATE consent_head SET seal = ?, events = ?, last = ?, hash = ? WHERE id = 1",
        (done.seal, done.events, done.last, done.hash),
    )
    return done


def _begin(rt: Runtime, number: int, lo: int, hi: int, n: int, at: int, before: str) -> hmac.HMAC:
    return hmac.new(rt.keys.ledger, orjson.dumps([number, lo, hi, n, at, before]) + b"\n", "sha256")


def _canonical(rows: Sequence[Sequence[Any]]) -> bytes:
    # Only the blind index is no JSON by itself.
    return orjson.dumps(rows, default=methodcaller("hex"))[1:-1]


def _rows(after: int, upto: int) -> list[tuple]:
    return list(_read(after or _LOWEST, upto))


def _read(after: int, upto: int) -> Iterator[tuple]:
    """Events with ids in (after, upto], in order."""
    while after < upto:
        rows = database.query(_SELECT, (after, upto, _CHUNK))
        for row in rows:
            yield (*row[:_BIDX], bytes(row[_BIDX]), *row[_BIDX + 1 :])
        if len(rows) < _CHUNK:
            return
        after = rows[-1][0]


# --- the note outside the database --------------------------------------------------------------------


def note(rt: Runtime, *, restored: bool = False) -> None:
    """Write the committed head beside the database; called after a commit.  An older head never replaces a
    newer one, unless a backup was `restored`."""
    row = database.one(_HEAD)
    folder = rt.settings.path("journal")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _parse(os.read(file, 400))
        if restored or known is None or known.seal < row[0]:
            line = f"{row[0]} {row[1]} {row[2]} {row[3] or '-'} {clock.now_ms()}\n".encode()
            os.pwrite(file, line, 0)
            os.ftruncate(file, len(line))
            os.fdatasync(file)
    finally:
        os.close(file)


def noted(rt: Runtime) -> Head | None:
    """The head as it was noted last, None where nothing is noted."""
    file = rt.settings.path("journal", FILE)
    return _parse(file.read_bytes()) if file.exists() else None


def _parse(line: bytes) -> Head | None:
    parts = line.decode(errors="replace").split()
    if len(parts) != 5 or not all(part.isdecimal() for part in parts[:3]):
        return None
    return Head(int(parts[0]), int(parts[1]), int(parts[2]), "" if parts[3] == "-" else parts[3])


# --- checking -----------------------------------------------------------------------------------------


def verify(rt: Runtime) -> Report:
    """Walk the whole chain; names the first row or seal that does not fit.

    May run while others append: what comes after the head it began with is left for the next time.
    """
    outside = noted(rt)
    with database.write_tx():
        lock(rt)
    head = Head(*database.one(_HEAD))
    walk = _Walk(rt, head)
    broken = walk.run() or _ends(head) or (_against(outside, head) if outside else None)
    return Report(walk.events, walk.seals, broken)


class _Walk:
    """One pass over seals and events side by side."""

    def __init__(self, rt: Runtime, head: Head):
        self._rt, self._head = rt, head
        self.events = self.seals = 0
        self._hash, self._last = "", 0

    def run(self) -> str | None:
        while self.seals < self._head.seal:
            found = database.query(
                'SELECT id, lo, hi, n, hash, "at" FROM consent_seal WHERE id > ? AND id <= ? ORDER BY id LIMIT ?',
                (self.seals, self._head.seal, _CHUNK),
            )
            if not found:
                return f"Seal {self.seals + 1} is missing."
            for each in found:
                broken = self._one(*each)
                if broken:
                    return broken
        end = Head(self.seals, self.events, self._last, self._hash)
        if end != Head(*[getattr(self._head, name) for name in ("seal", "events", "last", "hash")]):
            return f"The head of the chain does not fit seal {self.seals}, its newest one."
        return None

    def _one(self, number: int, lo: int, hi: int, n: int, sealed: str, at: int) -> str | None:
        if number != self.seals + 1:
            return f"Seal {self.seals + 1} is missing."
        if not self._last < lo <= hi:
            return (
                f"Seal {number} says it covers events {lo} to {hi}, which does not follow event {self._last}."
            )
        digest = _begin(self._rt, number, lo, hi, n, at, self._hash)
        count, last, chunk, between = 0, lo - 1, [], b""
        # Below the first seal nothing may stand either, whatever its number.
        for row in _read(self._last if self.seals else _LOWEST, hi):
            if row[0] < lo:
                return f"Event {row[0]} is in no seal: it was put in between seals {number - 1} and {number}."
            # Only what was there before seals were may have holes in its ids.
            if row[0] != last + 1 and number > 1:
                return f"Event {last + 1} is missing; seal {number} covers events {lo} to {hi}."
            chunk.append(row)
            count, last = count + 1, row[0]
            if len(chunk) == _CHUNK:
                digest.update(between + _canonical(chunk))
                chunk, between = [], b","
        if chunk:
            digest.update(between + _canonical(chunk))
        if count != n or last != hi:
            what = (
                f"Event {last + 1} is missing" if last < hi and number > 1 else "Events are missing or added"
            )
            return f"{what}; seal {number} covers {n} events, {lo} to {hi}, and {count} are there."
        if not hmac.compare_digest(digest.hexdigest(), sealed):
            where = f"event {lo}" if lo == hi else f"one of the events {lo} to {hi}"
            return f"Seal {number} does not fit: {where}, or the seal itself, was changed."
        self.events, self.seals, self._last, self._hash = self.events + n, number, hi, sealed
        return None


def _ends(head: Head) -> str | None:
    """Nothing stands beyond the head; each question is one statement, so that writers do not matter."""
    row = database.scalar(
        f"SELECT MIN(id) FROM consent_event WHERE id > ({_LAST}) OR (id < 1 AND ({_LAST}) = 0)"
    )
    if row is not None:
        return f"Event {row} is in no seal: it was added after the newest one."
    row = database.scalar("SELECT MIN(id) FROM consent_seal WHERE id > (SELECT seal FROM consent_head)")
    return None if row is None else f"Seal {row} stands beyond the head of the chain."


def _against(outside: Head, head: Head) -> str | None:
    if outside.seal > head.seal:
        return (
            f"The ledger ends with seal {head.seal} and {head.events} events; on {FILE} there were "
            f"{outside.seal} seals and {outside.events} events. Its end was cut off."
        )
    stored = database.scalar("SELECT hash FROM consent_seal WHERE id = ?", (outside.seal,)) or ""
    if stored != outside.hash:
        return f"Seal {outside.seal} is not the one noted in {FILE}: the chain was made anew."
    return None


def check(rt: Runtime) -> str | None:
    """For `cooee verify`: the first broken row or seal, or None."""
    return verify(rt).broken
