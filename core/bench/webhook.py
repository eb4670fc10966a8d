"""`cooee bench webhook`: calls of a provider, durable before the 2xx, against the server people run.

`baseline` is the same server and client on a path that answers 404 without storing; `ratio` is ours over it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import Any

from core.bench import clocked, figures, throwaway
from core.config import ROOT
from core.db import database
from core.http import Client, Request, Response, Rules
from core.sending import accounts
from core.supervisor import web_args

_CONNECTIONS = 32
_BATCH = 2_000
_HEADERS = ("Content-Type: application/json",)
_BODY = b'{"ref":"0123456789ABCDEF","id":"m-0000000001","status":"DELIVRD"}'


def run(n: int) -> dict[str, Any]:
    """Send `n` receipts over kept connections; each 2xx must be a committed row."""
    with throwaway() as rt:
        account = accounts.create(rt, "gateway", "http", {"url": "https://gateway.example/"})
        port = _free_port()
        environment = {
            "COOEE_INSTANCE": str(rt.settings.instance),
            "COOEE_DATABASE_URL": rt.settings.database_url,
        }
        server = subprocess.Popen(
            web_args("127.0.0.1", port, 1), cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL
        )
        try:
            _wait(port, server)
            base = f"http://127.0.0.1:{port}/hooks"
            path = f"{base}/{account.token}/receipt"
            _send(path, _BATCH)
            bare = n / _send(f"{base}/x/receipt", n, expected=404).seconds
            before = _stored()
            took = _send(path, n)
            stored = _stored() - before
        finally:
            server.terminate()
            server.wait(30)
        if stored != n:
            raise RuntimeError(f"{n} calls were acknowledged and {stored} are stored")
        return figures(
            "webhook", n, took, {"not stored, a second": round(bare)}, took.per_second(n) / bare,
            connections=_CONNECTIONS, database="postgresql" if database.is_postgres() else "sqlite",
        )  # fmt: skip


def _send(url: str, n: int, expected: int = 200):
    client = Client(Rules(allow=("127.0.0.1",)), concurrency=_CONNECTIONS)
    with clocked() as took:
        for at in range(0, n, _BATCH):
            answers = client.send_many([Request(url, _BODY, _HEADERS)] * min(_BATCH, n - at))
            bad = [a for a in answers if not isinstance(a, Response) or a.status != expected]
            if bad:
                raise RuntimeError(f"{len(bad)} of {len(answers)} calls failed, e.g. {bad[0]!r}")
    client.close()
    return took


def _stored() -> int:
    return database.scalar("SELECT COUNT(*) FROM inbox")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(port: int, server: subprocess.Popen) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the web server did not start")
