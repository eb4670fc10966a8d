"""A public SMPP server for benchmarks and tests: node's `smpp`, installed once into a cache folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.contract.errors import Refusal

PACKAGE, VERSION = "smpp", "0.5.1"
_SERVER = Path(__file__).with_name("smsc.js")


def package() -> Path:
    """Where the package is, installed when it is not.  Raises `Refusal` without node or npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise Refusal(
            "This needs node and npm, which are not installed; on Debian and Ubuntu: apt-get install nodejs npm."
        )
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "cooee" / f"node-{PACKAGE}-{VERSION}"
    found = folder / "node_modules" / PACKAGE
    if not found.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = f"{PACKAGE}@{VERSION}"
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
        done = subprocess.run(["npm", "install", *options, wanted], capture_output=True, text=True)
        if done.returncode:
            raise Refusal(f"npm could not install {wanted}: {done.stderr.strip()[-300:]}")
    return found


class Server:
    """A running server."""

    def __init__(self, port: int = 0, **options: Any):
        given = json.dumps({"port": port, **options})
        self._process = subprocess.Popen(
            ["node", str(_SERVER), str(package()), given],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.port = int(self._process.stdout.readline())

    def figures(self) -> dict[str, int]:
        """Of "taken" texts: "throttled" ones beside them, "most" unanswered at once, "ms" from first to last."""
        self._process.send_signal(signal.SIGUSR2)
        return json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """As a crash would."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def server(**options: Any) -> Iterator[Server]:
    """Start one; see smsc.js for the options."""
    made = Server(**options)
    try:
        yield made
    finally:
        made.kill()
