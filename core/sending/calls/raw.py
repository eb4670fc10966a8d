"""Receipts of one message as they came: found in the inbox by their time, read by the provider's own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from core import clock, ids
from core.contract.errors import CooeeError
from core.contract.types import Provider, Receipt, WebhookRequest
from core.db import database
from core.redact import Mask
from core.sending import accounts, inbox
from core.sending.calls import saying

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.messages import Row

#: Calls looked through, from the submit on.
LOOK = 3_000
#: A receipt is looked for until so long after the final state.
AFTER_MS = clock.HOUR_MS


class Raw(NamedTuple):
    """One call of the provider that speaks of the message: masked as it came, and as it was read."""

    received_at: int
    kind: str
    said: str
    receipts: list[Receipt]


def of_message(rt: Runtime, row: Row, account_id: int) -> list[Raw]:
    """Calls that speak of a message, oldest first; [] where they are no longer kept or the account is gone."""
    if not row.submitted_at:
        return []
    try:
        provider = accounts.open_provider(rt, account_id, connect=False)
    except CooeeError:
        return []
    until = (row.final_at or clock.now_ms()) + AFTER_MS
    calls = database.query(
        "SELECT received_at, kind, body_enc FROM inbox WHERE id >= ? AND account_id = ? AND received_at <= ? "
        "ORDER BY id LIMIT ?",
        (_first_after(row.submitted_at), account_id, until, LOOK),
    )
    ref, mask, found = ids.References(rt.keys).of(row.id), saying.mask_for(provider), []
    names = [name for name in (ref, row.provider_id) if name]
    for received_at, kind, body_enc in calls:
        packed = rt.keys.decrypt(body_enc, inbox.aad(account_id))
        if any(name.encode() in packed for name in names):
            said, receipts = _read(provider, kind, packed, mask, names)
            theirs = [r for r in receipts if r.ref in names or r.provider_id in names]
            if theirs or not receipts:
                found.append(Raw(received_at, kind, said[: saying.BODY], theirs))
    return found


def _first_after(at: int) -> int:
    """The first id of the inbox not older than an instant; ids and times grow together."""
    low, high = (database.scalar(f"SELECT COALESCE({end}(id), 0) FROM inbox") for end in ("MIN", "MAX"))
    while low < high:
        middle = (low + high) // 2
        id_, received_at = database.one(
            "SELECT id, received_at FROM inbox WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
        )
        if received_at < at:
            low = id_ + 1
        else:
            high = middle
    return low


def _read(
    provider: Provider, kind: str, packed: bytes, mask: Mask, names: list[str]
) -> tuple[str, list[Receipt]]:
    receipts: list[Receipt] = []
    if kind == inbox.SINK:
        receipts = inbox.unpack_receipts(packed)
        theirs = [r for r in receipts if r.ref in names or r.provider_id in names]
        return "\n".join(mask.text(_plain(receipt)) for receipt in theirs), receipts
    request: WebhookRequest = inbox.unpack(kind, packed)
    said = _said(request, mask, names)
    try:
        receipts.extend(one for one in provider.parse_webhook(request) if isinstance(one, Receipt))
    except (CooeeError, ValueError, TypeError, KeyError, AttributeError):
        # What it could read of the call stands; the rest is what the call itself shows.
        return said, receipts
    return said, receipts


def _plain(receipt: Receipt) -> str:
    at = receipt.at.isoformat(timespec="seconds") if receipt.at else ""
    return " · ".join(str(part) for part in (receipt.state, at, receipt.code, receipt.reason) if part)


def _said(request: WebhookRequest, mask: Mask, names: list[str]) -> str:
    """The call, masked; of a list only what speaks of the message."""
    if not request.body:
        return mask.url("?" + request.url.partition("?")[2])
    try:
        data = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return mask.body(request.body)
    return mask.body(orjson.dumps(_theirs(data, [name.encode() for name in names])))


def _theirs(data: Any, names: list[bytes]) -> Any:
    if isinstance(data, list):
        return [_theirs(one, names) for one in data if any(name in orjson.dumps(one) for name in names)]
    if isinstance(data, dict):
        return {
            key: _theirs(one, names) if isinstance(one, list | dict) else one for key, one in data.items()
        }
    return data
