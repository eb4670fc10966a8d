"""The transaction that applies receipts: messages, parts, opt-outs, consequences, counters and money at once.

Applying twice, in any order, any number of times gives the same: states only move up (core/db/codes.py), and
of two final receipts that disagree the first stands and the other is logged.  A receipt that comes before the
response to its submit waits in `pending_receipt`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core import clock
from core.db import database, marking, receiving, tally
from core.db.codes import State
from core.sending import calls, consequences, errorkinds, inbound, optouts, parted, repricing
from core.sending.folding import Folded, News
from core.sending.reading import Batch

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.receipts")

#: Unknown ids an account may leave behind: forged receipts are bounded.
PENDING_QUOTA = 100_000
#: What became of messages: the change, and the messages in order.
Changes = dict[receiving.Change, list[int]]
_PENDING = ("account_id", "ref_hash", "message_id", "state", "code", "at", "received_at")
_ODD = ("message_id", "state", "code", "at", "received_at", "note")


def apply(rt: Runtime, batch: Batch, pending: Sequence[int] = ()) -> None:
    """Apply a batch and tell who wants to know; `pending` are the waiting receipts it was made of."""
    changes, done, pauses = database.retry_locked(_commit, rt, batch, pending)
    inbound.announce(rt, done)
    consequences.announce(rt, pauses)
    if changes and rt.plugins.listens("messages_changed"):
        told = [(id_, State(change[0]).name) for change, ids in changes.items() for id_ in ids]
        rt.plugins.call("messages_changed", changes=told)


def _commit(
    rt: Runtime, batch: Batch, pending: Sequence[int]
) -> tuple[Changes, inbound.Applied, list[consequences.Pause]]:
    with database.write_tx():
        done = inbound.Applied()
        if batch.texts or any(news.opted_out or news.kind in consequences.SUPPRESSING for news in batch.news):
            optouts.hold(rt)
        if batch.raw and not receiving.take_calls([call[0] for call in batch.raw], batch.errors):
            return {}, done, []  # another worker was quicker
        calls.write(batch.log)
        rows, told, lost = _found(batch.news)
        folded = Folded(rows)
        for news, ids in told:
            folded.take(news, ids)
        changes = folded.changes()
        receiving.write(changes)
        receiving.name(folded.names.items())
        done.events += optouts.write(rt, _opted_out(told, rows))
        pauses = _follow(rt, batch.news, folded)
        for account_id, text in batch.texts:
            more = inbound.apply(rt, account_id, [text])
            done.ids += more.ids
            done.events += more.events
        if pending:
            receiving.forget_pending(pending)
        _store_pending([*((news, 0, id_) for news, id_ in folded.unknown), *lost])
        _store_odd(folded)
        deltas = folded.deltas()
        for campaign_id, cost in folded.refunds.items():
            marking.refund(campaign_id, cost)
        free = [id_ for change, ids in changes.items() if change[0] == State.rejected for id_ in ids]
        repricing.apply(batch.news, {id_ for _news, id_ in folded.unknown}, free, deltas)
        tally.move(deltas)
    return changes, done, pauses


def _found(
    said: Sequence[News],
) -> tuple[dict[int, receiving.Row], list[tuple[News, list[int]]], list[tuple[News, int, int | None]]]:
    """Messages by id, locked; (receipts, the ids of theirs); (receipts, hash, None) that belong to nothing known."""
    found = receiving.load(
        {id_ for news in said for id_ in news.ids}, {hash_ for news in said for hash_ in news.hashes}
    )
    rows, by_hash = {row[0]: row for row in found}, {row[8]: row[0] for row in found}
    told: list[tuple[News, list[int]]] = []
    lost: list[tuple[News, int]] = []
    for news in said:
        theirs = [by_hash[hash_] for hash_ in news.hashes if hash_ in by_hash]
        if len(theirs) < len(news.hashes):
            lost += [(news, hash_) for hash_ in news.hashes if hash_ not in by_hash]
        told.append((news, news.ids + theirs))
    if lost:
        of_parts, lost = parted.whole(lost)
        more = {id_ for _news, ids in of_parts for id_ in ids} - rows.keys()
        rows |= {row[0]: row for row in receiving.load(more, ())}
        told += of_parts
    return rows, told, [(news, hash_, None) for news, hash_ in lost]


def _opted_out(told: Sequence[tuple[News, list[int]]], rows: dict[int, receiving.Row]) -> list[optouts.Told]:
    return [
        optouts.Told(id_, news.account_id, news.code or "")
        for news, ids in told
        if news.opted_out
        for id_ in ids
        if id_ in rows
    ]


def _follow(rt: Runtime, said: Sequence[News], folded: Folded) -> list[consequences.Pause]:
    """Count the codes of messages that failed now, and act on what they mean."""
    kinds = {(news.account_id, news.code): news.kind for news in said if news.kind}
    if not kinds:
        return []
    failed = [
        consequences.Failed(id_, kind[3], meant, reason)
        for (kind, (_new, reason, _at)), ids in folded.moved.items()
        if (meant := kinds.get((kind[3], reason)))
        for id_ in sorted(ids)
    ]
    now = clock.now_ms()
    errorkinds.note(((one.account_id, one.code) for one in failed), now)
    return consequences.apply(rt, failed, now)


def _store_pending(waiting: Sequence[tuple[News, int, int | None]]) -> None:
    """Keep (receipts, hash, message id) until their message can take them."""
    if not waiting:
        return
    room = {
        account: PENDING_QUOTA
        - database.scalar("SELECT COUNT(*) FROM pending_receipt WHERE account_id = ?", (account,))
        for account in sorted({news.account_id for news, _hash, _id in waiting})
    }
    told = {id(news): news for news, _hash, _id in waiting if news.prices}
    costs = {key: repricing.costs(news) for key, news in told.items()}
    rows, priced = [], []
    for news, hash_, message_id in waiting:
        room[news.account_id] -= 1
        if room[news.account_id] >= 0:
            at = news.received_at if news.at is None else news.at
            row = (news.account_id, hash_, message_id, news.state, news.code, at, news.received_at)
            cost = costs[id(news)].get((message_id, hash_)) if news.prices else None
            if cost is None:
                rows.append(row)
            else:
                priced.append((*row, cost))
    if dropped := len(waiting) - len(rows) - len(priced):
        log.error("%s receipts for unknown messages were dropped: the quota is full", dropped)
    database.copy_rows("pending_receipt", _PENDING, rows)
    if priced:
        database.copy_rows("pending_receipt", (*_PENDING, "cost_micros"), priced)


def _store_odd(folded: Folded) -> None:
    rows = [
        (id_, news.state, news.code, news.at or news.received_at, news.received_at, note)
        for news, id_, note in folded.odd
    ]
    if rows:
        database.copy_rows("receipt_log", _ODD, rows)
