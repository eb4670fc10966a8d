"""What is thrown away once nobody needs it: old firings, expired links and counters.  What people may want to
keep has periods of its own (`core.audience.retention`)."""

from __future__ import annotations

from core import clock
from core.audience.events import waiting
from core.db import database
from core.runtime import Runtime
from core.security import throttle

#: Table → (condition on rows that may go, how long they stay).
_KEEP = {
    "job_run": ("at < ?", 2 * clock.DAY_MS),
    "pending_receipt": ("received_at < ?", 14 * clock.DAY_MS),
    "one_time_link": ("expires_at < ?", 7 * clock.DAY_MS),
    "session_record": ("seen_at < ?", 30 * clock.DAY_MS),
    "click_file": ("at < ?", 30 * clock.DAY_MS),
    "worker": ("ended_at < ?", 7 * clock.DAY_MS),
    "source_call": ("at < ?", 30 * clock.DAY_MS),
    "source_order": ("at < ?", 400 * clock.DAY_MS),
    "api_answer": ("created_at < ?", clock.DAY_MS),
}
#: Keys of tables without a row id of their own (SQLite).
_KEYS = {"source_order": "(source_id, order_key)", "click_file": "name"}
_CHUNK = 5_000
#: How long an event waits for its number to become a contact.
_WAITING_MS = 365 * clock.DAY_MS


def run(rt: Runtime) -> None:
    """Delete in chunks, so that no sender waits long for the write lock."""
    now = clock.now_ms()
    throttle.purge()
    for table, (condition, keep_ms) in _KEEP.items():
        while database.retry_locked(_delete, table, condition, now - keep_ms) == _CHUNK:
            pass
    while database.retry_locked(waiting.purge, now - _WAITING_MS, _CHUNK) == _CHUNK:
        pass


def _delete(table: str, condition: str, before: int) -> int:
    key = _KEYS.get(table) or ("ctid" if database.is_postgres() else "rowid")
    with database.write_tx():
        return database.execute(
            f"DELETE FROM {table} WHERE {key} IN "
            f"(SELECT {key.strip('()')} FROM {table} WHERE {condition} LIMIT {_CHUNK})",
            (before,),
        ).rowcount
