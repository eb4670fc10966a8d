"""Makes worker processes in 30 ms each: `python -m tests.faults.zygote`, commands on standard input.

    spawn [POINT:ACTION:NTH]   fork a worker that looks for work by itself, print its pid
    whole                      fork what `cooee worker` is, with its queue, its threads and its drain; print its pid
    clock MS                   set the wall clock of all workers, those there are and those to come, so much ahead

The parent imports everything and opens nothing; each child composes the instance of the environment.  A spawned
worker sweeps up to four times a second, a whole one twice, instead of each 15 seconds.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import struct
import sys
import time

import core.app
import core.cli
import core.http
import core.worker
from core import clock, faults

#: What the workers' wall clock is ahead of the machine's, in ms; all processes see the same eight bytes.
AHEAD = mmap.mmap(-1, 8)


def compose():
    """The instance, with the waits a test asked for."""
    from core.sending import batch, breaker, leases, wire

    logging.disable(logging.CRITICAL)
    if os.environ.get("COOEE_FAULTS_LOUD"):
        logging.disable(logging.NOTSET)
    true_ms = clock.now_ms
    clock.now_ms = lambda: true_ms() + struct.unpack("q", AHEAD[:])[0]
    rt = core.app.compose()
    rt.plugins.providers["http"].settle_s = int(os.environ.get("COOEE_TEST_SETTLE_S", "1"))
    if lease_s := float(os.environ.get("COOEE_TEST_LEASE_S", "0")):
        leases.LEASE_S, leases.BEAT_S, wire.WIRE_START_S = lease_s, lease_s / 4, lease_s / 2
    batch.PAUSE_S = 0
    leases.BEAT_S = float(os.environ.get("COOEE_TEST_BEAT_S", leases.BEAT_S))
    breaker.OPEN_MS = int(os.environ.get("COOEE_TEST_OPEN_MS", breaker.OPEN_MS))
    return rt


def whole() -> None:
    """`cooee worker`."""
    from core import jobs

    rt = compose()
    jobs.PERIODIC["sweep"] = (0.5, jobs.PERIODIC["sweep"][1])
    core.worker.run(rt)


def work() -> None:
    """The same work without a queue, so that nothing waits."""
    from core.db import claiming, database
    from core.sending import batch, expand, leases, sweep

    rt = compose()
    leases.start(rt)
    swept = 0.0
    while True:
        try:
            now = clock.now_ms()
            for (campaign_id,) in database.query("SELECT id FROM campaign WHERE state = 'expanding'"):
                expand.run(rt, campaign_id)
            for campaign_id, _cls in claiming.due_campaigns(now):
                batch.send(rt, campaign_id)
            if time.monotonic() - swept > 0.25:
                swept = time.monotonic()
                sweep.sweep(rt)
        except faults.Injected:
            os.kill(os.getpid(), signal.SIGKILL)
        except Exception:
            logging.getLogger("zygote").exception("worker")
            database.reopen()
        time.sleep(0.02)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "clock":
            AHEAD[:] = struct.pack("q", int(words[1]))
            continue
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if len(words) > 1:
                os.environ["COOEE_FAULT"] = words[1]
                faults.arm(words[1])
            try:
                whole() if words[0] == "whole" else work()
            finally:
                os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
