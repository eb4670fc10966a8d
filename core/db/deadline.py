"""A time limit for reading statements, so that no question of a person can hold the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import OperationalError

from core import clock
from core.db.database import is_postgres
from core.db.models.base import database

#: Virtual machine steps of SQLite between two looks at the clock: about every 2 ms.
_STEPS = 100_000


class TooSlow(Exception):
    """The statements did not finish in time; nothing was read."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let the statements inside take `seconds` at most.  Raises `TooSlow`.  Reading only."""
    try:
        with _postgres(seconds) if is_postgres() else _sqlite(seconds):
            yield
    except OperationalError as error:
        if not any(word in str(error) for word in ("interrupted", "statement timeout")):
            raise
        raise TooSlow(f"took longer than {seconds:g} seconds") from error


@contextmanager
def _sqlite(seconds: float) -> Iterator[None]:
    connection = database.connection()
    until = clock.monotonic() + seconds
    connection.set_progress_handler(lambda: clock.monotonic() > until, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


@contextmanager
def _postgres(seconds: float) -> Iterator[None]:
    with database.atomic():
        database.execute_sql(
            "SELECT set_config('statement_timeout', %s, true)", (f"{int(seconds * 1000)}ms",)
        )
        yield
        # An enclosing transaction goes on without the limit.
        database.execute_sql("SELECT set_config('statement_timeout', '0', true)")
