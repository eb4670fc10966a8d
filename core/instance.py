"""Making an instance: folders, keys, configuration, schema.  Everything here is safe to repeat."""

from __future__ import annotations

from pathlib import Path

from core import config
from core.contract.manager import Plugins
from core.db import database, migrate
from core.security import crypto

FOLDERS = ("keys", "plugins", "uploads", "journal", "run")

_CONFIG = """\
# Settings of this instance; `cooee config` lists all with their help.
# The environment (COOEE_<NAME>) wins over this file.
"""


def create(folder: str | Path | None = None, **overrides) -> config.Settings:
    """Make what is missing and bring the database up to date; returns the settings."""
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


def restrict(settings: config.Settings) -> None:
    """Keep SQLite files readable by their owner only."""
    for file in settings.instance.glob("*.db*"):
        file.chmod(0o600)
