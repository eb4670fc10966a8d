"""What the page of a campaign says while it is sent: progress, speed, errors, doubt, log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core import clock
from core.db import database, tally
from core.db.codes import State
from core.db.models import Account, Campaign, Segment
from core.measure.counts import failures
from core.runtime import Runtime
from core.sending import breaker, doubt, drafts, log, route
from core.web import kindwords

#: Colours of the big bar, in its order: tone → states.
BANDS = (
    ("good", ("delivered",)),
    ("info", ("accepted", "submitting")),
    ("bad", ("undelivered", "expired", "rejected")),
    ("warn", ("in_doubt",)),
    ("plain", ("skipped", "cancelled", "holdout")),
)
_WAITING = ("ready", "claimed")
_UNSENT = ("skipped", "cancelled", "holdout")
_FAILED = ("undelivered", "expired", "rejected")
#: The speed is that of the last minute.
_SPEED_MS = clock.MINUTE_MS
#: How often the page asks anew while texts leave, and how often and long while only receipts come.
_BUSY_S, _SETTLING_S, _SETTLING_MS = 2, 10, clock.HOUR_MS
AT_WORK = ("scheduled", "expanding", "running")


class Rest(NamedTuple):
    """An account of the campaign that takes nothing now; `failures` 0 when its provider asked for the pause."""

    id: int
    name: str
    failures: int
    until: int
    error: str


@dataclass(frozen=True, slots=True)
class Live:
    """`bands` are (tone, share, states, n); `per_s` and `left_s` None while unknown; times in epoch ms.

    `every_s`: how often the page asks anew; 0 when nothing moves any more.
    """

    counts: dict[str, int]
    total: int
    waiting: int
    sent: int
    bands: list[tuple[str, float, tuple[str, ...], int]]
    every_s: int
    expanded: float = 1.0
    per_s: float | None = None
    left_s: float | None = None
    next_at: int | None = None
    resting: list[Rest] = field(default_factory=list)
    errors: list[tuple[str, kindwords.Group]] = field(default_factory=list)
    doubts: list[tuple[str, int]] = field(default_factory=list)
    log: list[tuple[int, str, str, str]] = field(default_factory=list)
    segment: str = ""
    account: Any = None
    arms: int = 1
    at: int = 0


def counts(campaign_id: int) -> dict[str, int]:
    """{state: messages}, every state named."""
    found = tally.by_state([campaign_id])[campaign_id]
    return {state.name: found.get(state, 0) for state in State}


def state(rt: Runtime, campaign: Campaign) -> Live:
    """Read it all from counters; message rows are touched only where something failed."""
    found, now = counts(campaign.id), clock.now_ms()
    total, never = sum(found.values()), _never([campaign.id]).get(campaign.id, 0)
    waiting = sum(found[s] for s in _WAITING)
    per_s = _speed(campaign, now) if campaign.state == "running" else None
    segment = Segment.get_or_none(Segment.id == campaign.segment_id)
    next_at = _next(campaign.id, now) if campaign.state == "running" and waiting else None
    return Live(
        counts=found,
        total=total,
        waiting=waiting,
        sent=_sent(found, never),
        bands=[(tone, n / total if total else 0.0, states, n) for tone, states, n in _banded(found, never)],
        every_s=_every_s(campaign, found, now),
        expanded=_expanded(campaign),
        per_s=per_s,
        left_s=waiting / per_s if per_s and not next_at else None,
        next_at=next_at,
        resting=_resting(campaign, now) if campaign.state == "running" and waiting else [],
        errors=_errors(campaign.id) if any(found[s] for s in _FAILED) else [],
        doubts=list(doubt.reasons(campaign.id).items()) if found["in_doubt"] else [],
        log=log.lines(campaign.id, 30),
        segment=segment.name if segment else "",
        account=Account.get_or_none(Account.id == campaign.account_id),
        arms=len(drafts.variants(campaign.id)),
        at=now,
    )


def _never(campaign_ids: Sequence[int]) -> dict[int, int]:
    """{campaign: texts that failed before they left, their time being over}: nothing was tried, none is sent."""
    if not campaign_ids:
        return {}
    rows = database.query(
        "SELECT campaign_id, SUM(n) FROM tally WHERE hour = 0 "
        f"AND campaign_id IN ({database.in_list(len(campaign_ids))}) "
        f"AND state IN ({', '.join(str(State[name].value) for name in _FAILED)}) GROUP BY campaign_id",
        campaign_ids,
    )
    return {campaign_id: int(n) for campaign_id, n in rows}


def _sent(found: Mapping[str, int], never: int) -> int:
    return sum(found.values()) - never - sum(found.get(name, 0) for name in (*_WAITING, *_UNSENT))


def _banded(found: Mapping[str, int], never: int) -> list[tuple[str, tuple[str, ...], int]]:
    """(tone, states, messages) of the big bar; what never left is no failure of a text."""
    moved = {"bad": -never, "plain": never}
    return [
        (tone, states, sum(found.get(name, 0) for name in states) + moved.get(tone, 0))
        for tone, states in BANDS
    ]


def _every_s(campaign: Campaign, found: dict[str, int], now: int) -> int:
    if campaign.state in AT_WORK or found["submitting"]:
        return _BUSY_S
    # Paused, receipts still come, and somebody else may resume it.
    if campaign.state == "paused":
        return _SETTLING_S
    fresh = now - (campaign.finished_at or 0) < _SETTLING_MS
    return _SETTLING_S if found["accepted"] and fresh else 0


def _expanded(campaign: Campaign) -> float:
    if campaign.state != "expanding" or not campaign.cursor_end:
        return 1.0
    return campaign.cursor / campaign.cursor_end


def _speed(campaign: Campaign, now: int) -> float | None:
    """Messages a second taken or refused in the last minute, since it started or went on; None where none were."""
    resumed = database.scalar(
        "SELECT MAX(at) FROM campaign_log WHERE campaign_id = ? AND what = 'resumed'", (campaign.id,)
    )
    since = max(campaign.started_at or now, resumed or 0, now - _SPEED_MS)
    if now - since < 1000:
        return None
    # A call counts when it ended; none lasts a minute, so that the index on `at` finds them.
    n = database.scalar(
        "SELECT SUM(accepted + rejected) FROM provider_call "
        "WHERE at >= ? AND at + ms >= ? AND campaign_id = ? AND kind = 'send'",
        (since - clock.MINUTE_MS, since, campaign.id),
    )
    return int(n) * 1000 / (now - since) if n else None


def _resting(campaign: Campaign, now: int) -> list[Rest]:
    """Accounts it may use that rest, or whose next text only tries whether they work again."""
    every = {account.id: account for account in breaker.load()}
    ways = route.candidates(every.values(), campaign.account_id, campaign.cls)
    resting = [w for w in ways if w.enabled and not w.halted and (w.open_until > now or w.failing)]
    said = dict(database.query("SELECT id, last_error FROM account"))
    return [
        Rest(w.id, w.name, w.failures if w.failing else 0, w.open_until, said[w.id] if w.failing else "")
        for w in resting
    ]


def _next(campaign_id: int, now: int) -> int | None:
    """When the next message may leave, if none may now."""
    first = database.scalar(
        "SELECT MIN(not_before) FROM message WHERE campaign_id = ? AND state = 0", (campaign_id,)
    )
    return first if first is not None and first > now else None


def _errors(campaign_id: int) -> list[tuple[str, kindwords.Group]]:
    """(state, what its messages say together), the most frequent first; what never left has no account."""
    found = [
        (state, group)
        for state in _FAILED
        for group in kindwords.grouped(failures(campaign_id, State[state]))
    ]
    # A text that never left is no phone that was off.
    found += [
        (state, group._replace(kind="never") if group.reason == "expired" else group)
        for state in _FAILED
        for group in kindwords.grouped(failures(campaign_id, State[state], sent=False))
    ]
    return sorted(found, key=lambda one: -one[1].n)[:10]


def overview(found: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Rows of the list: the campaign with its segment, account, progress and next send."""
    ids = [campaign.id for campaign in found]
    tallied, never = tally.by_state(ids), _never(ids)
    segments = _names("segment", {c.segment_id for c in found})
    rows = []
    for campaign in found:
        by_state = {State(s).name: n for s, n in tallied[campaign.id].items()}
        total, late = sum(by_state.values()), never.get(campaign.id, 0)
        rows.append(
            {
                "campaign": campaign,
                "segment": segments.get(campaign.segment_id, ""),
                "total": total,
                "bands": [(tone, n / total) for tone, _states, n in _banded(by_state, late)] if total else [],
                "delivered": by_state.get("delivered", 0),
                "sent": _sent(by_state, late),
            }
        )
    return rows


def _names(table: str, wanted: set[int | None]) -> dict[int, str]:
    kept = sorted(i for i in wanted if i is not None)
    if not kept:
        return {}
    return dict(
        database.query(f"SELECT id, name FROM {table} WHERE id IN ({database.in_list(len(kept))})", kept)
    )
