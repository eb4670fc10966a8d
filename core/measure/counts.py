"""Reading the counters: what happened to the messages of a scope, without touching message rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import State
from core.db.sets import among, listed

#: After this a message without a receipt is "unknown", not "pending" (the longest wait a vendor documents).
UNKNOWN_AFTER_H = 72


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of a scope by what became of them.

    `submitted` were accepted by the provider, with their `parts` and `submitted_micros`; `attempted` also those it
    refused, which cost nothing, or left in doubt, which `cost_micros` holds, too: they may have been sent.
    `pending` are submitted within the last 72 hours without a receipt, `unknown` older ones.
    """

    total: int = 0
    attempted: int = 0
    submitted: int = 0
    delivered: int = 0
    failed: int = 0
    rejected: int = 0
    in_doubt: int = 0
    pending: int = 0
    unknown: int = 0
    in_5m: int = 0
    in_24h: int = 0
    parts: int = 0
    cost_micros: int = 0
    submitted_micros: int = 0


_ON_WIRE = (
    State.submitting,
    State.accepted,
    State.delivered,
    State.undelivered,
    State.expired,
    State.rejected,
    State.in_doubt,
)


def where(scope: Scope) -> tuple[str, list]:
    """The SQL condition on `tally` for a scope, with its parameters."""
    parts, params = ["1 = 1"], []
    for column, value in (
        ("campaign_id", scope.campaign_id),
        ("variant", scope.variant),
        ("account_id", scope.account_id),
    ):
        if value is not None:
            parts.append(f"{column} = ?")
            params.append(value)
    if scope.since is not None:
        parts.append("hour >= ?")
        params.append(clock.to_ms(scope.since) // clock.HOUR_MS)
    if scope.until is not None:
        parts.append("hour < ?")
        params.append(-(-clock.to_ms(scope.until) // clock.HOUR_MS))
    return " AND ".join(parts), params


def read(scope: Scope) -> Counts:
    """The counters of a scope.  One index range of `tally`."""
    condition, params = where(scope)
    old = clock.now_ms() // clock.HOUR_MS - UNKNOWN_AFTER_H
    rows = database.query(
        f"SELECT state, CASE WHEN hour = 0 THEN 0 ELSE 1 END, CASE WHEN hour < ? THEN 1 ELSE 0 END, "
        f"SUM(n), SUM(parts), SUM(cost_micros), SUM(in_5m), SUM(in_24h) FROM tally WHERE {condition} GROUP BY 1, 2, 3",
        [old, *params],
    )
    found: dict[str, int] = dict.fromkeys(Counts.__slots__, 0)
    for state, wired, is_old, n, parts, cost, in_5m, in_24h in rows:
        _add(found, State(state), bool(wired), bool(is_old), int(n), int(parts), int(cost))
        found["in_5m"] += int(in_5m)
        found["in_24h"] += int(in_24h)
    return Counts(**found)


def _add(found: dict[str, int], state: State, wired: bool, old: bool, n: int, parts: int, cost: int) -> None:
    found["total"] += n
    if not wired:
        return
    found["cost_micros"] += cost
    if state in _ON_WIRE:
        found["attempted"] += n
    if state in (State.accepted, State.delivered, State.undelivered, State.expired):
        found["submitted"] += n
        found["parts"] += parts
        found["submitted_micros"] += cost
    if state is State.accepted:
        found["unknown" if old else "pending"] += n
    elif state in (State.undelivered, State.expired):
        found["failed"] += n
    elif state.name in ("delivered", "rejected", "in_doubt"):
        found[state.name] += n


def by_state(campaign_id: int) -> dict[str, int]:
    """{state name: messages} of a campaign; they add up to its audience."""
    rows = database.query(
        "SELECT state, SUM(n) FROM tally WHERE campaign_id = ? GROUP BY state", (campaign_id,)
    )
    return {State(state).name: int(n) for state, n in sorted(rows) if n}


def arrived(campaign_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """{campaign: (delivered, submitted)} of those of which anything was submitted, for lists."""
    rows = database.query(
        "SELECT campaign_id, SUM(CASE WHEN state = 4 THEN n ELSE 0 END), SUM(n) FROM tally "
        f"WHERE hour > 0 AND state IN (3, 4, 5, 6) AND campaign_id {among()} GROUP BY campaign_id",
        (listed(campaign_ids),),
    )
    return {campaign_id: (int(delivered), int(submitted)) for campaign_id, delivered, submitted in rows}


def by_day(scope: Scope, zone: tzinfo = UTC) -> list[tuple[date, Counts]]:
    """[(day in a zone, counts)] in order, days without messages left out.

    Counters are kept by the hour, so an hour is of the day in which it begins there (`day_begins`).
    """
    condition, params = where(scope)
    old = clock.now_ms() // clock.HOUR_MS - UNKNOWN_AFTER_H
    rows = database.query(
        f"SELECT hour, state, SUM(n), SUM(parts), SUM(cost_micros), SUM(in_5m), SUM(in_24h) "
        f"FROM tally WHERE hour > 0 AND {condition} GROUP BY hour, state ORDER BY hour",
        params,
    )
    days: dict[date, dict[str, int]] = {}
    for hour, state, n, parts, cost, in_5m, in_24h in rows:
        # Each hour by the clocks of its own day: since the first of them they may have been changed.
        day = clock.from_ms(hour * clock.HOUR_MS).astimezone(zone).date()
        found = days.setdefault(day, dict.fromkeys(Counts.__slots__, 0))
        _add(found, State(state), True, hour < old, int(n), int(parts), int(cost))
        found["in_5m"] += int(in_5m)
        found["in_24h"] += int(in_24h)
    return [(day, Counts(**found)) for day, found in days.items()]


def day_begins(midnight: datetime) -> datetime:
    """The first whole hour of a day, from its midnight.

    In zones such as India's that is 00:30, as midnight lies within an hour of the counters: its texts are the day
    before's.  They could be told apart by reading the messages of every campaign of that hour, which may be millions.
    """
    return clock.from_ms(-(-clock.to_ms(midnight) // clock.HOUR_MS) * clock.HOUR_MS).astimezone(
        midnight.tzinfo
    )


def by_hour(scope: Scope) -> list[tuple[int, int, int]]:
    """[(hour since 1970, submitted, delivered)] of a scope, in order."""
    condition, params = where(scope)
    return [
        (int(hour), int(submitted), int(delivered))
        for hour, submitted, delivered in database.query(
            f"SELECT hour, SUM(CASE WHEN state IN (3, 4, 5, 6) THEN n ELSE 0 END), "
            f"SUM(CASE WHEN state = 4 THEN n ELSE 0 END) FROM tally "
            f"WHERE hour > 0 AND {condition} GROUP BY hour ORDER BY hour",
            params,
        )
    ]


#: States of texts that were tried and did not arrive.
FAILED = (State.undelivered, State.expired, State.rejected)
#: A text whose time ran out, or that was taken back, before it left has no instant of submit.
_SENT = {None: "", True: " AND {m}submitted_at IS NOT NULL", False: " AND {m}submitted_at IS NULL"}


def failures(campaign_id: int, *states: State, sent: bool = True) -> list[tuple[int | None, str, str, int]]:
    """[(account, its name, reason, messages)] of a campaign's texts in these states (`FAILED`), by how many.

    Of those that were sent; with `sent` False of those that never were, which have no account.  One partial
    index where the campaign names its account; where routes chose it, the rows are read.
    """
    states = states or FAILED
    account = database.one(
        "SELECT a.id, a.name FROM campaign k JOIN account a ON a.id = k.account_id WHERE k.id = ?",
        (campaign_id,),
    )
    if account or not sent:
        of = account if sent else (None, "")
        return [(*of, reason, n) for reason, n in reasons(campaign_id, *states, sent=sent).items()]
    rows = database.query(
        "SELECT m.account_id, COALESCE(a.name, ''), m.reason, COUNT(*) FROM message m "
        "LEFT JOIN account a ON a.id = m.account_id WHERE m.campaign_id = ? AND m.reason IS NOT NULL "
        f"AND m.state IN ({database.in_list(len(states))}){_SENT[True].format(m='m.')} "
        "GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3, 1",
        [campaign_id, *(state.value for state in states)],
    )
    return [(account_id, name, reason, int(n)) for account_id, name, reason, n in rows]


def _never_left(campaign_id: int, *states: State) -> bool:
    """Has a campaign texts in these states that were never submitted?  The counters have them under hour 0."""
    return bool(
        database.scalar(
            "SELECT 1 FROM tally WHERE campaign_id = ? AND hour = 0 AND n > 0 "
            f"AND state IN ({database.in_list(len(states))}) LIMIT 1",
            (campaign_id, *(state.value for state in states)),
        )
    )


def reasons(campaign_id: int, *states: State, sent: bool | None = None) -> dict[str, int]:
    """{reason: messages} of a campaign for some states, most frequent first; only of those that were `sent`, or never
    were, where told.  One partial index; rows are read only of a campaign that has such as never left."""
    if sent is not None and not _never_left(campaign_id, *states):
        if not sent:
            return {}
        sent = None
    rows = database.query(
        f"SELECT reason, COUNT(*) FROM message WHERE campaign_id = ? AND reason IS NOT NULL "
        f"AND state IN ({database.in_list(len(states))}){_SENT[sent].format(m='')} GROUP BY reason ORDER BY 2 DESC, 1",
        [campaign_id, *(state.value for state in states)],
    )
    return {reason: int(n) for reason, n in rows}
