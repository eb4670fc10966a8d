"""Long messages whose parts have ids and receipts of their own.

A provider tells the ids of all parts in one `Result.provider_id`, with spaces between (record.py keeps them);
each receipt names one.
The message is delivered when all its parts are and fails with the first that fails, in whatever order, and
however long after, the receipts come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.db import database
from core.db.codes import EDGES, State
from core.db.sets import among, listed
from core.sending.folding import News

_CAN = {int(old): frozenset(map(int, new)) for old, new in EDGES.items()}


def whole(
    said: Sequence[tuple[News, int]],
) -> tuple[list[tuple[News, list[int]]], list[tuple[News, int]]]:
    """What receipts of parts say of their messages: (receipts, messages), and those that are of no part.

    Takes (receipts, hash of a provider's id).  A receipt of a part says nothing of its message while others
    are out.  Inside `write_tx()`.
    """
    owners: dict[int, tuple[int, int]] = {
        hash_: (message_id, n)
        for hash_, message_id, n in database.query(
            f"SELECT ref_hash, message_id, n FROM message_part WHERE ref_hash {among()} ORDER BY message_id",
            (listed({hash_ for _news, hash_ in said}),),
        )
    }
    if not owners:
        return [], list(said)
    states = _states({message_id for message_id, _n in owners.values()})
    changed: dict[tuple[int, int], int] = {}
    made: list[tuple[News, list[int]]] = []
    for news, hash_ in said:
        if hash_ not in owners:
            continue
        message_id, n = owners[hash_]
        parts = states[message_id]
        if news.state in _CAN.get(parts[n], ()):
            parts[n] = changed[message_id, n] = news.state
        if news.state != State.delivered or all(state == State.delivered for state in parts.values()):
            made.append((news, [message_id]))
    if changed:
        _write(changed)
    return made, [one for one in said if one[1] not in owners]


def _write(changed: Mapping[tuple[int, int], int]) -> None:
    database.executemany(
        "UPDATE message_part SET state = ? WHERE message_id = ? AND n = ?",
        [(state, message_id, n) for (message_id, n), state in sorted(changed.items())],
    )


def _states(message_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    lock = " FOR UPDATE" if database.is_postgres() else ""
    found: dict[int, dict[int, int]] = {}
    for message_id, n, state in database.query(
        f"SELECT message_id, n, state FROM message_part WHERE message_id {among()} ORDER BY message_id, n{lock}",
        (listed(sorted(message_ids)),),
    ):
        found.setdefault(message_id, {})[n] = state
    return found
