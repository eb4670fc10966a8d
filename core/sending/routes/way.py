"""What a lane asks and writes when rules or pools have a say: inside the mark, and as answers are recorded.

A lane without one (a campaign that names its account; no rule, no pool, nobody on watch) pays nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.contract.types import Result
from core.db import database
from core.sending import rate
from core.sending.item import Item
from core.sending.routes import awaited, decision, pools
from core.sending.routes.choosing import Choice
from core.sending.routes.pools import Today

#: Answers that prove "not sent, and not the message's fault": it may go another way.
_UNSENT = ("withheld", "retry")


class Way:
    """Of one lane of one batch: an account and a sender of a pool, or the account's own."""

    def __init__(self, account_id: int, sender_id: int, today: Today, second_s: int = 0):
        self.account_id, self.sender_id = account_id, sender_id
        self._today, self._second_s = today, second_s
        #: What the codes of the provider mean (code → kind); known when the lane is made.
        self.errors: Mapping[str, str] = {}
        row = None
        if sender_id:
            row = database.one("SELECT sender, rate_per_s, daily_cap FROM sender WHERE id = ?", (sender_id,))
        #: The sender's text, '' for the account's own; what it may send a second and a day.
        self.sender, self.rate_per_s, self.daily_cap = row or ("", None, None)

    # --- the sender's rate and cap, in the transaction of the mark ----------------------------------------

    def room(self, want: int, now: int) -> tuple[int, float]:
        """(how many of `want` the sender may text at `now`, seconds until the next).  Locks it on PostgreSQL."""
        wait_s = 0.0
        if self.rate_per_s:
            want, wait_s = rate.allow("sender", self.sender_id, self.rate_per_s, want, now)
        if self.daily_cap is not None:
            left = self._left(now)
            if left < want or left == 0:
                want, wait_s = left, max(wait_s, (self._today.at(now)[1] - now) / 1000)
        return want, wait_s

    def _left(self, now: int) -> int:
        lock = " FOR NO KEY UPDATE" if database.is_postgres() else ""
        row = database.one(f"SELECT day, used FROM sender WHERE id = ?{lock}", (self.sender_id,))
        if row is None:
            return 0
        return max(0, self.daily_cap - (row[1] if row[0] == self._today.at(now)[0] else 0))

    def spend(self, n: int, now: int) -> None:
        """Count `n` messages of the sender, in the transaction that asked `room`."""
        if not self.sender_id:
            return
        if self.rate_per_s:
            rate.spend("sender", self.sender_id, self.rate_per_s, n, now)
        day = self._today.at(now)[0]
        database.execute(
            "UPDATE sender SET used = CASE WHEN day = ? THEN used ELSE 0 END + ?, day = ? WHERE id = ?",
            (day, n, day, self.sender_id),
        )

    def used_up(self, now: int) -> bool:
        """Is the day's cap reached?"""
        return self.daily_cap is not None and self._left(now) == 0

    # --- what is kept -------------------------------------------------------------------------------------

    def marked(self, items: Sequence[Item], now: int) -> None:
        """Keep the decision about messages that go now, who texts whom, and whose receipts are awaited."""
        alike: dict[Choice, list[Item]] = {}
        for item in items:
            if item.choice is not None:
                alike.setdefault(item.choice, []).append(item)
        for choice, some in alike.items():
            message_ids = [item.id for item in some]
            decision.store(message_ids, choice.rule_id, self.account_id, self.sender_id, choice.why, now)
            if choice.pool is not None and choice.pool.sticky:
                kept = choice.pool.kept
                new = {i.contact_id for i in some if kept.get(i.contact_id) != self.sender_id}
                pools.keep(choice.pool.id, self.sender_id, new, now)
            if self._second_s:
                awaited.expect(message_ids, now + self._second_s * 1000)

    # --- failover -----------------------------------------------------------------------------------------

    def frees(self, item: Item, result: Result) -> bool:
        """May this message go through another account now?

        Only one that was bound to none before (its only mark is the one answered here), and only when the
        answer proves that it was not sent: it never left us, the provider put it off, or refuses this route
        while another account is left to try.
        """
        if item.choice is None or item.account_id:
            return False
        return result.outcome in _UNSENT or self.refuses_route(item, result)

    def refuses_route(self, item: Item, result: Result) -> bool:
        """Refused for the way it came, with another way left?"""
        return (
            result.outcome == "rejected"
            and self.errors.get(result.code or "") == "route"
            and bool(item.choice.others)
        )

    def mended(self, items: Sequence[Item]) -> frozenset[str]:
        """Codes of refusals that do not end these messages: another account is left to try."""
        if not any(item.choice is not None and item.choice.others for item in items):
            return frozenset()
        return frozenset(code for code, kind in self.errors.items() if kind == "route")

    def refused(self, pairs: Sequence[tuple[Item, Result]]) -> None:
        """Remember who refused, so that nobody asks it again for these messages; inside `write_tx()`."""
        alike: dict[tuple[Choice, str], list[int]] = {}
        for item, result in pairs:
            if result.outcome == "rejected":
                alike.setdefault((item.choice, (result.code or "")[:60]), []).append(item.id)
        for (choice, code), message_ids in alike.items():
            decision.refused(message_ids, decision.with_refusal(choice.why, self.account_id, code))
