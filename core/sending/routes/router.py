"""A batch's lanes: which messages travel together, through which account and as which sender.

Messages bound to an account stay with it, and with the sender they had.  The others are offered to the rules
in their order; the first that fits decides.  Where none fits, the account is found as without rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.sending import route
from core.sending.breaker import OPEN_MS, Account
from core.sending.dossiers import barring
from core.sending.item import Item
from core.sending.routes import awaited, decision, health, pools, rules
from core.sending.routes.choosing import Choice, Chooser, Tried
from core.sending.routes.matching import Facts, fitting
from core.sending.routes.pools import Pool, Today
from core.sending.routes.rules import Rule, Target
from core.sending.routes.way import Way

if TYPE_CHECKING:
    from core.runtime import Runtime

#: (account, sender of a pool or 0)
Key = tuple[int, int]


@dataclass(slots=True)
class Plan:
    """`lanes` in the order of the batch; `parked` must wait until an instant; `lost` have no account left."""

    lanes: dict[Key, list[Item]] = field(default_factory=dict)
    parked: list[tuple[Item, int]] = field(default_factory=list)
    lost: list[Item] = field(default_factory=list)


class Router:
    """Of one batch.  `account_id` is the one the campaign names, or None."""

    def __init__(self, rt: Runtime, cls: int, account_id: int | None, every: Mapping[int, Account], now: int):
        #: Who may not carry the class for want of papers.
        self.barred = barring.barred(cls)
        self.rt, self.cls, self.every, self.now = rt, cls, route.with_papers(every, self.barred), now
        #: Whom the class and the campaign allow at all.
        candidates = route.candidates(self.every.values(), account_id, cls, self.barred)
        self.allowed = {one.id: one for one in route.fitting(rt, candidates, cls)}
        self.rules: list[Rule] = []
        self.watch: dict[int, health.Watch] = {}
        self.second_s = 0
        self.today = Today(rt)
        if account_id is None:
            self.rules = rules.in_force(cls)
            self.watch = health.watched(now)
            self.second_s = awaited.delay_s(cls)
        self.pools: dict[int, Pool] = {}

    @property
    def active(self) -> bool:
        """Does anything here have a say?  Else everything is as in `route.assign`."""
        return bool(self.rules or self.watch or self.second_s)

    def plan(self, items: Sequence[Item]) -> Plan:
        """Where each message of a batch goes."""
        if not self.active:
            allowed = list(self.allowed.values())
            lanes, parked = route.assign(self.rt, self.cls, items, allowed, self.every, self.now)
            return Plan({(account_id, 0): some for account_id, some in lanes.items()}, parked)
        plan, free = Plan(), items
        if any(item.account_id for item in items):
            free = [item for item in items if not item.account_id]
            self._bound(plan, [item for item in items if item.account_id])
        self.decide(free)
        self._sort(plan, free)
        return plan

    def way(self, key: Key) -> Way | None:
        """What the lane of these must ask and write; None when nothing here has a say."""
        return Way(*key, self.today, self.second_s) if self.active else None

    # --- the free -----------------------------------------------------------------------------------------

    def decide(self, items: Sequence[Item], tried: Tried | None = None, facts: Facts | None = None) -> None:
        """Give every message its `choice`.

        `tried`: who is not asked (again), by default as it is kept; `facts`: of other people than contacts.
        """
        if tried is None:
            again = [item.id for item in items if item.attempt]
            tried = decision.refusals(again) if again else {}
        for rule in self.rules:
            if rule.pool_id and rule.pool_id not in self.pools:
                self.pools[rule.pool_id] = Pool(rule.pool_id, items, self.today.at(self.now)[0])
        facts = facts or Facts(self.rt, items)
        facts.sticky = frozenset(pool.id for pool in self.pools.values() if pool.sticky)
        left = items
        for rule in self.rules:
            hits = fitting(rule, left, facts)
            if hits:
                self.chooser(rule, facts).decide(hits, tried)
                left = [item for item in left if item.choice is None] if len(hits) < len(left) else []
            if not left:
                return
        by_country: dict[str, list[Item]] = {}
        for item in left:
            by_country.setdefault(item.country, []).append(item)
        for country, some in by_country.items():
            rule, how = self.without_rule(country)
            self.chooser(rule, facts, how).decide(some, tried)

    def chooser(self, rule: Rule, facts: Facts, how: str = "") -> Chooser:
        """Who ranks the accounts of a rule."""
        pool = self.pools.get(rule.pool_id or 0)
        return Chooser(rule, self.cls, self.allowed, self.watch, self.now, facts, pool, how, self.barred)

    def without_rule(self, country: str) -> tuple[Rule, str]:
        """What stands where no rule fits: the account a plugin picks, else the first, then the others."""
        usable = [account for account in self.allowed.values() if account.usable(self.now)]
        picked, how = route.pick(self.rt, self.cls, country, usable)
        first = [picked] if picked is not None else []
        targets = [*first, *(account_id for account_id in self.allowed if account_id not in first)]
        return Rule(0, "", targets=tuple(map(Target, targets))), how

    def _sort(self, plan: Plan, items: Iterable[Item]) -> None:
        until: dict[Choice, int] = {}
        lanes = plan.lanes
        for item in items:
            choice = item.choice
            if choice.account_id:
                key = (choice.account_id, choice.sender.id if choice.sender else 0)
                lane = lanes.get(key)
                if lane is None:
                    lane = lanes[key] = []
                lane.append(item)
            elif not choice.others and f'"{decision.REFUSED}"' in choice.why:
                plan.lost.append(item)
            else:
                if choice not in until:
                    until[choice] = self._until(choice)
                plan.parked.append((item, until[choice]))

    def _until(self, choice: Choice) -> int:
        """When it is worth asking again."""
        moments = []
        for account_id in choice.others:
            account = self.every[account_id]
            if not account.usable(self.now):
                moments.append(account.open_until)
            elif choice.pool is not None and any(
                sender.account_id == account_id and sender.left is not None for sender in choice.pool.senders
            ):
                moments.append(self.today.at(self.now)[1])
        return max(min(moments, default=self.now + OPEN_MS), self.now + 1000)

    # --- the bound ----------------------------------------------------------------------------------------

    def _bound(self, plan: Plan, items: Sequence[Item]) -> None:
        senders = pools.bound([item.id for item in items])
        for item in items:
            account = self.every.get(item.account_id)
            if account is not None and account.usable(self.now):
                plan.lanes.setdefault((account.id, senders.get(item.id, 0)), []).append(item)
            else:
                rest = route.rest_until([account] if account else [], self.now)
                plan.parked.append((item, max(rest, self.now + 1000)))
