"""Chains of seals over append-only tables: nobody changes, adds, drops or reorders a row unseen.

Every transaction that appends rows to `table` appends seals to `{name}_seal`, one for all of them or one for each:

    hash = HMAC-SHA-256(key, JSON [seal id, lo, hi, n, at, hash of the seal before] ‖ LF ‖ rows)

where rows are those with ids lo..hi in their order, each the JSON array of `columns` (bytes in hex), joined by
commas.  The key comes from the instance's keys, so who only has the database can make no seal that fits.  The head,
`{name}_head`, is one locked row: on PostgreSQL writers wait for each other there, and ids are taken after the lock,
so seals follow one another without holes.

Cutting off the end, seals and all, leaves a shorter chain that fits.  So the head is also noted in a file outside
the database (`note`); a database that has less than the note is found.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any

import orjson
from peewee import OperationalError

from core import clock
from core.contract.errors import CooeeError
from core.db import bulk, database

#: Rows and seals read at a time.
CHUNK = 10_000
LOWEST = -(1 << 62)
#: What SQLite's driver says, while it fetches, of text that is none.
_UNREADABLE = (OperationalError, sqlite3.OperationalError)


class HeadGone(CooeeError):
    """The row that holds the end of a chain is not there."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: number and hash of the newest seal, rows sealed so far, id of the last one."""

    seal: int
    events: int
    last: int
    hash: str
    open_to: int = 0


