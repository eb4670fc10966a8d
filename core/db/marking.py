"""SQL of the submit mark and of every later change of state.

A change is compare-and-set on (state, lease): a row somebody else has moved meanwhile is left alone and the
caller sees that it is missing.  Every function runs inside `write_tx()`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any

from core.db import database
from core.db.codes import State
from core.db.gate import Gate, passes
from core.db.sets import among, listed, rows_bound, rows_of, those
from core.db.tally import Deltas, hour_of

#: Rows a statement binds as VALUES: more of them are no faster, and fewer texts are kept compiled.
VALUES_MOST = 200


def lock_profiles(contact_ids: Iterable[int]) -> None:
    """Make a STOP wait for this transaction, or this one for it.  SQLite has one writer and needs nothing.

    PostgreSQL's statements see what was committed when they began; without the lock a STOP could commit
    between the look at the profile and our commit.  Locked in order, so that nobody waits in a circle.
    """
    if database.is_postgres():
        database.execute(
            f"SELECT 1 FROM profile WHERE contact_id {among()} ORDER BY contact_id FOR NO KEY UPDATE",
            (listed(contact_ids),),
        )


def mark(
    gate: Gate, ids: Sequence[int], parts: Sequence[int], costs: Sequence[int], alone: bool = False
) -> Collection[int]:
    """claimed → submitting for sorted ids that pass the gate, with parts and micro-units of each; those marked.

    ONE statement looks at the campaign, the lease, the latest time, suppression, consent and hours.
    `alone`: the lease has no other claimed message between the first and the last of them.
    """
    same = parts.count(parts[0]) == costs.count(costs[0]) == len(ids)
    ranged = same and alone
    if ranged or (same and not database.is_postgres()):
        chosen, params = those(ids, alone)
        head, params = f"parts = ?, cost_micros = ? WHERE id {chosen}", (parts[0], costs[0], *params)
    else:
        source = rows_of(("bigint", "int", "bigint"), ("id", "parts", "cost"))
        head = f"parts = w.parts, cost_micros = w.cost FROM {source} WHERE message.id = w.id"
        params = rows_bound(list(zip(ids, parts, costs, strict=True)))
    conditions, bound = passes(gate)
    # Where a number is proof enough nothing is returned: that costs as much as the check of the gate.
    done = database.execute(
        "UPDATE message SET state = 2, account_id = ?, attempt = attempt + 1, "
        f"submitted_at = COALESCE(submitted_at, ?), {head} "
        f"AND state = 1 AND lease = ? AND (not_after IS NULL OR not_after > ?) AND {conditions}"
        + ("" if ranged else " RETURNING message.id"),
        (gate.account_id, gate.now, *params, gate.lease, gate.now, *bound),
    )
    if not ranged:
        return {row[0] for row in done.fetchall()}
    return ids if done.rowcount == len(ids) else _in_state(State.submitting, gate.lease, ids, alone)


def _in_state(state: State, lease: int, ids: Sequence[int], alone: bool) -> set[int]:
    chosen, params = those(ids, alone)
    return {
        row[0]
        for row in database.query(
            f"SELECT id FROM message WHERE id {chosen} AND state = ? AND lease = ?", (*params, state, lease)
        )
    }


def accept(
    lease: int,
    ids: Sequence[int],
    names: Sequence[str | None],
    hashes: Sequence[int | None],
    alone: bool = False,
) -> Collection[int]:
    """submitting → accepted for sorted ids, each with provider_id and ref_hash; those still ours to change.

    `alone`: the lease has no other message on the wire between the first and the last of them.
    """
    if database.is_postgres():
        return _accept_postgres(lease, ids, names, hashes, alone)
    # Nobody else writes meanwhile, so a number is proof enough; RETURNING costs as much as the change.
    chosen, params = those(ids, alone)
    still = database.scalar(
        f"SELECT COUNT(*) FROM message WHERE id {chosen} AND state = 2 AND lease = ?", (*params, lease)
    )
    ours = ids if still == len(ids) else _in_state(State.submitting, lease, ids, alone)
    if names.count(None) == len(names):
        database.execute(
            f"UPDATE message SET state = 3 WHERE id {chosen} AND state = 2 AND lease = ?", (*params, lease)
        )
        return ours
    told = {"id": ids, "provider_id": names, "ref_hash": hashes}
    if hashes.count(None) == len(hashes):
        del told["ref_hash"]
    rows = list(zip(*told.values(), strict=True))
    _accept_sqlite(tuple(told), rows if ours is ids else [row for row in rows if row[0] in ours])
    return ours


def _accept_sqlite(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows bound as VALUES: half the time of `executemany`, which enters SQLite anew for each."""
    sets = ", ".join(f"{name} = w.{name}" for name in columns[1:])
    one = f"({database.in_list(len(columns))})"
    for at in range(0, len(rows), VALUES_MOST):
        some = rows[at : at + VALUES_MOST]
        database.execute(
            f"WITH w({', '.join(columns)}) AS (VALUES {', '.join([one] * len(some))}) "
            f"UPDATE message SET state = 3, {sets} FROM w WHERE message.id = w.id",
            list(chain.from_iterable(some)),
        )


