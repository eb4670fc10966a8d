"""Making an instance: folders, keys, configuration, schema.  Everything here is safe to repeat."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from core import config, running
from core.contract.errors import Refusal
from core.contract.manager import Plugins
from core.db import database, migrate, quarantine
from core.security import audit, crypto, keycheck

FOLDERS = ("keys", "plugins", "uploads", "journal", "run")

log = logging.getLogger("cooee.instance")

_CONFIG = """\
# Settings of this instance; `cooee config` lists all with their help.
# The environment (COOEE_<NAME>) wins over this file.
"""


def create(folder: str | Path | None = None, **overrides) -> config.Settings:
    """Make what is missing and bring the database up to date; returns the settings.

    Raises `Refusal` when a key is missing that data was stored with.
    """
    os.umask(0o077)  # people stand in the database, and passwords will in config.toml
    settings = config.load(folder, **overrides)
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in FOLDERS:
        settings.path(name).mkdir(exist_ok=True, mode=0o700)
    file = settings.path("config.toml")
    if not file.exists():
        file.write_text(_CONFIG, "utf-8")
    _make_keys(settings)
    upgrade(settings)
    return settings


def _make_keys(settings: config.Settings) -> None:
    folder = settings.path("keys")
    gone = [name for name in crypto.missing(folder) if name != crypto.SESSION]
    if gone:
        database.connect(settings.database_url)
        if keycheck.in_use():
            raise Refusal(
                f"{folder / gone[0]} is missing, and this database holds data stored with it; {crypto.PUT_BACK}."
            )
    crypto.create_keys(folder)


def upgrade(settings: config.Settings) -> list[str]:
    """Apply pending migrations of the core and of plugins; returns their names.

    The database is the one of this process afterwards, ready for the audit log, and knows the keys.  Raises
    `Refusal` without an instance or its keys, while something runs on it, and after a restore that died.
    """
    if not settings.instance.is_dir():
        raise Refusal(
            f"There is no instance at {settings.instance}; make one with `cooee init`, or name yours with --instance."
        )
    keys = crypto.load_keys(settings.path("keys"))
    database.connect(settings.database_url)
    audit.bind(settings, keys)
    said = quarantine.trouble() or keycheck.in_use() and keycheck.trouble(keys, settings.path("keys"))
    if said:
        raise Refusal(said)
    plugins = Plugins.discover(settings.path("plugins"))
    done = migrate.upgrade(settings.instance, plugins.migrations, lambda: running.alone(settings))
    keycheck.require(keys, settings.path("keys"))
    restrict(settings)
    return done


def clean(settings: config.Settings) -> None:
    """Remove what a restore that was killed left below the instance."""
    for left in settings.path("tmp").glob("*"):
        shutil.rmtree(left, ignore_errors=True)


def others_may_read(file: Path) -> bool:
    """Is it there, and open to more than its owner?"""
    try:
        return bool(file.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def too_open(settings: config.Settings) -> list[Path]:
    """Files of the instance that others may read: people's numbers and messages are in them, and passwords."""
    secret = [*sorted(settings.instance.glob("*.db*")), settings.path("config.toml")]
    return [file for file in secret if others_may_read(file)]


def restrict(settings: config.Settings) -> None:
    """Keep SQLite files and config.toml readable by their owner only; at each start, and after an upgrade."""
    for file in too_open(settings):
        try:
            file.chmod(0o600)
        except FileNotFoundError:
            continue  # the journal of a transaction that has ended
        except OSError:  # somebody else's, or on a disk nobody may write to
            log.warning("%s can be read by others; run `chmod 600` as its owner", file)
        else:
            log.warning("%s could be read by others; now by its owner only", file)
