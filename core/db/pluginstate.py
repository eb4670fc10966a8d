"""Which plugins are switched off, and why; survives restarts."""

from __future__ import annotations

from core import clock
from core.db import database
from core.db.models import PluginState


def switched_off() -> dict[str, str]:
    """{plugin: reason} of those that are off."""
    return {row.name: row.reason for row in PluginState.select().where(PluginState.enabled == 0)}


def remember(name: str, on: bool, reason: str = "") -> None:
    """Keep whether a plugin is on.  Inside `write_tx()`."""
    database.execute(
        "INSERT INTO plugin_state (name, enabled, reason, at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled, reason = excluded.reason, at = excluded.at",
        (name, int(on), reason[:250], clock.now_ms()),
    )
