"""What nobody needs any more is thrown away, whatever the table's key is."""

from __future__ import annotations

import pytest

from core import clock, housekeeping
from core.audience.sources import store
from core.db import database


@pytest.mark.parametrize("table", sorted(housekeeping._KEEP))
def test_every_table_can_be_cleaned(rt, table):
    condition, keep_ms = housekeeping._KEEP[table]
    assert housekeeping._delete(table, condition, clock.now_ms() - keep_ms) == 0


def test_old_rows_go_and_young_ones_stay(rt):
    source = store.create(rt, "Shop", "shopify")
    now = clock.now_ms()
    with database.write_tx():
        database.executemany(
            "INSERT INTO source_order (source_id, order_key, phone_bidx, phone_enc, at) VALUES (?, ?, ?, ?, ?)",
            [(source.id, "old", b"a", b"b", now - 500 * clock.DAY_MS), (source.id, "new", b"a", b"b", now)],
        )
        database.executemany(
            "INSERT INTO source_call (source_id, at, topic, status, stored, duplicates, waiting, rejected, note) "
            "VALUES (?, ?, '', 200, 0, 0, 0, 0, '')",
            [(source.id, now - 40 * clock.DAY_MS), (source.id, now)],
        )
    housekeeping.run(rt)
    assert database.query("SELECT order_key FROM source_order") == [("new",)]
    assert database.scalar("SELECT COUNT(*) FROM source_call") == 1
