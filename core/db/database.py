"""The database: connecting, the one way to write, and SQL of our own where speed needs it.

SQL is written with `?` marks and runs on both backends; `connect` decides which one.  Every write goes
through `write_tx()`: on SQLite it takes the write lock at once (BEGIN IMMEDIATE), because a transaction that
reads first and writes later fails with "database is locked" under four writers (measured: 2,903 of 10,933).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlparse

import peewee
from peewee import Database, InterfaceError, OperationalError, SqliteDatabase

from core import clock
from core.contract.errors import Refusal
from core.db import geo
from core.db.models.base import database as proxy
from core.db.turn import Turns

#: A receipt that was acknowledged survives a power cut: synchronous=FULL (2).
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "temp_store": 2,
    "wal_autocheckpoint": 20_000,
    "foreign_keys": 1,
}
_LOCKED = ("database is locked", "database table is locked", "deadlock detected", "could not serialize")


def connect(url: str, cache_mb: int = 32) -> Database:
    """Make the database of this process.  Raises `Refusal` for an unknown scheme.

    `cache_mb`: SQLite's page cache of each connection, one a thread; web servers have many threads.
    """
    parts = urlparse(url)
    if parts.scheme == "sqlite":
        path = unquote(url.removeprefix("sqlite:///"))
        pragmas = _PRAGMAS | {"cache_size": -1000 * cache_mb}
        made: Database = SqliteDatabase(path, pragmas=pragmas, timeout=10, lock_type="IMMEDIATE")
        made.register_function(geo.kilometres, geo.FUNCTION, 4, deterministic=True)
        made.turns = Turns(path) if path != ":memory:" else None
    elif parts.scheme in ("postgresql", "postgres"):
        made = PostgresqlDatabase(url, prefer_psycopg3=True, autoconnect=True)
    else:
        raise Refusal(
            f"COOEE_DATABASE_URL scheme {parts.scheme!r} is not one of sqlite, postgresql.",
            field="database_url",
        )
    proxy.initialize(made)
    return made


class PostgresqlDatabase(peewee.PostgresqlDatabase):
    """Connections that outlive the server.  Migrations know the class by its name.

    A connection the server cut fails at once and then for ever, and the thread it belongs to, such as the one that
    takes jobs from the queue, would be lost to all work.  So what begins anew opens another one.  Never a commit:
    on a new connection it would succeed, and nothing would be stored.
    """

    def begin(self, isolation_level=None):
        self._replace_cut()
        super().begin(isolation_level)

    def execute_sql(self, sql, params=None):
        self._replace_cut()
        return super().execute_sql(sql, params)

    def _replace_cut(self) -> None:
        if not self.in_transaction() and self.connection().closed:
            self.close()


def is_postgres() -> bool:
    """True on PostgreSQL, False on SQLite."""
    return isinstance(proxy.obj, PostgresqlDatabase)


@lru_cache(maxsize=2048)
def _postgres_sql(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _text(sql: str) -> str:
    return _postgres_sql(sql) if is_postgres() else sql


@contextmanager
def write_tx() -> Iterator[None]:
    """A transaction that writes; nests as a savepoint.  Keep network calls and hooks outside."""
    turns = getattr(proxy.obj, "turns", None)
    with turns.wait() if turns and not proxy.transaction_depth() else nullcontext(), proxy.atomic():
        yield


def is_locked(error: Exception) -> bool:
    """Did a statement fail because another process writes, so that the same again may work?"""
    return isinstance(error, OperationalError) and any(word in str(error).lower() for word in _LOCKED)


def retry_locked(work, *args: Any, tries: int = 6):
    """Run `work(*args)`, which holds one whole transaction, again when the database says it is locked.

    Safe because the failed try was rolled back.  The pause grows with full jitter up to 1.6 s.
    """
    attempt = 0
    while True:
        try:
            return work(*args)
        except OperationalError as error:
            attempt += 1
            if attempt == tries or not is_locked(error):
                raise
            clock.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311


def execute(sql: str, params: Sequence[Any] = ()):
    """Run one statement with `?` marks; returns the driver's cursor (`rowcount`, `fetchall()`)."""
    return proxy.execute_sql(_text(sql), tuple(params))


def query(sql: str, params: Sequence[Any] = ()) -> list[tuple]:
    """All rows of a statement (SELECT or … RETURNING)."""
    return execute(sql, params).fetchall()


def one(sql: str, params: Sequence[Any] = ()) -> tuple | None:
    """The first row, or None."""
    return execute(sql, params).fetchone()


def scalar(sql: str, params: Sequence[Any] = ()) -> Any:
    """The first column of the first row, or None."""
    row = one(sql, params)
    return None if row is None else row[0]


def executemany(sql: str, rows: Iterable[Sequence[Any]]) -> int:
    """Run one statement for many rows by the driver's own bulk call; returns the rows changed.

    Ten times faster than the ORM's insert_many (docs/performance.md).
    """
    cursor = proxy.cursor()
    cursor.executemany(_text(sql), rows if isinstance(rows, list) else list(rows))
    return cursor.rowcount


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append many rows: COPY on PostgreSQL, executemany on SQLite.  Inside `write_tx()`."""
    names = ", ".join(f'"{name}"' for name in columns)
    if is_postgres():
        with proxy.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)


def in_list(n: int) -> str:
    """`n` marks for an IN list: "?,?,?"."""
    return ",".join("?" * n)


def reopen() -> None:
    """Drop this thread's connection after it broke, so that the next use makes a new one."""
    try:
        proxy.close()
    except (OperationalError, InterfaceError):
        proxy.obj._state.reset()
