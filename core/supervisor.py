"""`cooee up`: web and workers in one command; what dies is started again, SIGTERM, SIGINT and SIGHUP drain."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from core import clock

log = logging.getLogger("cooee.up")
#: Pause before a process that died is started again, doubling up to the second figure while it keeps dying.
RESTART_S, RESTART_MAX_S = 0.2, 10.0
#: A process that lived this long counts as healthy again.
HEALTHY_S = 10.0
#: In a child's environment: the process that looks after it.
SUPERVISED = "COOEE_SUPERVISED"
#: After a signal: this long to drain, then SIGKILL.
DRAIN_S = 35.0
#: A webhook waits for its group commit, so this many can be answered by one fsync (docs/performance.md).
WEB_THREADS = 32


@dataclass
class Child:
    """One supervised process and how to start it."""

    name: str
    args: Sequence[str]
    process: subprocess.Popen | None = None
    started: float = 0.0
    pause_s: float = RESTART_S
    due: float = 0.0

    def start(self) -> None:
        """Start it now, in a process group of its own so that Ctrl-C reaches it only through us."""
        self.process = subprocess.Popen(  # noqa: S603
            self.args, env=os.environ | {SUPERVISED: str(os.getpid())}, start_new_session=True
        )
        self.started = clock.monotonic()


def orphaned() -> bool:
    """Was this process started by a supervisor that is gone?  Its first process may well be number 1, in a container."""
    boss = os.environ.get(SUPERVISED, "")
    return boss.isdecimal() and os.getppid() != int(boss)


class Supervisor:
    """Starts children, restarts what dies, and drains them all on a signal."""

    def __init__(self, children: Sequence[Child]):
        self.children = list(children)
        self._stop = threading.Event()

    def run(self) -> int:
        """Until SIGTERM, SIGINT or, when the terminal is closed, SIGHUP; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, lambda *_: self._stop.set())
        for child in self.children:
            child.start()
        while not self._stop.wait(0.1):
            for child in self.children:
                self._look_after(child)
        return self._drain()

    def _look_after(self, child: Child) -> None:
        status = child.process.poll() if child.process else None
        if status is None:
            return
        now = clock.monotonic()
        if not child.due:
            child.pause_s = (
                RESTART_S if now - child.started > HEALTHY_S else min(child.pause_s * 2, RESTART_MAX_S)
            )
            child.due = now + child.pause_s
            log.warning(
                "%s ended with status %s; starting it again in %.1f s", child.name, status, child.pause_s
            )
        elif now >= child.due:
            child.due = 0.0
            child.start()

    def _drain(self) -> int:
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("Draining …", file=sys.stderr, flush=True)
        running = [c.process for c in self.children if c.process and c.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = clock.monotonic() + DRAIN_S
        for process in running:
            try:
                process.wait(max(0.1, deadline - clock.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return 0


def web_child(host: str, port: int, processes: int) -> Child:
    """Granian serving `wsgi:app`, in a process of ours (core/serve.py)."""
    return Child("web", web_args(host, port, processes))


def web_args(host: str, port: int, processes: int) -> list[str]:
    """The command line of the web server."""
    return [
        sys.executable, "-m", "core.serve", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", str(processes), "--blocking-threads", str(WEB_THREADS), "--no-ws", "--no-access-log",
        "--backpressure", "64", "--respawn-failed-workers", "--log-level", "error",
        "--workers-kill-timeout", "20", "wsgi:app",
    ]  # fmt: skip


def worker_child(number: int) -> Child:
    """One worker process."""
    return Child(f"worker {number}", [sys.executable, "-m", "core.cli", "worker"])
