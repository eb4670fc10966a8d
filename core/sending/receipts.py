"""Receipts: from the raw inbox to the final state of messages.

A batch is read and parsed without a transaction, then applied in one: messages are found by our reference or
by the hash of account and provider id, states only move up (core/db/codes.py), counters move with them.
Applying twice, in any order, any number of times gives the same: of two final receipts that disagree the
first stands and the other is logged.  A receipt that comes before the response to its submit waits in
`pending_receipt` and is matched again every second, later every ten minutes, for 14 days.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peewee import DataError, IntegrityError

from core import clock, ids, redact
from core.contract.errors import CooeeError
from core.contract.types import Inbound, Provider, Receipt
from core.db import database, marking, receiving, tally
from core.db.codes import State
from core.sending import accounts, calls, consequences, errorkinds, inbound, inbox, optouts, parted
from core.sending.folding import Folded, Item
from core.sending.record import ref_hash

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.receipts")

#: Raw calls applied in one transaction.
BATCH = 5_000
#: A run ends after this long and asks for another.
RUN_S = 20.0
#: Fresh pending receipts are matched again each second, all of them by `rematch_all`.
FRESH_MS = 10 * clock.MINUTE_MS
#: Unknown ids an account may leave behind: forged receipts are bounded.
PENDING_QUOTA = 100_000
_BY_NAME = {state.name: int(state) for state in State}
_STATES = {int(state): state.name for state in State}


@dataclass(slots=True)
class Batch:
    """What raw calls were found to say."""

    calls: list[int] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    texts: list[tuple[int, Inbound]] = field(default_factory=list)
    log: list[calls.Call] = field(default_factory=list)


# --- jobs ---------------------------------------------------------------------------------------------


def apply(rt: Runtime, *_ids: int) -> int:
    """Apply what is new in the inbox, then fresh pending receipts; how many raw calls were applied."""
    until, total = clock.monotonic() + RUN_S, 0
    while True:
        raw = receiving.new_calls(BATCH)
        if raw:
            total += _apply_calls(rt, raw)
        if len(raw) < BATCH:
            break
        if clock.monotonic() > until:
            rt.enqueue("receipts")
            break
    rematch(rt)
    return total


def poll_due(rt: Runtime) -> None:
    """Ask the providers that must be asked, each at its own pace."""
    for account in accounts.every():
        cls = rt.plugins.providers.get(account.provider)
        if account.enabled and not account.halted and cls is not None:
            try:
                poll(rt, account.id)
            except CooeeError as error:
                log.warning("account %s: poll failed: %s", account.name, error)
            except Exception:
                # A provider plugin that raises what it should not: the other accounts are asked all the same.
                log.exception("account %s: poll failed", account.name)


def poll(rt: Runtime, account_id: int) -> int:
    """Ask for receipts of an account's open messages, from where the last poll ended; how many came."""
    from core.db import settings

    provider = accounts.open_provider(rt, account_id)
    if not provider.can_poll:
        return 0
    key, now = f"poll:{account_id}", clock.now_ms()
    last = settings.get(key, {"at": 0, "after": 0})
    if now - last["at"] < provider.poll_every_s * 1000:
        return 0
    if not receiving.has_open_messages(account_id) and not provider.polls_inbound:
        return 0
    oldest = (now - 7 * clock.DAY_MS) << 20
    after, until, got = max(last["after"], oldest), clock.monotonic() + RUN_S, 0
    references, codes = ids.References(rt.keys), optouts.Codes(rt)
    while clock.monotonic() < until:
        rows = receiving.open_messages(account_id, after, 500)
        if not rows and (after != oldest or not provider.polls_inbound):
            after = 0
            break
        with calls.asked(provider, account_id, "poll") as asked:
            asked.n = len(rows)
            said = list(provider.poll(_questions(rt, references, provider, rows)))
        receipts = [one for one in said if not isinstance(one, Inbound)]
        items = [made for receipt in receipts if (made := _item(references, account_id, receipt, now, codes))]
        got += len(items)
        _apply(rt, Batch(items=items, texts=[(account_id, one) for one in said if isinstance(one, Inbound)]))
        if not rows:
            after = 0
            break
        after = rows[-1][0]
    settings.put(key, {"at": now, "after": after})
    return got


