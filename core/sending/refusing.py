"""Where messages go that the submit mark left out: cancelled, skipped, expired, or back to ready for later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.db import gate, marking, tally
from core.db.codes import State
from core.sending.item import Item, Lane
from core.sending.record import Change
from core.timing import hours

if TYPE_CHECKING:
    from core.runtime import Runtime

NO_CAP = (None, None)

#: Messages a plugin holds: {id: (not before, epoch ms, or None for never, reason)}.
Held = Mapping[int, tuple[int | None, str]]


def apply(
    rt: Runtime, lane: Lane, items: Sequence[Item], held: Held, now: int, deltas: tally.Deltas
) -> list[Change]:
    """Move claimed messages that the mark left out, each with its reason; those that moved."""
    groups: dict[tuple[State, str, int | None], list[int]] = defaultdict(list)
    left_out = [item.id for item in items if item.id not in held]
    out = gate.out_of(lane.topic_id, [item.contact_id for item in items])
    over = set() if lane.cap == NO_CAP else gate.over_cap(
        lane.cap, lane.cls, [item.contact_id for item in items], now
    )  # fmt: skip
    capped = {item.id for item in items if item.contact_id in over}
    unwanted = {item.id for item in items if item.contact_id in out}
    for id_, state, lease, not_after, blocked, consented, country, campaign in gate.why_not(left_out):
        if state == State.claimed and lease == lane.lease:
            row = (not_after, blocked, consented, country or "", campaign)
            verdict = _verdict(rt, lane, row, now)
            if id_ in unwanted and verdict[0] == State.ready:
                verdict = State.skipped, "topic", None
            if id_ in capped and verdict[0] == State.ready:
                verdict = State.skipped, "cap", None
            groups[verdict].append(id_)
    for item in items:
        if item.id in held:
            until, reason = held[item.id]
            groups[(State.skipped if until is None else State.ready), reason[:120] or "held", until].append(
                item.id
            )
    changes: list[Change] = []
    for (state, reason, not_before), some in sorted(groups.items(), key=lambda group: group[0][0]):
        moved = leave_claimed(lane.lease, some, state, reason, deltas, now, not_before)
        changes += [(id_, state.name) for id_ in moved]
    return changes


def _verdict(rt: Runtime, lane: Lane, row: tuple, now: int) -> tuple[State, str, int | None]:
    not_after, blocked, consented, country, campaign = row
    if campaign == "cancelled":
        return State.cancelled, "campaign_cancelled", None
    if blocked is None or blocked & lane.bit:
        return State.skipped, "suppressed", None
    if lane.consent and not consented & lane.consent:
        return State.skipped, "no_consent", None
    if not_after is not None and not_after <= now:
        return State.expired, "expired", None
    if campaign == "running" and country in lane.closed.at(now):
        due = hours.next_allowed(rt, lane.cls, country, now)
        if due is None or (not_after is not None and due >= not_after):
            return State.expired, "outside_hours", None
        # At least a second on: the hours are asked by the minute, and nobody should spin on the edge.
        return State.ready, "", max(due, now + 1000)
    return State.ready, "", None


def leave_claimed(
    lease: int, message_ids: Sequence[int], state: State, reason: str, deltas: tally.Deltas, now: int,
    not_before: int | None = None,
) -> list[int]:  # fmt: skip
    """Move claimed messages of this lease on; ids of those that moved."""
    final_at = None if state == State.ready else now
    moved = marking.move(
        message_ids, State.claimed, state, deltas,
        lease=lease, reason=reason or None, not_before=not_before, final_at=final_at, keep_submitted=True,
    )  # fmt: skip
    return [row[0] for row in moved]
