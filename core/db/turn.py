"""Writers of one SQLite file take turns.

SQLite's own wait for the write lock is a poll with growing pauses: two workers that send without a break
leave a third writer, such as a one-time code or a page, waiting for a second and more (measured: 1.4 s at
worst of 44 codes during 100,000 messages, 0.4 s with turns).  A lock on a file beside the database wakes who
waits.  It only orders writers: what keeps them apart is SQLite's lock, with or without this one.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The turns of one database file; one open file a process and thread."""

    def __init__(self, path: str):
        self._path = f"{path}-turn"
        self._own = threading.local()

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Wait for the turn, hold it inside."""
        file = self._file()
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _file(self) -> int:
        # A fork shares its parent's open file, and with it the turn.
        if getattr(self._own, "pid", None) != os.getpid():
            file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            self._own.pid, self._own.file = os.getpid(), _Closing(file)
        return self._own.file.number


class _Closing:
    """An open file that closes with the thread it belongs to."""

    def __init__(self, number: int):
        self.number = number

    def __del__(self):
        os.close(self.number)
