"""Expansion: a launched campaign becomes one row a person, in chunks, safe to kill at any point.

1. Take the next range of contact ids from `campaign.cursor` by compare-and-set.
2. One INSERT … SELECT stores that range with state, reason, variant and start; counters and the cursor are
   written in the same transaction, so a chunk is there whole or not at all, and never twice.
3. When the cursor is at its end, the counters are compared with the rows and the campaign runs.  Nothing is
   claimed before: a campaign that was only partly expanded does not send.

Contacts that came after the launch are above `cursor_end` and not part of the campaign.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock, ids
from core.contract.errors import Refusal
from core.db import claiming, database, tally
from core.db.codes import State
from core.db.models import Campaign
from core.sending import claim, lifecycle, log, people

if TYPE_CHECKING:
    from core.runtime import Runtime

logger = logging.getLogger("cooee.expand")
#: Contact ids a transaction; at 500,000 rows a second the write lock is held 0.1 s.
CHUNK = 50_000
#: Above every state's number.
_STATES = 16


def run(rt: Runtime, campaign_id: int) -> None:
    """The job `expand`: safe to run twice, at once, or again after a kill."""
    campaign = Campaign.get_or_none(Campaign.id == campaign_id)
    if campaign is None or campaign.state != "expanding":
        return
    try:
        sql, params, start = _prepare(rt, campaign)
    except Refusal as refusal:
        lifecycle.pause(rt, campaign_id, str(refusal))
        return
    cursor = campaign.cursor
    while cursor is not None and cursor < campaign.cursor_end:
        upto = min(cursor + CHUNK, campaign.cursor_end)
        cursor = database.retry_locked(_chunk, campaign, sql, params, start, cursor, upto)
    if cursor is not None:
        _complete(rt, campaign_id)


def _prepare(rt: Runtime, campaign: Campaign) -> tuple[str, list, people.Start]:
    at = max(campaign.send_at or 0, campaign.launched_at or 0)
    start = people.starts(rt, campaign, at)
    inner, params = people.select_sql(rt, campaign, start, at_ms=campaign.launched_at)
    return inner, params, start


def _chunk(campaign: Campaign, inner: str, params: list, start: people.Start, lo: int, hi: int) -> int | None:
    """Expand contact ids in (lo, hi]; returns the new cursor, None when the campaign no longer expands."""
    with database.write_tx():
        # A block of its own transaction: the row of ids is not held while the rows are written.
        base = ids.allocate(hi - lo)
    with database.write_tx():
        moved = database.execute(
            "UPDATE campaign SET cursor = ? WHERE id = ? AND cursor = ? AND state = 'expanding'",
            (hi, campaign.id, lo),
        ).rowcount
        if not moved:
            now = database.one("SELECT state, cursor FROM campaign WHERE id = ?", (campaign.id,))
            return now[1] if now and now[0] == "expanding" else None
        not_after = "NULL" if campaign.not_after is None else int(campaign.not_after)
        database.execute(
            "INSERT INTO message (id, campaign_id, contact_id, dedupe, variant, cls, state, reason, attempt, "  # noqa: S608, E501
            "not_before, not_after, account_id, parts, cost_micros) "
            f"SELECT {base - lo - 1} + contact_id, {campaign.id}, contact_id, 0, variant, {campaign.cls}, "
            f"{people.state_sql(campaign.holdout_bp)}, why, 0, {people.not_before_sql(start)}, {not_after}, "
            f"0, 0, 0 FROM ({inner}) AS person",
            [*params, lo, hi],
        )
        deltas = tally.Deltas()
        # One number to sort by takes half as long as two.
        for kind, n in database.query(
            f"SELECT variant * {_STATES} + state AS kind, COUNT(*) FROM message WHERE id >= ? AND id < ? GROUP BY kind",
            (base, base + hi - lo),
        ):
            variant, state = divmod(kind, _STATES)
            deltas.add((campaign.id, variant, 0, 0, state), n)
        tally.move(deltas)
    return hi


def _complete(rt: Runtime, campaign_id: int) -> None:
    counted = sum(tally.by_state([campaign_id])[campaign_id].values())
    stored = database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign_id,))
    if counted != stored:
        logger.error("campaign %s: %s rows, counters say %s", campaign_id, stored, counted)
        lifecycle.pause(rt, campaign_id, f"Expansion stored {stored} rows but counted {counted}.")
        return
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'running', audience = ?, started_at = ? "
            "WHERE id = ? AND state = 'expanding' AND cursor = cursor_end",
            (stored, clock.now_ms(), campaign_id),
        ).rowcount
        if done:
            log.write(campaign_id, "", "running", str(stored))
    if done:
        lifecycle.announce(rt, campaign_id, "running")
        if not lifecycle.finish(rt, campaign_id):
            # A hint for each worker that would find a batch; the sweep would call the others 15 seconds later.
            for _worker in range(min(claiming.workers(), 1 + stored // claim.BATCH_MAX)):
                rt.enqueue("send", campaign_id)


def texted(campaign_id: int) -> int:
    """How many messages of an expanded campaign are or were to be sent."""
    counts = tally.by_state([campaign_id])[campaign_id]
    return sum(
        n for state, n in counts.items() if state not in (State.skipped, State.holdout, State.cancelled)
    )