def _accept_postgres(
    lease: int, ids: Sequence[int], names: Sequence[str | None], hashes: Sequence[int | None], alone: bool
) -> set[int]:
    if names.count(None) == len(names):
        chosen, params = those(ids, alone)
        sets, where = "state = 3", f"WHERE message.id {chosen}"
    else:
        params = (list(names), list(hashes), list(ids))
        source = rows_of(("text", "bigint", "bigint"), ("provider_id", "ref_hash", "id"))
        sets = f"state = 3, provider_id = w.provider_id, ref_hash = w.ref_hash FROM {source}"
        where = "WHERE message.id = w.id"
    done = database.query(
        f"UPDATE message SET {sets} {where} AND message.state = 2 AND message.lease = ? RETURNING message.id",
        (*params, lease),
    )
    return {row[0] for row in done}


def identify(rows: Sequence[tuple[int, str | None, int | None]]) -> None:
    """Note (id, provider_id, ref_hash) on rows whose receipt came before the response to the submit."""
    database.executemany(
        "UPDATE message SET provider_id = ?, ref_hash = ? WHERE id = ? AND provider_id IS NULL",
        [(provider_id, ref_hash, id_) for id_, provider_id, ref_hash in rows if provider_id],
    )


def states(ids: Iterable[int]) -> dict[int, int]:
    """The present state of each id."""
    return dict(database.query(f"SELECT id, state FROM message WHERE id {among()}", (listed(ids),)))


def touch(contact_ids: Iterable[int], now: int) -> None:
    """These people were texted now."""
    database.execute(
        f"UPDATE profile SET last_sent_at = ?, sent_count = sent_count + 1 WHERE contact_id {among()}",
        (now, listed(contact_ids)),
    )


#: What a change of state does to the other columns: where a message goes back, everything it was charged
#: goes back too; a rejected message costs nothing.
_CLEARED = {State.ready: ", parts = 0, cost_micros = 0, lease = NULL", State.rejected: ", cost_micros = 0"}


def move(
    ids: Iterable[int],
    old: State,
    new: State,
    deltas: Deltas,
    *,
    lease: int | None = None,
    reason: str | None = None,
    not_before: int | None = None,
    final_at: int | None = None,
    keep_submitted: bool = False,
    uncount: bool = False,
    release: bool = False,
) -> list[tuple[int, int, int]]:
    """Move rows from `old` to `new`, counting it in `deltas`; (id, campaign_id, cost refunded) of the moved.

    With `lease` only rows of that lease.  A message that goes back to ready forgets its submit, unless
    `keep_submitted`: then the provider may know it, and its time limits a repeat under the same reference.
    `uncount`: the try did not happen.  `release`: the rows forget their account, too.
    """
    guard, bound = ("", ()) if lease is None else (" AND lease = ?", (lease,))
    lock = " FOR UPDATE" if database.is_postgres() else ""
    rows = database.query(
        "SELECT id, campaign_id, variant, account_id, submitted_at, parts, cost_micros FROM message "
        f"WHERE id {among()} AND state = ?{guard} ORDER BY id{lock}",
        (listed(ids), int(old), *bound),
    )
    if not rows:
        return []
    forget = new == State.ready and not keep_submitted
    sets = "state = ?, reason = ?, final_at = ?" + _CLEARED.get(new, "")
    sets += ", submitted_at = NULL" if forget else ""
    sets += ", attempt = attempt - 1" if uncount else ""
    sets += ", account_id = 0" if release else ""
    values: list[Any] = [int(new), reason, final_at]
    if not_before is not None:
        sets += ", not_before = ?"
        values.append(not_before)
    changed = database.execute(
        f"UPDATE message SET {sets} WHERE id {among()} AND state = ?",
        (*values, listed([row[0] for row in rows]), int(old)),
    ).rowcount
    if changed != len(rows):
        raise RuntimeError(
            f"{len(rows)} messages were locked and {changed} changed from {old.name} to {new.name}"
        )
    moved = []
    for id_, campaign, variant, account, submitted_at, parts, cost in rows:
        deltas.add((campaign, variant, account, hour_of(submitted_at), int(old)), -1, -parts, -cost)
        left_parts = 0 if new == State.ready else parts
        left_cost = 0 if new in _CLEARED else cost
        hour = 0 if forget else hour_of(submitted_at)
        deltas.add((campaign, variant, 0 if release else account, hour, int(new)), 1, left_parts, left_cost)
        moved.append((id_, campaign, cost - left_cost))
    return moved


def refund(campaign_id: int, cost_micros: int) -> None:
    """Give reserved money back to a campaign that has a budget."""
    if cost_micros:
        database.execute(
            "UPDATE campaign SET spent_micros = spent_micros - ? WHERE id = ? AND budget_micros IS NOT NULL",
            (cost_micros, campaign_id),
        )


def store_texts(rows: Sequence[tuple[int, str]]) -> None:
    """Keep the words of messages whose text is their own, as they go on the wire."""
    if rows:
        database.executemany(
            "INSERT INTO message_text (message_id, body) VALUES (?, ?) "
            "ON CONFLICT (message_id) DO UPDATE SET body = excluded.body",
            rows,
        )


def stored_texts(ids: Iterable[int]) -> dict[int, str]:
    """Words kept for these messages."""
    return dict(
        database.query(
            f"SELECT message_id, body FROM message_text WHERE message_id {among()}", (listed(ids),)
        )
    )
