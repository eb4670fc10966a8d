"""The job `send`: claim a batch of a campaign, drain it, and again, for about ten seconds.

The queue is a hint: the job may run twice at once, or never; the sweep finds the same work by state.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from core import clock
from core.db import claiming, database, gate
from core.sending import breaker, claim, leases, lifecycle, route, settle, sweep
from core.sending.claim import Batch
from core.sending.drain import NAP_S, Drain
from core.sending.judge import stop

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

log = logging.getLogger("cooee.send")

#: A job ends after this and goes to the end of the queue; when others wait there, after `TURN_S`.
SLICE_S, TURN_S = 10.0, 2.0
#: After a batch was broken off: what broke it, such as a full disk, may last.
PAUSE_S = 0.5


def send(rt: Runtime, campaign_id: int) -> int:
    """Send what is due of one campaign; returns how many messages were dealt with.

    While the last window of a batch is on the wire the next batch is claimed and its words are made.
    """
    worker, turn = leases.current(rt), _Turn(rt)
    total, ready = 0, None
    while ready or not leases.draining.is_set():
        ready = ready or prepared(rt, worker, campaign_id, turn.until)
        if ready is None:
            lifecycle.finish(rt, campaign_id)
            break
        total += len(ready.batch.items)
        ready = _drained(rt, worker, ready, lambda: _next(rt, worker, campaign_id, turn))
        if ready is None and turn.over():
            if not sweep.queued(rt, "send", campaign_id):
                rt.enqueue("send", campaign_id, later=True)
            break
    return total


class _Turn:
    """How long a job goes on: a campaign with a slow rate must not keep imports and checks waiting."""

    def __init__(self, rt: Runtime):
        self._rt, now = rt, clock.monotonic()
        self.until, self._least = now + SLICE_S, now + TURN_S

    def over(self) -> bool:
        """Is it somebody else's turn?"""
        now, queue = clock.monotonic(), self._rt.queue
        return now > self.until or (now > self._least and queue is not None and queue.waiting())


def one_batch(rt: Runtime, worker: Worker, campaign_id: int, until: float) -> int | None:
    """Claim and drain one batch; None when nothing is to be done now."""
    ready = prepared(rt, worker, campaign_id, until)
    if ready is None:
        return None
    _drained(rt, worker, ready)
    return len(ready.batch.items)


def prepared(rt: Runtime, worker: Worker, campaign_id: int, until: float) -> Drain | None:
    """A claimed batch with its words; None when nothing is to be done now."""
    row = database.one(
        "SELECT account_id, options, cls, reason FROM campaign WHERE id = ? AND state = 'running' "
        f"AND NOT EXISTS ({gate.SENDING_OFF})",
        (campaign_id,),
    )
    now = clock.now_ms()
    if row is None or not claiming.has_due(campaign_id, now):
        return None
    allowed = route.candidates(breaker.load(), row[0], row[2])
    why = route.stuck(allowed, row[0], row[2])
    if why:
        worker.cache["stuck", campaign_id] = True
        stop(rt, campaign_id, why)
        return None
    worker.cache.pop(("stuck", campaign_id), None)
    if row[3]:
        worker.cache["said", campaign_id] = True
    usable = [a for a in allowed if a.usable(now)]
    if not usable:
        return None
    rate = json.loads(row[1] or "{}").get("rate")
    batch = claim.claim(rt, worker, campaign_id, claim.limit_for(rate, *(a.rate_per_s for a in usable)))
    if batch is None:
        return None
    made = Drain(rt, worker, batch, until, lambda urgent: one_batch(rt, worker, urgent, until + NAP_S))
    return made if _safely(rt, worker, batch, made.render) else None


def _next(rt: Runtime, worker: Worker, campaign_id: int, turn: _Turn) -> Drain | None:
    if leases.draining.is_set() or turn.over():
        return None
    return prepared(rt, worker, campaign_id, turn.until)


def _drained(
    rt: Runtime, worker: Worker, ready: Drain, ahead: Callable[[], Drain | None] = lambda: None
) -> Drain | None:
    """Send a batch; the next one, if `ahead` found one meanwhile."""
    _safely(rt, worker, ready.batch, lambda: ready.run(ahead))
    return ready.following


def _safely(rt: Runtime, worker: Worker, batch: Batch, work: Callable[[], None]) -> bool:
    try:
        work()
    except Exception:
        log.exception("campaign %s: a batch was broken off", batch.campaign_id)
        _clean_up(rt, worker, batch)
        leases.draining.wait(PAUSE_S)
        return False
    return True


def _clean_up(rt: Runtime, worker: Worker, batch: Batch) -> None:
    """After anything unforeseen: settle the lease from the journal, as for a dead worker, but certain."""
    worker.busy.discard(batch.lease)
    database.reopen()
    try:
        settle.one(rt, batch.lease, worker.id, worker.started_at, proven=True)
    except Exception:
        # The database is away; the next sweep of this process settles what it left (settle.leftovers).
        log.exception("lease %s is settled later", batch.lease)
        database.reopen()
