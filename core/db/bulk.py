"""Bulk reads and writes whose fastest form differs between the two databases, and what speeds up both."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from core.db import database

#: SQLite: values of one IN list; rows of one INSERT; marks of one statement (SQLITE_MAX_VARIABLE_NUMBER).
_BLOCK, _ROWS, _MARKS = 1_000, 400, 32_000


def among_values(column: str, values: Sequence[Any]) -> tuple[str, tuple]:
    """A condition "column is one of these values" and its parameters; up to 32,000 values."""
    if database.is_postgres():
        return f"{column} = ANY(?)", (list(values),)
    return f"{column} IN ({database.in_list(len(values))})", tuple(values)


def query_among(select: str, column: str, values: Sequence[Any]) -> list[tuple]:
    """All rows of `select`, which ends in WHERE or AND, whose `column` is one of any number of values.

    SQLite asks in blocks: one statement of 25,000 marks is parsed anew each time.
    """
    block = len(values) if database.is_postgres() else _BLOCK
    found = []
    for at in range(0, len(values), block or 1):
        where, params = among_values(column, values[at : at + block])
        found += database.query(f"{select} {where}", params)
    return found


def insert_columns(table: str, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any], n: int) -> None:
    """Append `n` rows given by column, inside `write_tx`; `same` are columns with one value for all.

    SQLite: one statement for hundreds of rows that names each value of `same` once, in three quarters of
    the time of executemany.  PostgreSQL: COPY.
    """
    rows = zip(*columns.values(), strict=True)
    if database.is_postgres():
        constant = tuple(same.values())
        database.copy_rows(table, (*columns, *same), (row + constant for row in rows))
        return
    size = max(1, min(_ROWS, (_MARKS - len(same)) // len(columns)))
    for at in range(0, n, size):
        sql = _insert_sql(table, tuple(columns), tuple(same), min(size, n - at))
        database.execute(sql, (*same.values(), *chain.from_iterable(islice(rows, size))))


@lru_cache(maxsize=64)
def _insert_sql(table: str, columns: tuple[str, ...], same: tuple[str, ...], n: int) -> str:
    names = ", ".join(f'"{name}"' for name in (*same, *columns))
    shared = "".join(f"?{at}," for at in range(1, len(same) + 1))
    row = f"({shared}{database.in_list(len(columns))})"
    # A bare mark counts on from the highest one so far.
    return f'INSERT INTO "{table}" ({names}) VALUES {",".join([row] * n)}'


def new_ids(table: str, n: int, also: Iterable[str] = ()) -> list[int]:
    """Ids for `n` rows to be inserted, inside `write_tx`; `table` has an integer key `id`.

    SQLite gives out the highest id plus one, so the id of a deleted row could come back: `also` are
    queries of the highest id known elsewhere.
    """
    if n == 0:
        return []
    if database.is_postgres():
        rows = database.query(
            "SELECT nextval(pg_get_serial_sequence(?, 'id')) FROM generate_series(1, ?)", (table, n)
        )
        return [row[0] for row in rows]
    tops = [database.scalar(sql) or 0 for sql in (f"SELECT MAX(id) FROM {table}", *also)]
    return list(range(max(tops) + 1, max(tops) + 1 + n))


def update_rows(table: str, key: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set `columns` of many rows, inside `write_tx`; each row is (*values, key).

    SQLite: executemany by key.  PostgreSQL: COPY into a temporary table and one UPDATE … FROM, three
    times as fast there as executemany.
    """
    if not rows:
        return
    if not database.is_postgres():
        sets = ", ".join(f"{column} = ?" for column in columns)
        database.executemany(f"UPDATE {table} SET {sets} WHERE {key} = ?", list(rows))
        return
    names = [*columns, key]
    database.execute("DROP TABLE IF EXISTS pg_temp.bulk_update")
    database.execute(
        f"CREATE TEMP TABLE bulk_update ON COMMIT DROP AS SELECT {', '.join(names)} FROM {table} WITH NO DATA"
    )
    database.copy_rows("bulk_update", names, rows)
    sets = ", ".join(f"{column} = b.{column}" for column in columns)
    database.execute(f"UPDATE {table} SET {sets} FROM bulk_update b WHERE {table}.{key} = b.{key}")


@contextmanager
def repeatable() -> Iterator[None]:
    """Commits inside need not survive a power cut, because whoever made them can make them again.

    Each is still whole or not there, and still survives a killed process.  Others keep their promise: on
    SQLite the next full commit of anyone syncs the log up to its own place, on PostgreSQL likewise.
    """
    if database.is_postgres():
        before, after = ("SET synchronous_commit = off",), ("RESET synchronous_commit",)
    else:
        # Pages of a large table change in every chunk: a rarer checkpoint copies each of them once.
        before = ("PRAGMA synchronous = 1", "PRAGMA wal_autocheckpoint = 100000")
        after = ("PRAGMA synchronous = 2", "PRAGMA wal_autocheckpoint = 20000")
    for statement in before:
        database.execute(statement)
    database.proxy.obj.late.repeatable = True
    try:
        yield
    finally:
        database.proxy.obj.late.repeatable = False
        for statement in after:
            database.execute(statement)


def retry_conflict(work: Callable[..., Any], *args: Any, tries: int = 3) -> Any:
    """Run `work(*args)`, which holds one whole transaction, again when another writer made a key first.

    Safe because the failed try was rolled back; the next one finds the row.  COPY speaks to psycopg
    directly, whose UniqueViolation peewee does not translate.
    """
    for attempt in range(tries):
        try:
            return database.retry_locked(work, *args)
        except Exception as error:
            if attempt + 1 == tries or type(error).__name__ not in ("IntegrityError", "UniqueViolation"):
                raise
    return None


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles while the tuples of a chunk are made: it takes a fifth of the time and finds none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
