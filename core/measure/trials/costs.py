"""What a trial costs before it starts: parts × the price of each account, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.content import parts
from core.db.codes import Cls
from core.measure.trials import words
from core.measure.trials.plan import Plan
from core.measure.trials.schedule import Planned
from core.sending import prices

#: A word of the form of a nonce, for counting.
_SOME = "K7F2-93"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one account; `micros` is None where a price is missing."""

    account_id: int
    texts: int
    parts: int
    micros: int | None
    currency: str


def of(plan: Plan, texts: Sequence[Planned]) -> list[Cost]:
    """What these texts cost, account by account."""

    @cache
    def counted(kind: str, cn: bool) -> int:
        return parts.count(words.body(kind, _SOME, plan.lang, plan.prefix), cn)[1]

    @cache
    def price(account: int, country: str) -> tuple[int, str]:
        return prices.price_of(account, country, Cls.notice)

    made = []
    for account in plan.accounts:
        mine = [text for text in texts if text.account_id == account]
        n_parts = [counted(text.kind, text.phone.country == "CN") for text in mine]
        paid = [price(account, text.phone.country) for text in mine]
        known = all(currency for _micros, currency in paid)
        micros = sum(n * one for n, (one, _currency) in zip(n_parts, paid, strict=True)) if known else None
        made.append(Cost(account, len(mine), sum(n_parts), micros, paid[0][1] if paid else ""))
    return made


def total(costs: Sequence[Cost]) -> list[tuple[str, int]]:
    """[(currency, micros)] of what is known, one line a currency."""
    sums: dict[str, int] = {}
    for one in costs:
        if one.micros is not None:
            sums[one.currency] = sums.get(one.currency, 0) + one.micros
    return sorted(sums.items())
