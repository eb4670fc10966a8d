"""What every peer needs: its processes and their CPU time, a feeder by HTTP, a counter of receipts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pycurl

#: The text of `cooee bench send`: 28 characters, 56 octets of UCS-2.
from core.bench.send import TEXT

#: Requests at a time when feeding by HTTP.
CONCURRENCY = 50
HERE = Path(__file__).parent
_TICK = os.sysconf("SC_CLK_TCK")

__all__ = ["CONCURRENCY", "HERE", "TEXT", "Counter", "Missing", "Peer", "feed", "free_port", "until"]


class Missing(Exception):
    """A program of the peer is not installed; says how to get it."""


def until(ready: Callable[[], object], seconds: float, what: str, pause: float = 0.1) -> None:
    """Wait for `ready`.  Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took longer than {seconds:g} s")
        time.sleep(pause)


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """Its processes, each in a session of its own, and a folder; all gone at the end.

    `log` keeps what they print, for when something fails.
    """

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="cooee-peer-"))
        self.log = (self.folder / "output").open("ab")
        self._running: list[subprocess.Popen] = []

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind, *_error) -> None:
        for process in reversed(self._running):
            self._end(process)
        self.log.close()
        if kind is not None:
            output = (self.folder / "output").read_text(errors="replace")
            print(output[-3_000:], flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _end(process: subprocess.Popen) -> None:
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(process.pid, number)
                process.wait(patience)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen:
        """A process; what is left of it ends with the peer."""
        process = subprocess.Popen(
            command, env=os.environ | dict(env or {}), cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        self._running.append(process)
        return process

    def listening(self, port: int, seconds: float = 60.0) -> None:
        """Wait until somebody takes connections there."""

        def there() -> bool:
            ended = [process for process in self._running if process.poll() is not None]
            if ended:
                raise RuntimeError(f"{ended[0].args[0]} ended with {ended[0].returncode}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(there, seconds, f"port {port}")

    def cpu_s(self) -> float:
        """CPU seconds of all processes, with those they started and that share their session.

        One that ended by itself still counts: nobody has waited for it yet.
        """
        sessions = {process.pid for process in self._running}
        total = 0.0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) in sessions:
                total += (int(fields[11]) + int(fields[12])) / _TICK
        return total

    def config(self, name: str, **values: object) -> Path:
        """A file beside this one with its {names} filled in."""
        made = self.folder / name
        made.write_text((HERE / name).read_text().format(folder=self.folder, **values))
        return made


def feed(urls: Iterable[str]) -> int:
    """GET each over kept connections, CONCURRENCY at a time; how many were refused."""
    multi, idle, busy, refused, urls = pycurl.CurlMulti(), [], 0, 0, iter(urls)
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, CONCURRENCY)
    for _handle in range(CONCURRENCY):
        handle = pycurl.Curl()
        handle.setopt(pycurl.WRITEFUNCTION, lambda data: len(data))
        handle.setopt(pycurl.NOSIGNAL, 1)
        idle.append(handle)
    while True:
        while idle and (url := next(urls, None)) is not None:
            handle = idle.pop()
            handle.setopt(pycurl.URL, url)
            multi.add_handle(handle)
            busy += 1
        if not busy:
            return refused
        multi.perform()
        _queued, finished, failed = multi.info_read()
        for handle in [*finished, *(item[0] for item in failed)]:
            multi.remove_handle(handle)
            refused += handle.getinfo(pycurl.RESPONSE_CODE) not in (200, 202)
            idle.append(handle)
            busy -= 1
        if not finished:
            multi.select(0.05)


class Counter:
    """A web server that counts calls, for receipts given by URL."""

    def __init__(self, answer: bytes):
        counter, lock = self, threading.Lock()
        self.taken = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802
                with lock:
                    counter.taken += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_given):
                """Nothing: it would cost more than the call."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
