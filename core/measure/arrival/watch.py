"""The watch over accounts: judge what was sent, rest who dropped, bring back who proved itself.

ok → canary at 1 % of the traffic when the sum of `alarm.Cusum` passes 10 → 10 % → 50 % → ok, each step when 200
texts of it (or an e-value of 20) show arrival as usual; back to 1 % when they do not.  Receipts that were only
late take the alarm back.  An alarm of one carrier is told to people and leaves the account where it is: routing
follows the carrier's rate.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import clock, i18n
from core.db import database
from core.db.codes import State
from core.measure.arrival import alarm, baseline, news, rates, rows, store, survival
from core.measure.arrival.store import Alarm, Series, Watched
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

#: The pulse of an account: arrival within 5 minutes of the texts of so long.
LIVE_MS = 15 * clock.MINUTE_MS
#: What is older was judged long ago, or never will be.
_PAST_MS = 25 * clock.HOUR_MS
#: An alarm is taken back when its receipts come within this.
_LATE_MS = 72 * clock.HOUR_MS
#: One look reads on for so long; the next one goes on there.
_LOOK_S = 5.0


@dataclass(slots=True)
class Look:
    """What one look at an account came to, to be stored together."""

    watched: Watched
    series: dict[str, Series]
    alarms: list[Alarm] = field(default_factory=list)
    ended: list[tuple[Alarm, str]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)


def run(rt: Runtime, *_ids: int, force: bool = False) -> int:
    """Judge what was sent since the last look; returns how many messages were read.

    `force`: rates and what is usual are worked out anew although their ten minutes are not over.
    """
    until, judged = clock.monotonic() + _LOOK_S, 0
    usual = baseline.read(clock.now_ms()) if rates.refresh(rt, force=force) else {}
    now, first = clock.now_ms(), 0
    while True:
        looks = store.load(now - _PAST_MS, usual)
        if not looks:
            return judged
        # An account whose receipts take long has nothing to be judged yet, and must not hold up the others.
        behind = [look.read_to for look, _s in looks if look.read_to < now - look.wait_ms]
        first = first or min([now - LIVE_MS, *behind])
        end = rows.slice_end(first, now)
        found = rows.between(first, end)
        judged += len(found)
        by_account: dict[int, list[rows.Row]] = defaultdict(list)
        for row in found:
            by_account[row.account_id].append(row)
        with i18n.use(rt.settings.language):
            for watched, series in looks:
                _one(rt, watched, series, by_account[watched.account_id], end, now)
        usual, first = {}, end
        if end == now or clock.monotonic() > until:
            return judged


def _one(
    rt: Runtime, watched: Watched, series: dict[str, Series], mine: Sequence[rows.Row], end: int, now: int
) -> None:
    was = (watched.state, watched.since)
    look = Look(watched, series)
    until = min(end, now - watched.wait_ms)
    open_alarms = store.open_alarms(watched.account_id)
    for row in mine:
        if watched.read_to <= row.submitted_at < until:
            _judge(look, open_alarms, row, now)
    watched.read_to = max(watched.read_to, until)
    for one in open_alarms:
        if one.ended_at is None and now - one.at < _LATE_MS and _came_late(one):
            _end(look, one, "late", now)
    if end == now:
        watched.live = live([row for row in mine if row.submitted_at >= now - LIVE_MS], now)
    if database.retry_locked(_store, look, open_alarms, was, now):
        for made in look.alarms:
            news.tell(rt, made)


def _judge(look: Look, open_alarms: list[Alarm], row: rows.Row, now: int) -> None:
    watched = look.watched
    good = row.arrived(watched.wait_ms)
    carrier = look.series.get(row.carrier)
    if carrier is not None and carrier.usual is not None:
        ringing = next((one for one in open_alarms if one.carrier == row.carrier and not one.ended_at), None)
        if ringing is not None:
            _carrier_again(look, ringing, row, good, now)
        elif carrier.add(good, row.submitted_at):
            _ring(look, open_alarms, carrier, row.submitted_at, now)
    if watched.state == "canary":
        if row.submitted_at >= watched.since:
            _canary(look, open_alarms, good, now)
    elif look.series[""].usual is not None and look.series[""].add(good, row.submitted_at):
        made = _ring(look, open_alarms, look.series[""], row.submitted_at, now)
        _to(look, "canary", alarm.STEPS[0], now)
        watched.reason = news.reason(made)


def _ring(look: Look, open_alarms: list[Alarm], series: Series, last: int, now: int) -> Alarm:
    sum_ = series.cusum
    sent = rows.between(sum_.began_at, last + 1, look.watched.account_id)
    silent = sum(1 for row in sent if row.state is State.accepted and series.carrier in ("", row.carrier))
    made = Alarm(
        0, look.watched.account_id, series.carrier, now, sum_.began_at, last, sum_.p0, sum_.sent, sum_.arrived,
        min(silent, sum_.sent - sum_.arrived), sum_.value, sum_.phi.value, look.watched.wait_ms,
    )  # fmt: skip
    sum_.reset()
    look.alarms.append(made)
    open_alarms.append(made)
    return made


def _canary(look: Look, open_alarms: list[Alarm], good: bool, now: int) -> None:
    watched = look.watched
    step = alarm.Canary(watched.baseline or 0.9, watched.tried, watched.arrived, watched.evidence)
    said = step.add(1, good)
    watched.tried, watched.arrived, watched.evidence = step.tried, step.arrived, step.evidence
    if said == "passed":
        bp = alarm.next_step(watched.canary_bp)
        _to(look, "canary" if bp < 10_000 else "ok", bp, now)
        if bp == 10_000:
            for one in open_alarms:
                if not one.carrier and one.ended_at is None:
                    _end(look, one, "proved", now)
    elif said == "failed":
        _to(look, "canary", alarm.STEPS[0], now)


def _carrier_again(look: Look, ringing: Alarm, row: rows.Row, good: bool, now: int) -> None:
    """A carrier that rang is well again after 200 texts that arrive as usual."""
    if row.submitted_at < ringing.at:
        return
    ringing.tried, ringing.passed = ringing.tried + 1, ringing.passed + good
    if ringing.tried >= alarm.CLEAN:
        if ringing.passed / ringing.tried >= ringing.baseline - alarm.MARGIN:
            _end(look, ringing, "proved", now)
        ringing.tried = ringing.passed = 0


def _came_late(one: Alarm) -> bool:
    """Did what rang arrive after all?"""
    sent = [
        row
        for row in rows.between(one.began_at, one.until_at + 1, one.account_id)
        if one.carrier in ("", row.carrier)
    ]
    arrived = sum(row.state is State.delivered for row in sent)
    return len(sent) > 0 and arrived / len(sent) >= one.baseline - alarm.MARGIN


def _end(look: Look, one: Alarm, how: str, now: int) -> None:
    one.ended_at, one.ending = now, how
    look.ended.append((one, how))
    if how == "late" and not one.carrier and look.watched.state == "canary":
        _to(look, "ok", 10_000, now)


def _to(look: Look, state: str, bp: int, now: int) -> None:
    """Another state or step; what was seen before it counts no more."""
    watched = look.watched
    watched.state, watched.canary_bp, watched.since = state, bp, now
    watched.tried = watched.arrived = 0
    watched.evidence = 0.0
    if state == "ok":
        watched.reason = ""
        look.series[""].cusum.reset()
    look.steps.append(bp)


def _store(look: Look, open_alarms: list[Alarm], was: tuple[str, int], now: int) -> bool:
    """False when somebody changed the account's state meanwhile: then the next look judges again."""
    watched = look.watched
    with database.write_tx():
        if not store.save(watched, was, now):
            return False
        store.save_series(watched.account_id, look.series.values())
        store.save_alarms(open_alarms)
        for made in look.alarms:
            audit.record("system", "account.drop", _object(made.account_id, made.carrier), news.reason(made))
        for made, how in look.ended:
            audit.record("system", "account.drop_over", _object(made.account_id, made.carrier), how)
        if look.steps:
            detail = " → ".join(f"{bp / 100:g} %" for bp in look.steps)
            audit.record("system", "account.share", _object(watched.account_id), detail)
    return True


