"""Ids that are given once: an old tab, a link or a log that knows a deleted row by its id never means another.

SQLite gives the highest id again once its row is deleted, so the highest one of each table is kept.
"""

from __future__ import annotations

from core.db import database, settings


def new_id(table: str) -> dict[str, int]:
    """The column `id` of a new row, inside `write_tx()`; {} where the database counts by itself."""
    if database.is_postgres():
        return {}
    highest = database.scalar(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
    return {"id": max(highest, settings.get(_key(table), 0)) + 1}


def gone(table: str, row_id: int) -> None:
    """A row is deleted, inside the same `write_tx()`."""
    settings.put(_key(table), max(row_id, settings.get(_key(table), 0)))


def _key(table: str) -> str:
    return f"ids:{table}"
