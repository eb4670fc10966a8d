"""What the text itself changed: purchases of those who were to get it beside those of the people kept aside.

Intention to treat: everybody the lot gave to a group counts in it, whatever became of the text, for whom a text does
not reach differs in more than the text.  Both groups have the same window, from the moment the campaign began.  The
difference is judged once, when the window is over, so that nobody calls it whenever it happens to look good.
Refunds within the window are taken off the money; a purchase stays one (docs/measurement.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core import clock
from core.db import database
from core.db.codes import EventType, State
from core.measure import stats

#: A purchase, and the money, within this time of the campaign's start.
ORDERS_MS, MONEY_MS = 72 * clock.HOUR_MS, 7 * clock.DAY_MS
#: Of fewer payers in either group an interval of money says too little.
PAYERS = 30
#: Evidence that the lot did not share people out as it should (e-value): then the groups are not alike.
_UNEVEN = 1000.0

#: Everybody the lot had a say about: not those left out before it, whose row was made final by no worker.
_ASSIGNED = "NOT (m.state = 9 AND m.final_at IS NULL)"


@dataclass(frozen=True, slots=True)
class Group:
    """People of one group, how many of them bought within 72 hours, and what each payer left within 7 days."""

    people: int
    bought: int = 0
    paid: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Lift:
    """The two groups, and what follows.

    `verdict`: "early" before `until` (epoch ms), "uneven" when the lot went wrong, "few" people, "silent" when no
    purchase of either group is known, else "more", "fewer" or "none" (95 %).  `orders` and `money` are
    (low, value, high), more or fewer by the text over all who were to get it; money in micro-units.
    """

    texted: Group
    kept: Group
    verdict: str
    until: int
    orders: tuple[float, float, float] | None = None
    rise: tuple[float, float, float] | None = None
    money: tuple[float, float, float] | None = None


def read(campaign_id: int) -> Lift | None:
    """None for a campaign that kept nobody aside, or has not begun."""
    row = database.one("SELECT started_at, holdout_bp FROM campaign WHERE id = ?", (campaign_id,))
    if row is None or row[0] is None or not row[1]:
        return None
    start, kept_bp = row
    texted, kept = _groups(campaign_id, start)
    return judged(texted, kept, kept_bp, start, clock.now_ms())


def judged(texted: Group, kept: Group, kept_bp: int, start: int, now: int) -> Lift:
    """What two groups say at `now` of a campaign that began at `start`."""
    until = start + ORDERS_MS
    verdict = _verdict(texted, kept, kept_bp, now >= until)
    if verdict:
        return Lift(texted, kept, verdict, until)
    d = texted.bought / texted.people - kept.bought / kept.people
    low, high = stats.newcombe(texted.bought, texted.people, kept.bought, kept.people)
    found = stats.lift(texted.bought, texted.people, kept.bought, kept.people)
    return Lift(
        texted, kept, "more" if low > 0 else "fewer" if high < 0 else "none", until,
        orders=(texted.people * low, texted.people * d, texted.people * high),
        rise=(found[1], found[0], found[2]) if found else None,
        money=_money(texted, kept) if now >= start + MONEY_MS else None,
    )  # fmt: skip


def _verdict(texted: Group, kept: Group, kept_bp: int, over: bool) -> str:
    """Why nothing can be said yet; "" when it can."""
    if not over:
        return "early"
    if min(texted.people, kept.people) < stats.NEED:
        return "few"
    if stats.uneven(texted.people, kept.people, 1 - kept_bp / 10_000) >= _UNEVEN:
        return "uneven"
    return "" if texted.bought or kept.bought else "silent"


def _money(texted: Group, kept: Group) -> tuple[float, float, float] | None:
    if min(len(texted.paid), len(kept.paid)) < PAYERS:
        return None
    cut = sorted([*texted.paid, *kept.paid])[int(0.99 * (len(texted.paid) + len(kept.paid) - 1))]
    found = stats.welch(
        [min(each, cut) for each in texted.paid], texted.people, [min(each, cut) for each in kept.paid], kept.people
    )  # fmt: skip
    return tuple(texted.people * each for each in found)


@dataclass(slots=True)
class _Bought:
    bought: int = 0
    paid: list[int] = field(default_factory=list)


def _groups(campaign_id: int, start: int) -> tuple[Group, Group]:
    """(those who were to get the text, those kept aside).  Counters, and the people who bought since the start."""
    people = {True: 0, False: 0}
    for state, n in database.query(
        "SELECT state, SUM(n) FROM tally WHERE campaign_id = ? GROUP BY state", (campaign_id,)
    ):
        people[state == State.holdout] += int(n)
    people[False] -= database.scalar(
        "SELECT COUNT(*) FROM message WHERE campaign_id = ? AND state = 9 AND reason IS NOT NULL AND final_at IS NULL",
        (campaign_id,),
    )
    found = {True: _Bought(), False: _Bought()}
    purchase, refund = EventType.purchase.value, EventType.refund.value
    for state, within, micros in database.query(
        f"SELECT m.state, MAX(CASE WHEN e.type = {purchase} AND e.at < ? THEN 1 ELSE 0 END), "
        f"SUM(CASE WHEN e.type = {refund} THEN -1 ELSE 1 END * COALESCE(e.amount_micros, 0)) "
        "FROM event_stat s JOIN message m ON m.campaign_id = ? AND m.contact_id = s.contact_id "
        "JOIN event e ON e.contact_id = s.contact_id AND e.at >= ? AND e.at < ? "
        f"AND e.type IN ({purchase}, {refund}) WHERE s.type = {purchase} AND s.at1 >= ? AND {_ASSIGNED} "
        "GROUP BY m.id, m.state",
        (start + ORDERS_MS, campaign_id, start, start + MONEY_MS, start),
    ):
        into = found[state == State.holdout]
        into.bought += int(within)
        if micros > 0:
            into.paid.append(int(micros))
    return tuple(Group(people[kept], found[kept].bought, found[kept].paid) for kept in (False, True))
