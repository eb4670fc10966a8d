"""A restored database sends nothing until somebody says so, and is used for nothing before the restore is whole.

Both are settings of the copy itself, written before it takes the place of the database (`core.db.copies`): however
a restore dies, there is no moment at which the old rows could be sent once more.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from core.db import database, settings

#: What keeps every message from being marked (core.db.gate); its value says why.
SENDING_OFF = "sending_off"
#: Who pressed "stop everything", and when (core.sending.stopping).
STOPPED = "sending_stop"
#: There while a restore has not come to its end.
UNFINISHED = "restore_unfinished"


def enter(execute: Callable[[str, tuple], Any], why: str, begun: dict[str, Any]) -> None:
    """Put a copy into quarantine with `execute`, which runs one statement in it.

    `begun` is what the restore needs when it is repeated, its "file" among it; `why` is shown on every page.
    """
    held = {SENDING_OFF: why, UNFINISHED: begun}
    execute('DELETE FROM setting WHERE "key" IN (?, ?, ?)', (SENDING_OFF, STOPPED, UNFINISHED))
    for key, value in held.items():
        execute(
            'INSERT INTO setting ("key", value) VALUES (?, ?)', (key, json.dumps(value, ensure_ascii=False))
        )


def begun() -> dict[str, Any]:
    """What the restore that did not come to its end left for the next; empty when there is none."""
    return settings.get(UNFINISHED, {}) if database.proxy.table_exists("setting") else {}


def trouble() -> str:
    """Why nothing may be done with this database, with the remedy; empty when no restore is unfinished."""
    left = begun()
    if not left:
        return ""
    return (
        f"A restore did not come to its end, so some would be texted twice; repeat it: "
        f"`cooee restore {shlex.quote(left['file'])}`."
    )


def leave() -> None:
    """The restore is whole; sending stays off."""
    settings.remove(UNFINISHED)
