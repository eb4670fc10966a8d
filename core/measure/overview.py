"""What the Overview shows: today, what needs someone, what runs, thirty days, when texts arrive, providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from core import clock, disk
from core.audience import heldreplies
from core.config import Settings
from core.contract.types import Scope
from core.db import database
from core.db.codes import Cls, State
from core.measure import costs, counts, optouts, stats
from core.measure.arrival import news, store
from core.security import audit
from core.sending import balances, clockwatch, dryreport, monthly
from core.sending.dossiers import reminders
from core.sending.otp import alarms as otp_alarms
from core.sending.routes import health


@dataclass(frozen=True, slots=True)
class Today:
    """The day so far, from `since` on, and what the same weekdays gave up to the last full hour of now.

    The usual figures are None with too few texts for one.  `change` is of the texts up to that hour, relative to the
    usual number.
    """

    since: datetime
    counts: counts.Counts
    change: float | None
    usual_arrived: float | None
    optouts: int
    usual_optout_rate: float | None
    #: {ISO currency: micro-units} of the month so far; nothing where no price is known.
    month_costs: dict[str, int]


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: a kind, how many, and the object it is about."""

    kind: str
    tone: str
    n: int = 0
    name: str = ""
    id: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """One account over the last day."""

    id: int
    name: str
    state: str
    counts: counts.Counts
    balance_micros: int | None


def today(zone: tzinfo, house: tzinfo) -> Today:
    """Figures since midnight in the reader's zone, beside those of the last four same weekdays.

    The month begins when it does in the zone of the `house`, as its budget does.
    """
    midnight = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    scope = Scope(since=counts.day_begins(midnight))
    so_far, usual = _same_hours(midnight)
    submitted = sum(c.submitted for c, _out in usual)
    delivered = sum(c.delivered for c, _out in usual)
    enough = submitted >= stats.NEED
    return Today(
        since=scope.since,
        counts=counts.read(scope),
        change=so_far.submitted * len(usual) / submitted - 1 if enough else None,
        usual_arrived=sum(c.in_5m for c, _out in usual) / submitted if enough else None,
        optouts=optouts.count(scope),
        usual_optout_rate=sum(out for _c, out in usual) / delivered if delivered >= stats.NEED else None,
        month_costs=_spent(
            clock.now().astimezone(house).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        ),
    )


