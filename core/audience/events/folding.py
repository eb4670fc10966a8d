"""From events to what segments ask of them: the one fold, in Python for what comes in, in SQL for what is there.

Both say the same; `check` compares the SQL fold with what is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from core import clock
from core.db import bulk, database, sets

#: The columns of `event_stat` behind its key.
COLUMNS = ("n", "sum_micros", "first_at", "at1", "at2", "at3", "at4")
_LATEST = 4
_BLOCK = 2_000
_SETS = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS)
_UPSERT = (
    f"INSERT INTO event_stat (type, contact_id, {', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    f"ON CONFLICT (type, contact_id) DO UPDATE SET {_SETS}"
)
_UPSERT_MANY = (
    f"INSERT INTO event_stat (type, contact_id, {', '.join(COLUMNS)}) SELECT * FROM {{rows}} "
    f"ON CONFLICT (type, contact_id) DO UPDATE SET {_SETS}"
)
_STAT_TYPES = ("int", "int", "int", "bigint", "bigint", "bigint", "bigint", "bigint", "bigint")
#: The fold of `event` for the contacts `{where}` names.
_FOLD = """
SELECT type, contact_id, COUNT(*) AS n, COALESCE(SUM(amount_micros), 0) AS sum_micros, MIN(at) AS first_at,
    MAX(at) AS at1, MAX(CASE WHEN r = 2 THEN at END) AS at2, MAX(CASE WHEN r = 3 THEN at END) AS at3,
    MAX(CASE WHEN r = 4 THEN at END) AS at4
FROM (SELECT type, contact_id, at, amount_micros,
        ROW_NUMBER() OVER (PARTITION BY contact_id, type ORDER BY at DESC) AS r
      FROM event WHERE {where}) e
