"""The send journal: what it proves, and what a torn or absent file does not."""

from __future__ import annotations

import os

import pytest

from core import Result, clock
from core.sending import journal


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def open_journal(folder):
    return journal.Journal(folder, 7, 1000)


def test_what_went_and_what_was_said(folder, open_journal):
    open_journal.sent(42, 3, [1, 2, 3])
    open_journal.told(
        42, [1, 2], [Result("accepted", provider_id="p1", parts=2), Result("rejected", code="x")]
    )
    open_journal.sent(43, 3, [9])
    held = journal.read(folder, 7, 1000, 42)
    assert held.complete and held.sent == {1, 2, 3}
    assert held.told == {1: Result("accepted", provider_id="p1", parts=2), 2: Result("rejected", code="x")}
    assert journal.read(folder, 7, 1000, 43).sent == {9}


def test_one_answer_for_all_is_read_as_one_for_each(folder, open_journal):
    same = Result("accepted")
    open_journal.sent(1, 3, list(range(5)))
    open_journal.told(1, list(range(5)), [same] * 5)
    assert journal.read(folder, 7, 1000, 1).told == dict.fromkeys(range(5), same)


def test_answers_that_differ_in_their_ids_alone_are_read_as_one_for_each(folder, open_journal):
    results = [Result("accepted", "a"), Result("accepted", "b"), Result("accepted")]
    open_journal.told(1, [4, 5, 6], results, ["a", "b", None])
    assert journal.read(folder, 7, 1000, 1).told == dict(zip([4, 5, 6], results, strict=True))


def test_lines_of_older_versions_are_read(folder, open_journal):
    with open(next(folder.glob("*.log")), "ab") as file:
        file.write(b'S 1 3 7 8\nR 1 [[7,"retry"],[8,"accepted","x"]]\n')
    held = journal.read(folder, 7, 1000, 1)
    assert held.sent == {7, 8} and held.told == {7: Result("retry"), 8: Result("accepted", "x")}
    assert set(journal.sent_since(folder, 0)) == {8}


def test_a_torn_last_line_never_went(folder, open_journal):
    open_journal.sent(1, 3, [1, 2])
    with open(next(folder.glob("*.log")), "ab") as file:
        file.write(b"S 1 3 3 4 5")
    held = journal.read(folder, 7, 1000, 1)
    assert held.complete and held.sent == {1, 2}


def test_an_absent_journal_proves_nothing(folder, open_journal):
    assert not journal.read(folder, 8, 1000, 1).complete
    assert not journal.read(folder, 7, 1001, 1).complete


def test_a_journal_without_its_head_proves_nothing(folder, open_journal):
    file = next(folder.glob("*.log"))
    file.write_bytes(b"S 1 3 1\n")
    assert not journal.read(folder, 7, 1000, 1).complete


def test_a_journal_that_lost_its_end_has_no_answers(folder, open_journal):
    """After a power cut the answers may be gone; the ids are not, and so the messages are in doubt."""
    open_journal.sent(1, 3, [1])
    held = journal.read(folder, 7, 1000, 1)
    assert held.sent == {1} and not held.told


def test_it_goes_on_in_another_file_when_it_is_large(folder, open_journal, monkeypatch):
    monkeypatch.setattr(journal, "ROTATE_BYTES", 10)
    for lease in (1, 2, 3):
        open_journal.sent(lease, 3, [lease])
        open_journal.told(lease, [lease], [Result("accepted")])
    assert len(list(folder.glob("*.log"))) == 4
    assert all(
        journal.read(folder, 7, 1000, lease).told == {lease: Result("accepted")} for lease in (1, 2, 3)
    )


def test_what_went_since_leaves_out_what_is_meant_to_go_again(folder, open_journal):
    open_journal.sent(1, 3, [1, 2, 3, 4])
    answers = [Result("accepted"), Result("retry"), Result("withheld"), Result("unknown")]
    open_journal.told(1, [1, 2, 3, 4], answers)
    assert set(journal.sent_since(folder, 0)) == {1, 4}
    assert journal.newest_id(folder) == 4
    assert set(journal.sent_since(folder, clock.now_ms() + 60_000)) == set()


def test_old_files_are_pruned(folder, open_journal):
    file = next(folder.glob("*.log"))
    assert journal.prune(folder) == 0
    long_ago = file.stat().st_mtime - 100 * 86_400
    os.utime(file, (long_ago, long_ago))
    assert journal.prune(folder) == 1 and not list(folder.glob("*.log"))


def test_only_its_owner_may_read_it(folder, open_journal):
    assert next(folder.glob("*.log")).stat().st_mode & 0o077 == 0
