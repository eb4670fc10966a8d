"""Storing events: one way for files, the API, clicks and joined numbers.

Whatever the order of arrival, the same events end as the same rows: the key decides what is the same, and of
two rows with one key that differ the lesser content stays (`content`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from core.audience.events import folding
from core.db import bulk, database, sets

#: What a row carries behind its owner, in the order of the tables' columns.
CONTENT = (
    "key_hash",
    "type",
    "at",
    "amount_micros",
    "item_id",
    "category_id",
    "message_id",
    "batch_id",
    "props",
)
OWNER, KEY, TYPE, AT, AMOUNT, ITEM, CATEGORY, MESSAGE, BATCH, PROPS = range(10)
#: A row of `event` (owner: contact id) or of `event_waiting` (owner: blind index) without its time of arrival.
Row = tuple
_KINDS = (
    "bigint",
    "int",
    "bigint",
    "bigint",
    "int",
    "int",
    "bigint",
    "int",
    "text",
)
#: Rows of one INSERT (SQLite).
_ROWS = 500
#: The lock of all who store events, on PostgreSQL ("cooe", 2); SQLite has one writer anyway.
_LOCK = 0x636F6F65_0002
_KEY = itemgetter(OWNER, KEY)
_COUNTED = itemgetter(OWNER, TYPE, AT, AMOUNT)


def hold() -> None:
    """Called first in a transaction that stores or removes events: what is folded is read, then written."""
    if database.is_postgres():
        database.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))


def put(rows: Sequence[Row]) -> list[bool]:
    """Store events of contacts, inside `write_tx` after `hold`; for each row, whether it is new.

    Keeps event_stat, event_day and touched in step.
    """
    unique, first = _distinct(rows)
    fresh = _insert("event", "contact_id", ("int", *_KINDS), unique)
    new = unique if len(fresh) == len(unique) else [row for row in unique if _KEY(row) in fresh]
    if new:
        folding.add(list(map(_COUNTED, new)))
        touch(row[OWNER] for row in new)
    if len(new) < len(unique):
        # Last, because it folds what was inserted just now as well.
        _settle_events([row for row in unique if _KEY(row) not in fresh])
    if len(fresh) == len(rows):
        return [True] * len(rows)
    return [at in first and _KEY(row) in fresh for at, row in enumerate(rows)]


def put_waiting(rows: Sequence[Row], now: int) -> list[bool]:
    """Keep events of numbers that are no contacts, inside `write_tx` after `hold`; whether each is new."""
    unique, first = _distinct(rows)
    with_time = [(*row, now) for row in unique]
    fresh = _insert("event_waiting", "phone_bidx", ("bytea", *_KINDS, "bigint"), with_time, "received_at")
    _settle_waiting([row for row in unique if _KEY(row) not in fresh])
    return [at in first and _KEY(row) in fresh for at, row in enumerate(rows)]


def _distinct(rows: Sequence[Row]) -> tuple[list[Row], set[int] | range]:
    """Rows by owner and key, one of each, and the indexes of those; the lesser of two contents is kept."""
    if len(set(map(_KEY, rows))) == len(rows):
        return sorted(rows, key=_KEY), range(len(rows))
    best: dict[tuple, int] = {}
    names: dict | None = None
    for at, row in enumerate(rows):
        known = best.setdefault(_KEY(row), at)
        if known == at or rows[known] == row:
            continue
        names = names or _names(rows)
        if content(row, names) < content(rows[known], names):
            best[_KEY(row)] = at
    return sorted((rows[at] for at in best.values()), key=_KEY), set(best.values())


def content(row: Row, names: dict) -> tuple:
    """What a row says, in an order that does not depend on when anything was stored."""
    return (
        row[AT],
        row[TYPE],
        -1 if row[AMOUNT] is None else row[AMOUNT],
        names.get(("item", row[ITEM]), ""),
        names.get(("category", row[CATEGORY]), ""),
        row[PROPS] or "",
        row[MESSAGE] or 0,
    )


def _names(rows: Sequence[Row]) -> dict:
    """Keys of items and names of categories these rows name: they sort the same everywhere, ids do not."""
    found = {}
    for table, column, at in (("item", "key", ITEM), ("category", "name", CATEGORY)):
        wanted = sorted({row[at] for row in rows} - {None})
        for id_, name in bulk.query_among(f"SELECT id, {column} FROM {table} WHERE", "id", wanted):
            found[table, id_] = name
    return found


def _settle_events(rows: list[Row]) -> None:
    """Rows whose keys are there already: the lesser content stays."""
    if not rows:
        return
    wanted = sets.rows_of(("int", "bigint"), ("owner", "hash"))
    stored = database.query(
        f"SELECT e.contact_id, e.{', e.'.join(CONTENT)} FROM {wanted} "
        "CROSS JOIN event e WHERE e.contact_id = w.owner AND e.key_hash = w.hash",
        tuple(sets.rows_bound([_KEY(row) for row in rows])),
    )
    changed = _lesser(rows, stored)
    if changed:
        _rewrite("event", "contact_id", [new for _old, new in changed])
        folding.days([_COUNTED(old) for old, _new in changed], -1)
        folding.days([_COUNTED(new) for _old, new in changed], 1)
        ids = sorted({new[OWNER] for _old, new in changed})
        folding.refold(ids)
        touch(ids)


def _settle_waiting(rows: list[Row]) -> None:
    if not rows:
        return
    stored = bulk.query_among(
        f"SELECT phone_bidx, {', '.join(CONTENT)} FROM event_waiting WHERE",
        "phone_bidx",
        sorted({row[OWNER] for row in rows}),
    )
    changed = _lesser(rows, [(bytes(row[0]), *row[1:]) for row in stored])
    _rewrite("event_waiting", "phone_bidx", [new for _old, new in changed])


def _lesser(rows: list[Row], stored: list[Row]) -> list[tuple[Row, Row]]:
    """(stored row, row that takes its place) where what came is less than what is there."""
    there = {_KEY(row): tuple(row) for row in stored}
    pairs = [(there[_KEY(row)], row) for row in rows if _KEY(row) in there]
    differing = [
        (old, new) for old, new in pairs if old[TYPE:BATCH] != new[TYPE:BATCH] or old[PROPS] != new[PROPS]
    ]
    if not differing:
        return []
    names = _names([row for pair in differing for row in pair])
    return [(old, new) for old, new in differing if content(new, names) < content(old, names)]


def _rewrite(table: str, owner: str, rows: list[Row]) -> None:
    """The batch stays the one that brought the key first."""
    columns = [column for column in CONTENT if column not in ("key_hash", "batch_id")]
    if rows:
        database.executemany(
            f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} "
            f"WHERE {owner} = ? AND key_hash = ?",
            [(*row[TYPE:BATCH], row[PROPS], row[OWNER], row[KEY]) for row in rows],
        )


def _insert(table: str, owner: str, kinds: Sequence[str], rows: list[tuple], *more: str) -> set[tuple]:
    """Insert the rows whose keys are not there; the (owner, key) of those."""
    names = (owner, *CONTENT, *more)
    if not rows:
        return set()
    if database.is_postgres():
        columns = ", ".join(names)
        found = database.query(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {sets.rows_of(kinds, names)} "
            f"ON CONFLICT DO NOTHING RETURNING {owner}, key_hash",
            tuple(sets.rows_bound(rows)),
        )
    else:
        found = []
        for at in range(0, len(rows), _ROWS):
            part = rows[at : at + _ROWS]
            found += database.query(_insert_sql(table, names, len(part)), tuple(chain.from_iterable(part)))
    return {(row[0] if type(row[0]) is int else bytes(row[0]), row[1]) for row in found}


@lru_cache(maxsize=16)
def _insert_sql(table: str, names: tuple[str, ...], n: int) -> str:
    row = f"({database.in_list(len(names))})"
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES {','.join([row] * n)} "
        f"ON CONFLICT DO NOTHING RETURNING {names[0]}, key_hash"
    )


def touch(contact_ids: Iterable[int]) -> None:
    """Note for the label rules that these contacts have news; inside `write_tx`."""
    ids = sets.listed(sorted(set(contact_ids)))
    values = "SELECT unnest(CAST(? AS int[]))" if database.is_postgres() else "SELECT value FROM json_each(?)"
    # PostgreSQL: a row that an incremental run is deleting must come back, so wait for it.
    known = (
        "(contact_id) DO UPDATE SET contact_id = excluded.contact_id"
        if database.is_postgres()
        else "DO NOTHING"
    )
    # "WHERE true": SQLite takes ON CONFLICT after a SELECT for a join otherwise.
    database.execute(
        f"INSERT INTO touched (contact_id) SELECT * FROM ({values}) w WHERE true ON CONFLICT {known}",
        (ids,),
    )


def remove(contact_ids: Sequence[int]) -> int:
    """Delete all events of these contacts, which are about to go; inside `write_tx`.  Returns how many."""
    hold()
    ids = sets.listed(sorted(set(contact_ids)))
    gone = database.query(
        f"DELETE FROM event WHERE contact_id {sets.among()} RETURNING contact_id, type, at, amount_micros",
        (ids,),
    )
    folding.days(gone, -1)
    database.execute(
        "DELETE FROM event_stat WHERE type IN (SELECT id FROM event_type) AND contact_id " + sets.among(),
        (ids,),
    )
    database.execute("DELETE FROM touched WHERE contact_id " + sets.among(), (ids,))
    return len(gone)
