"""`cooee bench click`: short links followed, each click stored, against the server people run.

One web process.  The clock stops when the last click is in the database, not when the last redirect was
answered.  `baseline` is nginx with one worker and a bare `return 302`, asked by the same client in the same
run; `ratio` is ours over it.  Without nginx there is no ratio; without wrk the client is our own, which is
slower than nginx and says so.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core import clock, ids
from core.bench import Clocked, clocked, figures, throwaway
from core.bench.webhook import _free_port, _wait
from core.config import ROOT
from core.db import database
from core.http import Client, Request, Response, Rules
from core.runtime import Runtime
from core.sending.links import Maker
from core.supervisor import web_args

TARGET = "https://shop.example/winter?size=40"
_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
)
_CONNECTIONS = 32
_SECONDS, _WARM_SECONDS = 8, 2
_BATCH = 2_000
#: wrk asks for the addresses of a file, one after the other, and again from the start.
_SCRIPT = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""
_NGINX = """
worker_processes 1;
daemon off;
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path %(folder)s; proxy_temp_path %(folder)s; fastcgi_temp_path %(folder)s;
  uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s;
  server { listen 127.0.0.1:%(port)d; location / { return 302 %(target)s; } }
}
"""


def run(n: int) -> dict[str, Any]:
    """Follow the links of `n` messages, in random order and again, for eight seconds."""
    with throwaway() as rt, tempfile.TemporaryDirectory(prefix="cooee-bench-click-") as folder:
        paths = _links(rt, n)
        ask = _Asker(Path(folder), paths)
        with _server(rt) as base:
            ask(base, _WARM_SECONDS)
            time.sleep(1)
            before = _stored()
            answered, took = ask(base, _SECONDS)
            asked_s = took.seconds
            with clocked() as rest:
                stored = _settled(before + answered) - before
            took.seconds += rest.seconds
        if not answered <= stored <= answered + _CONNECTIONS:
            raise RuntimeError(f"{answered} redirects were answered and {stored} clicks are stored")
        bare = _nginx(Path(folder), ask)
        return figures(
            "click", answered, took,
            {"nginx return 302, a second": bare} if bare else {"nginx": "not installed: no ratio"},
            took.per_second(answered) / bare if bare else 0.0,
            answered_per_second=round(answered / asked_s), stored=stored, links=n, client=ask.name,
            connections=_CONNECTIONS, web_processes=1,
            database="postgresql" if database.is_postgres() else "sqlite",
        )  # fmt: skip


def _links(rt: Runtime, n: int) -> list[str]:
    """A campaign with one link and `n` messages that went out an hour ago; the links in random order."""
    at = clock.now_ms()
    with database.write_tx():
        campaign = database.scalar(
            "INSERT INTO campaign (name, cls, state, reason, holdout_bp, options, snapshot, rule, salt, "
            '"cursor", cursor_end, spent_micros, currency, created_by, approved_by, approved_snapshot, '
            "created_at) VALUES ('bench', 2, 'done', '', 0, '{}', '', '', 0, 0, 0, 0, '', '', '', '', ?) "
            "RETURNING id",
            (at,),
        )
        database.execute(
            "INSERT INTO link (campaign_id, idx, kind, url, label, created_at) VALUES (?, 0, 'web', ?, '', ?)",
            (campaign, TARGET, at),
        )
        first = ids.allocate(n)
        database.copy_rows(
            "message",
            ("id", "campaign_id", "contact_id", "dedupe", "variant", "cls", "state", "attempt", "not_before",
             "account_id", "parts", "cost_micros", "submitted_at"),
            ((first + i, campaign, i + 1, 0, 0, 2, 4, 1, 0, 1, 1, 0, at - clock.HOUR_MS) for i in range(n)),
        )  # fmt: skip
    made = Maker(rt).columns(["@0"], range(first, first + n))["@0"]
    paths = [url.removeprefix(rt.settings.public_url) for url in made]
    random.Random(1).shuffle(paths)  # noqa: S311
    return paths


def _stored() -> int:
    return database.scalar("SELECT COUNT(*) FROM click")


def _settled(least: int) -> int:
    """Wait until `least` clicks are stored; the number then."""
    until = time.monotonic() + 60
    while (stored := _stored()) < least and time.monotonic() < until:
        time.sleep(0.02)
    return stored


@contextlib.contextmanager
def _server(rt: Runtime) -> Iterator[str]:
    port = _free_port()
    environment = {
        "COOEE_INSTANCE": str(rt.settings.instance), "COOEE_DATABASE_URL": rt.settings.database_url
    }  # fmt: skip
    server = subprocess.Popen(
        web_args("127.0.0.1", port, 1), cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _nginx(folder: Path, ask: _Asker) -> int:
    """Redirects a second of nginx, 0 when it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return 0
    port, config = _free_port(), folder / "nginx.conf"
    config.write_text(_NGINX % {"folder": folder, "port": port, "target": TARGET})
    server = subprocess.Popen([program, "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        _wait(port, server)
        ask(f"http://127.0.0.1:{port}", _WARM_SECONDS)
        answered, took = ask(f"http://127.0.0.1:{port}", _SECONDS)
        return took.per_second(answered)
    finally:
        server.terminate()
        server.wait(30)


class _Asker:
    """Asks for links over kept connections: `ask(base, seconds)` → (redirects answered, what it took)."""

    def __init__(self, folder: Path, paths: Sequence[str]):
        self._wrk, self._paths = shutil.which("wrk"), paths
        self.name = "wrk" if self._wrk else "pycurl"
        listed, self._script = folder / "paths", folder / "ask.lua"
        listed.write_text("\n".join(paths) + "\n")
        self._script.write_text(_SCRIPT % listed)

    def __call__(self, base: str, seconds: int) -> tuple[int, Clocked]:
        return (self._with_wrk if self._wrk else self._with_curl)(base, seconds)

    def _with_wrk(self, base: str, seconds: int) -> tuple[int, Clocked]:
        said = subprocess.run(
            [self._wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-s", str(self._script),
             "-H", f"User-Agent: {_AGENT}", base],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        if "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(said)
        found = re.search(r"(\d+) requests in ([\d.]+)s", said)
        return int(found[1]), Clocked(float(found[2]))

    def _with_curl(self, base: str, seconds: int) -> tuple[int, Clocked]:
        client = Client(Rules(allow=("127.0.0.1",)), concurrency=_CONNECTIONS)
        answered = 0
        with clocked() as took:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                some = [self._paths[(answered + i) % len(self._paths)] for i in range(_BATCH)]
                answers = client.send_many(
                    [Request(base + path, None, (f"User-Agent: {_AGENT}",), "GET") for path in some]
                )
                bad = [a for a in answers if not isinstance(a, Response) or a.status != 302]
                if bad:
                    raise RuntimeError(f"{len(bad)} of {len(answers)} links failed, e.g. {bad[0]!r}")
                answered += len(answers)
        client.close()
        return answered, took
