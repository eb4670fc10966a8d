"""Backup and restore: hot, verified, and never a second send.

A backup is one tar file: `manifest.json` and either `cooee.db` (SQLite's own online copy) or one CSV a table
(PostgreSQL, all read in one snapshot).  Keys are not in it: keep `instance/keys` elsewhere, or a stolen
backup would open itself.  `cp` of a live SQLite file is no backup (25 of 25 copies were bad, measured).

A restore goes into quarantine: sending stays off until `cooee resume-sending`.  What the send journal says
went on the wire after the backup becomes `in_doubt`, so that it is not sent again; who said STOP after it is
blocked again from the journal of the suppression list.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from core import clock
from core.audience import blocklog, chain, suppression
from core.contract.errors import Refusal
from core.db import database, migrate, settings
from core.db.codes import State
from core.runtime import Runtime
from core.sending import journal

#: The setting whose presence keeps every message from being marked; its value says why.
SENDING_OFF = "sending_off"
_FORMAT = 1


def backup(rt: Runtime, file: Path) -> dict[str, Any]:
    """Write a verified backup to `file`; returns its manifest.  Raises `Refusal` when it cannot."""
    if file.exists():
        raise Refusal(f"{file} exists; give a name that does not.")
    with tempfile.TemporaryDirectory(prefix=".cooee-backup-", dir=file.resolve().parent) as folder:
        place = Path(folder)
        manifest = {
            "format": _FORMAT,
            "made_at": clock.now().isoformat(timespec="milliseconds"),
            "backend": "postgresql" if database.is_postgres() else "sqlite",
            "migrations": _applied(),
            "key": _key_id(rt),
            "newest_message": journal.newest_id(rt.settings.path("journal")),
        }
        copy = _copy_postgres if database.is_postgres() else _copy_sqlite
        manifest["contacts"], manifest["messages"] = copy(place)
        manifest["sha256"] = {part.name: _sha256(part) for part in sorted(place.iterdir())}
        (place / "manifest.json").write_text(json.dumps(manifest, indent=1))
        partial = place / "backup.tar"
        with tarfile.open(partial, "w") as tar:
            for part in sorted(place.iterdir()):
                if part != partial:
                    tar.add(part, part.name)
        partial.chmod(0o600)
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        partial.rename(file)
    return manifest


def restore(rt: Runtime, file: Path) -> dict[str, Any]:
    """Replace the database of this instance by a backup, in quarantine.  Stop Cooee first.

    Returns {"contacts", "messages", "in_doubt", "blocked"}.  Raises `Refusal` when the file, its keys or the backend do
    not fit; then nothing was changed.
    """
    with _opened(file) as (manifest, place):
        if manifest.get("format") != _FORMAT:
            raise Refusal(f"{file} is no backup this version can read.")
        if manifest["key"] != _key_id(rt):
            raise Refusal(f"{file} was made with other keys; put the instance/keys of that time back first.")
        backend = "postgresql" if database.is_postgres() else "sqlite"
        if manifest["backend"] != backend:
            raise Refusal(f"{file} is a {manifest['backend']} backup; this instance runs on {backend}.")
        known = {migration.stem for migration in migrate.CORE.glob("[0-9]*.py")}
        if newer := sorted(set(manifest["migrations"]) - known):
            raise Refusal(
                f"{file} is of a newer version ({', '.join(newer)}); install that version, then restore."
            )
        if _someone_works():
            raise Refusal("Workers are running on this database; stop Cooee, then restore.")
        put = _restore_postgres if database.is_postgres() else _restore_sqlite
        put(rt, place)
    settings.put(SENDING_OFF, f"restored {clock.now().isoformat(timespec='minutes')} from {file.name}")
    migrate.upgrade(rt.settings.instance, rt.plugins.migrations)
    doubtful = _doubt_what_was_sent(rt)
    blocked = _block_who_said_stop(rt, clock.to_ms(datetime.fromisoformat(manifest["made_at"])))
    chain.note(rt, restored=True)
    counts = {name: manifest[name] for name in ("contacts", "messages")}
    return counts | {"in_doubt": doubtful, "blocked": blocked}


def resume_sending() -> str | None:
    """Leave quarantine; returns why sending was off, or None when it was on."""
    why = settings.get(SENDING_OFF)
    settings.remove(SENDING_OFF)
    return why


# --- SQLite -------------------------------------------------------------------------------------------


def _copy_sqlite(place: Path) -> tuple[int, int]:
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


def _restore_sqlite(rt: Runtime, place: Path) -> None:
    copy = sqlite3.connect(place / "cooee.db")
    try:
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise Refusal("The database in this backup is damaged; use another one.")
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


def _copy_postgres(place: Path) -> tuple[int, int]:
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


def _restore_postgres(rt: Runtime, place: Path) -> None:
    """Tables as they were when the backup was made, then its rows; `restore` applies later migrations."""
    with database.write_tx():
        migrate.rebuild(rt.plugins.migrations, _last_migrations(place))
        tables = [table for table in _tables() if (place / f"{table}.csv").exists()]
        columns = {table: _header(place / f"{table}.csv") for table in tables}
        _grow_profile(columns.get("profile", []), place)
        database.execute("SET LOCAL session_replication_role = replica")
        database.execute(_truncate(tables))
        for table in tables:
            names = ", ".join(f'"{c}"' for c in columns[table])
            with (
                open(place / f"{table}.csv", "rb") as source,
                database.proxy.cursor().copy(
                    f'COPY "{table}" ({names}) FROM STDIN (FORMAT csv, HEADER)'
                ) as copy,
            ):
                while block := source.read(1 << 20):
                    copy.write(block)
        for table in tables:
            if "id" in columns[table]:
                _reset_sequence(table)


def _last_migrations(place: Path) -> dict[str, str]:
    """Core and plugins → the last migration applied when the backup was made."""
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
    """Add the columns of contact fields this database does not have yet, typed as the backup's fields say."""
    have = {
        row[0]
        for row in database.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'profile'"
        )
    }
    kinds = {
        "text": "TEXT",
        "choice": "INTEGER",
        "number": "DOUBLE PRECISION",
        "date": "INTEGER",
        "bool": "SMALLINT",
    }
    with open(place / "field.csv", newline="", encoding="utf-8") as source:
        types = {row["column"]: kinds[row["kind"]] for row in csv.DictReader(source)}
    for name in names:
        if name not in have and name in types:
            database.execute(f'ALTER TABLE profile ADD COLUMN "{name}" {types[name]}')