@dataclass(frozen=True)
class Chain:
    """One table and its seals.

    `what` is the word for a row in sentences.  `each`: a seal for every row, so that a bad one can be named;
    otherwise one for all rows of a transaction, which costs nothing in bulk.  `forgotten` gives the id up to which
    rows were removed by a rule of ours, 0 for none; whoever says so must be sealed itself, in a later row.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    key: bytes
    file: Path
    what: str
    each: bool = False
    blobs: frozenset[str] = frozenset()
    forgotten: Callable[[], int] = int

    # --- writing --------------------------------------------------------------------------------------

    def lock(self) -> Head:
        """Hold the end of the chain until commit, inside `write_tx`.  SQLite has one writer anyway.

        Rows that were there before seals were get theirs now.  Raises `HeadGone`.
        """
        head = self.head(" FOR UPDATE" if database.is_postgres() else "")
        if head is None:
            raise HeadGone(
                f"{self.name}_head is empty: somebody deleted the end of the chain. Restore a backup."
            )
        if head.open_to:
            rows = list(self.read(LOWEST, head.open_to))
            head = self._write(head, rows) if rows else head
            database.execute(f"UPDATE {self.name}_head SET open_to = 0 WHERE id = 1")
        return head

    def head(self, more: str = "") -> Head | None:
        """The end of the chain as the database has it; None when somebody deleted it."""
        row = database.one(
            f"SELECT seal, events, last, hash, open_to FROM {self.name}_head WHERE id = 1{more}"
        )
        return Head(*row) if row else None

    def take_ids(self, n: int) -> list[int]:
        """Ids for `n` rows to be appended, in order and above all others; holds the chain."""
        self.lock()
        return bulk.new_ids(self.table, n, [f"SELECT last FROM {self.name}_head"])

    def seal(self, rows: Sequence[Sequence[Any]]) -> None:
        """Seal rows that were just appended with ids of `take_ids`; each as in `columns`."""
        if rows and (head := self.head()):
            self._write(head, rows)

    def _write(self, head: Head, rows: Sequence[Sequence[Any]]) -> Head:
        made, at = [], clock.now_ms()
        for some in ([row] for row in rows) if self.each else [rows]:
            lo, hi, n, number = some[0][0], some[-1][0], len(some), head.seal + 1
            digest = self.begin(number, lo, hi, n, at, head.hash)
            digest.update(canonical(some))
            head = Head(number, head.events + n, hi, digest.hexdigest())
            made.append((number, lo, hi, n, head.hash, at))
        database.executemany(
            f'INSERT INTO {self.name}_seal (id, lo, hi, n, hash, "at") VALUES (?, ?, ?, ?, ?, ?)', made
        )
        database.execute(
            f"UPDATE {self.name}_head SET seal = ?, events = ?, last = ?, hash = ? WHERE id = 1",
            (head.seal, head.events, head.last, head.hash),
        )
        return head

    def begin(self, number: int, lo: int, hi: int, n: int, at: int, before: str) -> hmac.HMAC:
        """The digest of a seal before its rows."""
        return hmac.new(self.key, orjson.dumps([number, lo, hi, n, at, before]) + b"\n", "sha256")

    def read(self, after: int, upto: int) -> Iterator[tuple]:
        """Rows with ids in (after, upto], in order; one that no seal of ours can fit has fewer columns."""
        names = ", ".join(f'"{name}"' for name in self.columns)
        select = f"SELECT {names} FROM {self.table} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        blob = [name in self.blobs for name in self.columns]
        while after < upto:
            try:
                rows = database.query(select, (after, upto, CHUNK))
            except _UNREADABLE as error:
                if database.is_locked(error):
                    raise
                rows = self._one_by_one(after, upto)
            for row in rows:
                if [isinstance(value, (bytes, memoryview)) for value in row] != blob:
                    row = (row[0], repr(row))  # SQLite takes bytes for text, whose hex would read the same
                yield tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
            if len(rows) < CHUNK:
                return
            after = rows[-1][0]

    def _one_by_one(self, after: int, upto: int) -> list[tuple]:
        """The same where SQLite holds text that is none, so that the rows around it can be read."""
        names = ", ".join(f'"{name}"' for name in self.columns)
        rows = []
        for (id_,) in database.query(
            f"SELECT id FROM {self.table} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, upto, CHUNK)
        ):
            try:
                rows.append(database.one(f"SELECT {names} FROM {self.table} WHERE id = ?", (id_,)))
            except _UNREADABLE as error:
                rows.append((id_, str(error)))
        return rows

    # --- the note outside the database ----------------------------------------------------------------

    def note(self, head: Head | None = None, *, restored: bool = False) -> Head | None:
        """Write the committed `head`, the present one if not given, beside the database; called after a commit.

        A newer head replaces the note only if its chain has the seal that was noted, so that a cut is found however
        much was appended since; any head does after a backup was `restored`.  Returns what is noted newly, None when
        nothing is.
        """
        # What a power cut may take back must not be noted: it would be called a cut.  `settle` does later.
        head = None if database.proxy.obj.late.repeatable else head or self.head()
        if head is None:
            return None
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = _parse(os.read(file, 400))
            if not (
                restored or known is None or (known.seal < head.seal and self.has(known.seal, known.hash))
            ):
                return None
            line = f"{head.seal} {head.events} {head.last} {head.hash or '-'} {clock.now_ms()}\n".encode()
            os.pwrite(file, line, 0)
            os.ftruncate(file, len(line))
            os.fdatasync(file)
        finally:
            os.close(file)
        return head

    def settle(self) -> Head | None:
        """Each minute: as `note`, after a commit that takes to the disk what was committed before it.

        Rows from before there were seals get theirs, too.
        """
        head, known = self.head(), self.noted()
        if head is None or not (head.open_to or known is None or head.seal > known.seal):
            return None
        with database.write_tx():
            head = self.lock()
            database.execute(f"UPDATE {self.name}_head SET open_to = 0 WHERE id = 1")
        return self.note(head)

    def has(self, number: int, digest: str) -> bool:
        """Is this seal in the chain as somebody noted it?"""
        stored = database.scalar(f"SELECT hash FROM {self.name}_seal WHERE id = ?", (number,))
        return (stored or "") == digest

    def noted(self) -> Head | None:
        """The head as it was noted last, None where nothing is noted."""
        return _parse(self.file.read_bytes()) if self.file.exists() else None

    def noted_at(self) -> int:
        """When that was, epoch ms; 0 where nothing is noted."""
        parts = self.file.read_bytes().split() if self.noted() else []
        return int(parts[4]) if parts and parts[4].isdigit() else 0


def canonical(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as they are sealed: JSON arrays joined by commas; only bytes are no JSON by themselves."""
    return orjson.dumps(rows, default=methodcaller("hex"))[1:-1]


def _parse(line: bytes) -> Head | None:
    parts = line.decode(errors="replace").split()
    if len(parts) != 5 or not all(part.isdecimal() for part in parts[:3]):
        return None
    return Head(int(parts[0]), int(parts[1]), int(parts[2]), "" if parts[3] == "-" else parts[3])
