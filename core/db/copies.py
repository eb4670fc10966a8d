"""The whole database as files in a folder, and back.

`cooee.db` by SQLite's own online copy, or a CSV a table of PostgreSQL, all read in one snapshot.  `cp` of a
live SQLite file is no copy (25 of 25 were bad, measured).
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.contract.errors import Refusal
from core.db import database, migrate
from core.db.codes import COLUMN_TYPES

#: Runs one statement with its values.
Execute = Callable[[str, tuple], Any]
_DAMAGED = "The database in this backup is damaged ({}); use another one."


def write(place: Path) -> tuple[int, int]:
    """Copy the database into an empty folder while others write; (contacts, messages) in it.  Raises `Refusal` when
    SQLite's copy fails its check."""
    return _write_postgres(place) if database.is_postgres() else _write_sqlite(place)


def read(place: Path, migrations: Mapping[str, Path], prepare: Callable[[Execute], None]) -> None:
    """Replace the database by such a copy, at once or not at all; `migrations` are those of plugins.

    `prepare` gets a function that runs a statement in the copy, before anybody else sees it.  Raises `Refusal` for a
    damaged one; then nothing was changed.
    """
    main = place / ("migration_core.csv" if database.is_postgres() else "cooee.db")
    if not main.exists():
        raise Refusal(f"There is no {main.name} in this backup; use another one.")
    if database.is_postgres():
        _read_postgres(place, migrations, prepare)
    else:
        _read_sqlite(place, prepare)


# --- SQLite -------------------------------------------------------------------------------------------


def _write_sqlite(place: Path) -> tuple[int, int]:
    source, target = database.proxy.connection(), place / "cooee.db"
    copy = sqlite3.connect(target)
    try:
        source.backup(copy, pages=2_000)
        copy.execute("PRAGMA journal_mode=DELETE")
        fault = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if fault != "ok":
            raise Refusal(f"The copy failed its check ({fault}); the disk or the database is damaged.")
        return tuple(copy.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in ("contact", "message"))
    finally:
        copy.close()


def _read_sqlite(place: Path, prepare: Callable[[Execute], None]) -> None:
    copy = sqlite3.connect(place / "cooee.db")
    try:
        try:
            fault = copy.execute("PRAGMA integrity_check").fetchone()[0]
            prepare(copy.execute)
            copy.commit()
        except sqlite3.OperationalError:
            raise  # a disk that is full says nothing about the backup
        except sqlite3.DatabaseError as error:
            fault = str(error)
        if fault != "ok":
            raise Refusal(_DAMAGED.format(fault))
        copy.backup(database.proxy.connection())
    finally:
        copy.close()
    database.execute("PRAGMA journal_mode=wal")


# --- PostgreSQL ---------------------------------------------------------------------------------------


def _tables() -> list[str]:
    return [
        row[0]
        for row in database.query(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        )
    ]


def _write_postgres(place: Path) -> tuple[int, int]:
    counts = {}
    with database.proxy.atomic():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table in _tables():
            with (
                open(place / f"{table}.csv", "wb") as out,
                database.proxy.cursor().copy(f'COPY "{table}" TO STDOUT (FORMAT csv, HEADER)') as copy,
            ):
                for block in copy:
                    out.write(block)
            counts[table] = database.scalar(f'SELECT COUNT(*) FROM "{table}"')
    return counts["contact"], counts["message"]


def _read_postgres(place: Path, migrations, prepare: Callable[[Execute], None]) -> None:
    from psycopg import DataError

    try:
        with database.write_tx():
            _fill_postgres(place, migrations)
            prepare(database.execute)
    except DataError as error:
        raise Refusal(_DAMAGED.format(str(error).partition("\n")[0])) from None


def _fill_postgres(place: Path, migrations) -> None:
    """Tables as they were when the copy was made, then its rows; later migrations are the caller's."""
    migrate.rebuild(migrations, _last_migrations(place))
    tables = [table for table in _tables() if (place / f"{table}.csv").exists()]
    columns = {table: _header(place / f"{table}.csv") for table in tables}
    _grow_profile(columns.get("profile", []), place)
    database.execute("SET LOCAL session_replication_role = replica")
    database.execute(_truncate(tables))
    for table in tables:
        names = ", ".join(f'"{c}"' for c in columns[table])
        with (
            open(place / f"{table}.csv", "rb") as source,
            database.proxy.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv, HEADER)') as copy,
        ):
            while block := source.read(1 << 20):
                copy.write(block)
    for table in tables:
        if "id" in columns[table]:
            _reset_sequence(table)


def _last_migrations(place: Path) -> dict[str, str]:
    """Core and plugins → the last migration applied when the copy was made."""
    last = {}
    for file in place.glob("migration_*.csv"):
        with open(file, newline="", encoding="utf-8") as source:
            names = [row["name"] for row in csv.DictReader(source)]
        if names:
            last[file.stem.removeprefix("migration_")] = max(names)
    return last


def _truncate(tables: list[str]) -> str:
    return "TRUNCATE " + ", ".join(f'"{table}"' for table in tables)


def _header(file: Path) -> list[str]:
    with open(file, newline="", encoding="utf-8") as source:
        return next(csv.reader(io.StringIO(source.readline())))


def _grow_profile(names: list[str], place: Path) -> None:
    """Add the columns of contact fields this database does not have yet, typed as the copy's fields say."""
    have = {
        row[0]
        for row in database.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'profile'"
        )
    }
    with open(place / "field.csv", newline="", encoding="utf-8") as source:
        types = {row["column"]: COLUMN_TYPES[row["kind"]] for row in csv.DictReader(source)}
    for name in names:
        if name not in have and name in types:
            database.execute(f'ALTER TABLE profile ADD COLUMN "{name}" {types[name]}')


def _reset_sequence(table: str) -> None:
    sequence = database.scalar("SELECT pg_get_serial_sequence(?, 'id')", (table,))
    if sequence:
        database.execute(f'SELECT setval(?, COALESCE((SELECT MAX(id) FROM "{table}"), 1))', (sequence,))
