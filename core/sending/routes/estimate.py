"""What a campaign by the routes may cost before it starts: the dearest account its rules could take."""

from __future__ import annotations

from core.db import database
from core.db.sets import among, listed
from core.sending.prices import Prices
from core.sending.routes import rules


def account_ids(cls: int) -> list[int]:
    """Accounts that rules may choose for a class; empty when no rule is in force."""
    return sorted({target.account_id for rule in rules.in_force(cls) for target in rule.targets})


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
    """As `Prices`, over accounts of the rules: an upper bound, so that a budget is not overrun by a choice.

    Prices in different currencies are never compared: `currency` takes the accounts of that one alone, of the only
    one by default.
    """

    def __init__(self, cls: int, at: int, currency: str = ""):
        self.currency = currency or one_currency(cls)
        tables = [Prices(account_id, cls, at) for account_id in account_ids(cls)]
        self._tables = [table for table in tables if self.currency and table.currency == self.currency]

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