def _questions(
    rt: Runtime, references: ids.References, provider: Provider, rows: Sequence[tuple[int, str | None]]
) -> list[tuple]:
    """Messages as `Provider.poll` asks for them."""
    asked = [(references.of(id_), provider_id) for id_, provider_id in rows]
    if not provider.polls_by_number:
        return asked
    known = receiving.numbers_of([id_ for id_, _provider_id in rows])
    numbers = rt.keys.open_numbers([sealed for _id, sealed, _at in known])
    whose = {id_: (number, clock.from_ms(at)) for (id_, _, at), number in zip(known, numbers, strict=True)}
    return [(*one, *whose[id_]) for one, (id_, _provider_id) in zip(asked, rows, strict=True) if id_ in whose]


def rematch(rt: Runtime, since: int | None = None) -> int:
    """Give waiting receipts to messages that are known by now; how many found theirs."""
    if database.scalar("SELECT 1 FROM pending_receipt LIMIT 1") is None:
        return 0
    codes = optouts.Codes(rt)
    found = receiving.matched_pending(clock.now_ms() - FRESH_MS if since is None else since, BATCH)
    items = [
        Item(
            account_id, state, received_at, message_id=None if part else message_id, hash=part, at=at, code=code,
            opted_out=codes.tell(account_id, _STATES[state], code, None),
            kind=codes.kind(account_id, _STATES[state], code),
        )
        for _id, message_id, account_id, state, code, at, received_at, part in found
    ]  # fmt: skip
    if items:
        _apply(rt, Batch(items=items), [row[0] for row in found])
    return len(items)


def rematch_all(rt: Runtime) -> None:
    """Match all that waits, however old."""
    while rematch(rt, 0) == BATCH:
        continue


# --- reading ------------------------------------------------------------------------------------------


def _apply_calls(rt: Runtime, raw: Sequence[tuple[int, int, str, bytes, int]]) -> int:
    batch, references, codes = Batch(), ids.References(rt.keys), optouts.Codes(rt)
    began = clock.monotonic()
    providers: dict[int, Provider | str] = {}
    for id_, account_id, kind, body_enc, received_at in raw:
        batch.calls.append(id_)
        try:
            for said in _said(rt, providers, account_id, kind, body_enc):
                if isinstance(said, Inbound):
                    batch.texts.append((account_id, said))
                elif made := _item(references, account_id, said, received_at, codes):
                    batch.items.append(made)
        except Exception as error:
            # A provider's parser meets whatever the world sends; one bad call must not stop the rest.
            batch.errors.append((id_, redact.numbers(_clean(f"{type(error).__name__}: {error}"[:500]))))
    if batch.errors:
        log.warning(
            "%s calls of providers were not understood, e.g. %s", len(batch.errors), batch.errors[0][1]
        )
    batch.log = calls.webhooks(raw, batch.errors, round((clock.monotonic() - began) * 1000))
    try:
        _apply(rt, batch)
    except (DataError, IntegrityError) as error:
        if len(raw) > 1:
            half = len(raw) // 2
            return _apply_calls(rt, raw[:half]) + _apply_calls(rt, raw[half:])
        log.exception("call %s of a provider cannot be stored", raw[0][0])
        with database.write_tx():
            receiving.take_calls([raw[0][0]], [(raw[0][0], f"cannot be stored: {type(error).__name__}")])
    return len(raw)


def _clean(text: str) -> str:
    """Text a database takes."""
    return (
        text
        if text.isascii() and "\x00" not in text
        else text.encode(errors="replace").decode().replace("\x00", "")
    )


def _said(
    rt: Runtime, providers: dict[int, Any], account_id: int, kind: str, body_enc: bytes
) -> Iterable[Receipt | Inbound]:
    packed = rt.keys.decrypt(body_enc, inbox.aad(account_id))
    if kind == inbox.SINK:
        return inbox.unpack_receipts(packed)
    if account_id not in providers:
        providers[account_id] = accounts.open_provider(rt, account_id, connect=False)
    return providers[account_id].parse_webhook(inbox.unpack(kind, packed))


def _item(
    references: ids.References, account_id: int, receipt: Receipt, received_at: int, codes: optouts.Codes
) -> Item | None:
    """None for a receipt that names no message at all."""
    message_id = references.id_of(receipt.ref) if receipt.ref else None
    provider_id = _clean(receipt.provider_id) if receipt.provider_id else None
    if message_id is None and provider_id is None:
        return None
    return Item(
        account_id,
        _BY_NAME[receipt.state],
        received_at,
        message_id,
        ref_hash(account_id, provider_id) if message_id is None else None,
        provider_id,
        clock.to_ms(receipt.at) if receipt.at else None,
        _clean((receipt.code or receipt.reason or "")[:60]) or None,
        codes.tell(account_id, receipt.state, receipt.code, receipt.reason),
        codes.kind(account_id, receipt.state, receipt.code or receipt.reason),
    )


