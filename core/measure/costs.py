"""Which currency a figure is in.  Figures in different currencies are never added up silently."""

from __future__ import annotations

from core.contract.types import Scope
from core.db import database
from core.measure import counts


def currency_of(scope: Scope) -> str | None:
    """The ISO currency of the scope's accounts; None when there is no price, "mixed" when there are several."""
    condition, params = counts.where(scope)
    rows = database.query(
        f"SELECT DISTINCT p.currency FROM price p WHERE p.account_id IN "
        f"(SELECT DISTINCT account_id FROM tally WHERE {condition})",
        params,
    )
    if not rows:
        return None
    return rows[0][0] if len(rows) == 1 else "mixed"
