"""The processes that send for `cooee bench send`: one worker or several, as `cooee up` has them.

The first launches and expands, tells the others to begin, and reports; CPU is that of all of them.  With receipts
the others apply these while the first sends, as workers do that find this job in the queue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

from core import clock
from core.bench import peak_rss_mb
from core.db import database
from core.db.codes import State
from core.runtime import Runtime

MODULE = "core.bench.sender"


def start(rt: Runtime, campaign_id: int, until_received: bool, workers: int) -> dict[str, Any]:
    """Launch, expand and send in processes of their own; what it took there."""
    names = ("database_url", "queue_url", "http_allow", "http_plain", "log_level")
    env = {f"COOEE_{name.upper()}": str(getattr(rt.settings, name)) for name in names}
    database.proxy.close()
    done = subprocess.run(
        [sys.executable, "-m", MODULE, str(campaign_id), str(int(until_received)), str(workers)],
        env=os.environ | env | {"COOEE_INSTANCE": str(rt.settings.instance)}, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return json.loads(done.stdout)


def lead(campaign_id: int, until_received: bool, workers: int) -> dict[str, Any]:
    """The whole way, from launch to the last row (with receipts: to the last of them applied)."""
    from core.sending import expand, launch, verify
    from core.sending.verify import counters

    with _worker() as rt, _others(campaign_id, until_received, workers - 1) as others:
        wall, cpu = perf_counter(), process_time()
        launch.launch(rt, campaign_id, "bench")
        expand.run(rt, campaign_id)
        expanded = perf_counter() - wall
        for other in others:
            _say(other, "go")
        _send(rt, campaign_id)
        if until_received:
            _apply(rt, campaign_id, alone=workers == 1)
        seconds, cpu_s, peak = perf_counter() - wall, process_time() - cpu, peak_rss_mb()
        cpu_s += sum(float(other.stdout.readline()) for other in others)
        last = State.delivered if until_received else State.accepted
        state = database.scalar("SELECT state FROM campaign WHERE id = ?", (campaign_id,))
        sent = database.scalar(
            "SELECT SUM(n) FROM tally WHERE campaign_id = ? AND state = ?", (campaign_id, int(last))
        )
        broken = [*counters(), *verify.audiences()]
        if state != "done" or broken:
            raise RuntimeError(f"campaign {campaign_id} is {state}: {broken}")
        return {
            "seconds": seconds,
            "cpu_s": cpu_s,
            "sent": int(sent),
            "peak_rss_mb": peak,
            "window": _window(rt, campaign_id),
            "expand_seconds": round(expanded, 3),
        }


def help_out(campaign_id: int, until_received: bool) -> None:
    """Another worker: ready, waits for the word, works until the campaign is done, tells its CPU seconds."""
    with _worker() as rt:
        print("ready", flush=True)
        sys.stdin.readline()
        cpu = process_time()
        if until_received:
            _apply(rt, campaign_id)
        else:
            _send(rt, campaign_id)
        print(process_time() - cpu, flush=True)


@contextmanager
def _worker() -> Iterator[Runtime]:
    from core import worker as process
    from core.app import compose
    from core.sending import accounts, leases

    rt = compose()
    process.rare_collections()
    worker = leases.start(rt)
    yield rt
    accounts.close_providers(rt)
    leases.end(rt, worker)


@contextmanager
def _others(campaign_id: int, until_received: bool, n: int) -> Iterator[list[subprocess.Popen]]:
    command = [sys.executable, "-m", MODULE, str(campaign_id), str(int(until_received))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    others = [subprocess.Popen(command, **pipes) for _ in range(n)]
    try:
        for other in others:
            other.stdout.readline()
        yield others
    finally:
        for other in others:
            other.communicate()


def _say(other: subprocess.Popen, word: str) -> None:
    other.stdin.write(f"{word}\n")
    other.stdin.flush()


def _send(rt: Runtime, campaign_id: int) -> None:
    """Until nothing of the campaign is left, here or in another worker's hands."""
    from core.sending import batch

    while database.scalar("SELECT state FROM campaign WHERE id = ?", (campaign_id,)) == "running":
        if not batch.send(rt, campaign_id):
            clock.sleep(0.002)


def _apply(rt: Runtime, campaign_id: int, alone: bool = True) -> None:
    """Until every message of the campaign has its receipt; waits only where another process applies them."""
    from core.sending import receipts

    waits = "SELECT SUM(n) FROM tally WHERE campaign_id = ? AND state IN (0, 1, 2, 3)"
    while database.scalar(waits, (campaign_id,)):
        if not (alone and receipts.apply(rt)):
            clock.sleep(0.01)


def _window(rt: Runtime, campaign_id: int) -> int:
    from core.sending import accounts, drain, options

    account_id, stored = database.one("SELECT account_id, options FROM campaign WHERE id = ?", (campaign_id,))
    return drain.window_size(options.read(stored).window, accounts.open_provider(rt, account_id))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        help_out(int(sys.argv[1]), sys.argv[2] == "1")
    else:
        print(json.dumps(lead(int(sys.argv[1]), sys.argv[2] == "1", int(sys.argv[3]))))
