"""What is thrown away once nobody needs it: old firings, expired links and counters.  What people may want to
keep has periods of its own (`core.audience.retention`)."""

from __future__ import annotations

from core import clock
from core.audience.events import waiting
from core.db import database, settings
from core.runtime import Runtime
from core.security import throttle
from core.sending.calls import masking, saying

#: Table → (condition on rows that may go, how long they stay).
_KEEP = {
    "job_run": ("at < ?", 2 * clock.DAY_MS),
    "pending_receipt": ("received_at < ?", 14 * clock.DAY_MS),
    # Ids are milliseconds << 20.
    "message_part": ("message_id < CAST(? AS BIGINT) * 1048576", 14 * clock.DAY_MS),
    "one_time_link": ("expires_at < ?", 7 * clock.DAY_MS),
    "session_record": ("seen_at < ?", 30 * clock.DAY_MS),
    "click_file": ("at < ?", 30 * clock.DAY_MS),
    "worker": ("ended_at < ?", 7 * clock.DAY_MS),
    "source_call": ("at < ?", 30 * clock.DAY_MS),
    "source_order": ("at < ?", 400 * clock.DAY_MS),
    "api_answer": ("created_at < ?", clock.DAY_MS),
    "token_spend": ("CAST(day AS BIGINT) * 86400000 < ?", 400 * clock.DAY_MS),
    "second_text": ("due_at < ?", 400 * clock.DAY_MS),
    "arrival_cell": ("CAST(hour AS BIGINT) * 3600000 < ?", 400 * clock.DAY_MS),
    "arrival_hour": ("CAST(hour AS BIGINT) * 3600000 < ?", 400 * clock.DAY_MS),
    "error_seen": ("last_at < ?", 400 * clock.DAY_MS),
    "consequence": ("at < ?", 400 * clock.DAY_MS),
    "balance": ("at < ?", 400 * clock.DAY_MS),
    "otp": ("created_at < ?", 90 * clock.DAY_MS),
    "otp_bucket": ("since < ?", 2 * clock.DAY_MS),
    "otp_near": ("at < ?", 2 * clock.DAY_MS),
    "otp_refused": ("hour * 3600000 < ?", 90 * clock.DAY_MS),
    "otp_alarm": ("at < ?", 90 * clock.DAY_MS),
    "paper_file": ("removed_at < ?", 30 * clock.DAY_MS),
    "paper_reminder": ("mailed_at < ?", 400 * clock.DAY_MS),
}
#: Keys of tables without a row id of their own (SQLite).
_KEYS = {
    "arrival_cell": "(hour, account_id, cls, country, carrier)",
    "source_order": "(source_id, order_key)", "click_file": "name", "message_part": "(message_id, n)", "otp": "id",
    "otp_bucket": "(kind, key)",
    "otp_near": "(block, place)", "otp_refused": "(hour, reason, prefix)",
    "error_seen": "(account_id, code, day)",
    "token_spend": "(token_id, day)",
    "paper_reminder": "(dossier_id, thing, due, step, email)",
}  # fmt: skip
_CHUNK = 5_000
#: How long an event waits for its number to become a contact.
_WAITING_MS = 365 * clock.DAY_MS


def run(rt: Runtime) -> None:
    """Delete in chunks, so that no sender waits long for the write lock."""
    now = clock.now_ms()
    throttle.purge()
    masking.run(rt)
    calls_ms = int(settings.get(saying.DAYS_KEY, saying.DAYS)) * clock.DAY_MS
    for table, (condition, keep_ms) in (_KEEP | {"provider_call": ("at < ?", calls_ms)}).items():
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
