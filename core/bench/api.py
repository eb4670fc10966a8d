"""`cooee bench api`: events by POST /events, 1,000 a call from two clients, against the server people run.

`baseline` hands the same rows to `events.record` in this process, a thousand at a time; `ratio` is ours over it.
"""

from __future__ import annotations

import http.client
import os
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from core import clock
from core.audience import events
from core.bench import clocked, figures, throwaway
from core.bench.population import people
from core.bench.webhook import _free_port, _wait
from core.config import ROOT
from core.db import database
from core.runtime import Runtime
from core.security import tokens
from core.supervisor import web_args

_BATCH, _CLIENTS, _WARM = 1_000, 2, 4_000
_TYPES = ("view", "view", "view", "cart", "purchase")


def run(n: int) -> dict[str, Any]:
    """Send `n` events of 20,000 contacts; every answer must say that all rows are stored."""
    contacts = min(20_000, max(1, n // 5))
    rows = _rows(n + _WARM, contacts)
    with throwaway() as rt:
        people(rt, contacts)
        bare = _bare(rt, rows[_WARM:])
    with throwaway() as rt:
        people(rt, contacts)
        text, _token = tokens.create("bench", "bench", ["events.write"])
        port = _free_port()
        environment = {
            "COOEE_INSTANCE": str(rt.settings.instance),
            "COOEE_DATABASE_URL": rt.settings.database_url,
            "COOEE_API_PER_MINUTE": "1000000",
        }
        server = subprocess.Popen(
            web_args("127.0.0.1", port, 1), cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL
        )
        try:
            _wait(port, server)
            bodies = [orjson.dumps(rows[at : at + _BATCH]) for at in range(0, len(rows), _BATCH)]
            _send(port, text, bodies[: _WARM // _BATCH])
            with clocked() as took:
                _send(port, text, bodies[_WARM // _BATCH :])
            peak = _peak_mb(server.pid)
        finally:
            server.terminate()
            server.wait(30)
        stored = database.scalar("SELECT COUNT(*) FROM event")
        if stored != len(rows):
            raise RuntimeError(f"{len(rows)} events were acknowledged and {stored} are stored")
        return figures(
            "api", n, took, {"in process, a second": round(bare)}, took.per_second(n) / bare, batch=_BATCH,
            clients=_CLIENTS, server_rss_mb=peak, database="postgresql" if database.is_postgres() else "sqlite",
        )  # fmt: skip


def _rows(n: int, contacts: int) -> list[dict[str, Any]]:
    now = clock.now_ms()
    made = []
    for i in range(n):
        kind = _TYPES[i % len(_TYPES)]
        row = {
            "phone": f"+86139{i * 7919 % contacts + 1:08d}", "type": kind, "at": now - i * 1000, "key": f"k{i}",
            "item": f"sku-{i % 500}", "category": f"c{i % 20}",
        }  # fmt: skip
        made.append(row | ({"amount": 19.9 + i % 100, "currency": "CNY"} if kind == "purchase" else {}))
    return made


def _bare(rt: Runtime, rows: list[dict[str, Any]]) -> float:
    made = [
        events.NewEvent(
            row["type"], row["at"], phone=row["phone"], key=row["key"], item=row["item"], category=row["category"],
            amount_micros=round(row["amount"] * 1e6) if "amount" in row else None, currency=row.get("currency", ""),
        )
        for row in rows
    ]  # fmt: skip
    with clocked() as took:
        for at in range(0, len(made), _BATCH):
            events.record(rt, made[at : at + _BATCH])
    return len(made) / took.seconds


def _send(port: int, token: str, bodies: list[bytes]) -> None:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(lambda at: _client(port, token, bodies[at::_CLIENTS]), range(_CLIENTS)))


def _client(port: int, token: str, bodies: list[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for body in bodies:
        key = {"Idempotency-Key": secrets.token_hex(8)}
        connection.request("POST", "/api/v1/events", body, headers | key)
        answer = connection.getresponse()
        made = answer.read()
        if answer.status != 200 or orjson.loads(made)["stored"] != len(orjson.loads(body)):
            raise RuntimeError(f"A call was answered with {answer.status}: {made[:300]!r}")
    connection.close()


def _peak_mb(pid: int) -> int:
    """The most memory the server and its worker processes hold, in MB."""
    total = 0
    for process in (pid, *_children(pid)):
        with open(f"/proc/{process}/status") as status:
            total += next((int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")), 0)
    return total


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]
