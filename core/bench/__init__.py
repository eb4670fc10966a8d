"""`cooee bench`: speed goals, measured on a throw-away instance beside a bare baseline in the same run.

Machines are noisy and differ; only the ratio lasts.  Each module has `run(n, **options) -> dict`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runtime import Runtime


@contextlib.contextmanager
def throwaway() -> Iterator[Runtime]:
    """A fresh instance that is gone afterwards.

    On SQLite in a temporary folder; with COOEE_BENCH_DATABASE_URL in a PostgreSQL database of its own, made
    on that server and dropped at the end.
    """
    from core import instance
    from core.app import compose
    from core.db import database

    folder = Path(tempfile.mkdtemp(prefix="cooee-bench-"))
    server = os.environ.get("COOEE_BENCH_DATABASE_URL", "")
    url = _make_database(server) if server else f"sqlite:///{folder / 'cooee.db'}"
    settings = {"database_url": url, "queue_url": f"sqlite:///{folder / 'queue.db'}", "log_level": "WARNING"}
    settings |= {"http_allow": "127.0.0.1", "http_plain": True}
    try:
        instance.create(folder, **settings)
        yield compose(folder, **settings)
    finally:
        if not database.proxy.is_closed():
            database.proxy.close()
        if server:
            _drop_database(server, url)
        shutil.rmtree(folder, ignore_errors=True)


def apart(rt: Runtime, work: Callable[..., Any], *args: Any) -> Any:
    """`work(rt, *args)` in a process of its own, so that its memory is not that of what is measured.

    `work` is a function of a module, with a `Runtime` composed on the same instance.
    """
    where = (work, str(rt.settings.instance), rt.settings.database_url, args)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_apart, where)


def _apart(work: Callable[..., Any], folder: str, database_url: str, args: tuple) -> Any:
    from core.app import compose

    return work(compose(Path(folder), database_url=database_url), *args)


def _make_database(server: str) -> str:
    import secrets
    from urllib.parse import urlparse, urlunparse

    import psycopg

    name = f"cooee_bench_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunparse(urlparse(server)._replace(path=f"/{name}"))


def _drop_database(server: str, url: str) -> None:
    from urllib.parse import urlparse

    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{urlparse(url).path[1:]}" WITH (FORCE)')


@dataclass
class Clocked:
    """What a block took: wall and CPU seconds (all threads of this process)."""

    seconds: float = 0.0
    cpu_s: float = 0.0

    def per_second(self, n: int) -> int:
        """Items a second."""
        return round(n / self.seconds) if self.seconds else 0


@contextlib.contextmanager
def clocked() -> Iterator[Clocked]:
    """Measure a block."""
    made, wall, cpu = Clocked(), time.perf_counter(), time.process_time()
    yield made
    made.seconds, made.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def peak_rss_mb(pid: str = "self") -> int:
    """The most memory a process ever held, in MB; this one unless told.

    VmHWM belongs to this program alone; ru_maxrss would also count what forked it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sizes = (int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    # A process that just ended holds nothing any more.
    return next(sizes, 0)


def figures(what: str, n: int, took: Clocked, baseline: dict, ratio: float, **more) -> dict:
    """The JSON every benchmark prints."""
    return {
        "what": what,
        "n": n,
        "seconds": round(took.seconds, 3),
        "per_second": took.per_second(n),
        "peak_rss_mb": peak_rss_mb(),
        "cpu_us_per_item": round(took.cpu_s / n * 1e6, 2),
        **more,
        "baseline": baseline,
        "ratio": round(ratio, 3),
    }
