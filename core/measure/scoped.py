"""A scope over the messages themselves, where the counters cannot tell who."""

from __future__ import annotations

from core import clock
from core.contract.types import Scope


def messages(scope: Scope) -> tuple[str, list]:
    """The SQL condition on `message m` for a scope's campaign, variant and account, with its parameters."""
    parts, params = ["1 = 1"], []
    for column, value in (
        ("m.campaign_id", scope.campaign_id),
        ("m.variant", scope.variant),
        ("m.account_id", scope.account_id),
    ):
        if value is not None:
            parts.append(f"{column} = ?")
            params.append(value)
    return " AND ".join(parts), params


def counted(scope: Scope) -> tuple[str, list]:
    """The condition on `message m` for just those messages `counts.read` counts: of whole hours of submit."""
    condition, params = messages(scope)
    if scope.since is not None:
        condition += " AND m.submitted_at >= ?"
        params.append(clock.to_ms(scope.since) // clock.HOUR_MS * clock.HOUR_MS)
    if scope.until is not None:
        condition += " AND m.submitted_at < ?"
        params.append(-(-clock.to_ms(scope.until) // clock.HOUR_MS) * clock.HOUR_MS)
    return condition, params
