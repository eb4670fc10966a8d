"""Writers of one SQLite file: real processes that take turns, stop in the middle, and go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from peewee import OperationalError

from core.db import database
from core.db.turn import Turns
from tests.servers import ROOT

#: How long a test waits for its turn, and then for SQLite's lock.
_PATIENCE_S, _BUSY_MS = 0.1, 100

_HEAD = """
import os, signal, sys
from core.db import database
made = database.connect(sys.argv[1])
def put(key):
    database.execute("INSERT INTO setting (key, value) VALUES (?, '1')", (key,))
def stop():
    print("stops", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
_IN_A_WRITE = """
with database.write_tx():
    put("stopped")
    stop()
"""
_WITH_THE_TURN_ALONE = """
with made.turns.wait():
    stop()
with database.write_tx():
    put("stopped")
"""
_COUNTS = """
for _ in range(100):
    with database.write_tx():
        n = int(database.scalar("SELECT value FROM setting WHERE key = 'n'"))
        database.execute("UPDATE setting SET value = ? WHERE key = 'n'", (str(n + 1),))
"""


@pytest.fixture
def url(rt_sqlite, monkeypatch):
    """The database's URL; this process waits shortly."""
    path = rt_sqlite.settings.database_url
    monkeypatch.setattr(
        database.proxy.obj, "turns", Turns(path.removeprefix("sqlite:///"), patience_s=_PATIENCE_S)
    )
    database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return path


def _start(url: str, body: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", _HEAD + body, url], cwd=ROOT, stdout=subprocess.PIPE)


@contextmanager
def stopped(url: str, body: str):
    """A process that was stopped in the middle of `body`; afterwards it goes on to its end."""
    process = _start(url, body)
    try:
        assert process.stdout.readline() == b"stops\n"
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait() == 0
        process.stdout.close()


def _put(key: str) -> None:
    with database.write_tx():
        database.execute("INSERT INTO setting (key, value) VALUES (?, '1')", (key,))


def _keys() -> set[str]:
    return {row[0] for row in database.query("SELECT key FROM setting WHERE key IN ('stopped', 'mine')")}


def test_a_writer_stopped_inside_a_write_gives_the_others_a_clear_answer(url):
    with stopped(url, _IN_A_WRITE):
        with pytest.raises(OperationalError, match="database is locked") as error:
            _put("mine")
        assert database.is_locked(error.value)
        assert _keys() == set()
    _put("mine")
    assert _keys() == {"stopped", "mine"}


def test_a_writer_stopped_with_the_turn_alone_holds_nobody_up(url):
    with stopped(url, _WITH_THE_TURN_ALONE):
        _put("mine")
        assert _keys() == {"mine"}
    assert _keys() == {"stopped", "mine"}


def test_a_page_says_that_the_database_is_held_and_works_again_afterwards(url, client):
    form = {"days": "7", "words": "1"}
    with stopped(url, _IN_A_WRITE):
        answer = client.post("/providers/calls/settings", data=form)
        assert answer.status_code == 503
        assert "Another process holds the database for too long." in answer.get_data(as_text=True)
        # The error closed the connection; the next request opens one that waits as shortly.
        database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        assert client.get("/providers/calls").status_code == 200
    assert client.post("/providers/calls/settings", data=form).status_code == 303


def test_writers_without_a_break_lose_nothing(url):
    _put("n")
    database.execute("PRAGMA busy_timeout = 10000")
    writers = [_start(url, _COUNTS) for _ in range(3)]
    for writer in writers:
        assert writer.wait() == 0
        writer.stdout.close()
    assert database.scalar("SELECT value FROM setting WHERE key = 'n'") == "301"
