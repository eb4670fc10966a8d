"""Imports that died, stand still, or meet another writer; on both databases."""

from __future__ import annotations

from functools import partial

import pytest

from core.audience.importing import batch
from core.contract.errors import Refusal
from core.db import database
from core.db.models import ImportBatch
from tests.import_kit import FIRST, HEADER, contact, counts, sound, taken


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""
    return partial(taken, rt, tmp_path)


def test_two_processes_cannot_write_the_same_rows(rt, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(FIRST, "utf-8")
    options = batch.prepare(rt, path, region="CN")
    batch_id = batch.begin(rt, options, path=path, file_name="people.csv", who="test")
    with database.write_tx():
        database.execute("UPDATE import_batch SET cursor = 5 WHERE id = ?", (batch_id,))

    class Late(batch.Writer):
        def write(self, chunk, cursor, seconds):
            return super().write(chunk, 0, seconds)

    original, batch.Writer = batch.Writer, Late
    try:
        with database.write_tx():
            database.execute("UPDATE import_batch SET cursor = 2 WHERE id = ?", (batch_id,))
        with pytest.raises(Refusal, match="continued by another process"):
            batch.run(rt, batch_id)
    finally:
        batch.Writer = original
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0
    assert ImportBatch.get_by_id(batch_id).state == "running"


def test_a_resumed_import_takes_up_where_it_stopped(rt, tmp_path, monkeypatch):
    from core.audience.importing import writing

    lines = [
        f"1380013{n % 700:04},Name {n},{('上海', '北京')[n % 2]},gold,,{('yes', 'no')[n % 3 == 0]}\n"
        for n in range(25_000)
    ]
    lines[12_345] = "junk,,,,,\n"
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "".join(lines) + "".join(f"139{n:08},,,,,\n" for n in range(5_000)), "utf-8")
    options = batch.prepare(rt, path, region="CN")
    batch_id = batch.begin(rt, options, path=path, file_name="people.csv", who="test")
    write = writing.Writer.write

    def die_at_the_third(self, chunk, cursor, seconds):
        if cursor >= 20_000:
            raise KeyboardInterrupt
        return write(self, chunk, cursor, seconds)

    monkeypatch.setattr(writing.Writer, "write", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        batch.run(rt, batch_id)
    assert ImportBatch.get_by_id(batch_id).cursor == 20_000
    assert batch.begin(rt, options, path=path, file_name="people.csv", who="test") == batch_id
    monkeypatch.undo()
    batch.run(rt, batch_id)
    assert counts(batch.report(batch_id)) == (30_000, 5_700, 0, 0, 24_299, 1, 0)
    assert contact(rt, "+8613800130100")[0] == f"Name {24_500 + 100}"
    assert database.scalar("SELECT COUNT(*) FROM contact") == 5_700
    sound()


def test_a_silent_import_is_queued_again(rt, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(FIRST, "utf-8")
    batch_id = batch.begin(
        rt, batch.prepare(rt, path, region="CN"), path=path, file_name="people.csv", who="test"
    )
    assert batch.resume(rt) == 0
    with database.write_tx():
        database.execute("UPDATE import_batch SET beat_at = beat_at - 120000 WHERE id = ?", (batch_id,))
    assert batch.resume(rt) == 1


def test_a_number_another_writer_adds_at_the_same_moment_is_found_on_the_second_try(rt, take, monkeypatch):
    from core.audience.importing.comparing import Comparer

    take(FIRST)
    known, tries = Comparer._known, []

    def blind_once(self, bidxs):
        tries.append(len(bidxs))
        return {} if len(tries) == 1 else known(self, bidxs)

    monkeypatch.setattr(Comparer, "_known", blind_once)
    assert counts(take(FIRST, "again.csv")) == (5, 0, 0, 3, 1, 1, 1)
    assert len(tries) == 2
    sound()
