"""Other workers, and windows of theirs that are on their way."""

from __future__ import annotations

import subprocess
import sys

from core import clock
from core.db import database
from core.sending import accounts, claim, journal, leases, submit
from core.sending.breaker import load
from core.sending.drain import Drain


def other_worker(rt, *, alive: bool) -> leases.Worker:
    """Another worker of this machine: a process that runs, or one that is over."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = leases.pid_start(process.pid)
    if not alive:
        process.kill()
        process.wait()
    now = clock.now_ms()
    with database.write_tx():
        worker_id = database.scalar(
            "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) VALUES (?, ?, ?, ?, 0, ?) "
            "RETURNING id",
            (leases._host(), leases._boot_id(), process.pid, started, now),
        )
    made = leases.Worker(worker_id, now, journal.Journal(rt.settings.path("journal"), worker_id, now))
    made.cache["process"] = process
    return made


def marked(rt, worker, campaign: int, window: int = 8, cause: str = ""):
    """Let a worker claim everything and mark one window; (lane, turn)."""
    taken = claim.claim(rt, worker, campaign)
    drain = Drain(rt, worker, taken, clock.monotonic() + 10)
    items = drain.rendered(taken.items)
    account = next(account for account in load() if account.id == taken.account_id)
    lane = drain.lane(account, accounts.open_provider(rt, account.id))
    return lane, submit.turn(rt, lane, None, items[:window], {}), drain
