"""Checks of an instance from outside: each says what it looked at, what it found and what to do."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from peewee import PeeweeException

from core import clock, config, disk
from core.audience import chain as ledger
from core.contract.errors import CooeeError
from core.contract.manager import Plugins
from core.db import chaincheck, database, migrate, quarantine
from core.instance import too_open
from core.jobs import Queue
from core.security import audit, crypto, keycheck
from core.sending import clockwatch

_QUIET_MS = 120_000


@dataclass
class Finding:
    """One check: what, whether it is in order, and a sentence with the remedy when not."""

    what: str
    ok: bool
    said: str


def examine(instance: str | Path | None) -> list[Finding]:
    """Run all checks; one that fails never hides the next."""
    try:
        settings = config.load(instance)
    except CooeeError as error:
        return [Finding("settings", False, str(error))]
    found = [Finding("settings", True, f"instance {settings.instance}")]
    for what, check in _CHECKS.items():
        found += _guarded(what, check, settings)
    return found


def _guarded(what: str, check: Callable[[config.Settings], Iterator[Finding]], settings) -> list[Finding]:
    found = []
    try:
        for finding in check(settings):
            found.append(finding)
    except CooeeError as error:
        found.append(Finding(what, False, str(error)))
    except Exception as error:
        found.append(Finding(what, False, f"{type(error).__name__}: {error}"))
    return found


def _keys(settings) -> Iterator[Finding]:
    keys = crypto.load_keys(settings.path("keys"))
    others = _others(settings, keys)
    yield Finding("keys", not others, others or "present, readable by the owner only, those of this database")


def _others(settings, keys: crypto.Keys) -> str:
    """Why the keys are not those of the database; whether that can be asked is a check of its own."""
    try:
        database.connect(settings.database_url)
        return keycheck.trouble(keys, settings.path("keys")) if keycheck.in_use() else ""
    except (PeeweeException, CooeeError):
        return ""


def _permissions(settings) -> Iterator[Finding]:
    open_files = [str(file) for file in too_open(settings)]
    said = (
        f"run `chmod 600 {' '.join(open_files)}`" if open_files else "databases and config.toml are private"
    )
    yield Finding("permissions", not open_files, said)


def _database(settings) -> Iterator[Finding]:
    database.connect(settings.database_url)
    if unwritable := _unwritable(settings):
        yield Finding("database", False, unwritable)
        return
    version = database.scalar("SHOW server_version") if database.is_postgres() else sqlite3.sqlite_version
    yield Finding("database", True, f"{'PostgreSQL' if database.is_postgres() else 'SQLite'} {version}")
    if unfinished := quarantine.trouble():
        yield Finding("restore", False, unfinished)
        return  # an upgrade or `resume-sending` would be wrong advice
    trouble = migrate.trouble(Plugins.discover(settings.path("plugins")).migrations)
    yield Finding("schema", not trouble, trouble or "up to date")
    off = database.one("SELECT value FROM setting WHERE key = 'sending_off'")
    yield Finding("sending", off is None, f"off ({off[0]}); run `cooee resume-sending`" if off else "on")


def _unwritable(settings) -> str:
    """Why nothing can be written, asked by writing and taking it back; empty when it can."""
    try:
        with suppress(_Back), database.write_tx():
            database.execute(
                "INSERT INTO setting (\"key\", value) VALUES ('doctor', '0') ON CONFLICT DO NOTHING"
            )
            raise _Back
    except (OSError, PeeweeException) as error:
        database.reopen()
        if "no such table" in str(error) or "does not exist" in str(error):
            return ""  # there is nothing in it yet, which the check of the schema says
        return f"it cannot be written ({str(error).strip()}){_whose(settings)}"
    return ""


class _Back(Exception):
    """Takes back what the check wrote."""


def _whose(settings) -> str:
    """ "; what to do about files this user may not write": as root leaves them behind who ran a command."""
    folder = settings.instance
    files = [str(f) for f in (folder, *sorted(folder.glob("*.db*"))) if not os.access(f, os.W_OK)]
    if not files:
        return ""
    mine = all(Path(file).stat().st_uid == os.geteuid() for file in files)
    todo = "chmod u+w" if mine else "sudo chown $(id -u)"
    return f": run `{todo} {shlex.join(files)}`"


def _seals(settings) -> Iterator[Finding]:
    keys = crypto.load_keys(settings.path("keys"))
    audit.bind(settings, keys)
    seen = audit.verified()
    for what, chain, last in (
        ("consent ledger", ledger.of(settings, keys), None),
        ("audit log", audit.of(settings, keys), seen and seen.broken),
    ):
        broken = last or chaincheck.glance(chain)
        said = (
            f"{broken} Look with `cooee verify`"
            if broken
            else "ends as noted; `cooee verify` walks all of it"
        )
        yield Finding(what, not broken, said)


def _queue(settings) -> Iterator[Finding]:
    waiting = Queue(settings.queue_url).huey.pending_count()
    yield Finding("queue", True, f"answers, {waiting} hints waiting")


def _workers(settings) -> Iterator[Finding]:
    last = database.scalar("SELECT MAX(at) FROM job_run")
    quiet = last is None or clock.now_ms() - last > _QUIET_MS
    said = "no worker has run periodic work in the last two minutes; start `cooee up` or `cooee worker`"
    yield Finding("workers", not quiet, said if quiet else "at work")


def _clock(settings) -> Iterator[Finding]:
    newest = database.scalar("SELECT last FROM id_block") or 0
    ahead = (newest >> 20) - clock.now_ms()
    said = f"this machine is {ahead // 1000} s behind what the database has seen; set its clock"
    yield Finding("clock", ahead < 60_000, said if ahead >= 60_000 else "not behind the database")
    jumped = ", ".join(f"{host} by {clockwatch.words(by)}" for host, by in clockwatch.by_host().items())
    said = f"held, because a clock jumped ({jumped}); set it back, or run `cooee clock confirm` if it is right now"
    yield Finding("planned starts", not jumped, said if jumped else "begin on time")


def _disk(settings) -> Iterator[Finding]:
    space = disk.look(settings)
    said = f"{space.free / space.total:.0%} free ({disk.size(space.free)})"
    said += f", ballast of {disk.size(space.ballast)}" if space.ballast else ", no ballast"
    if database.is_postgres():
        said += "; the instance's own disk, the database's is not looked at"
    if space.low:
        said += f"; nothing is launched before {disk.size(space.needed)} is free: make room"
    yield Finding("disk", not space.low, said)


def _accounts(settings) -> Iterator[Finding]:
    for name, provider, halted, open_until in database.query(
        "SELECT name, provider, halted, open_until FROM account WHERE enabled ORDER BY name"
    ):
        trouble = halted or ("resting after failures" if open_until > clock.now_ms() else "")
        yield Finding(f"account {name}", not trouble, trouble or provider)


def _plugins(settings) -> Iterator[Finding]:
    for plugin in Plugins.discover(settings.path("plugins")).report():
        if plugin["state"] == "failed" or plugin["problems"]:
            yield Finding(
                f"plugin {plugin['name']}", False, plugin["reason"] or "; ".join(plugin["problems"])
            )
    yield Finding("plugins", True, "all others load")


_CHECKS = {
    "permissions": _permissions,
    "keys": _keys,
    "database": _database,
    "seals": _seals,
    "queue": _queue,
    "workers": _workers,
    "clock": _clock,
    "disk": _disk,
    "accounts": _accounts,
    "plugins": _plugins,
}
