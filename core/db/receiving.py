"""Set-based statements of the receipts job, one function per backend where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter

from core.db import database
from core.db.codes import State
from core.db.sets import among, listed, rows_bound, rows_of

#: (state, campaign, variant, account, submitted_at, parts, cost_micros): messages with the same are alike.
Kind = tuple[int, int, int, int, int | None, int, int]
#: (id, *kind, hash of account and provider id)
Row = tuple[int, int, int, int, int, int | None, int, int, int | None]
#: (new state, reason, final_at)
Change = tuple[int, str | None, int | None]

#: From so many messages with the same change on, one statement for all of them is the cheaper way.
TOGETHER = 8


def new_calls(limit: int) -> list[tuple[int, int, str, bytes, int]]:
    """The oldest raw calls not yet applied: (id, account_id, kind, body_enc, received_at)."""
    return database.query(
        "SELECT id, account_id, kind, body_enc, received_at FROM inbox WHERE state = 0 ORDER BY id LIMIT ?",
        (limit,),
    )


def take_calls(ids: Sequence[int], errors: Iterable[tuple[int, str]]) -> int:
    """Mark calls as applied, those in `errors` as not understood; how many were still new."""
    bad = [(error, id_) for id_, error in errors]
    if bad:
        database.executemany("UPDATE inbox SET state = 2, error = ? WHERE id = ? AND state = 0", bad)
    # Ids of one batch lie close together: a range is a tenth of the cost of a list.
    lo, hi = ids[0], ids[-1]
    if hi - lo == len(ids) - 1:
        return len(bad) + _rowcount(
            "UPDATE inbox SET state = 1 WHERE id BETWEEN ? AND ? AND state = 0", (lo, hi)
        )
    return len(bad) + _rowcount(
        f"UPDATE inbox SET state = 1 WHERE id {among()} AND state = 0",
        (listed(ids),),
    )


def _rowcount(sql: str, params: Sequence) -> int:
    return database.execute(sql, params).rowcount


def load(ids: Collection[int], hashes: Collection[int]) -> list[Row]:
    """These messages, by id or by the hash of account and provider id, locked until the end of the transaction."""
    order = " ORDER BY id FOR UPDATE" if database.is_postgres() else ""
    rows: list[Row] = []
    for column, wanted in (("id", ids), ("ref_hash", hashes)):
        if wanted:
            rows += database.query(
                "SELECT id, state, campaign_id, variant, account_id, submitted_at, parts, cost_micros, ref_hash "
                f"FROM message WHERE {column} {among()}{order}",
                (listed(sorted(wanted)),),
            )
    return rows


def write(changes: Mapping[Change, Sequence[int]]) -> None:
    """Change messages locked by `load`: for each change their ids in order.  A rejected one costs nothing."""
    single: list[tuple[int, str | None, int | None, int]] = []
    for (state, reason, final_at), ids in changes.items():
        if len(ids) < TOGETHER:
            single += [(state, reason, final_at, id_) for id_ in ids]
        else:
            database.execute(
                f"UPDATE message SET state = ?, reason = ?, final_at = ? WHERE id {among()}",
                (state, reason, final_at, listed(ids)),
            )
    if single:
        single.sort(key=itemgetter(3))
        _write_single(single)
    free = [id_ for change, ids in changes.items() if change[0] == State.rejected for id_ in ids]
    if free:
        database.execute(f"UPDATE message SET cost_micros = 0 WHERE id {among()}", (listed(free),))


def _write_single(rows: Sequence[tuple[int, str | None, int | None, int]]) -> None:
    if database.is_postgres():
        source = rows_of(("smallint", "text", "bigint", "bigint"), ("state", "reason", "final_at", "id"))
        database.execute(
            f"UPDATE message SET state = w.state, reason = w.reason, final_at = w.final_at "
            f"FROM {source} WHERE message.id = w.id",
            rows_bound(rows),
        )
    else:
        # executemany by primary key in order beats UPDATE … FROM here (docs/performance.md).
        database.executemany("UPDATE message SET state = ?, reason = ?, final_at = ? WHERE id = ?", rows)


def name(pairs: Iterable[tuple[int, str]]) -> None:
    """Note (message id, the provider's id) where the response to the submit has not told it yet."""
    rows = [(provider_id, id_) for id_, provider_id in pairs]
    if rows:
        database.executemany("UPDATE message SET provider_id = ? WHERE id = ? AND provider_id IS NULL", rows)


def matched_pending(
    since: int, limit: int
) -> list[tuple[int, int, int, int, str | None, int, int, int | None, int | None]]:
    """Waiting receipts whose message can take them now.

    (pending id, message id, account_id, state, code, at, received_at, hash of the part it is about or None, price
    or None), oldest first.  One with a price waits until the response to the submit is recorded.
    """
    columns = "p.id, m.id, p.account_id, p.state, p.code, p.at, p.received_at"
    takes = "m.state NOT IN (0, 1) AND (m.state <> 2 OR p.cost_micros IS NULL) AND p.received_at >= ?"
    return database.query(
        f"SELECT {columns}, CAST(NULL AS BIGINT), p.cost_micros FROM pending_receipt p "
        f"JOIN message m ON m.id = p.message_id WHERE {takes} "
        f"UNION ALL SELECT {columns}, NULL, p.cost_micros FROM pending_receipt p "
        f"JOIN message m ON m.ref_hash = p.ref_hash WHERE p.message_id IS NULL AND {takes} "
        f"UNION ALL SELECT {columns}, p.ref_hash, p.cost_micros FROM pending_receipt p "
        "JOIN message_part t ON t.ref_hash = p.ref_hash JOIN message m ON m.id = t.message_id "
        f"WHERE p.message_id IS NULL AND {takes} ORDER BY 1 LIMIT ?",
        (since, since, since, limit),
    )


def forget_pending(ids: Iterable[int]) -> None:
    """These have been applied."""
    database.execute(f"DELETE FROM pending_receipt WHERE id {among()}", (listed(list(ids)),))


def open_messages(account_id: int, after: int, limit: int) -> list[tuple[int, str | None]]:
    """(id, provider id) of an account's messages without a final receipt, by id.

    There is no index for this on purpose: it would cost every send.  Ids grow with time, so a scan that
    starts at a recent id reads recent rows only.
    """
    return database.query(
        "SELECT id, provider_id FROM message WHERE id > ? AND account_id = ? AND state IN (3, 8) "
        "ORDER BY id LIMIT ?",
        (after, account_id, limit),
    )


def numbers_of(ids: Sequence[int]) -> list[tuple[int, bytes, int]]:
    """(message, sealed number, when it was submitted) of those whose contact is still there."""
    return database.query(
        "SELECT m.id, c.phone_enc, m.submitted_at FROM message m JOIN contact c ON c.id = m.contact_id "
        f"WHERE m.id {among()} AND c.phone_enc IS NOT NULL AND m.submitted_at IS NOT NULL",
        (listed(list(ids)),),
    )


def has_open_messages(account_id: int) -> bool:
    """By the counters: does the account wait for receipts at all?"""
    n = database.scalar(
        "SELECT COALESCE(SUM(n), 0) FROM tally WHERE account_id = ? AND state IN (3, 8)", (account_id,)
    )
    return bool(n)
