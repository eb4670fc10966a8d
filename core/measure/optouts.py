"""Who opted out because of which message."""

from __future__ import annotations

from core import clock
from core.contract.types import Scope
from core.db import database

#: An opt-out within this time blames the last message before it.
WINDOW_MS = 72 * clock.HOUR_MS

_SQL = """
SELECT COUNT(DISTINCT e.contact_id) FROM consent_event e
JOIN message m ON m.contact_id = e.contact_id AND m.submitted_at <= e.at AND m.submitted_at > e.at - ?
WHERE e.action = 'opt_out' AND e.topic_id = 0 AND e.batch_id IS NULL AND {condition}
AND NOT EXISTS (SELECT 1 FROM message later WHERE later.contact_id = m.contact_id
                AND later.submitted_at > m.submitted_at AND later.submitted_at <= e.at)
"""


def count(scope: Scope) -> int:
    """People of the scope who opted out within 72 hours of their last message.

    Reads the opt-outs of the time in question (index on `at`), then each one's few messages.
    """
    parts, params = ["1 = 1"], [WINDOW_MS]
    for column, value in (
        ("m.campaign_id", scope.campaign_id), ("m.variant", scope.variant), ("m.account_id", scope.account_id)
    ):  # fmt: skip
        if value is not None:
            parts.append(f"{column} = ?")
            params.append(value)
    since = _since(scope)
    if since is not None:
        parts.append("e.at >= ?")
        params.append(since)
    if scope.until is not None:
        parts.append("e.at < ?")
        params.append(clock.to_ms(scope.until))
    return int(database.scalar(_SQL.format(condition=" AND ".join(parts)), params) or 0)


def _since(scope: Scope) -> int | None:
    if scope.since is not None:
        return clock.to_ms(scope.since)
    if scope.campaign_id is not None:
        return database.scalar("SELECT launched_at FROM campaign WHERE id = ?", (scope.campaign_id,))
    return None
