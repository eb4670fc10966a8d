"""`cooee bench receipts`: from the raw inbox, one receipt a call, to the final state of messages.

`baseline` is a bare UPDATE of the same rows by primary key in the same database; `ratio` is ours over it.
"""

from __future__ import annotations

from typing import Any

import orjson

from core import clock, ids
from core.bench import clocked, figures, throwaway
from core.contract.types import WebhookRequest
from core.db import database
from core.db.codes import State
from core.runtime import Runtime
from core.sending import accounts, inbox, receipts

_COLUMNS = (
    "id", "campaign_id", "contact_id", "dedupe", "variant", "cls", "state", "attempt", "not_before",
    "account_id", "parts", "cost_micros", "submitted_at",
)  # fmt: skip
_CHUNK = 20_000


def run(n: int) -> dict[str, Any]:
    """Store `n` receipts as raw calls of an HTTP gateway, apply them, and count."""
    with throwaway() as rt:
        account = accounts.create(
            rt, "gateway", "http", {"url": "https://gateway.example/", "ref_path": "ref"}
        )
        first = _messages(n, account.id)
        _calls(rt, account, first, n)
        baseline = _bare(first, n)
        with clocked() as took:
            while receipts.apply(rt):
                continue
        delivered = database.scalar("SELECT SUM(n) FROM tally WHERE state = ?", (int(State.delivered),))
        if delivered != n:
            raise RuntimeError(f"{n} receipts, {delivered} delivered")
        per_second = n / took.seconds
        return figures(
            "receipts", n, took, {"bare UPDATE a second": round(baseline)}, per_second / baseline,
            calls_per_receipt=1, database="postgresql" if database.is_postgres() else "sqlite",
        )  # fmt: skip


def _messages(n: int, account_id: int) -> int:
    """`n` accepted messages, counted."""
    now = clock.now_ms()
    with database.write_tx():
        first = ids.allocate(n)
    for at in range(0, n, _CHUNK):
        rows = [
            (first + i, 1, i, 0, 0, 2, int(State.accepted), 0, 0, account_id, 1, 45_000, now)
            for i in range(at, min(at + _CHUNK, n))
        ]
        with database.write_tx():
            database.copy_rows("message", _COLUMNS, rows)
    with database.write_tx():
        database.execute(
            "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
            "VALUES (1, 0, ?, ?, ?, ?, ?, ?, 0, 0)",
            (account_id, now // clock.HOUR_MS, int(State.accepted), n, n, n * 45_000),
        )
    return first


def _calls(rt: Runtime, account, first: int, n: int) -> None:
    references, now = ids.References(rt.keys), clock.now_ms()
    url, headers = (
        accounts.callback_url(rt, account),
        {"content-type": "application/json", "user-agent": "gateway"},
    )
    for at in range(0, n, _CHUNK):
        rows = []
        for i in range(at, min(at + _CHUNK, n)):
            body = orjson.dumps({"ref": references.of(first + i), "id": f"m-{i:010d}", "status": "DELIVRD"})
            rows.append(
                (account.id, "receipt", inbox.pack(WebhookRequest("receipt", "POST", url, headers, {}, body)))
            )
        with database.write_tx():
            inbox.store(rt, rows, now)


def _bare(first: int, n: int) -> float:
    """Rows a second of an UPDATE that changes nothing, in transactions of the same size."""
    with clocked() as took:
        for at in range(first, first + n, receipts.BATCH):
            rows = [(None, id_) for id_ in range(at, min(at + receipts.BATCH, first + n))]
            with database.write_tx():
                database.executemany("UPDATE message SET reason = ? WHERE id = ?", rows)
    return n / took.seconds
