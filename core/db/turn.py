"""Writers of one SQLite file take turns.

SQLite's own wait for the write lock is a poll with growing pauses: two workers that send without a break
leave a third writer, such as a one-time code or a page, waiting for a second and more (measured: 1.4 s at
worst of 44 codes during 100,000 messages, 0.4 s with turns).  Here the pauses stay so short that whoever waits
is among the first to notice.  A lock on a file beside the database only orders writers: what keeps them apart
is SQLite's lock, with or without this one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core import clock

#: Nearly every transaction of ours is over by then; of whoever holds the turn for longer SQLite's lock decides.
PATIENCE_S = 2.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 0.000_1, 0.000_3, 1.3


class Turns:
    """The turns of one database file; one open file a process and thread."""

    def __init__(self, path: str, patience_s: float = PATIENCE_S):
        self._path = f"{path}-turn"
        self._patience_s = patience_s
        self._own = threading.local()

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Wait for the turn, hold it inside.

        After `patience_s` the writer goes on without it and SQLite's lock answers: a process that was stopped
        with the turn alone holds nobody up, one that was stopped inside a write makes the others fail with
        "database is locked" when SQLite's own wait is over.
        """
        file = self._file()
        self._take(file)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _take(self, file: int) -> None:
        # flock knows no time-out; asked again at such short pauses it is as quick and as fair as when it waits.
        pause, end = _FIRST_PAUSE_S, 0.0
        while not _taken(file):
            now = clock.monotonic()
            end = end or now + self._patience_s
            if now >= end:
                return
            clock.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE_S)

    def _file(self) -> int:
        # A fork shares its parent's open file, and with it the turn.
        if getattr(self._own, "pid", None) != os.getpid():
            file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            self._own.pid, self._own.file = os.getpid(), _Closing(file)
        return self._own.file.number


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Closing:
    """An open file that closes with the thread it belongs to."""

    def __init__(self, number: int):
        self.number = number

    def __del__(self):
        os.close(self.number)
