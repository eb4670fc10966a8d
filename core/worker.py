"""A worker process: consumes the queue, fires periodic work, holds providers' connections, drains on SIGTERM.

What may be lost when it is killed: nothing.  A running job is found again by the sweep; a window on the wire
ends in doubt unless the provider can tell (core/sending/leases.py).
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from core import disk, supervisor
from core.sending import accounts, leases
from core.sending.urgent import Urgent
from core.ticker import Ticker

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.worker")
#: A drain that takes longer is cut off; crash safety takes over.
DRAIN_S = 30


def rare_collections() -> None:
    """Look for reference cycles seldom: batches of thousands of tuples hold none (2 µs of 16 a receipt)."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def run(rt: Runtime) -> None:
    """Work until SIGTERM or SIGINT.  Writes its pid to `instance/run/worker-<pid>.pid`."""
    rare_collections()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pid_file = _pid_file(rt)
    worker = leases.start(rt)
    consumer = rt.queue.consumer(threads=1)
    ticker = Ticker(rt, worker.id, {job.name: (job.every_s, job.run) for job in rt.plugins.jobs})
    urgent = Urgent(rt, worker)
    ballast = disk.Ballast(rt.settings)
    try:
        consumer.start()
        ticker.start()
        urgent.start()
        log.info("worker %s started (pid %s)", worker.id, os.getpid())
        ballast.look()
        while not stop.wait(1):
            ballast.look()
            if supervisor.orphaned():
                log.warning("worker %s: the supervisor is gone, draining", worker.id)
                break
        _drain(consumer, ticker, urgent)
    finally:
        accounts.close_providers(rt)
        leases.end(rt, worker)
        pid_file.unlink(missing_ok=True)


def _drain(consumer, ticker: Ticker, urgent: Urgent) -> None:
    guard = threading.Timer(DRAIN_S, os._exit, args=(1,))
    guard.daemon = True
    guard.start()
    leases.draining.set()
    ticker.stop()
    urgent.stop()
    consumer.stop(graceful=True)
    ticker.join()
    urgent.join()
    guard.cancel()


def _pid_file(rt: Runtime) -> Path:
    folder = rt.settings.path("run")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"worker-{os.getpid()}.pid"
    file.write_text(str(os.getpid()))
    return file
