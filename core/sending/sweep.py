"""The sweep: finds work by state, each 15 seconds, so that a queue that lost everything loses nothing.

1. Settle what dead and stopped workers hold.
2. Expire what is too late, unless a clock is in doubt.
3. Take messages in doubt one step up the ladder.
4. Put campaigns with something to send, and those still expanding, into the queue.
5. Finish campaigns that have nothing left; complete cancellations a crash cut short.

Every step is idempotent and asks the database; one that fails does not keep the others from running.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core import clock
from core.db import claiming, database, marking, tally
from core.db.codes import State
from core.sending import clockwatch, doubt, journal, leases, lifecycle

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.sweep")

EXPIRE_CHUNK = 5_000


def sweep(rt: Runtime) -> None:
    """One round; called on one worker at a time, safe on several."""
    me = leases.current(rt)
    _try("reaping", leases.reap, rt, me)
    # By a clock that is a year ahead everything is too late, and every journal old.
    in_doubt = clockwatch.standing()
    if not in_doubt:
        _try("expiring", expire)
    _try("messages in doubt", doubt.climb, rt)
    _try("due campaigns", hint, rt)
    _try("finishing", _finish, rt)
    _try("cancelled campaigns", _cancelled)
    today = clock.now_ms() // clock.DAY_MS
    if not in_doubt and me.cache.get("pruned") != today:
        me.cache["pruned"] = today
        _try("old journals", journal.prune, rt.settings.path("journal"))


def _try(what: str, work: Callable[..., Any], *args: Any) -> None:
    try:
        work(*args)
    except Exception:
        log.exception("sweep: %s failed", what)
        database.reopen()


def expire(campaign_id: int | None = None) -> int:
    """Waiting messages whose latest time is over become expired; returns how many."""
    now = clock.now_ms()
    rows = database.query(
        "SELECT id FROM campaign WHERE state IN ('running', 'paused') AND (not_after <= ? OR launch_key LIKE 'direct:%')",
        (now,),
    )
    total = 0
    for (id_,) in rows:
        if campaign_id in (None, id_):
            while n := database.retry_locked(_expire_chunk, id_, now):
                total += n
    return total


def _expire_chunk(campaign_id: int, now: int) -> int:
    deltas = tally.Deltas()
    with database.write_tx():
        late = database.query(
            "SELECT id FROM message WHERE campaign_id = ? AND state = 0 AND not_after <= ? ORDER BY id LIMIT ?",
            (campaign_id, now, EXPIRE_CHUNK),
        )
        if not late:
            return 0
        ids = [row[0] for row in late]
        moved = marking.move(
            ids, State.ready, State.expired, deltas, reason="expired", final_at=now, keep_submitted=True
        )
        tally.move(deltas)
    return len(moved)


def hint(rt: Runtime) -> list[int]:
    """Enqueue what has work that no worker is on, unless the queue holds it already; the campaigns."""
    now = clock.now_ms()
    alive = claiming.workers()
    busy = dict(
        database.query("SELECT campaign_id, COUNT(DISTINCT worker_id) FROM lease GROUP BY campaign_id")
    )
    hinted = []
    for campaign_id, _cls in claiming.due_campaigns(now):
        if busy.get(campaign_id, 0) < alive and not queued(rt, "send", campaign_id):
            # Who only helps with what a worker is on takes nobody's turn.
            rt.enqueue("send", campaign_id, later=campaign_id in busy)
            hinted.append(campaign_id)
    for (campaign_id,) in database.query("SELECT id FROM campaign WHERE state = 'expanding'"):
        if not queued(rt, "expand", campaign_id):
            rt.enqueue("expand", campaign_id)
            hinted.append(campaign_id)
    return hinted


def queued(rt: Runtime, name: str, *ids: int) -> bool:
    """Is exactly this hint in the queue?  An unreadable queue counts as empty: a hint may be repeated."""
    return rt.queue is not None and rt.queue.holds(name, *ids)


def _finish(rt: Runtime) -> None:
    for (campaign_id,) in database.query(
        "SELECT id FROM campaign WHERE state = 'running' AND audience IS NOT NULL"
    ):
        lifecycle.finish(rt, campaign_id)


def _cancelled() -> None:
    for (campaign_id,) in database.query(
        "SELECT t.campaign_id FROM tally t JOIN campaign c ON c.id = t.campaign_id WHERE c.state = 'cancelled' "
        "AND t.state IN (0, 1) GROUP BY t.campaign_id HAVING SUM(t.n) > 0"
    ):
        lifecycle.cancel_waiting(campaign_id)
