"""What a message waits for, told from its row, its campaign's plan and hours, and the state of its accounts.

plan     the start of its campaign
hours    the next allowed hour of its country
account  an account that rests after failures, or because its provider asked for a pause
halted   a person: no account that may carry it works
share    tomorrow: its senders have had their share of the day
rate     the rate of its account, sender or campaign
retry    the pause before the next try; `reason` is the provider's code, "" where it gave none
price    a cheaper price or another account
held     the instant a plugin named; `reason` is what it said
paused   a person: the campaign is paused
turn     a moment's pause at its account, such as while one message tries it again

A message keeps its reason only after a refusal or a hold.  The others are told apart by the instant they wait
for: hours and days begin on full minutes, pauses before a try end on full seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.db import database
from core.db.models import Campaign
from core.db.sets import among, listed
from core.sending import breaker, launch, log, options, route
from core.sending.breaker import Account
from core.sending.lanes import MANY, Lane
from core.sending.routes.pools import Today
from core.timing import hours

if TYPE_CHECKING:
    from core.runtime import Runtime

#: A rest ends for all who wait within so much of its end.
_SLACK_MS = 1000
# Alike are rows of one reason and account that wait for the same full minute, or for whatever other instant;
# `soon` are those due before the last rest of an account ends.
_ALIKE = (
    "SELECT why, tried, account_id, minute, second, soon, COUNT(*), MIN(at), MAX(at), MIN(id) FROM (SELECT id, "
    "account_id, "
    "not_before AS at, COALESCE(reason, '') AS why, CASE WHEN attempt > 0 THEN 1 ELSE 0 END AS tried, "
    "CASE WHEN not_before % 60000 = 0 THEN not_before ELSE 0 END AS minute, "
    "CASE WHEN not_before % 1000 = 0 THEN 1 ELSE 0 END AS second, CASE WHEN not_before <= ? THEN 1 ELSE 0 END AS soon "
    "FROM message WHERE state = 0 AND campaign_id = ? AND not_before > ? ORDER BY not_before LIMIT ?) AS found "
    "GROUP BY why, tried, account_id, minute, second, soon"
)


class Hold(NamedTuple):
    """Messages of a campaign that wait for one thing.

    `kind` is one of the above, `reason` a code or a plugin's words, `detail` what else is known (names of
    accounts, why a campaign was paused).  `first_at` and `last_at` are the first and last instant they go on
    (epoch ms), None where a person must act.  `n` is at most `MANY`, which means "or more".
    """

    campaign_id: int
    name: str
    kind: str
    reason: str
    detail: str
    n: int
    first_at: int | None
    last_at: int | None


class _Alike(NamedTuple):
    """Rows of `_ALIKE`; `minute` is 0 for instants that are no full minutes."""

    why: str
    tried: int
    account_id: int
    minute: int
    second: int
    soon: int
    n: int
    first_at: int
    last_at: int
    sample: int


def held(rt: Runtime, lanes: Iterable[Lane], now: int | None = None) -> list[Hold]:
    """What of these lanes waits for an instant or a person, and the campaigns that wait for their start."""
    now = clock.now_ms() if now is None else now
    every = breaker.load()
    waiting = [lane for lane in lanes if lane.waiting]
    campaigns = Campaign.select().where(Campaign.id << [lane.campaign_id for lane in waiting])
    by_id = {campaign.id: campaign for campaign in campaigns}
    found: list[Hold] = []
    for lane in waiting:
        found += _of_lane(_Asked(rt, by_id[lane.campaign_id], every, now), lane)
    return found + _planned()


def _of_lane(asked: _Asked, lane: Lane) -> list[Hold]:
    found = []
    due = max(0, lane.waiting - lane.later)
    if due and lane.state == "paused":
        found.append(Hold(lane.campaign_id, lane.name, "paused", "", lane.reason, due, None, None))
    elif due and (why := route.stuck(asked.accounts, asked.campaign.account_id, asked.campaign.cls)):
        found.append(Hold(lane.campaign_id, lane.name, "halted", "", why, due, None, None))
    if lane.later:
        found += _later(asked, lane.name)
    return found


def _later(asked: _Asked, name: str) -> list[Hold]:
    rested = max((account.open_until for account in asked.every), default=0) + _SLACK_MS
    rows = database.query(_ALIKE, (rested, asked.campaign.id, asked.now, MANY))
    groups = [_Alike(*row) for row in rows]
    countries = _countries([group.sample for group in groups if group.minute])
    alike: dict[tuple[str, str, str], Hold] = {}
    for group in groups:
        kind, detail = asked.kind(group, countries.get(group.sample, ""))
        key, first, last = (kind, group.why, detail), group.first_at, group.last_at
        if kind == "halted":
            first = last = None
        known = alike.get(key)
        if known is None:
            alike[key] = Hold(asked.campaign.id, name, kind, group.why, detail, group.n, first, last)
        else:
            instants = [at for at in (known.first_at, known.last_at, first, last) if at is not None]
            alike[key] = known._replace(
                n=known.n + group.n, first_at=min(instants, default=None), last_at=max(instants, default=None)
            )
    return sorted(alike.values(), key=lambda hold: -hold.n)


def _countries(message_ids: Sequence[int]) -> dict[int, str]:
    return dict(
        database.query(
            "SELECT m.id, COALESCE(p.country, '') FROM message m JOIN profile p ON p.contact_id = m.contact_id "
            f"WHERE m.id {among()}",
            (listed(message_ids),),
        )
    )


def _planned() -> list[Hold]:
    """Campaigns whose start lies ahead; their audience as it was counted at the launch."""
    found = []
    for campaign in Campaign.select().where(Campaign.state == "scheduled").order_by(Campaign.send_at):
        start = launch.planned(campaign)
        counted = (detail for _at, _who, what, detail in log.lines(campaign.id) if what == "scheduled")
        n = int(next(counted, "0"))
        found.append(Hold(campaign.id, campaign.name, "plan", "", "", n, start, start))
    return found


@dataclass
class _Asked:
    """What the rows of one campaign are held against; looked up when first needed."""

    rt: Runtime
    campaign: Campaign
    every: list[Account]
    now: int

    @cached_property
    def accounts(self) -> list[Account]:
        """Those that may carry a message of the campaign that is bound to none."""
        return route.candidates(self.every, self.campaign.account_id, self.campaign.cls)

    @cached_property
    def paced(self) -> bool:
        """Is there a rate anywhere on the way?"""
        return (
            options.read(self.campaign.options).rate is not None
            or any(account.rate_per_s for account in self.accounts)
            or database.one("SELECT 1 FROM sender WHERE enabled AND rate_per_s IS NOT NULL LIMIT 1")
            is not None
        )

    @cached_property
    def hours_asked(self) -> bool:
        """Do allowed hours hold for the campaign?"""
        return options.read(self.campaign.options).quiet_hours and not hours.unrestricted(self.campaign.cls)

    def kind(self, group: _Alike, country: str) -> tuple[str, str]:
        """(what these rows wait for, the detail)."""
        if group.why == "price":
            return "price", ""
        if group.why:
            return ("retry" if group.tried and group.second else "held"), ""
        ways = [a for a in self.every if a.id == group.account_id] if group.account_id else self.accounts
        open_ = [account for account in ways if account.enabled and not account.halted]
        if group.minute and self.hours_asked and self._opens(country, group.minute):
            return "hours", ""
        if not open_:
            return "halted", route.stuck(
                ways, group.account_id or self.campaign.account_id, self.campaign.cls
            )
        rested = min(account.open_until for account in open_)
        if group.soon and self.now < rested and group.first_at <= rested + _SLACK_MS:
            return "account", ", ".join(account.name for account in open_)
        if group.minute and group.minute == Today(self.rt).at(self.now)[1]:
            return "share", ""
        if group.minute:
            return "plan", ""
        if group.tried and group.second:
            return "retry", ""
        return ("rate" if self.paced else "turn"), ""

    def _opens(self, country: str, at: int) -> bool:
        return hours.next_allowed(self.rt, self.campaign.cls, country, at - 1) == at
