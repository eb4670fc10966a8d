"""Long messages whose parts have ids and receipts of their own.

A provider tells the ids of all parts in one `Result.provider_id`, with spaces between (record.py keeps them);
each receipt names one.
The message is delivered when all its parts are and fails with the first that fails, in whatever order, and
however long after, the receipts come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.db import database
from core.db.codes import EDGES, State
from core.db.sets import among, listed
from core.sending.folding import Item

_CAN = {int(old): frozenset(map(int, new)) for old, new in EDGES.items()}


def whole(items: Sequence[Item]) -> list[Item]:
    """Receipts as those of whole messages.  Inside `write_tx()`.

    A receipt of a part gives way to what it says of its message, or to nothing while others are out.
    """
    hashes = {item.hash for item in items if item.message_id is None}
    owners: dict[int, tuple[int, int]] = {}
    if hashes:
        owners = {
            hash_: (message_id, n)
            for hash_, message_id, n in database.query(
                f"SELECT ref_hash, message_id, n FROM message_part WHERE ref_hash {among()} ORDER BY message_id",
                (listed(list(hashes)),),
            )
        }
    if not owners:
        return list(items)
    states = _states({message_id for message_id, _n in owners.values()})
    changed: dict[tuple[int, int], int] = {}
    made: list[Item] = []
    for item in items:
        if item.message_id is not None or item.hash not in owners:
            made.append(item)
            continue
        message_id, n = owners[item.hash]
        parts = states[message_id]
        if item.state in _CAN.get(parts[n], ()):
            parts[n] = changed[message_id, n] = item.state
        if item.state != State.delivered or all(state == State.delivered for state in parts.values()):
            # A copy: the transaction may be tried again with the receipt as it was.
            made.append(replace(item, message_id=message_id))
    if changed:
        _write(changed)
    return made


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
