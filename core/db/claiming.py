"""SQL of the claim: rows of one campaign become one worker's."""

from __future__ import annotations

from collections.abc import Sequence

from core.db import database
from core.db.sets import among, listed

_TAKEN = "id, variant, account_id, submitted_at"
_DUE = (
    "SELECT id FROM message WHERE state = 0 AND campaign_id = ? AND not_before <= ? "
    "ORDER BY not_before, id LIMIT ?"
)


def take(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    """Mark up to `limit` due rows as claimed under `lease`, inside `write_tx()`.

    Returns (id, variant, account_id, submitted_at) of each, sorted.
    """
    due = _take_postgres if database.is_postgres() else _take_sqlite
    return sorted(due(campaign_id, lease, now, limit))


def _take_sqlite(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    return database.query(
        f"UPDATE message SET state = 1, lease = ? WHERE id IN ({_DUE}) RETURNING {_TAKEN}",
        (lease, campaign_id, now, limit),
    )


def _take_postgres(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    # The array keeps the planner from joining in a way that locks more rows than it updates.
    return database.query(
        "UPDATE message SET state = 1, lease = ? "
        f"WHERE id = ANY(ARRAY({_DUE} FOR UPDATE SKIP LOCKED)) AND state = 0 RETURNING {_TAKEN}",
        (lease, campaign_id, now, limit),
    )


def campaign(campaign_id: int) -> tuple | None:
    """(state, name, cls, account_id, options, budget_micros), locked against a change of state on PostgreSQL."""
    share = " FOR SHARE" if database.is_postgres() else ""
    return database.one(
        f"SELECT state, name, cls, account_id, options, budget_micros FROM campaign WHERE id = ?{share}",
        (campaign_id,),
    )


def load(ids: Sequence[int]) -> list[tuple]:
    """What sending needs of claimed rows, by id:

    (id, contact_id, variant, account_id, submitted_at, attempt, not_after, phone_enc, country, language)
    """
    return database.query(
        "SELECT m.id, m.contact_id, m.variant, m.account_id, m.submitted_at, m.attempt, m.not_after, "
        "c.phone_enc, p.country, p.language FROM message m LEFT JOIN contact c ON c.id = m.contact_id "
        f"LEFT JOIN profile p ON p.contact_id = m.contact_id WHERE m.id {among()} ORDER BY m.id",
        (listed(ids),),
    )


def due_campaigns(now: int) -> list[tuple[int, int]]:
    """(campaign, class) of running campaigns that have a row to send now, most urgent class first."""
    return database.query(
        "SELECT c.id, c.cls FROM campaign c WHERE c.state = 'running' AND EXISTS (SELECT 1 FROM message m "
        "WHERE m.state = 0 AND m.campaign_id = c.id AND m.not_before <= ?) ORDER BY c.cls, c.id",
        (now,),
    )


def due_urgent(now: int, classes: Sequence[int] = (0, 1)) -> list[tuple[int, int]]:
    """(campaign, class) of running campaigns of these classes that have a row to send now.

    Asked several times a second while a mass campaign is sent: the few campaigns of codes and notices first.
    """
    return database.query(
        f"SELECT c.id, c.cls FROM campaign c WHERE c.state = 'running' AND c.cls {among()} AND EXISTS (SELECT 1 FROM "
        "message m WHERE m.state = 0 AND m.campaign_id = c.id AND m.not_before <= ?) ORDER BY c.cls, c.id",
        (listed(classes), now),
    )


def has_due(campaign_id: int, now: int) -> bool:
    """Is there a row of this campaign to send now?"""
    return (
        database.one(
            "SELECT 1 FROM message WHERE state = 0 AND campaign_id = ? AND not_before <= ? LIMIT 1",
            (campaign_id, now),
        )
        is not None
    )
