"""Rows of earlier versions, masked as rows are today: once, in the background, a piece at a time.

They held the tokens of our webhooks' addresses, and what no setting calls secret.  A page hides those, but the
search looks at what is stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from core.contract.errors import CooeeError
from core.db import database, settings
from core.redact import Mask, hooks
from core.sending import accounts
from core.sending.calls import saying
from core.sending.calls.rows import detail_of

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Setting: [the last row looked at, the last row there was at the beginning].
DONE_KEY = "calls.masked"
_CHUNK = 500
_LINE = re.compile(r"([A-Z]+) (.*)", re.DOTALL)


def run(rt: Runtime) -> None:
    """Mask what is left; a run that was cut off is continued by the next."""
    masks: dict[int, Mask] = {}
    while True:
        newest = database.scalar("SELECT MAX(id) FROM provider_call") or 0
        done, last = settings.get(DONE_KEY, [0, newest])
        if done >= last and settings.get(DONE_KEY) is not None:
            return
        rows = database.query(
            "SELECT id, account_id, error, detail FROM provider_call WHERE id > ? AND id <= ? "
            "AND (detail IS NOT NULL OR error <> '') ORDER BY id LIMIT ?",
            (done, last, _CHUNK),
        )
        for _id, account_id, _error, _detail in rows:
            if account_id not in masks:
                masks[account_id] = _mask(rt, account_id)
        changed = [made for row in rows if (made := _masked(masks[row[1]], *row))]
        done = rows[-1][0] if len(rows) == _CHUNK else last
        database.retry_locked(_store, changed, [done, last])


def _store(changed: list[tuple], done: list[int]) -> None:
    with database.write_tx():
        database.executemany("UPDATE provider_call SET error = ?, detail = ? WHERE id = ?", changed)
        settings.put(DONE_KEY, done)


def _mask(rt: Runtime, account_id: int) -> Mask:
    """What must not be kept of an account; lengths of words stand there already, and stay."""
    try:
        secrets = saying.secrets_of(accounts.open_provider(rt, account_id, connect=False))
    except CooeeError:
        secrets = []  # deleted, or made for a plugin that is gone: names still tell
    return Mask(secrets, keep_words=True)


def _masked(
    mask: Mask, id_: int, _account: int, error: str, detail: str | None
) -> tuple[str, str | None, int] | None:
    """(error, detail, id) of a row that changes."""
    made = None
    if detail:
        told = detail_of(detail)
        if "exchanges" in told:
            told["exchanges"] = [_exchange(mask, one) for one in told["exchanges"]]
        made = orjson.dumps(told).decode()
    row = (hooks(mask.text(error)), made and hooks(made), id_)
    return row if row != (error, detail, id_) else None


def _exchange(mask: Mask, one: dict[str, Any]) -> dict[str, Any]:
    made = dict(one)
    if line := _LINE.fullmatch(str(one.get("request", ""))):
        made["request"] = f"{line[1]} {mask.url(line[2])}"
    if "headers" in one:
        made["headers"] = [mask.header(line) for line in one["headers"]]
    for name in ("body", "answer"):
        if name in one:
            made[name] = mask.body(one[name].encode(), answer=name == "answer")
    if "error" in one:
        made["error"] = mask.text(one["error"])
    return made
