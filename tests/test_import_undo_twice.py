"""Two processes that undo the same import: one goes on and tells all, the other is told so; on both databases."""

from __future__ import annotations

import json
import threading
from functools import partial

import pytest

from core.audience import fields, fielduse
from core.audience.importing import undo
from core.contract.errors import Refusal
from core.db import database
from tests.import_kit import taken

ROWS = "phone,hat\n" + "".join(f"136001360{n:02},blue\n" for n in range(9))


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""
    return partial(taken, rt, tmp_path)


@pytest.fixture
def in_threes(monkeypatch):
    """Transactions of three contacts."""
    monkeypatch.setattr(undo, "_CHUNK", 3)


def _cut_in(monkeypatch, work):
    """Another process does something once this one has removed three contacts."""
    announce, todo = undo.consent.announce, [work]

    def told(rt, events):
        announce(rt, events)
        if todo:
            todo.pop()()

    monkeypatch.setattr(undo.consent, "announce", told)


def test_the_first_is_refused_and_the_second_reports_the_whole(rt, take, in_threes, monkeypatch):
    batch = take(ROWS)["batch"]
    reports = []
    _cut_in(monkeypatch, lambda: reports.append(undo.undo(rt, batch, who="second")))
    with pytest.raises(Refusal, match=f"Import {batch} is being undone by another process"):
        undo.undo(rt, batch, who="first")
    assert reports == [{"batch": batch, "removed": 9, "restored": 0, "kept": 0}]
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0 and fields.get("hat") is None
    assert database.query("SELECT who, detail FROM audit WHERE action = 'import.undone'") == [
        ("second", "9 removed, 0 restored, 0 kept")
    ]


def test_an_undo_that_was_taken_over_touches_nothing_more(rt, take, in_threes, monkeypatch):
    batch = take(ROWS)["batch"]
    _cut_in(monkeypatch, lambda: undo.start(batch, who="second"))
    with pytest.raises(Refusal, match=f"Import {batch} is being undone by another process"):
        undo.undo(rt, batch, who="first")
    assert database.scalar("SELECT COUNT(*) FROM contact") == 6


def test_an_undo_that_was_killed_counts_what_it_had_done_before(rt, take, in_threes, monkeypatch):
    batch = take(ROWS)["batch"]

    def killed():
        raise KeyboardInterrupt

    _cut_in(monkeypatch, killed)
    with pytest.raises(KeyboardInterrupt):
        undo.undo(rt, batch, who="test")
    assert json.loads(database.scalar("SELECT options FROM import_batch WHERE id = ?", (batch,)))["undone"] == {
        "removed": 3, "restored": 0,
    }  # fmt: skip
    assert undo.undo(rt, batch, who="test")["removed"] == 9


def test_of_two_who_remove_a_field_the_second_is_told_that_it_is_gone(rt, monkeypatch):
    fields.define("hat", "text")
    used, said = fielduse.of, []

    def remove():
        try:
            fields.remove("hat", who="second")
        except Exception as error:
            said.append(error)
        database.proxy.close()

    other = threading.Thread(target=remove)

    def looked(key, **more):
        if other.ident is None:
            other.start()
            other.join(0.3)  # as far as it comes while the first is at work
        return used(key, **more)

    monkeypatch.setattr(fielduse, "of", looked)
    fields.remove("hat", who="first")
    other.join()
    assert [str(error) for error in said] == ["There is no field “hat”."]
    assert fields.get("hat") is None
