"""The inbox: what providers say, encrypted as it came, stored before it is answered.

Kinds are the last part of the webhook's path, and "sink" for what a provider's own connection gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import orjson

from core import clock
from core.contract.types import Inbound, Receipt, ReceiptSink, WebhookRequest
from core.db import database

if TYPE_CHECKING:
    from core.runtime import Runtime

SINK = "sink"
COLUMNS = ("account_id", "kind", "body_enc", "received_at", "state", "error")
#: Never stored: they belong to people and proxies, not to the call.
_DROPPED = frozenset({"cookie", "authorization", "proxy-authorization"})


def aad(account_id: int) -> bytes:
    """What a body is bound to."""
    return b"inbox:body_enc:%d" % account_id


def pack(request: WebhookRequest) -> bytes:
    """A call as bytes: one line of JSON, then the body as it came."""
    headers = {name: value for name, value in request.headers.items() if name not in _DROPPED}
    return orjson.dumps([request.method, request.url, headers, dict(request.args)]) + b"\n" + request.body


def unpack(kind: str, packed: bytes) -> WebhookRequest:
    """The call again."""
    head, _, body = packed.partition(b"\n")
    method, url, headers, args = orjson.loads(head)
    return WebhookRequest(kind, method, url, headers, args, body)


def pack_receipts(receipts: Iterable[Receipt]) -> bytes:
    """Receipts of a provider's own connection as bytes."""
    return orjson.dumps(
        [
            (r.state, r.ref, r.provider_id, r.at and clock.to_ms(r.at), r.code, r.reason, r.parts)
            for r in receipts
        ]
    )


def unpack_receipts(packed: bytes) -> list[Receipt]:
    """The receipts again."""
    return [
        Receipt(state, ref, provider_id, None if at is None else clock.from_ms(at), code, reason, parts)
        for state, ref, provider_id, at, code, reason, parts in orjson.loads(packed)
    ]


def store(
    rt: Runtime, rows: Sequence[tuple[int, str, bytes]], now: int, state: int = 0, error: str = ""
) -> None:
    """Append (account, kind, packed bytes) rows.  Inside `write_tx()`.

    `state` is 0 for what the receipts job shall read, 1 for what is applied already, 2 with its `error` for
    what cannot be understood.
    """
    encrypt = rt.keys.encrypt
    database.copy_rows(
        "inbox",
        COLUMNS,
        [(account, kind, encrypt(packed, aad(account)), now, state, error) for account, kind, packed in rows],
    )


class Sink(ReceiptSink):
    """What providers with their own connection deliver to; returns once it is committed."""

    def __init__(self, rt: Runtime, account_id: int):
        self._rt, self._account_id = rt, account_id

    def put(self, items: Sequence[Receipt | Inbound]) -> None:
        """Store receipts raw; inbound texts are handled in the same transaction."""
        from core.sending import inbound

        receipts = [item for item in items if isinstance(item, Receipt)]
        texts = [item for item in items if isinstance(item, Inbound)]
        done = database.retry_locked(self._put, receipts, texts)
        if receipts:
            self._rt.enqueue("receipts")
        inbound.announce(self._rt, done)

    def _put(self, receipts: list[Receipt], texts: list[Inbound]):
        from core.sending import inbound

        with database.write_tx():
            if receipts:
                row = (self._account_id, SINK, pack_receipts(receipts))
                store(self._rt, [row], clock.now_ms())
            return inbound.apply(self._rt, self._account_id, texts)
