"""Periodic work, fired once among all workers; what there is stands in core.jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core import clock, jobs
from core.db import database
from core.sending.clockwatch import ClockWatch, standing

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.jobs")

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
            name: (every_s, jobs.resolve(where)) for name, (every_s, where) in jobs.PERIODIC.items()
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
            if name in jobs.BY_DATE and standing():
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
