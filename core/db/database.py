"""The database: connecting, the one way to write, and SQL of our own where speed needs it.

SQL is written with `?` marks and runs on both backends; `connect` decides which one.  Every write goes
through `write_tx()`: on SQLite it takes the write lock at once (BEGIN IMMEDIATE), because a transaction that
reads first and writes later fails with "database is locked" under four writers (measured: 2,903 of 10,933).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
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
#: So long a server that does not answer at all is waited for; libpq would wait two minutes.
CONNECT_S = 10
#: How drivers tell that the server, or the file, cannot be reached; after SQLite's own words any of libpq's.
_AWAY = (
    "unable to open database file",
    "disk i/o error",
    "connection",
    "server closed",
    "could not translate host",
)


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
        made = PostgresqlDatabase(url, prefer_psycopg3=True, autoconnect=True, **_patience(url))
    else:
        raise Refusal(
            f"COOEE_DATABASE_URL scheme {parts.scheme!r} is not one of sqlite, postgresql.",
            field="database_url",
        )
    made.late = _Late()
    proxy.initialize(made)
    return made


def _patience(url: str) -> dict[str, int]:
    """How long to wait for the server, unless the URL says it.  Raises `Refusal` for one libpq cannot read."""
    from psycopg import ProgrammingError, conninfo

    try:
        said = conninfo.conninfo_to_dict(url)
    except ProgrammingError as error:
        raise Refusal(
            f"COOEE_DATABASE_URL cannot be read ({str(error).strip()}); write it like "
            "postgresql://USER:PASSWORD@HOST/NAME.",
            field="database_url",
        ) from None
    return {} if "connect_timeout" in said else {"connect_timeout": CONNECT_S}


class _Late(threading.local):
    """What the open transactions of a thread leave for their end (`at_end`)."""

    def __init__(self) -> None:
        self.depth = 0
        #: Are commits of this thread such that a power cut may take them back (`bulk.repeatable`)?
        self.repeatable = False
        self.left: list[tuple[Callable[[list], None], Any]] = []


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
    turns, late = getattr(proxy.obj, "turns", None), proxy.obj.late
    with turns.wait() if turns and not proxy.transaction_depth() else nullcontext(), proxy.atomic():
        before = len(late.left)
        late.depth += 1
        try:
            yield
            if late.depth == 1 and late.left:
                _end(late)
        except BaseException:
            del late.left[before:]
            raise
        finally:
            late.depth -= 1


def at_end(work: Callable[[list], None], item: Any) -> None:
    """Have `work` called with a list of all its items, the last thing before the outermost `write_tx` commits.

    For what takes a lock everybody wants: nobody who holds it waits for another lock, so there is no deadlock
    whatever the transaction did before, and it is held no longer than the commit takes.  What a part left that
    was rolled back is forgotten.  Outside of `write_tx` it is done at once in one of its own.
    """
    late = proxy.obj.late
    if not late.depth:
        with write_tx():
            late.left.append((work, item))
        return
    late.left.append((work, item))


def _end(late: _Late) -> None:
    items: dict[Callable[[list], None], list] = {}
    for work, item in late.left:
        items.setdefault(work, []).append(item)
    late.left.clear()
    for work, some in items.items():
        work(some)


def is_locked(error: Exception) -> bool:
    """Did a statement fail because another process writes, so that the same again may work?"""
    return isinstance(error, OperationalError) and any(word in str(error).lower() for word in _LOCKED)


def is_away(error: Exception) -> bool:
    """Did a statement fail because the database cannot be reached?  Then this thread's connection is dropped."""
    if not isinstance(error, OperationalError | InterfaceError) or is_locked(error):
        return False
    said = str(error).lower()
    if not any(word in said for word in _AWAY):
        return False
    reopen()
    return True


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
