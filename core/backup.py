"""Backup and restore: hot, verified, and never a second send.

A backup is one tar file: `manifest.json` and what `core.db.copies` makes of the database.  Keys are not in it:
keep `instance/keys` elsewhere, or a stolen backup would open itself.

A restore goes into quarantine: sending stays off until `cooee resume-sending`.  What the send journal says
went on the wire after the backup becomes `in_doubt`, so that it is not sent again; who said STOP after it is
blocked again from the journal of the suppression list.  One that died on the way is repeated: until then the
database says so and nothing works on it (`core.db.quarantine`).
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from core import clock, disk, faults, instance, running
from core.audience import blocklog, chain, suppression
from core.contract.errors import Refusal
from core.db import copies, database, migrate, quarantine
from core.db.codes import State
from core.runtime import Runtime
from core.security import audit
from core.sending import journal

_FORMAT = 1
#: What a manifest of any version says.
_MANIFEST = {
    "format": int,
    "made_at": str,
    "backend": str,
    "migrations": list,
    "key": str,
    "contacts": int,
    "messages": int,
}


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
            "key": rt.keys.ids["index.key"],
            "data_key": rt.keys.ids["data.key"],
            "newest_message": journal.newest_id(rt.settings.path("journal")),
        }
        manifest["contacts"], manifest["messages"] = copies.write(place)
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


def restore(rt: Runtime, file: Path, who: str = "restore") -> dict[str, Any]:
    """Replace the database of this instance by a backup, in quarantine.  Stop Cooee first.  `who` does it, for the
    audit log.  One that died is repeated from its beginning.

    Returns {"contacts", "messages", "in_doubt", "blocked"}.  Raises `Refusal` when somebody works on the database or
    the file, its keys or the backend do not fit; then nothing was changed.
    """
    with running.alone(rt.settings):
        with _opened(rt, file) as (manifest, place):
            _refuse_unfit(rt, file, manifest)
            before = quarantine.begun() or {"told": _noted(rt)}
            why = f"restored {clock.now().isoformat(timespec='minutes')} from {file.name}"
            copies.read(
                place,
                rt.plugins.migrations,
                lambda execute: quarantine.enter(execute, why, before | {"file": str(file.resolve())}),
            )
        faults.point("restore:rows")
        migrate.upgrade(rt.settings.instance, rt.plugins.migrations)
        faults.point("restore:migrated")
        doubtful = _doubt_what_was_sent(rt)
        faults.point("restore:doubted")
        blocked = _block_who_said_stop(rt, _epoch_ms(manifest["made_at"]))
        faults.point("restore:blocked")
        chain.note(rt, restored=True)
        _record(rt, file, manifest["made_at"] + before["told"], who)
        faults.point("restore:recorded")
        quarantine.leave()
    counts = {name: manifest[name] for name in ("contacts", "messages")}
    return counts | {"in_doubt": doubtful, "blocked": blocked}


def _refuse_unfit(rt: Runtime, file: Path, manifest: dict[str, Any]) -> None:
    mine = rt.keys.ids
    if (manifest["key"], manifest.get("data_key", mine["data.key"])) != (mine["index.key"], mine["data.key"]):
        raise Refusal(f"{file} was made with other keys; put the instance/keys of that time back first.")
    backend = "postgresql" if database.is_postgres() else "sqlite"
    if manifest["backend"] != backend:
        raise Refusal(f"{file} is a {manifest['backend']} backup; this instance runs on {backend}.")
    known = {migration.stem for migration in migrate.CORE.glob("[0-9]*.py")}
    if newer := sorted(set(manifest["migrations"]) - known):
        raise Refusal(
            f"{file} is of a newer version ({', '.join(newer)}); install that version, then restore."
        )


def _noted(rt: Runtime) -> str:
    """How far the audit log goes: its end will be the backup's, and that is no cut."""
    before = audit.of(rt.settings, rt.keys).noted()
    return f"; the log went up to row {before.last}, seal {before.seal}" if before else ""


def _record(rt: Runtime, file: Path, told: str, who: str) -> None:
    with database.write_tx():
        audit.record(who, "database.restored", file.name, f"made {told}")
    audit.of(rt.settings, rt.keys).note(restored=True)


def _epoch_ms(made_at: str) -> int:
    return clock.to_ms(datetime.fromisoformat(made_at))


def _applied() -> list[str]:
    return [row[0] for row in database.query("SELECT name FROM migration_core ORDER BY name")]


@contextmanager
def _opened(rt: Runtime, file: Path) -> Iterator[tuple[dict, Path]]:
    """The manifest and the unpacked parts, beside the database: that disk must hold them anyway, /tmp need not."""
    if not file.exists():
        raise Refusal(f"{file} does not exist.")
    instance.clean(rt.settings)
    folder = rt.settings.path("tmp")
    folder.mkdir(exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=folder) as made:
        place = Path(made)
        try:
            with tarfile.open(file) as tar:
                tar.extractall(place, filter="data")
            manifest = _manifest(place)
            changed = _changed(manifest, place)
        except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
            if disk.is_full(error):
                raise Refusal(disk.full_words(place)) from None
            raise Refusal(f"{file} is no backup of Cooee{_first_words(error)}.") from None
        if manifest["format"] != _FORMAT:
            raise Refusal(f"{file} is no backup this version can read.")
        if changed:
            raise Refusal(f"{file} was changed after it was made ({', '.join(changed)}); use another backup.")
        yield manifest, place


def _first_words(error: Exception) -> str:
    """ " (why)": the first of the lines of an error, which with tar are one for each way of packing."""
    words = str(error).partition("\n")[0].rstrip(":. ")
    return f" ({words})" if words else ""


def _manifest(place: Path) -> dict[str, Any]:
    """What the backup says of itself.  Raises `ValueError` when it says something else than a backup would."""
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    if not isinstance(manifest, dict):
        raise ValueError("its manifest is no object")
    for name, kind in _MANIFEST.items():
        if not isinstance(manifest.get(name), kind):
            raise ValueError(f"its manifest has no {name}")
    if not isinstance(manifest.get("sha256", {}), dict):
        raise ValueError("its manifest has no sha256")
    _epoch_ms(manifest["made_at"])
    return manifest


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
                suppression.add(rt, entries, reason=change.reasons[0], who="restore", noted=True)
            else:
                suppression.remove(rt, change.phone_bidxs[0], reasons=change.reasons, noted=True)
        faults.point("restore:change")
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
