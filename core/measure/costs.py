"""What was spent, by currency.  Figures in different currencies are never added up."""

from __future__ import annotations

from core.contract.types import Scope
from core.db import database
from core.measure import counts


def of(scope: Scope) -> dict[str, int]:
    """{ISO currency: micro-units} of what the scope's messages cost, by name; accounts that never had prices have none."""
    condition, params = counts.where(scope)
    rows = database.query(
        "SELECT a.currency, SUM(t.cost) FROM (SELECT account_id, SUM(cost_micros) AS cost FROM tally "
        f"WHERE {condition} GROUP BY account_id) t JOIN account a ON a.id = t.account_id "
        "WHERE a.currency <> '' GROUP BY a.currency ORDER BY a.currency",
        params,
    )
    spent = {currency: int(cost) for currency, cost in rows}
    # Where nothing was spent in a currency it says nothing, but when nothing was spent at all.
    return {currency: cost for currency, cost in spent.items() if cost} or dict(list(spent.items())[:1])


def currency_of(scope: Scope) -> str | None:
    """The ISO currency of the scope's accounts; None when there is no price, or there are several (`of`)."""
    found = of(scope)
    return next(iter(found)) if len(found) == 1 else None
