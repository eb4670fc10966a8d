"""A shop that uses Cooee by commands, and the gateway it sends over."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator

from tests.gateway import answer, gateway
from tests.servers import ROOT

TEXT = '【可乐店】{{name|default:"您好"}}，本周日全场八折。拒收请回复R'
#: What the gateway is sent, and where its answer says what.
BODY = json.dumps({"to": "{to}", "text": "{text}", "ref": "{ref}", "callback": "{callback}"})
PATHS = {"id_path": "id", "status_path": "status", "ref_path": "ref", "code_path": "code"}


class Shop:
    """One instance, used by commands only."""

    def __init__(self, environment: dict[str, str]):
        self.env = os.environ | environment | {"COOEE_HTTP_ALLOW": "127.0.0.1", "COOEE_HTTP_PLAIN": "1"}

    def __call__(self, *args: object, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *map(str, args)],
            env=self.env, cwd=ROOT, input=stdin, text=True, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"cooee {' '.join(map(str, args))}: {done.stderr}"
        return done.stdout

    def json(self, *args: object, stdin: str = ""):
        return json.loads(self(*args, "--json", stdin=stdin))


class Receipts(threading.Thread):
    """Tells Cooee, a moment later, what became of each text: every 20th is undelivered; some twice."""

    def __init__(self):
        super().__init__(daemon=True)
        self.todo: list[tuple[str, str]] = []
        self.done = threading.Event()

    def run(self):
        sent = 0
        while not self.done.wait(0.05):
            while self.todo:
                callback, ref = self.todo.pop(0)
                sent += 1
                status = "failed" if sent % 20 == 0 else "delivered"
                body = json.dumps(
                    {"ref": ref, "status": status, "code": "EXP" if status == "failed" else ""}
                ).encode()
                for _again in range(2 if sent % 9 == 0 else 1):
                    request = urllib.request.Request(callback, body, {"Content-Type": "application/json"})
                    urllib.request.urlopen(request, timeout=10).close()


class Sink:
    """A gateway that takes every text, and tells a moment later what became of it."""

    def __init__(self):
        self.texts: dict[str, list[str]] = {}
        self.receipts = Receipts()

    def take(self, call, _connection) -> bytes:
        message = call.json
        self.texts.setdefault(message["to"], []).append(message["text"])
        self.receipts.todo.append((message["callback"], message["ref"]))
        return answer(200, {"id": f"g-{message['ref']}", "status": "accepted"})


@contextlib.contextmanager
def listening() -> Iterator[Sink]:
    """A sink on a real socket; its address is `sink.url`."""
    sink = Sink()
    sink.receipts.start()
    with gateway(sink.take) as at:
        sink.url = f"{at.url}/send"
        yield sink
    sink.receipts.done.set()


def connect(shop: Shop, sink: Sink, name: str) -> None:
    """An account on the sink, by command."""
    values = {"url": sink.url, "body": BODY} | PATHS
    pairs = (part for key, value in values.items() for part in ("--set", f"{key}={value}"))
    shop("account", "add", name, "--provider", "http", *pairs)
