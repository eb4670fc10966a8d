"""Cooee beside Kannel and Jasmin: same SMSC, same text, same machine, one after the other.

    python bench/peers/run.py all [--receipts]         # everything, and how many times faster Cooee is
    python bench/peers/run.py kannel-mass --n 100000 --receipts

Prints a JSON object a run.  See README.md for what to install and what is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers import jasmin, kannel  # noqa: E402
from bench.peers.rig import CONCURRENCY, Missing, Peer, until  # noqa: E402
from core.bench import smsc  # noqa: E402

#: name → how to run it, its version, how many texts unless told, what it is.
PEERS = {
    "kannel-mass": (kannel.mass, kannel.version, 100_000, "mtbatch → bearerbox"),
    "kannel-mass-stored": (kannel.mass_stored, kannel.version, 20_000, "the same, receipts in SQLite"),
    "kannel-http": (kannel.http, kannel.version, 20_000, f"smsbox, {CONCURRENCY} requests at a time"),
    "jasmin-http": (jasmin.http, jasmin.version, 1_000, f"/send, {CONCURRENCY} requests at a time"),
    "jasmin-batch": (
        jasmin.batch,
        lambda: jasmin.version(jasmin.BATCHES),
        1_000,
        f"/secure/sendbatch, {jasmin.BATCH} texts a call",
    ),
}
COOEE_N = 300_000
#: Nothing new at the SMSC or among the receipts for so long: the peer has stopped.
STALL_S = 30.0


class Run:
    """One measurement: the SMSC, and what came."""

    def __init__(self, server: smsc.Server, n: int):
        self.smsc, self.n = server, n
        self.refused = 0
        self.took: dict[str, Any] = {}

    @contextmanager
    def measured(self, peer: Peer, receipts=None):
        """Feed inside; then waits until the SMSC has all texts, and `receipts()` says all are counted."""
        cpu, wall = peer.cpu_s(), time.perf_counter()
        yield
        self._all(lambda: self.smsc.figures()["taken"], "texts at the SMSC")
        if receipts is not None:
            self._all(receipts, "receipts")
        ended, figures = time.perf_counter() - wall, self.smsc.figures()
        # Without receipts the SMSC's own clock, first text to last: the peer's start costs it nothing.
        seconds = figures["ms"] / 1000 if receipts is None else ended
        self.took = {
            "seconds": round(seconds, 3),
            "per_second": round(self.n / seconds),
            "cpu_us_per_item": round((peer.cpu_s() - cpu) / self.n * 1e6, 1),
            "submit_sm": figures["taken"],
            "most_unanswered": figures["most"],
            "refused": self.refused,
            "receipts": receipts() if receipts else 0,
        }

    def _all(self, count, what: str) -> None:
        wanted = self.n - self.refused
        seen, since = count(), time.monotonic()

        def there() -> bool:
            nonlocal seen, since
            now = count()
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > STALL_S:
                raise RuntimeError(f"{seen} of {wanted} {what}, and nothing new for {STALL_S:g} s")
            return now >= wanted

        until(there, 3_600, what, 0.05)


def peer(what: str, n: int | None, receipts: bool, window: int, latency_ms: int) -> dict[str, Any]:
    """One peer, once."""
    how, version, usual, about = PEERS[what]
    given = {"latency_ms": latency_ms} if latency_ms else {}
    with smsc.server(receipts=receipts, **given) as server:
        run = Run(server, n or usual)
        how(run, run.n, receipts, window)
    return {"what": what, "n": run.n, **run.took, "window": window, "about": about, "version": version()}


def cooee(n: int | None, receipts: bool, window: int, latency_ms: int, workers: int) -> dict[str, Any]:
    """`cooee bench send --provider smpp`: launch, expansion and all bookkeeping are inside its seconds."""
    command = [str(Path(sys.executable).with_name("cooee")), "bench", "send", "--provider", "smpp", "--json"]
    command += ["--n", str(n or COOEE_N), "--window", str(window), "--workers", str(workers)]
    command += ["--receipts"] if receipts else []
    command += ["--latency-ms", str(latency_ms)] if latency_ms else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    kept = ("seconds", "per_second", "cpu_us_per_item", "expand_seconds", "peak_rss_mb", "ratio", "baseline")
    return {
        "what": "cooee",
        "n": found["messages"],
        **{name: found[name] for name in kept},
        "submit_sm": found["messages"],
        "receipts": found["messages"] if receipts else 0,
        "window": window,
        "workers": workers,
        "about": "campaign → SMPP, full bookkeeping",
    }


def one(what: str, given: argparse.Namespace) -> dict[str, Any]:
    """A run by name."""
    if what == "cooee":
        return cooee(given.n, given.receipts, given.window, given.latency_ms, given.workers)
    return peer(what, given.n, given.receipts, given.window, given.latency_ms)


def every(given: argparse.Namespace) -> None:
    """All of them, Cooee before and after, so that a drift of the machine shows."""
    found = []
    for what in ("cooee", *PEERS, "cooee"):
        try:
            found.append(one(what, given))
        except Missing as error:
            print(json.dumps({"what": what, "missing": str(error)}), flush=True)
            continue
        print(json.dumps(found[-1], ensure_ascii=False), flush=True)
    ours = min(each["per_second"] for each in found if each["what"] == "cooee")
    others = {each["what"]: each["per_second"] for each in found if each["what"] != "cooee"}
    times = {what: round(ours / per_second, 2) for what, per_second in others.items()}
    print(json.dumps({"what": "Cooee's slower run, times each", "receipts": given.receipts, **times}))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["all", "cooee", *PEERS])
    parser.add_argument("--n", type=int, help="texts; each has its own usual number")
    parser.add_argument("--receipts", action="store_true", help="until the last receipt is counted, too")
    parser.add_argument("--window", type=int, default=500, help="unanswered texts on the connection (500)")
    parser.add_argument("--latency-ms", type=int, default=0, help="of the SMSC (0)")
    parser.add_argument(
        "--workers", type=int, default=1, help="of Cooee (1); peers have processes of their own"
    )
    given = parser.parse_args()
    if given.what == "all":
        if given.n:
            parser.error(
                "--n is for one at a time: a number that suits Kannel would keep Jasmin busy for hours"
            )
        every(given)
        return 0
    try:
        print(json.dumps(one(given.what, given), ensure_ascii=False))
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
