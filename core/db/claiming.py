"""SQL of the claim: rows of one campaign become one worker's."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from core.db import database
from core.db.sets import among, listed, those

_ID = itemgetter(0)
#: What sending needs of a claimed row.
_WANTED = (
    "m.id, m.contact_id, m.variant, m.account_id, m.submitted_at, m.attempt, m.not_after, c.phone_enc, p.country, "
    "p.language FROM message m LEFT JOIN contact c ON c.id = m.contact_id LEFT JOIN profile p "
    "ON p.contact_id = m.contact_id"
)
_DUE = "m.state = 0 AND m.campaign_id = ? AND m.not_before <= ? ORDER BY m.not_before, m.id LIMIT ?"
#: A range is read instead of a list of ids when at most every other id of it is not among them.
_DENSE = 2


def take(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    """Mark about `limit` due rows as claimed under `lease`, inside `write_tx()`; what sending needs of them, by id:

    (id, contact_id, variant, account_id, submitted_at, attempt, not_after, phone_enc, country, language)
    """
    take_ = _take_postgres if database.is_postgres() else _take_sqlite
    return take_(campaign_id, lease, now, limit)


def _take_sqlite(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    # Nobody else writes meanwhile: read while they are due, in one walk of their index, then changed.
    rows = database.query(f"SELECT {_WANTED} WHERE {_DUE}", (campaign_id, now, limit))
    if not rows:
        return rows
    rows.sort(key=_ID)
    ids = [row[0] for row in rows]
    chosen, params = those(ids, is_dense(ids))
    # By the primary key: the index of what is due would be walked from its beginning, and changed under way.
    done = database.execute(
        f"UPDATE message NOT INDEXED SET state = 1, lease = ? WHERE id {chosen} AND state = 0 "
        "AND campaign_id = ? AND not_before <= ?",
        (lease, *params, campaign_id, now),
    )
    # More of them: due rows between them that come later in their order were taken, too.
    return rows if done.rowcount == len(rows) else _load(ids, lease)


def _take_postgres(campaign_id: int, lease: int, now: int, limit: int) -> list[tuple]:
    # The array keeps the planner from joining in a way that locks more rows than it updates.
    taken = database.query(
        "UPDATE message SET state = 1, lease = ? WHERE id = ANY(ARRAY("
        f"SELECT m.id FROM message m WHERE {_DUE} FOR UPDATE SKIP LOCKED)) AND state = 0 RETURNING id",
        (lease, campaign_id, now, limit),
    )
    return _load(sorted(row[0] for row in taken), lease) if taken else []


def _load(ids: Sequence[int], lease: int) -> list[tuple]:
    chosen, params = those(ids, is_dense(ids))
    return database.query(
        f"SELECT {_WANTED} WHERE m.id {chosen} AND m.lease = ? ORDER BY m.id", (*params, lease)
    )


def is_dense(ids: Sequence[int]) -> bool:
    """Do these sorted ids fill their range well enough to read it whole?"""
    return ids[-1] - ids[0] < _DENSE * len(ids)


def left(campaign_id: int) -> int:
    """Messages of a campaign that are ready, by its counters."""
    return int(
        database.scalar(
            "SELECT COALESCE(SUM(n), 0) FROM tally WHERE campaign_id = ? AND state = 0", (campaign_id,)
        )
    )


def workers() -> int:
    """Workers that began and did not end, at least one."""
    return database.scalar("SELECT COUNT(*) FROM worker WHERE ended_at IS NULL") or 1


def campaign(campaign_id: int) -> tuple | None:
    """(state, name, cls, account_id, options, budget_micros), locked against a change of state on PostgreSQL."""
    share = " FOR SHARE" if database.is_postgres() else ""
    return database.one(
        f"SELECT state, name, cls, account_id, options, budget_micros FROM campaign WHERE id = ?{share}",
        (campaign_id,),
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
