"""Makes worker processes in 30 ms each: `python -m tests.faults.zygote`, commands on standard input.

    spawn [POINT:ACTION:NTH]   fork a worker, print its pid

The parent imports everything and opens nothing; each child composes the instance of the environment and works
as `cooee worker` does, with the sweep four times a second instead of each 15 seconds.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

import core.app
import core.cli
import core.http  # noqa: F401
from core import faults


def work() -> None:
    from core.db import claiming, database
    from core.sending import batch, breaker, expand, leases, sweep, wire

    logging.disable(logging.CRITICAL)
    if os.environ.get("COOEE_FAULTS_LOUD"):
        logging.disable(logging.NOTSET)
    rt = core.app.compose()
    rt.plugins.providers["http"].settle_s = int(os.environ.get("COOEE_TEST_SETTLE_S", "1"))
    if lease_s := float(os.environ.get("COOEE_TEST_LEASE_S", "0")):
        leases.LEASE_S, leases.BEAT_S, wire.WIRE_START_S = lease_s, lease_s / 4, lease_s / 2
    breaker.OPEN_MS = int(os.environ.get("COOEE_TEST_OPEN_MS", breaker.OPEN_MS))
    leases.start(rt)
    swept = 0.0
    while True:
        try:
            now = int(time.time() * 1000)
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
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if len(words) > 1:
                os.environ["COOEE_FAULT"] = words[1]
                faults.arm(words[1])
            try:
                work()
            finally:
                os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
