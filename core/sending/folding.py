"""Folding receipts onto messages: states only move up, so order and repetition make no difference.

Of two final receipts that disagree the first stands and the other is logged (core/db/codes.py has the edges).
"""

from __future__ import annotations

from dataclasses import dataclass

from core import clock
from core.db import receiving, tally
from core.db.codes import EDGES, State

IN_5M_MS, IN_24H_MS = 5 * clock.MINUTE_MS, clock.DAY_MS
#: How far a provider's clock is believed to be off.
SKEW_MS = 5 * clock.MINUTE_MS

_CAN = {int(old): frozenset(map(int, new)) for old, new in EDGES.items()}
_WAITING = (int(State.ready), int(State.claimed))
_RECEIPT_FINALS = (int(State.delivered), int(State.undelivered), int(State.expired), int(State.rejected))
_NEVER_SENT = (int(State.skipped), int(State.cancelled), int(State.holdout))


@dataclass(slots=True)
class Item:
    """One receipt on its way to a message; times in epoch ms."""

    account_id: int
    state: int
    received_at: int
    message_id: int | None = None
    hash: int | None = None
    provider_id: str | None = None
    at: int | None = None
    code: str | None = None
    #: The provider says that the number opted out.
    opted_out: bool = False
    #: What its code means, where it says that the message failed (core.contract.kinds).
    kind: str = ""


class Folded:
    """Receipts folded onto messages as they are now: what changes, what waits, what is odd."""

    def __init__(self, rows: dict[int, receiving.Row]):
        self.rows = rows
        self.changes: dict[int, receiving.Change] = {}
        self.names: dict[int, str] = {}
        self.unknown: list[Item] = []
        self.odd: list[tuple[Item, str]] = []
        self.refunds: dict[int, int] = {}

    def take(self, item: Item) -> None:
        """One receipt, in the order they came."""
        row = self.rows.get(item.message_id)
        if row is None or row[1] in _WAITING:
            self.unknown.append(item)
            return
        if row[4] != item.account_id:
            self.odd.append((item, "came through another account"))
            return
        change = self.changes.get(row[0])
        old, new = (change[1] if change else row[1]), item.state
        if new not in _CAN.get(old, ()):
            if new != old and new in _RECEIPT_FINALS:
                self.odd.append(
                    (item, "was never sent" if old in _NEVER_SENT else "another final state was first")
                )
            return
        if item.provider_id and row[1] != State.accepted:
            self.names[row[0]] = item.provider_id
        final = new in _RECEIPT_FINALS
        reason = (item.code or State(new).name) if final and new != State.delivered else None
        self.changes[row[0]] = (row[0], new, reason, _happened(item, row[5]) if final else None)

    def deltas(self) -> tally.Deltas:
        """What the changes do to the counters."""
        sums: dict[tuple, list[int]] = {}
        for id_, new, _reason, final_at in self.changes.values():
            _id, old, campaign, variant, account, submitted_at, parts, cost = self.rows[id_]
            kind = (campaign, variant, account, (submitted_at or 0) // clock.HOUR_MS, old, new)
            sum_ = sums.get(kind)
            if sum_ is None:
                sum_ = sums[kind] = [0, 0, 0, 0, 0]
            sum_[0] += 1
            sum_[1] += parts
            sum_[2] += cost
            if new == State.delivered:
                took = final_at - (submitted_at or final_at)
                sum_[3] += took <= IN_5M_MS
                sum_[4] += took <= IN_24H_MS
        made = tally.Deltas()
        for (campaign, variant, account, hour, old, new), (n, parts, cost, in_5m, in_24h) in sums.items():
            key, left = (campaign, variant, account, hour), 0 if new == State.rejected else cost
            made.add((*key, old), -n, -parts, -cost)
            made.add((*key, new), n, parts, left, in_5m, in_24h)
            if left != cost:
                self.refunds[campaign] = self.refunds.get(campaign, 0) + cost
        return made


def _happened(item: Item, submitted_at: int | None) -> int:
    """When it happened by the provider's word, if that can be: many name no time zone."""
    earliest, latest = (submitted_at or item.received_at) - SKEW_MS, item.received_at + SKEW_MS
    return item.at if item.at is not None and earliest <= item.at <= latest else item.received_at
