"""A queue that is away is told once when it goes and once when it is back, however often it is asked meanwhile."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from core import clock, jobs
from core.reach import LONGEST_S, Reach
from core.runtime import Runtime
from core.web.application import make_app
from tests.servers import free_port, valkey, wait_for

seen: list[tuple] = []


def remember(rt, *ids):
    seen.append(ids)


@pytest.fixture
def queue(monkeypatch):
    """A queue on Redis whose server is not there."""
    monkeypatch.setitem(jobs.JOBS, "remember", "tests.test_queue_away:remember")
    seen.clear()
    made = jobs.Queue(f"redis://127.0.0.1:{free_port()}/0")
    made.bind(Runtime(settings=None, plugins=None, keys=None, enqueue=made.enqueue, queue=made))
    return made


def _lines(caplog) -> list[str]:
    return [f"{record.name}: {record.getMessage()}" for record in caplog.records if not record.exc_info]


def test_workers_that_wait_for_it_say_so_in_one_line(queue, caplog, monkeypatch):
    pauses = []
    monkeypatch.setattr(clock, "sleep", pauses.append)
    consumer = queue.consumer()
    consumer.start()
    wait_for(lambda: len(pauses) >= 20, 10)
    for n in range(20):
        queue.enqueue("remember", n)
    assert queue.waiting() is False and queue.holds("remember", 1) is False
    consumer.stop(graceful=True)
    [line] = _lines(caplog)
    assert line.startswith("cooee.jobs: The queue cannot be used (")
    assert line.endswith("Until then the sweep will find the work.")
    assert "Traceback" not in caplog.text
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8] and max(pauses) == LONGEST_S


def test_when_it_is_back_one_line_says_so_and_hints_go_on(queue, caplog, monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "sleep", lambda _s: None)
    consumer = queue.consumer()
    consumer.start()
    wait_for(lambda: queue.reach.away, 10)
    with valkey(tmp_path) as url:
        pool = jobs._pool(url)
        queue.huey.storage.pool = queue.huey.storage.conn.connection_pool = pool
        wait_for(lambda: not queue.reach.away, 20)
        queue.enqueue("remember", 7)
        wait_for(lambda: seen == [(7,)], 10)
        consumer.stop(graceful=True)
    lines = _lines(caplog)
    assert [line.split(" (")[0] for line in lines][0] == "cooee.jobs: The queue cannot be used"
    assert lines[1].startswith("cooee.jobs: The queue can be used again. It was away for ")
    assert len(lines) == 2 and "Traceback" not in caplog.text


def test_it_is_not_asked_again_at_once(caplog):
    reach, tries = Reach(logging.getLogger("cooee.jobs"), str, "Back."), []

    def asked():
        tries.append(1)
        raise OSError("gone")

    assert reach.ask(asked, otherwise="none") == "none" and reach.rests
    assert reach.ask(lambda: 5) == 5 and not reach.away
    assert [record.getMessage() for record in caplog.records] == ["gone", "Back. It was away for 0 s."]


def test_monitors_are_told_that_it_is_away_and_that_all_is_ready(rt_sqlite, queue):
    app = make_app(replace(rt_sqlite, queue=queue))
    for _ in range(2):
        answer = app.test_client().get("/health/ready")
        assert answer.status_code == 200
        assert answer.json == {"ready": True, "database": True, "disk": True, "queue": False}