def _same_hours(midnight: datetime) -> tuple[counts.Counts, list[tuple[counts.Counts, int]]]:
    """(today, [(counts, opt-outs)] of the same weekday in the last four weeks), each up to the last full hour.

    Counters know whole hours only, so a part of one would be set against all of it.  A week in which nothing went out
    counts with its 0, but none before the first text ever.
    """
    full = clock.from_ms(clock.now_ms() // clock.HOUR_MS * clock.HOUR_MS).astimezone(midnight.tzinfo)
    first = database.scalar("SELECT MIN(hour) FROM tally WHERE hour > 0")
    weeks = [timedelta(days=7 * k) for k in range(1, 5)]
    scopes = [Scope(since=counts.day_begins(midnight - ago), until=full - ago) for ago in weeks]
    lived = [s for s in scopes if first is not None and clock.to_ms(s.until) > first * clock.HOUR_MS]
    so_far = counts.read(Scope(since=counts.day_begins(midnight), until=full))
    return so_far, [(counts.read(scope), optouts.count(scope)) for scope in lived]


def _spent(since: datetime) -> dict[str, int]:
    """What a span cost; where nothing went out that is nothing of the accounts' first currency."""
    scope = Scope(since=since)
    return costs.of(scope) or (
        {} if counts.read(scope).attempted else dict.fromkeys(monthly.currencies()[:1], 0)
    )


def machine(settings: Settings) -> list[Need]:
    """A disk that is nearly full (`name`: free, `detail`: needed), clocks that jumped (`n`: milliseconds), and an audit
    log that somebody changed (`n`: the first bad row, 0 where it is none)."""
    space = disk.look(settings)
    found = (
        [Need("disk", "bad", name=disk.size(space.free), detail=disk.size(space.needed))] if space.low else []
    )
    seen = audit.verified()
    if seen and seen.broken:
        found.append(Need("audit", "bad", seen.row or 0))
    return found + [Need("clock", "bad", by_ms, host) for host, by_ms in clockwatch.by_host().items()]


def needs() -> list[Need]:
    """Approvals, replies to read, campaigns that paused themselves, in-doubt messages, providers in trouble."""
    found = [
        Need(
            "approval", "warn", name=name, id=campaign_id, n=dryreport.load(report).messages if report else 0
        )
        for campaign_id, name, report in database.query(
            "SELECT c.id, c.name, k.report FROM campaign c LEFT JOIN campaign_check k ON k.campaign_id = c.id "
            "AND k.snapshot = c.approved_snapshot AND k.state = 'done' WHERE c.state = 'approval' "
            "ORDER BY c.id DESC LIMIT 10"
        )
    ]
    if waiting := heldreplies.waiting():
        found.append(Need("replies", "warn", waiting))
    found += [
        Need("paused", "bad", name=name, id=campaign_id, detail=reason)
        for campaign_id, name, reason in database.query(
            "SELECT id, name, reason FROM campaign WHERE state = 'paused' AND reason <> '' ORDER BY id DESC LIMIT 10"
        )
    ]
    found += [
        Need("account", "bad", name=name, id=account_id, detail=halted or error)
        for account_id, name, halted, error, open_until in database.query(
            "SELECT id, name, halted, last_error, open_until FROM account WHERE enabled"
        )
        if halted or open_until > clock.now_ms()
    ]
    found += _drops()
    found += [
        Need("in_doubt", "warn", name=name, id=campaign_id, n=int(n))
        for campaign_id, name, n in database.query(
            "SELECT t.campaign_id, c.name, SUM(t.n) FROM tally t JOIN campaign c ON c.id = t.campaign_id "
            "WHERE t.state = ? AND t.n > 0 GROUP BY t.campaign_id, c.name ORDER BY t.campaign_id DESC LIMIT 10",
            (State.in_doubt.value,),
        )
    ]
    found += [
        Need("balance", "bad", name=account.name, id=account.id, detail=balances.sentence(known))
        for account, known in balances.low()
    ]
    found += [
        Need("otp", "bad", name=kind, detail=f"+{prefix} {detail}".strip() if prefix else detail)
        for _id, kind, prefix, detail, _at in otp_alarms.unseen()
    ]
    found += [
        Need("papers", want.tone, name=want.title, id=want.account_id, detail=want.detail)
        for want in reminders.wants()
    ]
    return found


def _drops() -> list[Need]:
    """Accounts that get less because fewer texts arrive, and carriers they reach less well."""
    alarms = store.alarms(open_only=True)
    why = {one.account_id: news.reason(one) for one in alarms if not one.carrier}
    names = dict(database.query("SELECT id, name FROM account WHERE enabled"))
    resting = database.query(
        "SELECT account_id, canary_bp, reason FROM account_watch WHERE state <> 'ok' ORDER BY since DESC"
    )
    return [
        Need("arrival", "bad", share, names[id_], id_, why.get(id_, reason))
        for id_, share, reason in resting
        if id_ in names
    ] + [
        Need("carrier", "warn", name=names[one.account_id], id=one.account_id, detail=one.carrier)
        for one in alarms
        if one.carrier and one.account_id in names
    ][:10]


def running() -> list[tuple[int, str, str, dict[str, int]]]:
    """[(id, name, state, {message state: n})] of campaigns on their way, newest first."""
    rows = database.query(
        "SELECT id, name, state FROM campaign WHERE state IN ('running', 'expanding', 'paused', 'scheduled') "
        "AND segment_id IS NOT NULL ORDER BY id DESC LIMIT 8"
    )
    return [(campaign_id, name, state, counts.by_state(campaign_id)) for campaign_id, name, state in rows]


def days(zone: tzinfo, n: int = 30) -> list[tuple[date, counts.Counts]]:
    """The last `n` days in the reader's zone, oldest first, empty days included."""
    midnight = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=n - 1)
    found = dict(counts.by_day(Scope(since=counts.day_begins(first)), zone))
    span = [first.date() + timedelta(days=i) for i in range(n)]
    return [(day, found.get(day, counts.Counts())) for day in span]


def week_heat(zone: tzinfo, n_days: int = 90) -> dict[tuple[int, int], tuple[int, int]]:
    """{(weekday 0 = Monday, hour): (submitted, delivered)} of the last days, in the reader's zone."""
    since = clock.now() - timedelta(days=n_days)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for hour, submitted, delivered in counts.by_hour(Scope(since=since)):
        at = clock.from_ms(hour * clock.HOUR_MS).astimezone(zone)
        had = found.get((at.weekday(), at.hour), (0, 0))
        found[at.weekday(), at.hour] = (had[0] + submitted, had[1] + delivered)
    return found


def accounts() -> list[Health]:
    """Every enabled account with its last 24 hours."""
    since = clock.now() - timedelta(days=1)
    now = clock.now_ms()
    resting = health.watched(now)
    return [
        Health(
            account_id,
            name,
            "halted"
            if halted
            else "open"
            if open_until > now
            else "canary"
            if account_id in resting
            else "ok",
            counts.read(Scope(account_id=account_id, since=since)),
            balance,
        )
        for account_id, name, halted, open_until, balance in database.query(
            "SELECT id, name, halted, open_until, balance_micros FROM account WHERE enabled ORDER BY name"
        )
    ]


def people() -> tuple[int, int]:
    """(contacts, those who may be texted for marketing).  One scan; the page loads it by itself."""
    bit = Cls.mass.bit
    row = database.one(
        "SELECT COUNT(*), SUM(CASE WHEN (consent_bits & ?) <> 0 AND (blocked_bits & ?) = 0 THEN 1 ELSE 0 END) "
        "FROM profile",
        (bit, bit),
    )
    return int(row[0]), int(row[1] or 0)
