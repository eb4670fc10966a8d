"""The inbox: what providers say, encrypted as it came, stored before it is answered.

Kinds are the last part of the webhook's path, and "sink" for what a provider's own connection gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from core import clock
from core.contract.types import Inbound, Receipt, ReceiptSink, WebhookRequest
from core.db import database
from core.sending.folding import DEAREST_MICROS

if TYPE_CHECKING:
    from core.runtime import Runtime

SINK = "sink"
COLUMNS = ("account_id", "kind", "body_enc", "received_at", "state", "error")
#: Never stored: they belong to people and proxies, not to the call.
_DROPPED = frozenset({"cookie", "authorization", "proxy-authorization"})
#: A hint to the workers at most this often; they look each second anyway.
HINT_S = 0.5


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


class Alike(NamedTuple):
    """Receipts that say the same of many messages, as they are stored; `at` in epoch ms.

    The lists have the same length; `refs` or `provider_ids` is None where no receipt has one.
    """

    state: str
    at: int | None
    code: str | None
    reason: str | None
    parts: int | None
    refs: list[str | None] | None
    provider_ids: list[str | None] | None
    #: None where no receipt tells a price, as most never do.
    costs: list[int | None] | None = None


def pack_receipts(receipts: Sequence[Receipt]) -> bytes:
    """Receipts of a provider's own connection as bytes: what many of them say is written once."""
    groups: dict[tuple, tuple[list, list]] = {}
    costs: dict[tuple, dict[int, int]] = {}
    apart = _repeat(receipts)
    for n, (state, ref, provider_id, at, code, reason, parts, cost) in enumerate(receipts):
        if not (ref or provider_id):
            continue  # nobody's
        said = (state, at, code, reason, parts, n if apart else 0)
        group = groups.get(said)
        if group is None:
            group = groups[said] = ([], [])
        if cost is not None and 0 <= cost <= DEAREST_MICROS:
            costs.setdefault(said, {})[len(group[0])] = cost
        group[0].append(ref)
        group[1].append(provider_id)
    alike = []
    for said, (refs, provider_ids) in groups.items():
        state, at, code, reason, parts, _n = said
        row = [state, at and clock.to_ms(at), code, reason, parts, _some(refs), _some(provider_ids)]
        if said in costs:
            row.append([costs[said].get(place) for place in range(len(refs))])
        alike.append(row)
    return orjson.dumps({"alike": alike})


def _repeat(receipts: Sequence[Receipt]) -> bool:
    """Does one message have several?  Then each stands by itself, so that the first of two stays the first."""
    names = [receipt[1] or receipt[2] for receipt in receipts]
    return len(set(names)) < len(names)


def _some(names: list[str | None]) -> list[str | None] | None:
    return None if names.count(None) == len(names) else names


def alike(packed: bytes) -> list[Alike]:
    """What `pack_receipts` made, in its order; also as older versions wrote it, each receipt by itself."""
    data = orjson.loads(packed)
    if isinstance(data, dict):
        return [Alike(*row) for row in data["alike"]]
    return [
        Alike(state, at, code, reason, parts, ref and [ref], provider_id and [provider_id])
        for state, ref, provider_id, at, code, reason, parts in data
    ]


def unpack_receipts(packed: bytes) -> list[Receipt]:
    """The receipts again, those that say the same beside each other."""
    made = []
    for state, at, code, reason, parts, refs, provider_ids, costs in alike(packed):
        none = [None] * len(refs or provider_ids or ())
        when = None if at is None else clock.from_ms(at)
        made += [
            Receipt(state, ref, provider_id, when, code, reason, parts, cost)
            for ref, provider_id, cost in zip(refs or none, provider_ids or none, costs or none, strict=True)
        ]
    return made


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
        self._hinted = -HINT_S

    def put(self, items: Sequence[Receipt | Inbound]) -> None:
        """Store receipts raw; inbound texts are handled in the same transaction."""
        from core.sending import inbound

        receipts = [item for item in items if isinstance(item, Receipt)]
        texts = [item for item in items if isinstance(item, Inbound)]
        done = database.retry_locked(self._put, receipts, texts)
        now = clock.monotonic()
        if receipts and now - self._hinted > HINT_S:
            self._hinted = now
            self._rt.enqueue("receipts")
        inbound.announce(self._rt, done)

    def _put(self, receipts: list[Receipt], texts: list[Inbound]):
        from core.sending import inbound

        with database.write_tx():
            if receipts:
                row = (self._account_id, SINK, pack_receipts(receipts))
                store(self._rt, [row], clock.now_ms())
            return inbound.apply(self._rt, self._account_id, texts)