GROUP BY type, contact_id
"""
_DAYS = (
    f"SELECT at / {clock.DAY_MS} AS day, type, COUNT(*) AS n, COALESCE(SUM(amount_micros), 0) AS sum_micros "
    "FROM event GROUP BY 1, 2"
)
_UPSERT_DAY = (
    "INSERT INTO event_day (day, type, n, sum_micros) VALUES (?, ?, ?, ?) ON CONFLICT (day, type) DO UPDATE "
    "SET n = event_day.n + excluded.n, sum_micros = event_day.sum_micros + excluded.sum_micros"
)

Stat = tuple[int, int, int, int, int | None, int | None, int | None]


def fold(events: Iterable[tuple[int, int, int, int | None]]) -> dict[tuple[int, int], Stat]:
    """(type, contact) → stat of events given as (contact, type, at, amount)."""
    times: dict[tuple[int, int], list[int]] = defaultdict(list)
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for contact_id, type_id, at, amount in events:
        times[type_id, contact_id].append(at)
        if amount:
            sums[type_id, contact_id] += amount
    return {pair: _stat(ats, sums.get(pair, 0)) for pair, ats in times.items()}


def _stat(ats: list[int], total: int) -> Stat:
    n = len(ats)
    if n == 1:
        return 1, total, ats[0], ats[0], None, None, None
    first = min(ats)
    ats.sort(reverse=True)
    return n, total, first, *ats[:_LATEST], *(None,) * (_LATEST - n)


def merge(old: Sequence, new: Stat) -> Stat:
    """The stat of both sets of events; whichever came first does not matter."""
    latest = [at for at in (*old[3:], *new[3:]) if at is not None]
    latest.sort(reverse=True)
    latest = latest[:_LATEST]
    latest += [None] * (_LATEST - len(latest))
    return old[0] + new[0], old[1] + new[1], min(old[2], new[2]), *latest


def add(events: Sequence[tuple[int, int, int, int | None]]) -> None:
    """Count new events, (contact, type, at, amount) each, into event_stat and event_day; inside `write_tx`."""
    fresh = fold(events)
    by_type: dict[int, list[int]] = defaultdict(list)
    for type_id, contact_id in sorted(fresh):
        by_type[type_id].append(contact_id)
    for type_id, ids in by_type.items():
        select = f"SELECT contact_id, {', '.join(COLUMNS)} FROM event_stat WHERE type = {int(type_id)} AND"
        # Read and written a block at a time: its pages are still in the cache.
        for at in range(0, len(ids), _BLOCK):
            block = ids[at : at + _BLOCK]
            known = {row[0]: row[1:] for row in bulk.query_among(select, "contact_id", block)}
            _store(
                [
                    (
                        type_id,
                        id_,
                        *(merge(known[id_], fresh[type_id, id_]) if id_ in known else fresh[type_id, id_]),
                    )
                    for id_ in block
                ]
            )
    days(events, 1)


def _store(rows: list[tuple]) -> None:
    if database.is_postgres():
        names = ("type", "contact_id", *COLUMNS)
        database.execute(
            _UPSERT_MANY.format(rows=sets.rows_of(_STAT_TYPES, names)), tuple(sets.rows_bound(rows))
        )
    else:
        database.executemany(_UPSERT, rows)


def days(events: Iterable[tuple[int, int, int, int | None]], sign: int) -> None:
    """Add (1) or take away (-1) events of event_day."""
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for _contact, type_id, at, amount in events:
        entry = counts[at // clock.DAY_MS, type_id]
        entry[0] += 1
        if amount:
            entry[1] += amount
    rows = [(*key, sign * n, sign * total) for key, (n, total) in sorted(counts.items())]
    database.executemany(_UPSERT_DAY, rows) if rows else None
    if sign < 0:
        database.execute("DELETE FROM event_day WHERE n = 0")


def refold(contact_ids: Iterable[int]) -> None:
    """Work out event_stat of these contacts anew from `event`; inside `write_tx`, after a change or removal."""
    ids = sets.listed(sorted(set(contact_ids)))
    database.execute(
        "DELETE FROM event_stat WHERE type IN (SELECT id FROM event_type) AND contact_id " + sets.among(),
        (ids,),
    )
    database.execute(
        f"INSERT INTO event_stat (type, contact_id, {', '.join(COLUMNS)}) "
        + _FOLD.format(where="contact_id " + sets.among()),
        (ids,),
    )


def fold_span(low: int, high: int) -> None:
    """Work out event_stat of the contacts low ≤ id < high, who have none; for benchmarks that write `event`."""
    database.execute(
        f"INSERT INTO event_stat (type, contact_id, {', '.join(COLUMNS)}) "
        + _FOLD.format(where="contact_id >= ? AND contact_id < ?"),
        (low, high),
    )


def fold_days() -> None:
    """Work out event_day, which is empty, likewise."""
    database.execute(f"INSERT INTO event_day (day, type, n, sum_micros) {_DAYS}")


def check_stats(span: int = 10_000) -> Iterator[str]:
    """A sentence for the first contact whose event_stat is no fold of its events, if any.

    Contacts are compared `span` ids at a time, each time in one statement.
    """
    stored = (
        f"SELECT s.type, s.contact_id, {', '.join('s.' + c for c in COLUMNS)} FROM event_type t "
        "JOIN event_stat s ON s.type = t.id AND s.contact_id >= ? AND s.contact_id < ?"
    )
    folded = _FOLD.format(where="contact_id >= ? AND contact_id < ?")
    differing = (
        f"SELECT * FROM ((SELECT * FROM ({stored}) a EXCEPT SELECT * FROM ({folded}) b) UNION ALL "
        f"(SELECT * FROM ({folded}) c EXCEPT SELECT * FROM ({stored}) d)) x LIMIT 1"
        if database.is_postgres()
        else f"SELECT * FROM (SELECT * FROM ({stored}) EXCEPT SELECT * FROM ({folded})) UNION ALL "
        f"SELECT * FROM (SELECT * FROM ({folded}) EXCEPT SELECT * FROM ({stored})) LIMIT 1"
    )
    low, high = _range()
    for first in range(low, high + 1, span):
        row = database.one(differing, (first, first + span) * 4)
        if row is not None:
            yield f"Contact {row[1]}: event_stat of type {row[0]} is not what its events add up to."
            return


def _range() -> tuple[int, int]:
    tops = [
        row
        for table in ("event", "event_stat")
        if (row := database.one(f"SELECT MIN(contact_id), MAX(contact_id) FROM {table}"))[0] is not None
    ]
    return (min(row[0] for row in tops), max(row[1] for row in tops)) if tops else (0, -1)


def check_days() -> Iterator[str]:
    """A sentence for the first day whose counts are no fold of its events, if any."""
    stored = "SELECT day, type, n, sum_micros FROM event_day"
    row = database.one(
        f"SELECT s.day, f.day, s.type, f.type, s.n, f.n FROM ({stored}) s FULL OUTER JOIN ({_DAYS}) f "
        "ON f.day = s.day AND f.type = s.type "
        "WHERE s.n IS NULL OR f.n IS NULL OR s.n <> f.n OR s.sum_micros <> f.sum_micros LIMIT 1"
    )
    if row is not None:
        day, type_id = (row[0], row[2]) if row[0] is not None else (row[1], row[3])
        yield f"Day {day}, type {type_id}: event_day counts {row[4] or 0} events, there are {row[5] or 0}."
