"""The one composition root: settings → keys → database → plugins → queue → runtime → web application."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import config, redact
from core.contract.errors import Refusal
from core.contract.manager import Plugins
from core.db import database, migrate, pluginstate, quarantine
from core.instance import restrict
from core.jobs import Queue
from core.runtime import Runtime
from core.security import audit, crypto, keycheck

if TYPE_CHECKING:
    from flask import Flask


#: Page cache of each connection of a web server, one a thread; a worker's one connection takes more.
WEB_CACHE_MB = 2


def compose(
    instance: str | Path | None = None, *, cache_mb: int = 32, repairing: bool = False, **overrides: Any
) -> Runtime:
    """Read an instance and wire it up.  Raises `Refusal` with the remedy when it cannot run.

    `repairing`: the database is about to be replaced, whatever its state.
    """
    os.umask(0o077)  # whatever this process writes is its owner's alone: databases, journal, uploads
    settings = config.load(instance, **overrides)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    redact.guard_logs()
    logging.getLogger("huey").setLevel(logging.WARNING)  # it would name every hint of every second
    logging.getLogger("peewee").setLevel(logging.WARNING)  # a restore would name every migration
    keys = crypto.load_keys(settings.path("keys"))
    restrict(settings)
    database.connect(settings.database_url, cache_mb)
    audit.bind(settings, keys)
    plugins = Plugins.discover(settings.path("plugins"), disabled={}, on_disable=_remember_disabled)
    if not repairing:
        _require_usable(plugins, keys, settings)
        plugins.disable_all(pluginstate.switched_off())
    queue = Queue(settings.queue_url)
    rt = Runtime(settings=settings, plugins=plugins, keys=keys, enqueue=queue.enqueue, queue=queue)
    queue.bind(rt)
    return rt


def create_app(instance: str | Path | None = None, **overrides: Any) -> Flask:
    """The web application of an instance."""
    from core.web.application import make_app

    rt = compose(instance, cache_mb=WEB_CACHE_MB, **overrides)
    app = make_app(rt)
    app.queue = rt.queue.huey
    return app


def _require_usable(plugins: Plugins, keys: crypto.Keys, settings: config.Settings) -> None:
    if unfinished := quarantine.trouble():
        raise Refusal(unfinished)
    migrate.require_current(plugins.migrations)
    keycheck.require(keys, settings.path("keys"))


def _remember_disabled(name: str, reason: str) -> None:
    with database.write_tx():
        pluginstate.remember(name, False, reason)
