"""SQL of the claim: rows of one campaign become one worker's."""

from __future__ import annotations

from collections.abc import Sequence

from core.db import database
from core.db.sets import among, listed, those

#: (id, variant, account, submitted at) of a claimed row: what it is counted by.
Taken = tuple[int, int, int, int | None]

_COLUMNS = "id, variant, account_id, submitted_at"
_DUE = "state = 0 AND campaign_id = ? AND not_before <= ? ORDER BY not_before, id LIMIT ?"
#: A range is read instead of a list of ids when at most every other id of it is not among them.
_DENSE = 2


def take(campaign_id: int, lease: int, now: int, limit: int) -> list[Taken]:
    """Mark about `limit` due rows as claimed under `lease`, inside `write_tx()`; these rows, by id."""
    take_ = _take_postgres if database.is_postgres() else _take_sqlite
    return take_(campaign_id, lease, now, limit)


def _take_sqlite(campaign_id: int, lease: int, now: int, limit: int) -> list[Taken]:
    rows = sorted(database.query(f"SELECT {_COLUMNS} FROM message WHERE {_DUE}", (campaign_id, now, limit)))
    if not rows:
        return rows
    ids = [row[0] for row in rows]
    chosen, params = those(ids, is_dense(ids))
    # By the primary key: the index of what is due would be walked from its beginning, and changed under way.
    done = database.execute(
        f"UPDATE message NOT INDEXED SET state = 1, lease = ? WHERE id {chosen} AND state = 0 "
        "AND campaign_id = ? AND not_before <= ?",
        (lease, *params, campaign_id, now),
    )
    if done.rowcount == len(ids):
        return rows
    # Due rows between them that come later in their order were taken, too.
    return database.query(
        f"SELECT {_COLUMNS} FROM message WHERE id {chosen} AND lease = ? ORDER BY id", (*params, lease)
    )


def _take_postgres(campaign_id: int, lease: int, now: int, limit: int) -> list[Taken]:
    # The array keeps the planner from joining in a way that locks more rows than it updates.
    taken = database.query(
        "UPDATE message SET state = 1, lease = ? WHERE id = ANY(ARRAY("
        f"SELECT id FROM message WHERE {_DUE} FOR UPDATE SKIP LOCKED)) AND state = 0 RETURNING {_COLUMNS}",
        (lease, campaign_id, now, limit),
    )
    return sorted(taken)


def load(ids: Sequence[int], lease: int) -> list[tuple]:
    """What sending needs of claimed rows, by id; after the commit, so that other writers need not wait for it:

    (id, contact_id, variant, account_id, submitted_at, attempt, not_after, phone_enc, country, language)
    """
    chosen, params = those(ids, is_dense(ids))
    return database.query(
        "SELECT m.id, m.contact_id, m.variant, m.account_id, m.submitted_at, m.attempt, m.not_after, "
        "c.phone_enc, p.country, p.language FROM message m LEFT JOIN contact c ON c.id = m.contact_id "
        f"LEFT JOIN profile p ON p.contact_id = m.contact_id WHERE m.id {chosen} AND m.lease = ? ORDER BY m.id",
        (*params, lease),
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
