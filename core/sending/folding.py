"""Folding receipts onto messages: states only move up, so order and repetition make no difference.

Of two final receipts that disagree the first stands and the other is logged (core/db/codes.py has the edges).
Receipts that say the same of messages that are alike are decided together, once for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core import clock
from core.db import receiving, tally
from core.db.codes import EDGES, State

IN_5M_MS, IN_24H_MS = 5 * clock.MINUTE_MS, clock.DAY_MS
#: How far a provider's clock is believed to be off.
SKEW_MS = 5 * clock.MINUTE_MS
#: More than any text costs in any currency.
DEAREST_MICROS = 10**12

_CAN = {int(old): frozenset(map(int, new)) for old, new in EDGES.items()}
_WAITING = (int(State.ready), int(State.claimed))
_RECEIPT_FINALS = (int(State.delivered), int(State.undelivered), int(State.expired), int(State.rejected))
_NEVER_SENT = (int(State.skipped), int(State.cancelled), int(State.holdout))


@dataclass(slots=True)
class News:
    """What receipts say that say the same, of many messages; times in epoch ms.

    `ids` are messages by our reference, `names` what the provider calls some of those; `hashes` stand for
    account and provider's id.
    """

    account_id: int
    state: int
    received_at: int
    at: int | None = None
    code: str | None = None
    #: The provider says that the numbers opted out.
    opted_out: bool = False
    #: What its code means, where it says that the messages failed (core.contract.kinds).
    kind: str = ""
    ids: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    hashes: list[int] = field(default_factory=list)
    #: (message or None, the provider's name for it or, once looked up, its hash, what it costs), where that is told.
    prices: list[tuple[int | None, Any, int]] | None = None

    def price(self, message_id: int | None, name: Any, cost_micros: int) -> None:
        """Note what a message costs by the provider's word, unless that is no price of a text."""
        if not 0 <= cost_micros <= DEAREST_MICROS:
            return
        if self.prices is None:
            self.prices = []
        self.prices.append((message_id, name, cost_micros))


#: Messages that are alike, and what becomes of them.
Move = tuple[receiving.Kind, receiving.Change]


class Folded:
    """Receipts folded onto messages as they are now: what changes, what waits, what is odd."""

    def __init__(self, rows: dict[int, receiving.Row]):
        self.rows = rows
        self.moved: dict[Move, set[int]] = {}
        self.names: dict[int, str] = {}
        self.unknown: list[tuple[News, int]] = []
        self.odd: list[tuple[News, int, str]] = []
        self.refunds: dict[int, int] = {}
        self._last: dict[int, Move] = {}

    def take(self, news: News, ids: Iterable[int]) -> None:
        """What is said of these messages, in the order it came."""
        rows, kinds = self.rows, defaultdict(list)
        for id_ in ids:
            row = rows.get(id_)
            if row is None:
                self.unknown.append((news, id_))
            else:
                kinds[row[1:8]].append(id_)
        for kind, some in kinds.items():
            if kind[0] in _WAITING or (news.prices and kind[0] == State.submitting):
                # The response may tell a price, too, and is recorded after this; the receipt's is the later word.
                self.unknown += [(news, id_) for id_ in some]
            elif kind[3] != news.account_id:
                self.odd += [(news, id_, "came through another account") for id_ in some]
            else:
                self._fold(news, kind, some)

    def _fold(self, news: News, kind: receiving.Kind, ids: list[int]) -> None:
        """Decide for messages that are alike, but for what this batch has changed already."""
        if self._last.keys().isdisjoint(ids):
            self._decide(news, kind, kind[0], ids)
            return
        for id_ in ids:
            last = self._last.get(id_)
            if self._decide(news, kind, last[1][0] if last else kind[0], [id_]) and last:
                self.moved[last].discard(id_)

    def _decide(self, news: News, kind: receiving.Kind, old: int, ids: list[int]) -> bool:
        new = news.state
        if new not in _CAN.get(old, ()):
            if new != old and new in _RECEIPT_FINALS:
                note = "was never sent" if old in _NEVER_SENT else "another final state was first"
                self.odd += [(news, id_, note) for id_ in ids]
            return False
        final = new in _RECEIPT_FINALS
        reason = (news.code or State(new).name) if final and new != State.delivered else None
        move = (kind, (new, reason, _happened(news, kind[4]) if final else None))
        self.moved.setdefault(move, set()).update(ids)
        self._last.update(dict.fromkeys(ids, move))
        if news.names and kind[0] != State.accepted:
            self.names.update((id_, news.names[id_]) for id_ in ids if id_ in news.names)
        return True

    def changes(self) -> dict[receiving.Change, list[int]]:
        """What is to be written: the messages of each change, by id."""
        made: dict[receiving.Change, list[int]] = {}
        for (_kind, change), ids in self.moved.items():
            made.setdefault(change, []).extend(ids)
        return {change: sorted(ids) for change, ids in made.items() if ids}

    def deltas(self) -> tally.Deltas:
        """What the changes do to the counters."""
        made = tally.Deltas()
        for (kind, (new, _reason, final_at)), ids in self.moved.items():
            old, campaign, variant, account, submitted_at, parts, cost = kind
            n, left = len(ids), 0 if new == State.rejected else cost
            key, in_5m, in_24h = (campaign, variant, account, tally.hour_of(submitted_at)), 0, 0
            if new == State.delivered:
                took = final_at - (submitted_at or final_at)
                in_5m, in_24h = n * (took <= IN_5M_MS), n * (took <= IN_24H_MS)
            made.add((*key, old), -n, -n * parts, -n * cost)
            made.add((*key, new), n, n * parts, n * left, in_5m, in_24h)
            if left != cost:
                self.refunds[campaign] = self.refunds.get(campaign, 0) + n * cost
        return made


def _happened(news: News, submitted_at: int | None) -> int:
    """When it happened by the provider's word, if that can be: many name no time zone."""
    earliest, latest = (submitted_at or news.received_at) - SKEW_MS, news.received_at + SKEW_MS
    return news.at if news.at is not None and earliest <= news.at <= latest else news.received_at
