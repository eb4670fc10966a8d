"""The queue: Huey on SQLite or Redis.  The only file that imports huey.

A job carries ids only and is safe to run twice or not at all: the database is the truth and the sweep finds
work by state, so losing every queued job loses nothing (measured: Huey loses running tasks on kill -9).
Periodic work is fired once among all workers by a row in `job_run`; see core.ticker.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from huey import Huey, PriorityRedisExpireHuey
from huey.consumer import Consumer
from huey.registry import Message as TaskMessage
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from core.contract.errors import Refusal
from core.reach import Reach

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
    "consent_head": (60, "core.audience.chain:settle"),
    "audit_head": (60, "core.security.audit:note"),
    "audit_verify": (86_400, "core.security.audit:nightly"),
    "housekeeping": (3600, "core.housekeeping:run"),
}
#: What throws away or ends by the date waits while a clock is in doubt (core.sending.clockwatch).
BY_DATE = frozenset({"housekeeping", "retention", "labels", "suppressions"})
#: So long a page waits for a Redis that is away; a consumer's question lasts a second of itself.
CONNECT_S, ANSWER_S = 2.0, 5.0
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


class _Patient(Huey):
    """Outlives its queue: while that is away nothing is in it, and it is asked again at growing pauses."""

    reach: Reach

    def dequeue(self):
        try:
            data = self.storage.dequeue()
        except Exception as error:
            self.reach.lost(error)
            self.reach.pause()
            return None
        if data is None:  # nothing there, or nobody answered in time: the schedule tells which
            return None
        self.reach.found()
        return self.deserialize_task(data)

    def read_schedule(self, timestamp=None):
        return self.reach.ask(super().read_schedule, timestamp, otherwise=[])


class _OnRedis(_Patient, PriorityRedisExpireHuey):
    """On Redis."""


class Queue:
    """Huey, built from a URL, with the jobs bound to a runtime.  Raises `Refusal` for an unknown scheme."""

    def __init__(self, url: str):
        parts = urlparse(url)
        if parts.scheme == "sqlite":
            self.huey: _Patient = _Patient(
                "cooee", storage_class=_Storage, results=False, serializer=JsonSerializer(), utc=True,
                filename=unquote(url.removeprefix("sqlite:///")), strict_fifo=False,
            )  # fmt: skip
        elif parts.scheme in ("redis", "rediss"):
            self.huey = _OnRedis(
                "cooee", connection_pool=_pool(url), results=False, serializer=JsonSerializer()
            )
        elif parts.scheme == "memory":
            self.huey = _Patient("cooee", immediate=True, results=False)
        else:
            raise Refusal(
                f"COOEE_QUEUE_URL scheme {parts.scheme!r} is not one of sqlite, redis, memory.",
                field="queue_url",
            )
        self.reach = self.huey.reach = Reach(log, _away, "The queue can be used again.")
        self._runtime: Runtime | None = None
        self._task = self.huey.task(name="job")(self._run)

    def bind(self, rt: Runtime) -> None:
        """Give the jobs their runtime.  Once, by `core.app.compose`."""
        self._runtime = rt

    def enqueue(self, name: str, *ids: int | str, later: bool = False) -> None:
        """Put a hint into the queue, `later` behind all others.

        A queue that is away is logged, once, and otherwise harmless.
        """
        priority = 0 if later else PRIORITY.get(name, 0)
        self.reach.ask(self.huey.enqueue, self._task.s(name, *ids, priority=priority))

    def waiting(self) -> bool:
        """Does any hint wait for a worker?  A queue that is away holds none."""
        return self.reach.ask(self.huey.pending_count, otherwise=0) > 0

    def holds(self, name: str, *ids: int | str) -> bool:
        """Is exactly this hint in the queue?  One that is away counts as empty: a hint may be repeated."""
        return any(
            tuple(task.args) == (name, *ids) for task in self.reach.ask(self.huey.pending, otherwise=())
        )

    def answers(self) -> bool:
        """Can hints be left and read?  One that is away is not asked again for a moment, so that this is quick."""
        return not self.reach.rests and self.reach.ask(self.huey.pending_count) is not None

    def require(self) -> None:
        """Raise `Refusal` with the remedy when no hint can be left; for the start of web and workers."""
        try:
            self.huey.pending_count()
        except Exception as error:
            raise Refusal(_cannot(error), field="queue_url") from error

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


def _pool(url: str) -> Any:
    """Connections that give up on a server that does not answer.  Raises `Refusal` for an unreadable URL."""
    from redis import ConnectionPool

    try:
        return ConnectionPool.from_url(url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S)
    except ValueError as error:
        raise Refusal(
            f"COOEE_QUEUE_URL cannot be read ({error}); write it like redis://127.0.0.1:6379/0.",
            field="queue_url",
        ) from None


def _cannot(error: Exception) -> str:
    said = str(error).strip().rstrip(".")
    return f"The queue cannot be used ({said}); see that it runs and that COOEE_QUEUE_URL is right."


def _away(error: Exception) -> str:
    return f"{_cannot(error)} Until then the sweep will find the work."


class _Consumer(Consumer):
    """Signals belong to core.worker, which drains."""

    def _set_signal_handlers(self):
        """Leave the process's handlers alone."""


def resolve(where: str) -> Callable[..., Any]:
    """The function at "package.module:name"."""
    module, name = where.split(":")
    return getattr(importlib.import_module(module), name)