def _object(account_id: int, carrier: str = "") -> str:
    return f"account:{account_id}{':' + carrier if carrier else ''}"


def live(mine: Sequence[rows.Row], now: int) -> str:
    """The pulse as JSON: arrival within 5 minutes of recent texts, those without a receipt by their age."""
    steps = [
        ((max(row.final_at or 0, row.submitted_at) - row.submitted_at) / 1000, good, not good, 0)
        if row.state is not State.accepted
        else ((now - row.submitted_at) / 1000, 0, 0, 1)
        for row in mine
        for good in (row.state is State.delivered,)
    ]
    found = survival.incidence(steps, 300.0)
    if found is None:
        return json.dumps({"n": 0, "as_of": now})
    return json.dumps(
        {"share": found.share, "low": found.low, "high": found.high, "n": found.n, "as_of": now,
         "delivered": found.delivered}
    )  # fmt: skip


# --- by hand ------------------------------------------------------------------------------------------


def trust(account_id: int, who: str) -> None:
    """Give an account all its traffic again; its alarms end."""
    with database.write_tx():
        _by_hand(account_id, "ok", 10_000, "", who, "account.trust")
        database.execute(
            "UPDATE arrival_alarm SET ended_at = ?, ending = 'hand' WHERE account_id = ? AND ended_at IS NULL",
            (clock.now_ms(), account_id),
        )
        database.execute(
            "UPDATE arrival_cusum SET cusum = 0, began_at = 0, sent = 0, arrived = 0, open = '[0, 0, 0]' "
            "WHERE account_id = ?",
            (account_id,),
        )


def rest(account_id: int, who: str, reason: str = "") -> None:
    """Leave an account 1 % of its traffic until that proves it, or somebody trusts it again."""
    with database.write_tx():
        _by_hand(account_id, "canary", alarm.STEPS[0], reason, who, "account.rest")


def _by_hand(account_id: int, state: str, bp: int, reason: str, who: str, action: str) -> None:
    now = clock.now_ms()
    database.execute(
        "INSERT INTO account_watch (account_id, state, since, canary_bp, reason, read_to, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET state = excluded.state, "
        "since = excluded.since, canary_bp = excluded.canary_bp, reason = excluded.reason, tried = 0, arrived = 0, "
        "evidence = 0, updated_at = excluded.updated_at",
        (account_id, state, now, bp, reason, now, now),
    )
    audit.record(who, action, _object(account_id), reason)
