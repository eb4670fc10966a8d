"""The turn: one window is marked in one statement, the one before it recorded; the wire comes after the commit.

What may be in doubt, and why: a provider that died, or a worker that did, between "the request was written"
and "the answer is known" leaves a message that may or may not have been accepted.  Marking before the wire
makes that window visible instead of silent: at most the messages of one window a process, each shown and
none sent again by itself.  Marking after it would send them twice.

`turn` is one transaction: it records the window that came back and marks the next one, so a window costs one
commit and one journal fsync.  The mark asks, in the transaction that makes it true: does the campaign run, do
we still hold the lease, is the number not suppressed, is there consent, is the country awake, is it not too
late, has the person had enough of its class, is there budget, is there room in the rate.  No transaction is
open while a provider is called (wire.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from core import clock, faults
from core.audience import consent
from core.contract.types import Result
from core.db import database, marking, tally
from core.db.gate import Gate
from core.sending import calls, consequences, errorkinds, optouts, rate, record, refusing
from core.sending.item import Item, Lane
from core.sending.record import Change
from core.timing import hours

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(slots=True)
class Done:
    """A window that came back from the wire."""

    items: Sequence[Item]
    results: Sequence[Result]
    #: Where all were accepted and nothing else was told, the provider's ids of them (`wire.Answer`).
    names: Sequence[str | None] | None = None
    #: `Turn.charged` of them.
    charged: Sequence[record.Charged] = ()
    #: The line of the call log.
    call: calls.Call | None = None


@dataclass(slots=True)
class Turn:
    """What a turn did: `marked` go on the wire now, `used` is how many of the window were dealt with."""

    marked: list[Item] = field(default_factory=list)
    used: int = 0
    wait_s: float = 0.0
    #: Why the campaign cannot go on: "budget", "" when it can.
    stop: str = ""
    changes: list[Change] = field(default_factory=list)
    #: Opt-outs the provider told of; announced after the commit.
    events: list[consent.Event] = field(default_factory=list)
    #: How many of the marked are counted under each (variant, hour, parts, cost).
    charged: list[record.Charged] = field(default_factory=list)
    #: Repeats whose time is over: marked, but not to go on the wire.
    stale: set[int] = field(default_factory=set)
    #: When it was marked: epoch ms, and monotonic seconds; how long that and the provider took, and CPU of the latter.
    now: int = 0
    at: float = 0.0
    turn_s: float = 0.0
    wire_s: float = 0.0
    wire_cpu_s: float = 0.0
    #: Parts in the air when this one left, itself included.
    flying: int = 1
    call: calls.Call | None = None
    #: Campaigns whose words are refused, paused after the commit.
    pauses: list[consequences.Pause] = field(default_factory=list)


#: What an item is counted by.
_CHARGED = attrgetter("variant", "account_id", "submitted_at", "parts", "cost_micros")
_ID = attrgetter("id")


def turn(rt: Runtime, lane: Lane, done: Done | None, window: Sequence[Item], held: refusing.Held) -> Turn:
    """Record `done`, then mark of `window` what may go now, in one transaction.

    `held` are messages a plugin holds: {id: (not before or None for never, reason)}.
    """
    began = clock.monotonic()
    made = database.retry_locked(_turn, rt, lane, done, window, held)
    if made.events:
        consent.announce(rt, made.events)
    if made.pauses:
        consequences.announce(rt, made.pauses)
    for item in made.marked:
        item.submitted_at = item.submitted_at or made.now
    made.turn_s = clock.monotonic() - began
    return made


def _turn(rt: Runtime, lane: Lane, done: Done | None, window: Sequence[Item], held: refusing.Held) -> Turn:
    made = Turn()
    told, failed = [], []
    if done and done.names is None:
        told = optouts.in_results(lane.account_id, lane.optout_codes, done.items, done.results)
        failed = consequences.in_results(lane.account_id, lane.errors, done.items, done.results)
    with database.write_tx():
        if told or consequences.suppresses(failed):
            optouts.hold(rt)
        made.now = now = clock.now_ms()
        deltas = tally.Deltas()
        marking.lock_profiles(item.contact_id for item in chain(window, done.items if done else ()))
        if done:
            if done.names is None:
                made.changes = record.apply(lane, done.items, done.results, now, deltas)
            else:
                made.changes = record.accepted(lane, done.items, done.names, now, deltas, done.charged)
            made.events = optouts.write(rt, told)
            made.pauses = _follow(rt, lane, done, failed, made.changes, now)
        if window:
            _mark(rt, lane, window, held, now, deltas, made)
        tally.move(deltas)
        made.at = clock.monotonic()
        faults.point("turn:before_commit")
    faults.point("turn:after_commit")
    return made


def _follow(
    rt: Runtime,
    lane: Lane,
    done: Done,
    failed: list[consequences.Failed],
    changes: Sequence[Change],
    now: int,
) -> list[consequences.Pause]:
    """The line of the call log, the codes counted, and what follows from messages rejected for good."""
    if done.call:
        calls.write([done.call])
    if done.names is not None:
        return []
    moved = dict(changes)
    codes = [
        (lane.account_id, result.code)
        for item, result in zip(done.items, done.results, strict=True)
        if result.outcome in ("rejected", "retry") and result.code and item.id in moved
    ]
    errorkinds.note(codes, now)
    return consequences.apply(rt, [one for one in failed if moved.get(one.message_id) == "rejected"], now)


def _mark(
    rt: Runtime,
    lane: Lane,
    window: Sequence[Item],
    held: refusing.Held,
    now: int,
    deltas: tally.Deltas,
    made: Turn,
) -> None:
    free, made.wait_s = _room(lane, len(window), now)
    affordable, left = _afford(lane, window[:free])
    if free and not affordable:
        made.stop = "budget"
    window = window[:affordable]
    made.used = len(window)
    if not window:
        return
    going = [item for item in window if item.id not in held] if held else window
    if lane.cap != refusing.NO_CAP:
        # The statement counts what stood before it: two messages to one person take turns.
        going = sorted({item.contact_id: item for item in reversed(going)}.values(), key=_ID)
    marked: Collection[int] = ()
    if going:
        gate = Gate(
            lane.campaign_id, lane.account_id, lane.lease, lane.bit, lane.consent,
            lane.closed.at(now), now, lane.topic_id, lane.cap, lane.cls,
        )  # fmt: skip
        marked = marking.mark(
            gate, [item.id for item in going], [item.parts for item in going],
            [item.cost_micros for item in going], lane.alone(going),
        )  # fmt: skip
    made.marked = [item for item in going if item.id in marked] if len(marked) < len(going) else list(going)
    cost = _count_marked(lane, made, now, deltas)
    _spend(lane, len(marked), cost, now)
    if lane.way is not None:
        lane.way.marked(made.marked, now)
    marking.store_texts([(item.id, item.text) for item in made.marked if item.own_text])
    if len(marked) != len(window):
        left_out = [item for item in window if item.id not in marked]
        made.changes += refusing.apply(rt, lane, left_out, held, now, deltas)


def _count_marked(lane: Lane, made: Turn, now: int, deltas: tally.Deltas) -> int:
    """claimed → submitting in the counters; the money reserved."""
    hour, cost = tally.hour_of(now), 0
    alike = Counter(map(_CHARGED, made.marked))
    for (variant, account_id, submitted_at, parts, micros), n in alike.items():
        before = tally.hour_of(submitted_at)
        deltas.add((lane.campaign_id, variant, account_id, before, 1), -n)
        after = (lane.campaign_id, variant, lane.account_id, before or hour)
        deltas.add((*after, 2), n, n * parts, n * micros)
        made.charged.append(((variant, before or hour, parts, micros), n))
        cost += n * micros
        # A submit later than now tells that the clock was set back, and nothing of its age.
        if submitted_at and not 0 <= now - submitted_at < (lane.ttl_ms or 0):
            made.stale.update(i.id for i in made.marked if i.submitted_at == submitted_at)
    return cost


def _room(lane: Lane, want: int, now: int) -> tuple[int, float]:
    wait_s = 0.0
    for table, row_id, per_s in _rates(lane):
        want, pause_s = rate.allow(table, row_id, per_s, want, now)
        wait_s = max(wait_s, pause_s)
    if lane.way is not None:
        want, pause_s = lane.way.room(want, now)
        wait_s = max(wait_s, pause_s)
    return want, wait_s


def _rates(lane: Lane) -> list[tuple[str, int, float]]:
    rates = []
    if lane.rate_per_s:
        rates.append(("account", lane.account_id, lane.rate_per_s))
    if lane.campaign_rate_per_s:
        rates.append(("campaign", lane.campaign_id, lane.campaign_rate_per_s))
    return rates


def _afford(lane: Lane, window: Sequence[Item]) -> tuple[int, int]:
    """(how many of the first messages the budget covers, what is left of it)."""
    lock = (" FOR NO KEY UPDATE" if lane.budgeted else " FOR SHARE") if database.is_postgres() else ""
    if not lane.budgeted and not lock:
        return len(window), 0
    left = database.scalar(
        f"SELECT budget_micros - spent_micros FROM campaign WHERE id = ?{lock}", (lane.campaign_id,)
    )
    if left is None:
        return len(window), 0
    for at, item in enumerate(window):
        if item.cost_micros > left:
            return at, left
        left -= item.cost_micros
    return len(window), left


def _spend(lane: Lane, n: int, cost_micros: int, now: int) -> None:
    if n:
        for table, row_id, per_s in _rates(lane):
            rate.spend(table, row_id, per_s, n, now)
        if lane.way is not None:
            lane.way.spend(n, now)
    marking.refund(lane.campaign_id, -cost_micros if lane.budgeted else 0)


class Closed:
    """Countries that may not be texted in a class, minute by minute; the answer of a minute is kept."""

    def __init__(self, rt: Runtime, cls: int, asked: bool = True):
        self._rt, self._cls, self._asked = rt, cls, asked
        self._minute, self._countries = -1, frozenset[str]()

    def at(self, now: int) -> frozenset[str]:
        """At an instant (epoch ms).  Allowed hours begin and end on full minutes."""
        minute = now // clock.MINUTE_MS
        if self._asked and minute != self._minute:
            self._countries, self._minute = hours.forbidden_now(self._rt, self._cls, now), minute
        return self._countries
