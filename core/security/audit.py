"""Who did what.  Append-only: triggers refuse to change or delete a row."""

from __future__ import annotations

from flask import has_request_context, request

from core import clock
from core.db import database


def record(who: str, action: str, object: str = "", detail: str = "") -> None:
    """Write one line, inside the caller's `write_tx()` so that the deed and its record stand together.

    `who` is an e-mail, "cli:<user>" or "system"; `action` a word with a dot ("person.role"); `object` what
    it was done to.  Never put secrets or whole phone numbers into `detail`.
    """
    ip = (request.remote_addr or "") if has_request_context() else ""
    database.execute(
        'INSERT INTO audit (at, who, action, "object", detail, ip) VALUES (?, ?, ?, ?, ?, ?)',
        (clock.now_ms(), who[:250], action[:250], object[:250], detail, ip),
    )
