"""The queue as people see it: what waits, what is on the wire, what is stuck or in doubt, and why.

What waits for an instant or a person is in core.sending.waits.

Read from counters and partial indexes: no figure here counts more than `MANY` rows of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.db import database
from core.db.codes import Cls, State
from core.security import audit
from core.sending import doubt

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Rows counted at most; more is "and more".
MANY = 10_000
#: The rate is that of the last five minutes.
RATE_MS = 5 * clock.MINUTE_MS
#: A lease of this age is looked at: a batch is some two seconds of work.
STUCK_MS = clock.MINUTE_MS
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Lane:
    """A campaign that has something to send.  `later` of the `waiting` are not due yet (`MANY` + 1: more).

    `next_at` is when the first is due, `per_s` the rate of the last minutes, `finish_s` how long what is due
    takes at that rate, None without one.
    """

    campaign_id: int
    name: str
    cls: str
    state: str
    reason: str
    waiting: int
    on_wire: int
    in_doubt: int
    later: int
    next_at: int | None
    per_s: float
    finish_s: float | None

    @property
    def direct(self) -> bool:
        """Single messages rather than a campaign."""
        return self.name.startswith("direct:")


class Stuck(NamedTuple):
    """A batch a worker holds for too long."""

    campaign_id: int
    name: str
    claimed: int
    submitting: int
    taken_at: int
    worker: str
    ended: bool


class Resting(NamedTuple):
    """An account through which nothing goes now; `until` 0 when a person must act."""

    account_id: int
    name: str
    state: str
    why: str
    until: int


def lanes(now: int | None = None) -> list[Lane]:
    """Campaigns at work or paused that have messages to send or in doubt, most urgent class first."""
    now = clock.now_ms() if now is None else now
    counts: dict[int, dict[int, int]] = {}
    rows = database.query(
        "SELECT c.id, c.name, c.cls, c.state, c.reason, t.state, SUM(t.n) FROM campaign c "
        "JOIN tally t ON t.campaign_id = c.id WHERE t.state IN (0, 1, 2, 8) AND c.state <> 'cancelled' "
        "GROUP BY c.id, c.name, c.cls, c.state, c.reason, t.state HAVING SUM(t.n) > 0 ORDER BY c.cls, c.id",
    )
    heads = {}
    for id_, name, cls, state, reason, message_state, n in rows:
        heads[id_] = (name, cls, state, reason)
        counts.setdefault(id_, {})[message_state] = int(n)
    rates = _rates(now)
    made = []
    for id_, (name, cls, state, reason) in heads.items():
        found = counts[id_]
        waiting = found.get(State.ready, 0) + found.get(State.claimed, 0)
        later = _later(id_, now) if waiting else 0
        per_s = rates.get(id_, 0.0)
        due = max(0, waiting - later) + found.get(State.submitting, 0)
        made.append(
            Lane(
                id_, name, Cls(cls).name, state, reason, waiting, found.get(State.submitting, 0),
                found.get(State.in_doubt, 0), later, _next_at(id_) if waiting else None, per_s,
                due / per_s if per_s and due else None,
            )
        )  # fmt: skip
    return made


def _rates(now: int) -> dict[int, float]:
    rows = database.query(
        "SELECT campaign_id, SUM(n), MIN(at) FROM provider_call WHERE at >= ? AND kind = 'send' GROUP BY campaign_id",
        (now - RATE_MS,),
    )
    return {id_: int(n) / max(1.0, (now - first) / 1000) for id_, n, first in rows}


def _later(campaign_id: int, now: int) -> int:
    return database.scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM message WHERE state = 0 AND campaign_id = ? AND not_before > ? "
        "LIMIT ?) AS found",
        (campaign_id, now, MANY + 1),
    )


def _next_at(campaign_id: int) -> int | None:
    return database.scalar(
        "SELECT MIN(not_before) FROM message WHERE state = 0 AND campaign_id = ?", (campaign_id,)
    )


def stuck(now: int | None = None) -> list[Stuck]:
    """Batches held longer than `STUCK_MS`, oldest first; a dead worker's are settled by the sweep."""
    now = clock.now_ms() if now is None else now
    found = database.query(
        "SELECT l.id, l.campaign_id, c.name, l.lo, l.hi, l.taken_at, w.host, w.pid, w.ended_at FROM lease l "
        "LEFT JOIN campaign c ON c.id = l.campaign_id LEFT JOIN worker w ON w.id = l.worker_id "
        "WHERE l.taken_at < ? ORDER BY l.taken_at LIMIT 20",
        (now - STUCK_MS,),
    )
    made = []
    for lease, campaign_id, name, lo, hi, taken_at, host, pid, ended_at in found:
        states = dict(
            database.query(
                "SELECT state, COUNT(*) FROM message WHERE id BETWEEN ? AND ? AND lease = ? AND state IN (1, 2) "
                "GROUP BY state",
                (lo, hi, lease),
            )
        )
        worker = f"{host} · {pid}" if host else "?"
        made.append(
            Stuck(
                campaign_id,
                name or "",
                states.get(1, 0),
                states.get(2, 0),
                taken_at,
                worker,
                ended_at is not None,
            )
        )
    return made


def resting(now: int | None = None) -> list[Resting]:
    """Accounts in use through which nothing goes now."""
    now = clock.now_ms() if now is None else now
    return [
        Resting(id_, name, "halted" if halted else "open", halted or error, 0 if halted else until)
        for id_, name, halted, error, until in database.query(
            "SELECT id, name, halted, last_error, open_until FROM account WHERE enabled AND "
            "(halted <> '' OR open_until > ?) ORDER BY name",
            (now,),
        )
    ]


def doubts(found: list[Lane]) -> list[tuple[int, str, str, int]]:
    """(campaign, name, reason, how many) of messages in doubt."""
    return [
        (lane.campaign_id, lane.name, reason, n)
        for lane in found
        if lane.in_doubt
        for reason, n in doubt.reasons(lane.campaign_id).items()
    ]


def hasten(rt: Runtime, campaign_id: int, *, who: str) -> int:
    """Try now what waits because it was put off or held; how many messages that were.

    Hours, consent, budget and holds are asked again as each is marked.  Who was planned for a later instant
    keeps it.
    """
    total = 0
    while n := database.retry_locked(_hasten, campaign_id):
        total += n
        if n < _CHUNK:
            break
    with database.write_tx():
        audit.record(who, "queue.retry_now", f"campaign {campaign_id}", f"{total} messages")
    if total:
        rt.enqueue("send", campaign_id)
    return total


def _hasten(campaign_id: int) -> int:
    now = clock.now_ms()
    with database.write_tx():
        return database.execute(
            "UPDATE message SET not_before = ? WHERE state = 0 AND id IN (SELECT id FROM message WHERE state = 0 "
            "AND campaign_id = ? AND not_before > ? AND reason IS NOT NULL LIMIT ?)",
            (now, campaign_id, now, _CHUNK),
        ).rowcount
