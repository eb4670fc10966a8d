"""What migrations share: statements of one database or the other, and the rows a table starts with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def is_postgres(db: Any) -> bool:
    """Is this peewee database PostgreSQL?"""
    return type(db).__name__ == "PostgresqlDatabase"


def create(db: Any, sqlite: Iterable[str], postgres: Iterable[str]) -> None:
    """Run the statements meant for this database, in their order."""
    for statement in postgres if is_postgres(db) else sqlite:
        db.execute_sql(statement.replace("%", "%%") if is_postgres(db) else statement, ())


def insert(db: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows; on PostgreSQL a serial `id` goes on after the greatest one given."""
    mark = "%s" if is_postgres(db) else "?"
    names = ", ".join(f'"{column}"' for column in columns)
    for row in rows:
        db.execute_sql(f"INSERT INTO {table} ({names}) VALUES ({', '.join([mark] * len(row))})", tuple(row))
    if is_postgres(db) and "id" in columns:
        db.execute_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))", ()
        )
