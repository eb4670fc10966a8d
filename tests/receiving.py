"""Helpers of the receipt and webhook tests: messages in a state, receipts as a gateway would send them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from core import clock, ids
from core.contract.types import WebhookRequest
from core.db import database, tally
from core.db.codes import State
from core.db.models import Account
from core.sending import accounts, inbox

COLUMNS = (
    "id", "campaign_id", "contact_id", "dedupe", "variant", "cls", "state", "attempt", "not_before",
    "account_id", "provider_id", "ref_hash", "parts", "cost_micros", "submitted_at",
)  # fmt: skip


def gateway(rt, name: str = "gw", **given) -> Account:
    """An account of the HTTP provider."""
    return accounts.create(rt, name, "http", {"url": "https://gateway.example/", "ref_path": "ref", **given})


def messages(
    rt, account: Account, n: int, state: State = State.accepted, *, ago_ms: int = 60_000, echoes=True
) -> list[int]:
    """`n` messages of an account in a state, counted; each costs 100 micros for 2 parts.  Their ids."""
    from core.sending.record import ref_hash

    at = clock.now_ms() - ago_ms
    submitted = at if state not in (State.ready, State.claimed, State.skipped, State.holdout) else None
    with database.write_tx():
        first = ids.allocate(n)
        made = list(range(first, first + n))
        rows = [
            (
                id_, 1, id_ & 0x7FFFFFFF, 0, 0, 2, int(state), 0, 0, account.id,
                None if echoes else f"p-{id_}", None if echoes else ref_hash(account.id, f"p-{id_}"), 2, 100, submitted,
            )
            for id_ in made
        ]  # fmt: skip
        database.copy_rows("message", COLUMNS, rows)
        key = (1, 0, account.id, tally.hour_of(submitted), int(state))
        tally.move({key: (n, 2 * n, 100 * n, 0, 0)})
    return made


def state_of(message_ids: Sequence[int]) -> list[str]:
    """Names of the states, in the order of the ids."""
    found = dict(
        database.query(
            f"SELECT id, state FROM message WHERE id IN ({database.in_list(len(message_ids))})", message_ids
        )
    )
    return [State(found[id_]).name for id_ in message_ids]


def call(body, kind: str = "receipt", **headers) -> WebhookRequest:
    """A call of the gateway; anything but bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return WebhookRequest(
        kind, "POST", "https://x/", {"content-type": "application/json", **headers}, {}, raw
    )


def store(rt, account: Account, *bodies) -> None:
    """Put calls into the inbox as the web process does."""
    with database.write_tx():
        rows = [(account.id, "receipt", inbox.pack(call(body))) for body in bodies]
        inbox.store(rt, rows, clock.now_ms())


def check_counters() -> None:
    """The counters are what the rows say."""
    stored = {key: value for key, value in tally.stored(1).items() if value != (0, 0, 0)}
    assert stored == tally.recount(1)
