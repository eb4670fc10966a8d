"""What a campaign by the routes may cost before it starts: the dearest account its rules could take."""

from __future__ import annotations

from core.db import database
from core.db.sets import among, listed
from core.sending.prices import Prices
from core.sending.routes import rules


def account_ids(cls: int) -> list[int]:
    """Accounts that rules may choose for a class; empty when no rule is in force."""
    return sorted({target.account_id for rule in rules.in_force(cls) for target in rule.targets})


class Dearest:
    """As `Prices`, over all accounts of the rules: an upper bound, so that a budget is not overrun by a choice."""

    def __init__(self, cls: int, at: int):
        self._tables = [Prices(account_id, cls, at) for account_id in account_ids(cls)]
        #: The currency of the first account that has prices.
        self.currency = next((table.currency for table in self._tables if table.currency), "")

    def micros(self, country: str) -> int:
        """Micro-units for one part to a country, at the dearest account."""
        return max((table.micros(country) for table in self._tables), default=0)


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
