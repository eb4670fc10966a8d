"""The queue: Huey on SQLite or Redis.  The only file that imports huey.

A job carries ids only and is safe to run twice or not at all: the database is the truth and the sweep finds
work by state, so losing every queued job loses nothing (measured: Huey loses running tasks on kill -9).
Periodic work is fired once among all workers by a row in `job_run`; see `Ticker`.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from huey import Huey, PriorityRedisExpireHuey
from huey.consumer import Consumer
from huey.registry import Message as TaskMessage
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.sending.clockwatch import ClockWatch, standing

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.jobs")

#: Jobs of the core: name → where it lives.  Called as `function(rt, *ids)`.
JOBS = {
    "send": "core.sending.batch:send",
    "expand": "core.sending.expand:run",
    "check": "core.sending.checking:job",
    "receipts": "core.sending.receipts:apply",
    "poll": "core.sending.receipts:poll",
    "import": "core.audience.importing.batch:run",
    "numbers": "core.audience.numbers:fill",
    "quality": "core.audience.quality.findings:check",
    "relabel": "core.audience.labelling.running:incremental",
    "relabel_all": "core.audience.labelling.running:nightly",
    "relabel_rule": "core.audience.labelling.running:one",
    "event-import": "core.audience.events.importing:run",
    "growth": "core.audience.segments.growth:record",
    "trials": "core.measure.trials.run:job",
}
#: Periodic work of the core: name → (seconds, where it lives).
PERIODIC = {
    "sweep": (15, "core.sending.sweep:sweep"),
    "due": (5, "core.sending.launch:due"),
    "receipts": (1, "core.sending.receipts:apply"),
    "second_texts": (5, "core.sending.routes.second:send"),
    "rematch": (600, "core.sending.receipts:rematch_all"),
    "poll": (10, "core.sending.receipts:poll_due"),
    "imports": (30, "core.audience.importing.batch:resume"),
    "event-imports": (30, "core.audience.events.importing:resume"),
    "event-waiting": (600, "core.audience.events.waiting:join"),
    "growth": (3600, "core.audience.segments.growth:due"),
    "clicks": (2, "core.sending.clicks.judge:run"),
    "labels": (3600, "core.audience.labels:expire_labels"),
    "label_news": (10, "core.audience.labelling.running:wake"),
    "label_night": (300, "core.audience.labelling.running:wake_nightly"),
    "numbers": (60, "core.audience.numbers:due"),
    "quality": (3600, "core.audience.quality.findings:due"),
    "suppressions": (600, "core.audience.suppression:expire_suppressions"),
    "arrival": (60, "core.measure.arrival.job:run"),
    "trials": (5, "core.measure.trials.run:job"),
    "reply_events": (5, "core.sending.replyevents:record"),
    "site_people": (60, "core.audience.sources.site:know_people"),
    "retention": (1800, "core.audience.retention:nightly"),
    "otp": (2, "core.sending.otp.upkeep:run"),
    "otp_watch": (60, "core.sending.otp.upkeep:watch"),
    "balances": (3600, "core.sending.balances:poll_due"),
    "vendor_templates": (3600, "core.sending.vendorsync:due"),
    "papers": (3600, "core.sending.dossiers.reminders:run"),
    "housekeeping": (3600, "core.housekeeping:run"),
}
#: What throws away or ends by the date waits while a clock is in doubt (core.sending.clockwatch).
BY_DATE = frozenset({"housekeeping", "retention", "labels", "suppressions"})
#: Jobs a person waits for go first; the rest of a job that had its turn goes behind all (`Queue.enqueue`).
PRIORITY = {"send": 5, "check": 4, "expand": 4, "receipts": 3, "import": 2}


class JsonSerializer(Serializer):
    """Tasks as JSON, never pickle: a forged entry in the queue can only name a job and ids."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return TaskMessage(*json.loads(data))


class _Storage(SqliteStorage):
    """SQLite in a file of its own at synchronous=NORMAL: the queue holds hints, speed wins."""

    def _create_connection(self):
        connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=1")
        for statement in self.ddl:
            connection.execute(statement)
        self._made = self._inode()
        return connection

    @property
    def conn(self):
        """The connection; a new one, with its tables, when somebody deleted the file under a live process."""
        if self._conn is not None and self._inode() != self._made:
            self._conn.close()
            self._conn = None
        return super().conn

    def _inode(self) -> int:
        try:
            return os.stat(self.filename).st_ino
        except FileNotFoundError:
            return 0


