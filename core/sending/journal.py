"""The send journal: what went on the wire, written outside the database before it went.

One file a worker in `instance/journal/`, append-only, one line a fact:

    W <worker> <started at>             the worker that writes this file
    S <lease> <account> <JSON list of ids>   these go on the wire now; fsynced before the first byte
    R <lease> <JSON list of results>         what the provider said; written before it is recorded

It answers three questions the database cannot: after a worker died between the wire and its commit, what the
provider had said (R); whether a marked message never went at all (no S, from a worker that is surely dead);
and after a restore of an older database, what was sent since (`sent_since`).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from core import clock
from core.contract.types import Result

log = logging.getLogger("cooee.journal")

#: A file that grew past this is followed by another one.
ROTATE_BYTES = 64 << 20
#: Files nobody has written to for this long are of no use to a restore any more.
KEEP_DAYS = 90

#: Outcomes that prove that the provider does not have the message.
NOT_TAKEN = ("retry", "withheld")

#: What a result has behind outcome and provider id when it says no more.
_SILENT = (None,) * 5

Told = tuple[int, Result]


def _pattern(worker_id: int, started_at: int) -> str:
    return f"{started_at}-{worker_id}-*.log"


class Journal:
    """The journal of one worker, open for writing."""

    def __init__(self, folder: Path, worker_id: int, started_at: int):
        self._folder, self._worker_id, self._started_at = folder, worker_id, started_at
        self._number = 0
        #: Two windows of one worker may be under way at once.
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{self._started_at}-{self._worker_id}-{self._number:04}.log"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _append(file, f"W {self._worker_id} {self._started_at}\n".encode())
            os.fsync(file)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self._file = file

    def sent(self, lease: int, account_id: int, message_ids: Sequence[int]) -> None:
        """These messages go on the wire after this returns: the line is on the disk."""
        line = b"S %d %d %s\n" % (lease, account_id, orjson.dumps(message_ids))
        with self._lock:
            _append(self._file, line)
            os.fdatasync(self._file)

    def told(
        self,
        lease: int,
        message_ids: Sequence[int],
        results: Sequence[Result],
        names: Sequence[str | None] | None = None,
    ) -> None:
        """What the provider said.  Survives the death of the process, not a power cut: then it is in doubt.

        `names`: the ids it gave, where it accepted all and told nothing else.
        """
        packed = _packed_all(message_ids, results) if names is None else [[message_ids, "accepted", names]]
        line = b"R %d %s\n" % (lease, orjson.dumps(packed))
        with self._lock:
            try:
                _append(self._file, line)
                if os.fstat(self._file).st_size > ROTATE_BYTES:
                    self._rotate()
            except OSError as error:
                # The answer is known, and recorded next; only a crash in between would have needed this line.
                log.warning("journal of worker %s: %s", self._worker_id, error)

    def _rotate(self) -> None:
        full = self._file
        self._number += 1
        self._open()
        os.close(full)

    def close(self) -> None:
        """Close the file; what it says stays."""
        os.close(self._file)


def _append(file: int, line: bytes) -> None:
    rest = line
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        # A full disk took half of it, and the next line must not be joined to that.
        os.ftruncate(file, os.fstat(file).st_size - len(line) + len(rest))
        raise


def _packed_all(message_ids: Sequence[int], results: Sequence[Result]) -> list:
    """Rows of [id, outcome, …]; answers that are one and the same as one row of [[ids], outcome, …], answers
    that differ in the provider's id alone as one of [[ids], outcome, [provider's ids]]."""
    first = results[0]
    if all(result is first for result in results):
        return [_packed(list(message_ids), first)]
    return [_packed(id_, result) for id_, result in zip(message_ids, results, strict=True)]


def _packed(which: int | list[int], result: Result) -> list:
    if result[2:] == _SILENT:
        return [which, *result[:2]]
    packed = [which, *result]
    while packed[-1] is None:
        packed.pop()
    return packed


def _unpacked(line: bytes) -> Iterator[Told]:
    for which, *rest in orjson.loads(line.split(b" ", 2)[2]):
        if isinstance(rest[-1], list):
            yield from zip(which, (Result(rest[0], name) for name in rest[1]), strict=True)
            continue
        result = Result(*rest)
        for id_ in which if isinstance(which, list) else (which,):
            yield id_, result


def _ids(line: bytes) -> Iterable[int]:
    """Of a line S; before version 0.3 ids stood there with spaces between."""
    named = line.split(b" ", 3)[3]
    return orjson.loads(named) if named.startswith(b"[") else map(int, named.split())


@dataclass
class Held:
    """What a journal says about one lease.

    `complete` means that the whole journal was there to be read, so a message it does not name in `sent`
    never went on the wire.
    """

    complete: bool = False
    sent: set[int] = field(default_factory=set)
    told: dict[int, Result] = field(default_factory=dict)


def read(folder: Path, worker_id: int, started_at: int, lease: int) -> Held:
    """What the journal of a worker says about a lease; an absent file proves nothing."""
    held = Held()
    files = sorted(folder.glob(_pattern(worker_id, started_at)))
    head = f"W {worker_id} {started_at}".encode()
    held.complete = bool(files)
    sent, told = b"S %d " % lease, b"R %d " % lease
    for file in files:
        lines = file.read_bytes().split(b"\n")
        held.complete &= lines[0] == head
        # What stands behind the last line feed was cut off by the crash: its fsync never returned.
        for line in lines[:-1]:
            if line.startswith(sent):
                held.sent.update(_ids(line))
            elif line.startswith(told):
                held.told.update(_unpacked(line))
    return held


def sent_since(folder: Path, since_ms: int) -> Iterator[int]:
    """Ids of messages on the wire in files written to since then, for a restore.

    Leaves out those the provider then declined for a while: they are meant to go again.  May give ids that
    went earlier, and an id twice; the caller compares with its own rows.
    """
    for file in sorted(folder.glob("*-*-*.log")):
        if file.stat().st_mtime * 1000 < since_ms:
            continue
        sent: set[int] = set()
        for line in file.read_bytes().split(b"\n")[:-1]:
            if line.startswith(b"S "):
                sent.update(_ids(line))
            elif line.startswith(b"R "):
                sent.difference_update(id_ for id_, result in _unpacked(line) if result.outcome in NOT_TAKEN)
        yield from sent


def prune(folder: Path, keep_days: int = KEEP_DAYS) -> int:
    """Remove files not written to for `keep_days`; returns how many went."""
    oldest = clock.now_ms() - keep_days * clock.DAY_MS
    old = [file for file in folder.glob("*-*-*.log") if file.stat().st_mtime * 1000 < oldest]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def newest_id(folder: Path) -> int:
    """The greatest message id any journal names, 0 for none; ids in a backup are compared with it."""
    return max(sent_since(folder, 0), default=0)
