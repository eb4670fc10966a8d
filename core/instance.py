"""Making an instance: folders, keys, configuration, schema.  Everything here is safe to repeat."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from core import config
from core.contract.manager import Plugins
from core.db import database, migrate
from core.security import crypto

FOLDERS = ("keys", "plugins", "uploads", "journal", "run")

log = logging.getLogger("cooee.instance")

_CONFIG = """\
# Settings of this instance; `cooee config` lists all with their help.
# The environment (COOEE_<NAME>) wins over this file.
"""


def create(folder: str | Path | None = None, **overrides) -> config.Settings:
    """Make what is missing and bring the database up to date; returns the settings."""
    os.umask(0o077)  # people stand in the database, and passwords will in config.toml
    settings = config.load(folder, **overrides)
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in FOLDERS:
        settings.path(name).mkdir(exist_ok=True, mode=0o700)
    file = settings.path("config.toml")
    if not file.exists():
        file.write_text(_CONFIG, "utf-8")
    crypto.create_keys(settings.path("keys"))
    upgrade(settings)
    return settings


def upgrade(settings: config.Settings) -> list[str]:
    """Apply pending migrations of the core and of plugins; returns their names."""
    database.connect(settings.database_url)
    plugins = Plugins.discover(settings.path("plugins"))
    done = migrate.upgrade(settings.instance, plugins.migrations)
    restrict(settings)
    return done


def others_may_read(file: Path) -> bool:
    """Is it there, and open to more than its owner?"""
    try:
        return bool(file.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def databases(settings: config.Settings) -> list[Path]:
    """SQLite files of the instance that others may read: people's numbers and messages are in them."""
    return [file for file in sorted(settings.instance.glob("*.db*")) if others_may_read(file)]


def restrict(settings: config.Settings) -> None:
    """Keep SQLite files readable by their owner only; at each start, and after an upgrade."""
    for file in databases(settings):
        try:
            file.chmod(0o600)
        except FileNotFoundError:
            continue  # the journal of a transaction that has ended
        except PermissionError:
            log.warning("%s can be read by others; run `chmod 600` as its owner", file)
        else:
            log.warning("%s could be read by others; now by its owner only", file)
