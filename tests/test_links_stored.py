"""Clicks are stored once, whatever crashes or comes at the same time."""

from __future__ import annotations

import pytest

from core import clock, faults
from core.db import database
from core.sending.clicks import journal, store
from tests.click_kit import Sent, clicked, counted, fold, told


@pytest.fixture
def sent(rt, monkeypatch):
    return Sent(rt, monkeypatch)


@pytest.fixture
def sent_sqlite(rt_sqlite, monkeypatch):
    return Sent(rt_sqlite, monkeypatch)


@pytest.mark.parametrize("point", ["clicks.stored", "clicks.committed", "clicks.told"])
def test_a_crash_between_store_and_judgement_neither_loses_nor_doubles(sent, point):
    for person in range(4):
        sent.click(person)
    faults.arm(f"{point}:raise:1")
    try:
        with pytest.raises(faults.Injected):
            sent.judged()
    finally:
        faults.arm("")
    assert sent.judged() == ["human"] * 4
    assert len(told()) == 4
    assert clicked() == fold()
    assert counted() == {"human": 4}
    assert database.scalar("SELECT n FROM event_day WHERE type = 7") == 4


def test_a_crash_between_removing_a_file_and_its_row_stores_nothing_twice(sent):
    sent.click()
    (path,) = journal.files(sent.folder())
    faults.arm("clicks.removed:raise:1")
    try:
        with pytest.raises(faults.Injected):
            store.Store().file(path, closed=True)
    finally:
        faults.arm("")
    assert not path.exists()
    assert store.leftovers(sent.rt) == 0
    assert sent.judged() == ["human"]


def test_two_at_the_same_file_store_it_once(sent, monkeypatch):
    sent.click()
    (path,) = journal.files(sent.folder())
    first, second = store.Store(), store.Store()
    real = journal.unpacked
    # The second is through while the first has read, but not written yet.
    monkeypatch.setattr(
        journal, "unpacked", lambda data: (_undo(monkeypatch, real), second.file(path, False), real(data))[2]
    )
    first.file(path, closed=False)
    assert database.scalar("SELECT COUNT(*) FROM click") == 1


def _undo(monkeypatch, real) -> None:
    monkeypatch.setattr(journal, "unpacked", real)


def test_a_file_somebody_writes_is_left_alone_and_taken_over_later(sent_sqlite):
    made = journal.Journal(sent_sqlite.folder())
    line = journal.Line(1 << 60, 1, 1, 1, clock.now_ms(), 0, 5, "x")
    made.put(journal.packed(line))
    assert store.leftovers(sent_sqlite.rt) == 0
    path = made.path
    made.rotate(at_least=1)
    assert store.leftovers(sent_sqlite.rt) == 1
    assert not path.exists()
    assert database.scalar("SELECT COUNT(*) FROM click_file") == 0


def test_a_line_the_disk_cut_off_takes_no_other_with_it(sent_sqlite):
    good = journal.packed(journal.Line(1, 2, 3, 4, 5, 0, 7, "a  b\n\0c"))
    assert journal.unpacked(good[:9] + b"\n" + good + b"\n") == [journal.Line(1, 2, 3, 4, 5, 0, 7, "a b c")]