# --- applying -----------------------------------------------------------------------------------------


def _apply(rt: Runtime, batch: Batch, pending: Sequence[int] = ()) -> None:
    changes, done, pauses = database.retry_locked(_commit, rt, batch, pending)
    inbound.announce(rt, done)
    consequences.announce(rt, pauses)
    if changes:
        rt.plugins.call(
            "messages_changed", changes=[(id_, State(state).name) for id_, state, *_rest in changes]
        )


def _commit(
    rt: Runtime, batch: Batch, pending: Sequence[int]
) -> tuple[list[receiving.Change], inbound.Applied, list[consequences.Pause]]:
    with database.write_tx():
        done = inbound.Applied()
        if batch.texts or any(
            item.opted_out or item.kind in consequences.SUPPRESSING for item in batch.items
        ):
            optouts.hold(rt)
        if batch.calls and not receiving.take_calls(batch.calls, batch.errors):
            return [], done, []  # another worker was quicker
        calls.write(batch.log)
        by_hash = receiving.by_hash({item.hash for item in batch.items if item.message_id is None})
        for item in batch.items:
            if item.message_id is None:
                item.message_id = by_hash.get(item.hash)
        items = parted.whole(batch.items)
        rows = receiving.load({item.message_id for item in items if item.message_id is not None})
        folded = Folded(rows)
        for item in items:
            folded.take(item)
        if folded.changes:
            receiving.write(list(folded.changes.values()))
        receiving.name(folded.names.items())
        done.events += optouts.write(
            rt,
            [
                optouts.Told(item.message_id, item.account_id, item.code or "")
                for item in items
                if item.opted_out and item.message_id in rows
            ],
        )
        pauses = _follow(rt, items, folded)
        for account_id, text in batch.texts:
            more = inbound.apply(rt, account_id, [text])
            done.ids += more.ids
            done.events += more.events
        if pending:
            receiving.forget_pending(pending)
        _store_pending(folded.unknown)
        _store_log(folded.odd)
        deltas = folded.deltas()
        for campaign_id, cost in folded.refunds.items():
            marking.refund(campaign_id, cost)
        tally.move(deltas)
    return list(folded.changes.values()), done, pauses


def _follow(rt: Runtime, items: Sequence[Item], folded: Folded) -> list[consequences.Pause]:
    """Count the codes of messages that failed now, and act on what they mean."""
    kinds = {(item.message_id, item.code): item for item in items if item.kind}
    if not kinds:
        return []
    failed = [
        consequences.Failed(id_, item.account_id, item.kind, item.code)
        for id_, _state, reason, _at in folded.changes.values()
        if (item := kinds.get((id_, reason)))
    ]
    now = clock.now_ms()
    errorkinds.note(((one.account_id, one.code) for one in failed), now)
    return consequences.apply(rt, failed, now)


def _store_pending(items: Sequence[Item]) -> None:
    if not items:
        return
    accounts_ = sorted({item.account_id for item in items})
    room = {
        account: PENDING_QUOTA
        - database.scalar("SELECT COUNT(*) FROM pending_receipt WHERE account_id = ?", (account,))
        for account in accounts_
    }
    rows = []
    for item in items:
        room[item.account_id] -= 1
        if room[item.account_id] >= 0:
            at = item.received_at if item.at is None else item.at
            rows.append(
                (
                    item.account_id,
                    item.hash or 0,
                    item.message_id,
                    item.state,
                    item.code,
                    at,
                    item.received_at,
                )
            )
    if len(rows) < len(items):
        log.error("%s receipts for unknown messages were dropped: the quota is full", len(items) - len(rows))
    columns = ("account_id", "ref_hash", "message_id", "state", "code", "at", "received_at")
    database.copy_rows("pending_receipt", columns, rows)


def _store_log(odd: Sequence[tuple[Item, str]]) -> None:
    columns = ("message_id", "state", "code", "at", "received_at", "note")
    rows = [
        (item.message_id, item.state, item.code, item.at or item.received_at, item.received_at, note)
        for item, note in odd
    ]
    if rows:
        database.copy_rows("receipt_log", columns, rows)
