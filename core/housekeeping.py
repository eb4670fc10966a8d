"""What is thrown away once nobody needs it: old firings, handled inbox rows, expired links and counters."""

from __future__ import annotations

from core import clock
from core.db import database
from core.runtime import Runtime
from core.security import throttle

#: Table → (condition on rows that may go, how long they stay).
_KEEP = {
    "job_run": ("at < ?", 2 * clock.DAY_MS),
    "inbox": ("state <> 0 AND received_at < ?", 14 * clock.DAY_MS),
    "pending_receipt": ("received_at < ?", 14 * clock.DAY_MS),
    "one_time_link": ("expires_at < ?", 7 * clock.DAY_MS),
    "session_record": ("seen_at < ?", 30 * clock.DAY_MS),
    "worker": ("ended_at < ?", 7 * clock.DAY_MS),
}
_CHUNK = 5_000


def run(rt: Runtime) -> None:
    """Delete in chunks, so that no sender waits long for the write lock."""
    now = clock.now_ms()
    throttle.purge()
    for table, (condition, keep_ms) in _KEEP.items():
        while database.retry_locked(_delete, table, condition, now - keep_ms) == _CHUNK:
            pass


def _delete(table: str, condition: str, before: int) -> int:
    row_id = "ctid" if database.is_postgres() else "rowid"
    with database.write_tx():
        return database.execute(
            f"DELETE FROM {table} WHERE {row_id} IN "
            f"(SELECT {row_id} FROM {table} WHERE {condition} LIMIT {_CHUNK})",
            (before,),
        ).rowcount
