"""Overwriting what a database file still holds of deleted rows, one function per backend.

SQLite leaves deleted cells readable in the file and in its write-ahead log unless `secure_delete` is on.
PostgreSQL keeps dead rows until VACUUM; its file pages are only readable by the server's own user.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.db import database

#: How long the log's truncation may wait for readers; later checkpoints finish what this one cannot.
_WAIT_MS = 1_000


@contextmanager
def overwriting() -> Iterator[None]:
    """Deletes inside leave no readable trace in the file.  Wraps the whole transaction, never lies in one."""
    if database.is_postgres():
        yield
        return
    before = database.scalar("PRAGMA secure_delete")
    wait_ms = database.scalar("PRAGMA busy_timeout")
    database.execute("PRAGMA secure_delete = 1")
    try:
        yield
        database.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.execute(f"PRAGMA busy_timeout = {int(wait_ms)}")
        database.execute(f"PRAGMA secure_delete = {int(before)}")
