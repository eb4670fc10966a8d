"""The one composition root: settings → keys → database → plugins → queue → runtime → web application."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import config
from core.contract.manager import Plugins
from core.db import database, migrate
from core.db.models import PluginState
from core.jobs import Queue
from core.runtime import Runtime
from core.security import crypto

if TYPE_CHECKING:
    from flask import Flask


def compose(instance: str | Path | None = None, *, check_schema: bool = True, **overrides: Any) -> Runtime:
    """Read an instance and wire it up.  Raises `Refusal` with the remedy when it cannot run."""
    os.umask(0o077)  # whatever this process writes is its owner's alone: databases, journal, uploads
    settings = config.load(instance, **overrides)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("huey").setLevel(logging.WARNING)  # it would name every hint of every second
    keys = crypto.load_keys(settings.path("keys"))
    database.connect(settings.database_url)
    plugins = Plugins.discover(settings.path("plugins"), disabled={}, on_disable=_remember_disabled)
    if check_schema:
        migrate.require_current(plugins.migrations)
        plugins.disable_all(_disabled())
    queue = Queue(settings.queue_url)
    rt = Runtime(settings=settings, plugins=plugins, keys=keys, enqueue=queue.enqueue, queue=queue)
    queue.bind(rt)
    return rt


def create_app(instance: str | Path | None = None, **overrides: Any) -> Flask:
    """The web application of an instance."""
    from core.web.application import make_app

    rt = compose(instance, **overrides)
    app = make_app(rt)
    app.queue = rt.queue.huey
    return app


def _disabled() -> dict[str, str]:
    return {row.name: row.reason for row in PluginState.select().where(PluginState.enabled == 0)}


def _remember_disabled(name: str, reason: str) -> None:
    from core import clock

    with database.write_tx():
        database.execute(
            "INSERT INTO plugin_state (name, enabled, reason, at) VALUES (?, 0, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET enabled = 0, reason = excluded.reason, at = excluded.at",
            (name, reason[:250], clock.now_ms()),
        )