def _reset_sequence(table: str) -> None:
    sequence = database.scalar("SELECT pg_get_serial_sequence(?, 'id')", (table,))
    if sequence:
        database.execute(f'SELECT setval(?, COALESCE((SELECT MAX(id) FROM "{table}"), 1))', (sequence,))


# --- both ---------------------------------------------------------------------------------------------


def _applied() -> list[str]:
    return [row[0] for row in database.query("SELECT name FROM migration_core ORDER BY name")]


def _key_id(rt: Runtime) -> str:
    """A name for the keys that gives nothing away: a hash of a keyed hash."""
    return hashlib.sha256(rt.keys.blind_index("which keys are these")).hexdigest()[:16]


def _someone_works() -> bool:
    """A live worker has been seen: one whose process exists on this machine, or that beats elsewhere."""
    from core.sending import leases

    rows = database.query("SELECT pid, pid_start FROM worker WHERE ended_at IS NULL")
    return any(started and leases.pid_start(pid) == started for pid, started in rows)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[dict, Path]]:
    if not file.exists():
        raise Refusal(f"{file} does not exist.")
    with tempfile.TemporaryDirectory(prefix="cooee-restore-") as folder:
        try:
            with tarfile.open(file) as tar:
                tar.extractall(folder, filter="data")
            manifest = json.loads((Path(folder) / "manifest.json").read_text())
            changed = _changed(manifest, Path(folder))
        except (tarfile.TarError, OSError, ValueError) as error:
            raise Refusal(f"{file} is no backup of Cooee ({error}).") from None
        if changed:
            raise Refusal(f"{file} was changed after it was made ({', '.join(changed)}); use another backup.")
        yield manifest, Path(folder)


def _changed(manifest: dict[str, Any], place: Path) -> list[str]:
    """Parts that are not what the manifest says; those of before it said so pass."""
    if "sha256" not in manifest:
        return []
    found = {part.name: _sha256(part) for part in place.iterdir() if part.name != "manifest.json"}
    said = manifest["sha256"]
    return sorted(name for name in found.keys() | said.keys() if found.get(name) != said.get(name))


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _doubt_what_was_sent(rt: Runtime) -> int:
    """Messages the restored rows call unsent, but the journal saw on the wire, become in doubt."""
    sent = sorted(set(journal.sent_since(rt.settings.path("journal"), 0)))
    done = 0
    for start in range(0, len(sent), 1_000):
        done += database.retry_locked(_doubt, sent[start : start + 1_000])
    return done


def _block_who_said_stop(rt: Runtime, since: int) -> int:
    """Repeat the changes of the suppression list made after the backup; returns how many."""
    changes = list(blocklog.since(rt.settings.path("journal"), since))
    for change in changes:
        with database.write_tx():
            if change.added:
                entries = [suppression.Entry(bidx, classes=change.classes) for bidx in change.phone_bidxs]
                suppression.add(rt, entries, reason=change.reasons[0], who="restore")
            else:
                suppression.remove(rt, change.phone_bidxs[0], reasons=change.reasons)
    return len(changes)


def _doubt(ids: list[int]) -> int:
    from core.db import marking, tally

    steps = (State.ready, State.claimed, State.submitting, State.in_doubt)
    with database.write_tx():
        deltas, moved = tally.Deltas(), []
        for old, new in zip(steps, steps[1:], strict=False):
            reason = "restored" if new is State.in_doubt else None
            moved = marking.move(ids, old, new, deltas, reason=reason, keep_submitted=True)
        tally.move(deltas)
    return len(moved)
