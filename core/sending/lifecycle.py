"""Pause, resume, cancel, finish: changes of a campaign that was launched.

Every change is a compare-and-set on `campaign.state`; the submit mark of the send path asks for 'running' in
its own transaction, so after a pause or cancel commits, only what is marked already goes on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.db import database, tally
from core.db.codes import State
from core.i18n import _
from core.sending import drafts, log

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Messages cancelled a transaction.
CHUNK = 20_000
#: Why a cancelled message was not sent.
CANCELLED = "campaign_cancelled"


def announce(rt: Runtime, campaign_id: int, state: str, reason: str = "") -> None:
    """Tell plugins; after the commit."""
    rt.plugins.call("campaign_changed", campaign_id=campaign_id, state=state, reason=reason)


def pause(rt: Runtime, campaign_id: int, reason: str, who: str = "") -> bool:
    """Stop a campaign at work; True when this call did it.

    Called by people (`who`) and by the send path after repeated failures (`who` empty).  `reason` is one
    sentence shown on the campaign page.
    """
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'paused', reason = ? WHERE id = ? AND state IN ('running', 'expanding')",
            (reason[:250], campaign_id),
        ).rowcount
        if done:
            log.write(campaign_id, who, "paused", reason)
    if done:
        announce(rt, campaign_id, "paused", reason)
    return bool(done)


def resume(rt: Runtime, campaign_id: int, who: str = "") -> bool:
    """Let a paused campaign go on where it stood; True when this call did it."""
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET reason = '', state = CASE WHEN cursor < cursor_end THEN 'expanding' "
            "ELSE 'running' END WHERE id = ? AND state = 'paused'",
            (campaign_id,),
        ).rowcount
        if done:
            log.write(campaign_id, who, "resumed")
    if done:
        state = drafts.get(campaign_id).state
        announce(rt, campaign_id, state)
        rt.enqueue("expand" if state == "expanding" else "send", campaign_id)
    return bool(done)


def cancel(rt: Runtime, campaign_id: int, who: str = "") -> None:
    """End a campaign for good.  Raises `Refusal` (409).

    1. The campaign becomes `cancelled`, after which no message of it can be marked for the wire.
    2. What waits becomes `cancelled` in chunks; a kill in between is made good by `cancel_waiting`, which the
       sweep calls for cancelled campaigns.  What workers hold they give back later, so that how many messages
       are not sent is only known from the counts.
    """
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'cancelled', reason = '', finished_at = ? WHERE id = ? "
            "AND state IN ('running', 'expanding', 'paused', 'scheduled')",
            (clock.now_ms(), campaign_id),
        ).rowcount
        campaign = drafts.get(campaign_id)
        if not done:
            raise Refusal(
                _(
                    "“%(name)s” is %(state)s; only one that is scheduled or at work can be cancelled.",
                    name=campaign.name,
                    state=campaign.state,
                ),
                status=409,
            )
        log.write(campaign_id, who, "cancelled")
    cancel_waiting(campaign_id)
    audience = sum(tally.by_state([campaign_id])[campaign_id].values())
    with database.write_tx():
        # Cancelled while it expanded, the audience is what had become rows.
        database.execute("UPDATE campaign SET audience = ? WHERE id = ?", (audience, campaign_id))
    announce(rt, campaign_id, "cancelled")


def cancel_waiting(campaign_id: int) -> int:
    """Turn what waits of a cancelled campaign into `cancelled`; returns how many.  Safe to repeat."""
    total = 0
    for state in (State.ready, State.claimed):
        while n := database.retry_locked(_cancel_chunk, campaign_id, state):
            total += n
    return total


def _cancel_chunk(campaign_id: int, state: State) -> int:
    now = clock.now_ms()
    deltas = tally.Deltas()
    with database.write_tx():
        rows = database.query(
            f"UPDATE message SET state = {State.cancelled.value}, reason = ?, lease = NULL, final_at = ? "
            "WHERE id IN (SELECT m.id FROM message m JOIN campaign c ON c.id = m.campaign_id "
            f"WHERE m.campaign_id = ? AND m.state = {state.value} AND c.state = 'cancelled' LIMIT ?) "
            f"AND state = {state.value} RETURNING variant, account_id, submitted_at, parts, cost_micros",
            (CANCELLED, now, campaign_id, CHUNK),
        )
        for variant, account, submitted_at, parts, cost in rows:
            hour = tally.hour_of(submitted_at)
            deltas.add((campaign_id, variant, account, hour, state), -1, -parts, -cost)
            deltas.add((campaign_id, variant, account, hour, State.cancelled), 1, parts, cost)
        tally.move(deltas)
    return len(rows)


def waiting(campaign_id: int) -> int:
    """Messages not yet on the wire or on it right now: ready, claimed, submitting."""
    counts = tally.by_state([campaign_id])[campaign_id]
    return sum(counts.get(state, 0) for state in (State.ready, State.claimed, State.submitting))


def finish(rt: Runtime, campaign_id: int) -> bool:
    """Close a running campaign that has nothing left to send; True when this call did it.

    Receipts still move its messages afterwards.  Direct campaigns never end.
    """
    if waiting(campaign_id):
        return False
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'done', finished_at = ? WHERE id = ? AND state = 'running' "
            "AND audience IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tally WHERE campaign_id = ? "
            f"AND state IN ({State.ready.value}, {State.claimed.value}, {State.submitting.value}) "
            "GROUP BY state HAVING SUM(n) <> 0)",
            (clock.now_ms(), campaign_id, campaign_id),
        ).rowcount
        if done:
            log.write(campaign_id, "", "done")
    if done:
        announce(rt, campaign_id, "done")
    return bool(done)
