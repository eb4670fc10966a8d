"""A large audience with history, for benchmarks: contacts and what they did, built by the database itself.

A third of the contacts did nothing, one in twenty a lot; of the events 55 % are views, 15 % carts, 15 %
purchases, the rest refunds, shares, clicks and visits, spread over two years.
"""

from __future__ import annotations

from core import clock
from core.audience.events import folding
from core.bench import population
from core.db import database
from core.runtime import Runtime

ITEMS, CATEGORIES = 5_000, 40
_CHUNK = 25_000
#: Of 20 contacts by id: how many, and their share of the average number of events (in hundredths).
_SHARES = (
    "CASE WHEN c.id % 20 < 7 THEN 0 WHEN c.id % 20 < 15 THEN 40 WHEN c.id % 20 < 19 THEN 250 ELSE 680 END"
)
#: A number below 2^31 that looks random, of a contact and the number of its event.
_MIXED = "((c.id * CAST(1000003 AS bigint) + s.n * 7919) % 2147483647)"
_EVENTS = f"""
INSERT INTO event (contact_id, key_hash, type, at, amount_micros, item_id, category_id)
SELECT id, mixed * 2147483629 + n,
    CASE WHEN mixed % 100 < 55 THEN 1 WHEN mixed % 100 < 70 THEN 2 WHEN mixed % 100 < 85 THEN 3
         WHEN mixed % 100 < 89 THEN 4 WHEN mixed % 100 < 93 THEN 5 WHEN mixed % 100 < 97 THEN 7 ELSE 8 END,
    ? - (mixed * 48271 % 2147483647) * 29,
    CASE WHEN mixed % 100 BETWEEN 70 AND 88 THEN (mixed % 50000 + 500) * 10000 END,
    mixed % {ITEMS} + 1, mixed % {CATEGORIES} + 1
FROM (SELECT c.id, s.n, {_MIXED} AS mixed FROM contact c JOIN bench_series s
      ON s.n <= CAST(? AS bigint) * ({_SHARES}) / 100 / ? WHERE c.id >= ? AND c.id < ?) x
"""


def build(rt: Runtime, contacts: int, events: int) -> int:
    """Write contacts 1 … `contacts` (`population.people`: numbers +86139 and eight digits of the id) with
    about `events` events and everything counted of them; returns how many events there are.

    The instance must be empty.  Ten million events take about two minutes on SQLite.
    """
    population.people(rt, contacts)
    now, most = clock.now_ms(), 7 * events // max(contacts, 1) + 7
    with database.write_tx():
        database.copy_rows(
            "item",
            ("id", "key", "title", "category_id", "price_micros", "tags", "updated_at"),
            [
                (n, f"SKU{n}", f"Item {n}", n % CATEGORIES + 1, n * 1_000_000, "", now)
                for n in range(1, ITEMS + 1)
            ],
        )
        database.executemany(
            "INSERT INTO category (id, name) VALUES (?, ?)",
            [(n, f"Category {n}") for n in range(1, CATEGORIES + 1)],
        )
        database.execute("DROP TABLE IF EXISTS bench_series")
        database.execute("CREATE TABLE bench_series (n BIGINT PRIMARY KEY)")
        database.executemany("INSERT INTO bench_series (n) VALUES (?)", [(n,) for n in range(1, most + 1)])
    for low in range(1, contacts + 1, _CHUNK):
        with database.write_tx():
            database.execute(_EVENTS, (now, events, contacts, low, low + _CHUNK))
            folding.fold_span(low, low + _CHUNK)
    with database.write_tx():
        folding.fold_days()
        database.execute("DROP TABLE bench_series")
    if database.is_postgres():
        for table, top in (("item", ITEMS), ("category", CATEGORIES)):
            database.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), ?)", (top,))
    database.execute("ANALYZE")
    return database.scalar("SELECT COALESCE(SUM(n), 0) FROM event_day")
