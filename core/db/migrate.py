"""Migrations: one history for the core and one for each plugin that has tables.

`cooee upgrade` applies what is pending under a boot lock; web and workers refuse to start while anything is
pending, so that old code never writes to a newer schema or the other way round.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from playhouse.migrations import MigrationError, Runner

from core.contract.errors import Refusal
from core.db import database
from core.db.models.base import database as proxy

CORE = Path(__file__).parent / "migrations"
_LOCK = 0x434F4F4545  # "COOEE"


def _runners(plugins: Mapping[str, Path]) -> list[tuple[str, Runner]]:
    runners = [("core", Runner(proxy.obj, directory=str(CORE), table_name="migration_core"))]
    for name, folder in sorted(plugins.items()):
        runners.append((name, Runner(proxy.obj, directory=str(folder), table_name=f"migration_{name}")))
    return runners


def pending(plugins: Mapping[str, Path] | None = None) -> list[str]:
    """Names of migrations not yet applied, as "core/0001_initial".

    `plugins` maps a plugin to its folder of migrations.
    """
    return [
        f"{name}/{migration.name}"
        for name, runner in _runners(plugins or {})
        for migration in runner.status()
        if not migration.applied and migration.path
    ]


def unknown(plugins: Mapping[str, Path] | None = None) -> list[str]:
    """Names of applied migrations that this version has no file of: the database is of a newer one."""
    return [
        f"{name}/{migration.name}"
        for name, runner in _runners(plugins or {})
        for migration in runner.status()
        if migration.applied and not migration.path
    ]


def upgrade(
    instance: Path,
    plugins: Mapping[str, Path] | None = None,
    alone: Callable[[], AbstractContextManager] = nullcontext,
) -> list[str]:
    """Apply what is pending, each migration in a transaction of its own; returns their names.

    Two processes at once do it once: the second waits for the first.  `alone` is held meanwhile when anything is
    pending.  Raises `Refusal` for a newer database.
    """
    with _boot_lock(instance):
        if unknown(plugins):
            raise Refusal(trouble(plugins))
        if not pending(plugins):
            return []
        with alone():
            return _applied(plugins or {})


def _applied(plugins: Mapping[str, Path]) -> list[str]:
    return [f"{name}/{applied}" for name, runner in _runners(plugins) for applied in runner.up()]


def rebuild(plugins: Mapping[str, Path], last: Mapping[str, str]) -> None:
    """PostgreSQL: drop every table and function and make those of an older version, inside `write_tx()`.

    `last` maps core and plugins to the last migration to apply; what it leaves out has no tables afterwards.
    Raises `Refusal` for a migration this version does not know.
    """
    for (table,) in database.query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
        database.execute(f'DROP TABLE "{table}" CASCADE')
    for (function,) in database.query(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
    ):
        database.execute(f"DROP FUNCTION {function} CASCADE")
    for name, runner in _runners(plugins):
        if name in last:
            try:
                runner.up(last[name])
            except MigrationError as error:
                raise Refusal(f"The backup is of a newer version ({name}/{last[name]}): {error}") from None


def trouble(plugins: Mapping[str, Path] | None = None) -> str:
    """Why this version cannot work on this database, with the remedy; empty when it can."""
    if newer := unknown(plugins):
        return (
            f"The database is of a newer version ({', '.join(newer)}); install that version again, "
            "or restore a backup of this one."
        )
    if waiting := pending(plugins):
        return f"The database is not up to date ({', '.join(waiting)}); stop Cooee and run `cooee upgrade`."
    return ""


def require_current(plugins: Mapping[str, Path] | None = None) -> None:
    """Raise `Refusal` while migrations are pending, or when some were applied that this version does not have."""
    if said := trouble(plugins):
        raise Refusal(said)


@contextmanager
def _boot_lock(instance: Path) -> Iterator[None]:
    if database.is_postgres():
        database.execute("SELECT pg_advisory_lock(?)", (_LOCK,))
        try:
            yield
        finally:
            database.execute("SELECT pg_advisory_unlock(?)", (_LOCK,))
        return
    with open(instance / "upgrade.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