class Queue:
    """Huey, built from a URL, with the jobs bound to a runtime.  Raises `Refusal` for an unknown scheme."""

    def __init__(self, url: str):
        parts = urlparse(url)
        if parts.scheme == "sqlite":
            self.huey = Huey(
                "cooee", storage_class=_Storage, results=False, serializer=JsonSerializer(), utc=True,
                filename=unquote(url.removeprefix("sqlite:///")), strict_fifo=False,
            )  # fmt: skip
        elif parts.scheme in ("redis", "rediss"):
            self.huey = PriorityRedisExpireHuey("cooee", url=url, results=False, serializer=JsonSerializer())
        elif parts.scheme == "memory":
            self.huey = Huey("cooee", immediate=True, results=False)
        else:
            raise Refusal(
                f"COOEE_QUEUE_URL scheme {parts.scheme!r} is not one of sqlite, redis, memory.",
                field="queue_url",
            )
        self._runtime: Runtime | None = None
        self._task = self.huey.task(name="job")(self._run)

    def bind(self, rt: Runtime) -> None:
        """Give the jobs their runtime.  Once, by `core.app.compose`."""
        self._runtime = rt

    def enqueue(self, name: str, *ids: int | str, later: bool = False) -> None:
        """Put a hint into the queue, `later` behind all others.

        A queue that is away is logged and otherwise harmless.
        """
        priority = 0 if later else PRIORITY.get(name, 0)
        try:
            self.huey.enqueue(self._task.s(name, *ids, priority=priority))
        except Exception as error:
            log.warning("queue: %s%s was not enqueued (%s); the sweep will find the work", name, ids, error)

    def waiting(self) -> bool:
        """Does any hint wait for a worker?  A queue that is away holds none."""
        try:
            return self.huey.pending_count() > 0
        except Exception as error:
            log.warning("queue: it cannot be read (%s)", error)
            return False

    def _run(self, name: str, *ids: int | str) -> None:
        if name not in JOBS:
            log.warning("queue: unknown job %r ignored", name)
            return
        resolve(JOBS[name])(self._runtime, *ids)

    def consumer(self, threads: int = 1) -> Consumer:
        """A consumer to start() and stop() in a worker process."""
        return _Consumer(
            self.huey, workers=threads, periodic=False, initial_delay=0.02, backoff=1.3, max_delay=0.5,
            check_worker_health=True,
        )  # fmt: skip


class _Consumer(Consumer):
    """Signals belong to core.worker, which drains."""

    def _set_signal_handlers(self):
        """Leave the process's handlers alone."""


def resolve(where: str) -> Callable[..., Any]:
    """The function at "package.module:name"."""
    module, name = where.split(":")
    return getattr(importlib.import_module(module), name)


#: A clock set back by more than this begins its slots anew; by less, they are waited for.
BACK_MS = clock.MINUTE_MS


class Ticker(threading.Thread):
    """Fires periodic work once among all workers.

    Each second it works out the current slot of each job and inserts (name, slot); the first worker whose
    insert took effect runs it in this thread.  After the clock was set back, the slots it has passed before
    are free again: without the sweep for an hour, receipts and campaigns would wait as long.
    """

    def __init__(self, rt: Runtime, worker_id: int, extra: dict[str, tuple[int, Callable[..., Any]]]):
        super().__init__(name="ticker", daemon=True)
        self._rt, self._worker_id = rt, worker_id
        self._jobs: dict[str, tuple[int, Callable[..., Any]]] = {
            name: (every_s, resolve(where)) for name, (every_s, where) in PERIODIC.items()
        } | extra
        self._tried: dict[str, int] = {}
        self._watch = ClockWatch(worker_id)
        #: Later than any clock tells, so that the first look counts as set back, too.
        self._seen_ms = 1 << 62
        self._done = threading.Event()

    def stop(self) -> None:
        """End after the job that runs."""
        self._done.set()

    def run(self) -> None:
        while not self._done.wait(0.25):
            for name, (every_s, work) in self._jobs.items():
                # Before each job, because the one before it may have taken long.
                if not self._look_at_the_clock():
                    break
                slot = clock.now_ms() // (every_s * 1000)
                if self._tried.get(name, -1) >= slot or self._done.is_set():
                    continue
                self._tried[name] = slot
                self._fire(name, slot, work)

    def _look_at_the_clock(self) -> bool:
        """False when the database could not be told of a jump: then nothing is fired by this clock."""
        now, before = clock.now_ms(), self._seen_ms
        try:
            self._watch.look()
            if now < before - BACK_MS:
                database.retry_locked(self._free, now)
                self._tried.clear()
        except Exception:
            log.exception("a jump of the clock could not be stored")
            database.reopen()
            return False
        self._seen_ms = now
        return True

    def _free(self, now: int) -> None:
        with database.write_tx():
            database.execute("DELETE FROM job_run WHERE at > ?", (now + BACK_MS,))

    def _fire(self, name: str, slot: int, work: Callable[..., Any]) -> None:
        started = clock.monotonic()
        try:
            if name in BY_DATE and standing():
                return
            if not database.retry_locked(self._claim, name, slot):
                return
            work(self._rt)
            self._record(name, slot, started, "")
        except Exception as error:
            log.exception("periodic job %s failed", name)
            self._record(name, slot, started, f"{type(error).__name__}: {error}"[:500])

    def _claim(self, name: str, slot: int) -> bool:
        with database.write_tx():
            return (
                database.execute(
                    "INSERT INTO job_run (name, slot, worker_id, at, error) VALUES (?, ?, ?, ?, '') "
                    "ON CONFLICT DO NOTHING",
                    (name, slot, self._worker_id, clock.now_ms()),
                ).rowcount
                == 1
            )

    def _record(self, name: str, slot: int, started: float, error: str) -> None:
        try:
            with database.write_tx():
                database.execute(
                    "UPDATE job_run SET ms = ?, error = ? WHERE name = ? AND slot = ?",
                    (int((clock.monotonic() - started) * 1000), error, name, slot),
                )
        except Exception:
            log.exception("periodic job %s: its outcome could not be stored", name)
            database.reopen()
