"""Who opted out because of which message."""

from __future__ import annotations

from core import clock
from core.contract.types import Scope
from core.db import database
from core.measure import scoped

#: An opt-out within this time blames the last message before it.
WINDOW_MS = 72 * clock.HOUR_MS

_SQL = """
SELECT COUNT(DISTINCT e.contact_id), COUNT(DISTINCT CASE WHEN m.state = 4 AND {counted} THEN e.contact_id END)
FROM consent_event e
JOIN message m ON m.contact_id = e.contact_id AND m.submitted_at <= e.at AND m.submitted_at > e.at - ?
WHERE e.action = 'opt_out' AND e.topic_id = 0 AND e.batch_id IS NULL AND {condition}
AND NOT EXISTS (SELECT 1 FROM message later WHERE later.contact_id = m.contact_id
                AND later.submitted_at > m.submitted_at AND later.submitted_at <= e.at)
"""


def count(scope: Scope) -> int:
    """People of the scope who opted out within 72 hours of their last message."""
    return told(scope)[0]


def told(scope: Scope) -> tuple[int, int]:
    """(people of the scope who opted out within 72 hours of their last message, those of them whose text has a
    receipt that it arrived and is among the scope's delivered).

    Reads the opt-outs of the time in question (index on `at`), then each one's few messages.
    """
    counted, first = scoped.counted(scope)
    condition, params = scoped.messages(scope)
    since = _since(scope)
    if since is not None:
        condition += " AND e.at >= ?"
        params.append(since)
    if scope.until is not None:
        condition += " AND e.at < ?"
        params.append(clock.to_ms(scope.until))
    row = database.one(_SQL.format(counted=counted, condition=condition), [*first, WINDOW_MS, *params])
    return int(row[0] or 0), int(row[1] or 0)


def _since(scope: Scope) -> int | None:
    if scope.since is not None:
        return clock.to_ms(scope.since)
    if scope.campaign_id is not None:
        return database.scalar("SELECT launched_at FROM campaign WHERE id = ?", (scope.campaign_id,))
    return None
