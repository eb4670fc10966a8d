"""The queue carries hints: on SQLite and on Redis, never pickled, fired once among many workers."""

import json

import pytest

from core import jobs
from core.contract.errors import Refusal
from core.db import database
from core.runtime import Runtime
from core.ticker import Ticker
from tests.servers import wait_for

seen: list[tuple] = []


def remember(rt, *ids):
    seen.append(ids)


def forget(rt):
    raise RuntimeError("this job fails")


@pytest.fixture
def queue(queue_url, monkeypatch):
    monkeypatch.setitem(jobs.JOBS, "remember", "tests.test_jobs:remember")
    monkeypatch.setitem(jobs.JOBS, "forget", "tests.test_jobs:forget")
    seen.clear()
    made = jobs.Queue(queue_url)
    made.huey.flush()
    made.bind(Runtime(settings=None, plugins=None, keys=None, enqueue=made.enqueue))
    return made


def test_a_hint_reaches_its_job(queue):
    queue.enqueue("remember", 1, 2)
    consumer = queue.consumer()
    consumer.start()
    try:
        wait_for(lambda: seen == [(1, 2)], 10)
    finally:
        consumer.stop(graceful=True)


def test_a_job_that_raises_or_is_unknown_stops_nobody(queue):
    queue.enqueue("forget")
    queue.enqueue("no such job")
    queue.enqueue("remember", 3)
    consumer = queue.consumer()
    consumer.start()
    try:
        wait_for(lambda: seen == [(3,)], 10)
    finally:
        consumer.stop(graceful=True)


def test_what_lies_in_the_queue_is_json_with_ids_only(queue):
    queue.enqueue("remember", 7)
    raw = queue.huey.storage.enqueued_items()[0]
    assert '"remember", 7' in json.dumps(json.loads(raw))


def test_a_queue_that_is_away_harms_nobody(caplog):
    queue = jobs.Queue("redis://127.0.0.1:1/0")
    queue.enqueue("remember", 1)
    assert "the sweep will find the work" in caplog.text


def test_an_unknown_scheme_is_refused_with_the_choices():
    with pytest.raises(Refusal, match="'amqp' is not one of sqlite, redis, memory"):
        jobs.Queue("amqp://x")


def test_three_tickers_fire_each_slot_once(rt, monkeypatch):
    monkeypatch.setattr(jobs, "PERIODIC", {"remember": (1, "tests.test_jobs:remember")})
    seen.clear()
    tickers = [Ticker(rt, n, {}) for n in range(3)]
    for ticker in tickers:
        ticker.start()
    wait_for(lambda: database.scalar("SELECT COUNT(*) FROM job_run") >= 3, 20)
    for ticker in tickers:
        ticker.stop()
    for ticker in tickers:
        ticker.join()
    assert len(seen) == database.scalar("SELECT COUNT(*) FROM job_run")


def test_a_periodic_job_that_fails_is_recorded_and_fires_again(rt, monkeypatch):
    monkeypatch.setattr(jobs, "PERIODIC", {"forget": (1, "tests.test_jobs:forget")})
    ticker = Ticker(rt, 1, {})
    ticker.start()
    wait_for(lambda: database.scalar("SELECT COUNT(*) FROM job_run WHERE error <> ''") >= 2, 20)
    ticker.stop()
    ticker.join()
    assert database.scalar("SELECT MAX(error) FROM job_run") == "RuntimeError: this job fails"


def test_all_named_jobs_exist():
    for where in [*jobs.JOBS.values(), *(where for _s, where in jobs.PERIODIC.values())]:
        assert callable(jobs.resolve(where))
