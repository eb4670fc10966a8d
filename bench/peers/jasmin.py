"""Jasmin fed over HTTP, with the RabbitMQ and the Redis it needs."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bench.peers.rig import TEXT, Counter, Missing, Peer, feed, free_port, until

#: Where virtual environments called jasmin-0.11.0 and jasmin-0.11.1 are.
VENVS = Path(os.environ.get("JASMIN_VENVS") or Path.home() / ".cache" / "cooee")
#: 0.11.1 loses every receipt (jookies/jasmin issue 1236); 0.11.0 has the settings of its REST API in its code.
SEND, BATCHES = "0.11.0", "0.11.1"
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
#: Texts in a call of /secure/sendbatch, and processes of its Celery.
BATCH, WORKERS = 500, 2
_PORTS = ("amqp_port", "redis_port", "jcli_port", "http_port", "router_port", "manager_port", "smpps_port",
          "smpps_pb_port", "rest_port")  # fmt: skip


def version(wanted: str = SEND) -> str:
    """Of jasmin and of its Python."""
    done = subprocess.run([str(_bin(wanted) / "python"), "--version"], capture_output=True, text=True)
    return f"jasmin {wanted}, {done.stdout.strip()}"


def _bin(wanted: str) -> Path:
    venv = VENVS / f"jasmin-{wanted}"
    if not (venv / "bin" / "jasmind.py").exists():
        raise Missing(
            f"no Jasmin in {venv}: python3 -m venv {venv} && {venv}/bin/pip install jasmin=={wanted}"
        )
    return venv / "bin"


def _servers(peer: Peer, ports: dict[str, int]) -> None:
    redis, epmd = shutil.which("redis-server"), shutil.which("epmd")
    if not (redis and epmd and Path(RABBITMQ).exists()):
        raise Missing("Jasmin needs both, on Debian: apt-get install rabbitmq-server redis-server")
    peer.start([redis, "--port", str(ports["redis_port"]), "--bind", "127.0.0.1", "--save", ""])
    names = free_port()
    peer.start([epmd, "-port", str(names)])
    (peer.folder / "plugins").write_text("[].")
    env = {
        "HOME": str(peer.folder), "ERL_EPMD_PORT": str(names), "RABBITMQ_NODENAME": f"bench{names}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(ports["amqp_port"]),
        "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": str(peer.folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(peer.folder), "RABBITMQ_ENABLED_PLUGINS_FILE": str(peer.folder / "plugins"),
    }  # fmt: skip
    peer.listening(names)
    peer.start([RABBITMQ], env)
    peer.listening(ports["redis_port"])
    peer.listening(ports["amqp_port"], 120)


@contextmanager
def running(smsc_port: int, receipts: bool, wanted: str = SEND):
    """Everything started and configured: gives the peer and its ports."""
    bins = _bin(wanted)
    python = str(bins / "python")
    with Peer() as peer:
        ports = {name: free_port() for name in _PORTS}
        _servers(peer, ports)
        spec = next(bins.parent.glob("lib/*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"))
        conf = peer.config("jasmin.cfg", amqp_spec=spec, **ports)
        peer.start([python, str(bins / "jasmind.py"), "-c", str(conf)], {"LOG_PATH": str(peer.folder)})
        peer.listening(ports["jcli_port"])
        if receipts:
            for daemon in ("dlrlookupd.py", "dlrd.py"):
                peer.start([python, str(bins / daemon), "-c", str(conf)], {"LOG_PATH": str(peer.folder)})
            # What is published before their queues exist is lost.
            log = peer.folder / "amqp.log"
            for queue in ("DLRLookup-bench", "dlr_thrower"):
                until(lambda queue=queue: f"declared [{queue}]" in log.read_text(), 30, f"queue {queue}")
        peer.listening(ports["http_port"])
        _configure(peer, ports["jcli_port"], smsc_port)
        yield peer, ports


def _configure(peer: Peer, port: int, smsc_port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as console:
        for line in peer.config("jcli.txt", smsc_port=smsc_port).read_text().splitlines():
            console.sendall(line.encode() + b"\r\n")
            said = _answer(console)
            if re.search("error|unknown|incorrect|failed", said, re.IGNORECASE):
                raise RuntimeError(f"Jasmin's console on {line!r}: {said.strip()}")

        def bound() -> bool:
            console.sendall(b"smppccm -l\r\n")
            return "BOUND" in _answer(console)

        until(bound, 30, "Jasmin's bind", 0.5)


def _answer(console: socket.socket) -> str:
    """What the console says up to its next prompt."""
    said = b""
    while not said.endswith((b"jcli : ", b"> ")):
        more = console.recv(65_536)
        if not more:
            raise RuntimeError(f"Jasmin's console closed: {said!r}")
        said += more
    return said.decode(errors="replace")


def http(run, n: int, receipts: bool, window: int) -> None:
    """One /send request a text.  Jasmin's connector has a window of one whatever is asked for."""
    with closing(Counter(b"ACK/Jasmin")) as counter, running(run.smsc.port, receipts) as (peer, ports):
        fixed = {"username": "bench", "password": "bench", **_content(counter.url if receipts else "")}
        base = f"http://127.0.0.1:{ports['http_port']}/send?{urlencode(fixed)}&to=86139"
        with run.measured(peer, (lambda: counter.taken) if receipts else None):
            run.refused = feed(f"{base}{at:08d}" for at in range(n))


def batch(run, n: int, receipts: bool, window: int) -> None:
    """/secure/sendbatch, BATCH texts a call: Celery then calls /send for each."""
    if receipts:
        raise Missing(f"the Jasmin whose batches work here, {BATCHES}, loses every receipt")
    with running(run.smsc.port, receipts, BATCHES) as (peer, ports):
        env = {"REST_API_CONFIG": str(peer.folder / "jasmin.cfg"), "LOG_PATH": str(peer.folder)}
        bins = _bin(BATCHES)
        rest = ["web", "--listen", f"tcp:{ports['rest_port']}:interface=127.0.0.1"]
        peer.start([str(bins / "twist"), *rest, "--wsgi", "jasmin.protocols.rest.api"], env)
        celery = ["-A", "jasmin.protocols.rest.tasks", "worker", "-c", str(WORKERS), "-l", "ERROR"]
        peer.start([str(bins / "celery"), *celery], env)
        peer.listening(ports["rest_port"])
        each = _content()
        login = base64.b64encode(b"bench:bench").decode()
        head = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        with run.measured(peer):
            for start in range(0, n, BATCH):
                to = [f"86139{at:08d}" for at in range(start, min(n, start + BATCH))]
                body = json.dumps({"globals": each, "messages": [{"to": to}]}).encode()
                url = f"http://127.0.0.1:{ports['rest_port']}/secure/sendbatch"
                with urlopen(Request(url, body, head), timeout=60) as answer:  # noqa: S310
                    taken = json.load(answer)["data"]["messageCount"]
                run.refused += len(to) - taken


def _content(receipt_url: str = "") -> dict[str, str]:
    """The fields that say the text, and where receipts go."""
    fields = {"coding": "8", "from": "1069", "hex-content": TEXT.encode("utf-16-be").hex()}
    if receipt_url:
        fields |= {"dlr": "yes", "dlr-level": "2", "dlr-url": receipt_url, "dlr-method": "GET"}
    return fields
