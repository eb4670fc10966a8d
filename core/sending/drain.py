"""A claimed batch on its way out: rendered, routed, then window after window (submit.py).

1. Words and parts for everyone; who gets none is skipped with the reason.
2. An account and a sender for each message; what none can take now goes back.
3. Per account and sender, turns: hold hook, mark, wire, record.  Where the wire is slow a large window is kept in
   parts: some are on the wire while another is recorded and the next one marked (air.py).  Together they are
   still one window, so no more than that can be in doubt.
   As the last one leaves, the next batch is prepared.
4. What could not go (an account rests, the rate is used up, the process drains) goes back to ready.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from core import clock, ids
from core.audience import topics
from core.contract.errors import ProviderError
from core.contract.types import Provider, Result
from core.db import claiming, classes, database, tally
from core.db.codes import Cls, State
from core.sending import accounts, breaker, claim, judge, leases, refusing, render, submit, vendorfill
from core.sending.air import Air
from core.sending.claim import Batch
from core.sending.item import Item, Lane
from core.sending.judge import Judge
from core.sending.prices import Prices
from core.sending.routes import turns
from core.sending.routes.router import Router
from core.sending.routes.way import Way

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

log = logging.getLogger("cooee.send")

#: A wait for the rate longer than this gives the rest of the batch back.
NAP_S = 2.0
#: Classes that go first are looked for this often while others are sent.
PEEK_S = 0.2
#: A message that costs too much is looked at again after this.
DEAR_MS = 15 * clock.MINUTE_MS
#: Window of providers that say nothing: small enough to look at every doubt.
CAREFUL_WINDOW = 8
#: Stands for each message of a call that found no connection.
UNREACHABLE = Result("retry")


class Drain:
    """One batch.  `serve(campaign)` sends what is due of an urgent campaign in between."""

    def __init__(
        self, rt: Runtime, worker: Worker, batch: Batch, until: float,
        serve: Callable[[int], Any] = lambda campaign_id: None,
    ):  # fmt: skip
        self.rt, self.worker, self.batch = rt, worker, batch
        self.until, self.serve = until, serve
        self.judge = Judge(rt, worker, batch)
        self.peeked = clock.monotonic()
        self.changes: list[submit.Change] = []
        self.references = worker.kept("references", lambda: ids.References(rt.keys))
        self.every: dict[int, breaker.Account] = {}
        self._rest: list[Item] = []
        #: Asked once for the next batch, when the last window of this one is on the wire.
        self._ahead: Callable[[], Drain | None] | None = None
        self.following: Drain | None = None

    def render(self) -> None:
        """Make the words; who gets none is skipped."""
        self._rest = self.rendered(self.batch.items)

    def run(self, ahead: Callable[[], Drain | None] | None = None) -> None:
        """Send it and end the lease.  What `ahead` gives is in `following` afterwards."""
        batch, now = self.batch, clock.now_ms()
        # Read now, not when the batch was claimed: the window before it may have put an account to rest.
        self.every = {account.id: account for account in breaker.load()}
        router = Router(self.rt, batch.cls, batch.account_id, self.every, now)
        plan = router.plan(self._rest)
        waiting: dict[int, list[Item]] = {}
        for item, until in plan.parked:
            waiting.setdefault(until, []).append(item)
        lanes = [(key[0], items, router.way(key)) for key, items in plan.lanes.items()]
        paced = [(way, items) for _id, items, way in lanes if way is not None and way.rate_per_s]
        free = [lane for lane in lanes if lane[2] is None or not lane[2].rate_per_s] if paced else lanes
        over: list[tuple[Way | None, int, list[Item]]] = []
        for number, (account_id, items, way) in enumerate(free, 1):
            self._ahead = ahead if number == len(lanes) else None
            over.append((way, *self._lane(account_id, items, way)))
        over += turns.take(paced, lambda way, items: self._lane(way.account_id, items, way), self._may_go_on)
        for way, until, left in over:
            for moment, some in turns.again(way, until, left):
                if some:
                    waiting.setdefault(moment, []).extend(some)
        for until, items in sorted(waiting.items()):
            self._leave(items, State.ready, "", until or None)
        if plan.lost:
            self._leave(plan.lost, State.skipped, "no_route")
        claim.give_back(self.worker, batch.lease)
        waits = State.ready.name
        if self.changes and self.rt.plugins.listens("messages_changed"):
            told = [change for change in self.changes if change[1] != waits]
            if told:
                self.rt.plugins.call("messages_changed", changes=told)

    def rendered(self, items: Sequence[Item]) -> list[Item]:
        """The items that have words and a number; the others are skipped with their reason."""
        gone = [(item, "erased") for item in items if not item.to]
        usable = [item for item in items if item.to] if gone else items
        campaign_id = self.batch.campaign_id
        words = self.worker.kept(("words", campaign_id), lambda: render.Words(self.rt, campaign_id))
        refused = gone + render.fill(self.rt, words, usable, self.batch.direct)
        by_reason: dict[str, list[Item]] = {}
        for item, reason in refused:
            by_reason.setdefault(reason, []).append(item)
        for reason, some in by_reason.items():
            self._leave(some, State.skipped, reason)
        out = {item.id for item, _reason in refused}
        if out:
            # What left the lease does not stand between the others any more (`Lane.alone`).
            self.batch.ids = [id_ for id_ in self.batch.ids if id_ not in out]
        return [item for item in items if item.id not in out] if out else list(items)

    def _leave(self, items: Sequence[Item], state: State, reason: str, not_before: int | None = None) -> None:
        database.retry_locked(self._left, [item.id for item in items], state, reason, not_before)

    def _left(self, message_ids: list[int], state: State, reason: str, not_before: int | None) -> None:
        deltas = tally.Deltas()
        with database.write_tx():
            moved = refusing.leave_claimed(
                self.batch.lease, message_ids, state, reason, deltas, clock.now_ms(), not_before
            )
            tally.move(deltas)
        self.changes += [(id_, state.name) for id_ in moved]

    # --- one account ----------------------------------------------------------------------------------

    def _lane(self, account_id: int, items: list[Item], way: Way | None) -> tuple[int, list[Item]]:
        """Send through one account; (not before, items left over)."""
        account, now = self.every[account_id], clock.now_ms()
        health = self.worker.kept(("health", account_id), lambda: breaker.Health(account)).refresh(account)
        try:
            provider = accounts.open_provider(self.rt, account_id)
        except ProviderError as error:
            if not error.retry:
                return self.judge.failed(account, error), items
            health.note([UNREACHABLE] * breaker.IN_A_ROW, str(error))
            self.judge.down(account, health, str(error))
            return now + breaker.OPEN_MS, items
        except Exception as error:
            log.exception("account %s cannot be opened", account.name)
            return self.judge.failed(account, error), items
        if account.half_open and not breaker.probe(account, now):
            return now + 1000, items
        if provider.needs_templates:
            items, waiting = self._at_vendor(account_id, provider, items)
            if waiting:
                return now + 1000, waiting
        prices = Prices(account_id, self.batch.cls, now)
        prices.charge(items)
        items = self._affordable(items, prices, now)
        size = window_size(self.batch.options.window, provider)
        lane = self.lane(account, provider, way)
        self.judge.mended = way.mended(items) if way is not None else frozenset()
        return self._windows(lane, account, health, items, size)

    def _at_vendor(
        self, account_id: int, provider: Provider, items: list[Item]
    ) -> tuple[list[Item], list[Item]]:
        """(those the vendor has an approved template for, those that wait because the campaign was paused)."""
        batch = self.batch
        made = vendorfill.fill(
            self.rt, self.worker, batch.campaign_id, Cls(batch.cls), batch.direct, account_id, provider, items
        )
        if made.stop:
            judge.stop(self.rt, batch.campaign_id, made.stop)
            return [], items
        for reason in {reason for _item, reason in made.refused}:
            self._leave([item for item, why in made.refused if why == reason], State.skipped, reason)
        return made.ready, []

    def _affordable(self, items: list[Item], prices: Prices, now: int) -> list[Item]:
        """Without those whose part costs more than their class may: a code is skipped, others wait for another
        price or account."""
        ceiling = classes.of(self.batch.cls).price_max_micros
        if ceiling is None:
            return items
        dear = [item for item in items if prices.micros(item.country) > ceiling]
        if not dear:
            return items
        if self.batch.cls == Cls.otp:
            self._leave(dear, State.skipped, "price")
        else:
            self._leave(dear, State.ready, "price", now + DEAR_MS)
        out = {item.id for item in dear}
        return [item for item in items if item.id not in out]

    def lane(self, account: breaker.Account, provider: Provider, way: Way | None = None) -> Lane:
        """What every window of this batch through an account has in common."""
        batch, ttl_s, rules = self.batch, provider.idempotency_ttl_s, classes.of(self.batch.cls)
        closed = submit.Closed(self.rt, batch.cls, batch.options.quiet_hours)
        if way is not None:
            way.errors = provider.errors
        return Lane(
            batch.campaign_id, batch.cls, batch.cls.bit, batch.consent, account.id, batch.lease, batch.ids,
            closed=closed, budgeted=batch.budgeted, rate_per_s=account.rate_per_s,
            campaign_rate_per_s=batch.options.rate, sender=(way and way.sender) or account.sender,
            echoes=provider.echoes_reference,
            ttl_ms=None if ttl_s is None else ttl_s * 1000, provider=provider,
            topic_id=topics.get(batch.options.topic).id if batch.options.topic else 0,
            cap=(rules.cap_day, rules.cap_week),
            optout_codes=frozenset(provider.optout_codes), errors=provider.errors, way=way,
        )  # fmt: skip

    def _windows(
        self, lane: Lane, account: breaker.Account, health: breaker.Health, items: list[Item], size: int
    ) -> tuple[int, list[Item]]:
        air = Air(self.worker, self.references, lane, size)
        at, not_before, made = 0, 0, None
        try:
            while True:
                go_on = not not_before and at < len(items) and self._may_go_on()
                parts = air.parts() if go_on and not health.half_open else 1
                part = 1 if health.half_open else size // parts
                stalled = made is not None and not made.marked
                done = None
                full = air.out + part > (size if parts > 1 else part)
                if air and at == len(items):
                    self._look_ahead()
                if air and (not go_on or stalled or full):
                    done, before = self._landed(air, account, health)
                    not_before = not_before or before
                    go_on = go_on and not not_before
                # Parts that grew as the pace changed must not make more than a window of them.
                some = items[at : at + min(part, size - air.out)] if go_on else []
                if not some and done is None:
                    return not_before, items[at:]
                made = submit.turn(self.rt, lane, done, some, self._held(some))
                self.changes += made.changes
                at += made.used
                if made.marked:
                    air.fly(made, parts > 1)
                elif made.stop:
                    self.judge.spent()
                    not_before = made.now + 1000
                elif some and not made.used and not air:
                    if made.wait_s > NAP_S:
                        not_before = made.now + int(made.wait_s * 1000)
                    else:
                        clock.sleep(max(made.wait_s, 0.001))
        finally:
            air.ground()

    def _landed(self, air: Air, account: breaker.Account, health: breaker.Health) -> tuple[submit.Done, int]:
        """The window that left first, and the instant before which no other may follow it (0: at once)."""
        made, answer = air.land()
        done = submit.Done(made.marked, answer.results, answer.names, made.charged, made.call)
        return done, self.judge.window(account, health, answer)

    def _look_ahead(self) -> None:
        ask, self._ahead = self._ahead, None
        if ask is not None:
            self.following = ask()

    def _may_go_on(self) -> bool:
        """False when the process drains or the slice is over.  Lets classes that go first through in between."""
        now = clock.monotonic()
        if leases.draining.is_set() or now > self.until + NAP_S:
            return False
        if now - self.peeked > PEEK_S and (ahead := classes.ahead_of(self.batch.cls)):
            self.peeked = now
            for campaign_id, _cls in claiming.due_urgent(clock.now_ms(), ahead):
                self.serve(campaign_id)
        return True

    def _held(self, items: Sequence[Item]) -> dict[int, tuple[int | None, str]]:
        """What plugins hold back of a window; the strictest answer wins: never, then the latest."""
        if not items or not self.rt.plugins.listens("hold_messages"):
            return {}
        answers = self.rt.plugins.call(
            "hold_messages", cls=self.batch.cls.name, message_ids=[item.id for item in items]
        )
        held: dict[int, tuple[int | None, str]] = {}
        for answer in answers:
            for id_, (until, reason) in answer.items():
                until_ms = None if until is None else clock.to_ms(until)
                known = held.get(id_, (0, ""))
                if known[0] is not None and (until_ms is None or until_ms > known[0]):
                    held[id_] = (until_ms, str(reason))
        return held


def window_size(option: int | None, provider: Provider) -> int:
    """Messages marked per wire window: the campaign's word, else the provider's, else a careful one.

    Without look-up, echo or idempotency a doubt can never be settled, so only one message may be in it.
    """
    if option or provider.window:
        return option or provider.window
    settles = provider.can_look_up or provider.echoes_reference or provider.idempotency_ttl_s is not None
    return CAREFUL_WINDOW if settles else 1
