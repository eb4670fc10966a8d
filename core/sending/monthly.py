"""The budget of a month: what all texts together should cost from its first day on, in one currency.

It warns and stops nothing: codes and notices must go out, and a campaign has a budget of its own that pauses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core import clock
from core.amounts import rounded
from core.contract.errors import Refusal
from core.contract.types import Finding
from core.db import database, settings
from core.i18n import _
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

#: The setting {"micros", "currency"}; none without a budget.
KEY = "month_budget"
#: Of fewer days nothing is foretold: the first campaign of a month would always be too dear.
TELLING_DAYS = 3


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the house's zone with its budget: money in micro-units of `currency`, times in epoch ms."""

    budget: int
    currency: str
    spent: int
    began_at: int
    ends_at: int
    now: int

    @property
    def used_up(self) -> bool:
        return self.spent >= self.budget

    @property
    def lasts_until(self) -> int | None:
        """When it is used up at the pace so far; None when it lasts, or it is too early to tell."""
        gone = self.now - self.began_at
        if self.used_up or not self.spent or gone < TELLING_DAYS * clock.DAY_MS:
            return None
        at = self.began_at + gone * self.budget // self.spent
        return at if at < self.ends_at else None


def month(rt: Runtime) -> Month | None:
    """This month as it stands; None without a budget."""
    kept = settings.get(KEY)
    if not kept:
        return None
    began, end = _span(rt)
    spent = database.scalar(
        "SELECT SUM(t.cost_micros) FROM tally t JOIN account a ON a.id = t.account_id "
        "WHERE t.hour >= ? AND a.currency = ?",
        (began // clock.HOUR_MS, kept["currency"]),
    )
    return Month(kept["micros"], kept["currency"], int(spent or 0), began, end, clock.now_ms())


def _span(rt: Runtime) -> tuple[int, int]:
    """First instant of this month and of the next, in the zone of the house."""
    zone = zones.house(rt)
    first = (
        clock.now().astimezone(zone).replace(tzinfo=None, day=1, hour=0, minute=0, second=0, microsecond=0)
    )
    following: datetime = (first + timedelta(days=32)).replace(day=1)
    return zones.wall_to_ms(first, zone.key), zones.wall_to_ms(following, zone.key)


def currencies() -> list[str]:
    """The currencies of the accounts, the one most accounts have first."""
    return [
        currency
        for (currency,) in database.query(
            "SELECT currency FROM account WHERE currency <> '' GROUP BY currency ORDER BY COUNT(*) DESC, currency"
        )
    ]


def value(amount: float | None, currency: str) -> dict | None:
    """What the setting holds for an amount; None (no budget) for nothing or 0.  Raises `Refusal`."""
    if not amount:
        return None
    if currency not in currencies():
        raise Refusal(
            _(
                "No account has prices in “%(currency)s”; choose a currency of your accounts.",
                currency=currency,
            ),
            field="month_currency",
        )
    return {"micros": round(amount * 1_000_000), "currency": currency}


def of_cost(rt: Runtime, cost_micros: int, currency: str) -> list[Finding]:
    """What a campaign of this cost does to the budget of the month it is checked in."""
    now = month(rt)
    if now is None or now.currency != currency or now.spent + cost_micros <= now.budget:
        return []
    sentence = _(
        "With this campaign the month would cost %(cost)s %(currency)s; its budget is %(budget)s.",
        cost=f"{rounded(now.spent + cost_micros):,}",
        budget=f"{rounded(now.budget):,}",
        currency=currency,
    )
    return [Finding("warn", "cost.month", sentence)]
