"""PostgreSQL databases for tests: made once like a template, emptied after each test and lent again.

Making and dropping a database takes some 90 ms, emptying one 10; a test whose database cannot be brought back
(it changed tables) costs a new one.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from urllib.parse import urlparse, urlunparse

import psycopg
from psycopg import sql

#: Tables with their columns, triggers and indexes, as one text: the same before and after a test.
_SHAPE = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
  SELECT attrelid::regclass || '.' || attname || ' ' || atttypid AS line FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
  UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
) shape
"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_FILLED = _TABLES + " AND pg_relation_size(oid) > 0"
#: Connections a test left open would keep its tables locked.
_ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Databases:
    """Copies of a template, kept for one test process, each with a connection that knows its tables."""

    def __init__(self, server: str, template: str):
        self._server, self._template = server, template
        self._free: list[tuple[str, psycopg.Connection]] = []
        with psycopg.connect(named(server, template), autocommit=True) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()[0]
            tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
            #: The template's own rows by table, as COPY writes them.
            self._rows = {name: rows for name in tables if (rows := _copied(connection, name))}
            self._sequences = _positions(connection)

    @contextlib.contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of a database like the template, for one test."""
        name, connection = self._free.pop() if self._free else self._new()
        yield named(self._server, name)
        if self._emptied(connection):
            self._free.append((name, connection))
        else:
            connection.close()
            admin(self._server, f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """When the tests are over."""
        for _name, connection in self._free:
            connection.close()

    def _new(self) -> tuple[str, psycopg.Connection]:
        name = f"cooee_{secrets.token_hex(6)}"
        admin(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name, psycopg.connect(named(self._server, name))

    def _emptied(self, connection: psycopg.Connection) -> bool:
        """Bring a database back to the template's rows; False when its tables are others by now.

        Emptying a table takes a millisecond or two, so those that are as they were stay.
        """
        try:
            with connection.transaction():
                connection.execute(_ALONE)
                if connection.execute(_SHAPE).fetchone()[0] != self._shape:
                    return False
                changed = [name for name, rows in self._rows.items() if _copied(connection, name) != rows]
                filled = [name for (name,) in connection.execute(_FILLED) if name not in self._rows]
                if changed or filled:
                    names = sql.SQL(", ").join(sql.Identifier(name) for name in (*changed, *filled))
                    connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(names))
                connection.execute("SET LOCAL session_replication_role = replica")
                for name in changed:
                    _restored(connection, name, self._rows[name])
                connection.execute(self._sequences)
        except psycopg.Error:
            return False
        return True


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as rows:
        return b"".join(rows)


def _restored(connection: psycopg.Connection, table: str, rows: bytes) -> None:
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as into:
        into.write(rows)


def _positions(connection: psycopg.Connection) -> str:
    """A statement that puts every sequence where it is now."""
    names = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
    calls = []
    for (name,) in names:
        last, called = connection.execute(
            sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))
        ).fetchone()
        calls.append(f"setval('\"{name}\"', {last}, {str(called).lower()})")
    return "SELECT " + ", ".join(calls or ["1"])


def admin(server: str, statement: str) -> None:
    """Run one statement outside a transaction."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def named(server: str, name: str) -> str:
    """The URL of another database of a server."""
    return urlunparse(urlparse(server)._replace(path=f"/{name}"))
