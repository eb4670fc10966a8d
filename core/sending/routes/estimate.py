"""What a campaign by the routes may cost before it starts: the dearest account that could take each country's texts."""

from __future__ import annotations

from functools import cached_property

import phonenumbers

from core.db import database
from core.db.sets import among, listed
from core.sending import breaker, route
from core.sending.prices import Prices
from core.sending.routes import rules
from core.sending.routes.rules import FULL_BP, Rule


class Ways:
    """Which accounts may carry a class, as far as the country alone decides: what else a rule asks may be either way."""

    def __init__(self, cls: int):
        self._cls = cls
        self._rules = rules.in_force(cls)

    def accounts(self, country: str) -> set[int]:
        """Those of every rule that may fit, down to the first that takes all; behind the last one, whoever may carry
        the class."""
        found: set[int] = set()
        for rule in self._rules:
            if _may_fit(rule, country):
                found.update(target.account_id for target in rule.targets)
                if not _asks_more(rule):
                    return found
        return found | self._others

    @property
    def every(self) -> set[int]:
        """Those of all countries; empty when no rule is in force."""
        found = {target.account_id for rule in self._rules for target in rule.targets}
        everyone = any(not rule.countries and not _asks_more(rule) for rule in self._rules)
        return found if everyone or not self._rules else found | self._others

    @cached_property
    def _others(self) -> set[int]:
        """Whom the router chooses among where no rule fits."""
        return {one.id for one in route.candidates(breaker.load(), None, self._cls) if one.enabled}


def _may_fit(rule: Rule, country: str) -> bool:
    if rule.countries and country not in rule.countries:
        return False
    code = phonenumbers.country_code_for_region(country)
    begins = f"+{code}"
    return (
        not rule.prefixes
        or not code
        or any(begins.startswith(prefix) or prefix.startswith(begins) for prefix in rule.prefixes)
    )


def _asks_more(rule: Rule) -> bool:
    """Does it ask for more than a country, so that the next rule may get some?"""
    return bool(rule.carriers or rule.prefixes or rule.segment_id is not None or rule.share_bp < FULL_BP)


def account_ids(cls: int) -> list[int]:
    """Accounts that may carry a class by the rules; empty when no rule is in force."""
    return sorted(Ways(cls).every)


def currencies(cls: int) -> list[str]:
    """Currencies of the prices of those accounts, by name."""
    rows = database.query(
        f"SELECT DISTINCT currency FROM price WHERE account_id {among()}", (listed(account_ids(cls)),)
    )
    return sorted(row[0] for row in rows)


def one_currency(cls: int) -> str:
    """The currency of all of them; "" where there are several or none."""
    found = currencies(cls)
    return found[0] if len(found) == 1 else ""


class Dearest:
    """As `Prices`, over the accounts that could take a country: an upper bound, so that a budget is not overrun by a
    choice.

    Prices in different currencies are never compared: `currency` takes the accounts of that one alone, of the only
    one by default.
    """

    def __init__(self, cls: int, at: int, currency: str = ""):
        self.currency = currency or one_currency(cls)
        self._ways = Ways(cls)
        tables = {account_id: Prices(account_id, cls, at) for account_id in self._ways.every}
        self._tables = {
            account_id: table
            for account_id, table in tables.items()
            if self.currency and table.currency == self.currency
        }

    def micros(self, country: str) -> int:
        """Micro-units for one part to a country, at the dearest account."""
        able = self._ways.accounts(country)
        return max((table.micros(country) for id_, table in self._tables.items() if id_ in able), default=0)


def snapshot(cls: int) -> list[list]:
    """What an approval of a campaign by the routes rests on: every price its rules may meet."""
    return [
        list(row)
        for row in database.query(
            f"SELECT account_id, country, cls, micros_per_part, currency, from_at FROM price "
            f"WHERE account_id {among()} ORDER BY account_id, country, cls, from_at",
            (listed(account_ids(cls)),),
        )
    ]
