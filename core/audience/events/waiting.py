"""Events of numbers that are no contacts yet: kept by blind index, joined when the number appears."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from core import clock
from core.audience.events import store
from core.db import bulk, database

if TYPE_CHECKING:
    from core.runtime import Runtime

_CHUNK = 10_000
_COLUMNS = ", w.".join(store.CONTENT)
_SELECT = f"SELECT c.id, w.{_COLUMNS}, w.phone_bidx FROM event_waiting w JOIN contact c ON c.phone_bidx = w.phone_bidx"


def join(rt: Runtime, bidxs: Iterable[bytes] | None = None) -> int:
    """Give waiting events to their contacts; of these numbers, or of all.  Returns how many were new.

    Called after contacts were made, outside their transaction, and now and then for whatever was missed.
    """
    if database.one("SELECT 1 FROM event_waiting LIMIT 1") is None:
        return 0
    if bidxs is None:
        return _join_all(rt)
    numbers, joined = sorted(bidxs), 0
    for at in range(0, len(numbers), 1_000):
        where, params = bulk.among_values("w.phone_bidx", numbers[at : at + 1_000])
        joined += bulk.retry_conflict(_join, rt, f"{_SELECT} WHERE {where}", params)[0]
    return joined


def _join_all(rt: Runtime) -> int:
    joined, last = 0, (b"", -(1 << 63))
    sql = f"{_SELECT} WHERE (w.phone_bidx, w.key_hash) > (?, ?) ORDER BY w.phone_bidx, w.key_hash LIMIT {_CHUNK}"
    while True:
        new, rows = bulk.retry_conflict(_join, rt, sql, last)
        joined += new
        if len(rows) < _CHUNK:
            return joined
        last = (bytes(rows[-1][-1]), rows[-1][store.KEY])


def _join(rt: Runtime, sql: str, params: tuple) -> tuple[int, list[tuple]]:
    with database.write_tx():
        store.hold()
        rows = database.query(sql, params)
        if not rows:
            return 0, rows
        new = store.put([tuple(row[:-1]) for row in rows])
        database.executemany(
            "DELETE FROM event_waiting WHERE phone_bidx = ? AND key_hash = ?",
            [(row[-1], row[store.KEY]) for row in rows],
        )
    ids = sorted({row[0] for row, is_new in zip(rows, new, strict=True) if is_new})
    if ids:
        rt.plugins.call("events_recorded", contact_ids=ids)
    return sum(new), rows


def put_back(contacts: Mapping[int, bytes]) -> None:
    """Contacts (id → blind index) are about to go without being erased: their events wait again.

    Inside the `write_tx` that removes them.
    """
    if not contacts:
        return
    store.hold()
    rows = bulk.query_among(
        f"SELECT contact_id, {', '.join(store.CONTENT)} FROM event WHERE", "contact_id", sorted(contacts)
    )
    if rows:
        store.put_waiting([(bytes(contacts[row[0]]), *row[1:]) for row in rows], clock.now_ms())
        store.remove(list(contacts))


def forget(bidx: bytes) -> None:
    """Drop what waits for a number that is being erased; inside `write_tx`."""
    store.hold()
    database.execute("DELETE FROM event_waiting WHERE phone_bidx = ?", (bidx,))


def purge(before: int, limit: int) -> int:
    """Drop up to `limit` events that have waited since before `before` (epoch ms); how many there were."""
    with database.write_tx():
        store.hold()
        return database.execute(
            "DELETE FROM event_waiting WHERE (phone_bidx, key_hash) IN "
            "(SELECT phone_bidx, key_hash FROM event_waiting WHERE received_at < ? LIMIT ?)",
            (before, limit),
        ).rowcount
