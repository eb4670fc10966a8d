"""Kannel: bearerbox between its own mass tool, or its HTTP interface, and the SMSC."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from bench.peers.rig import TEXT, Missing, Peer, feed, free_port, until

#: dlr-mask: delivered or not; the box's own "taken by the SMSC" is not asked for.
MASK = "3"


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not found:
        raise Missing(f"{name} is not installed; on Debian 12: apt-get install kannel")
    return found


def version() -> str:
    """Of the installed Debian package."""
    dpkg = shutil.which("dpkg-query")
    if not dpkg:
        return "unknown"
    shown = subprocess.run(
        [dpkg, "-W", "-f", "${Package} ${Version}", "kannel"],
        capture_output=True,
        text=True,
    )
    return shown.stdout.strip()


@contextmanager
def _box(smsc_port: int, window: int, stored: bool = False):
    with Peer() as peer:
        ports = {name: free_port() for name in ("admin_port", "box_port", "http_port")}
        storage = "sqlite3" if stored else "internal"
        conf = peer.config("kannel.conf", smsc_port=smsc_port, window=window, dlr_storage=storage, **ports)
        if stored:
            _database(peer.folder / "dlr.db")
            more = peer.config("kannel-dlr.conf", database=peer.folder / "dlr.db")
            conf.write_text(conf.read_text() + more.read_text())
        peer.start([_program("bearerbox"), "-v", "4", str(conf)])
        peer.listening(ports["admin_port"])
        status = f"http://127.0.0.1:{ports['admin_port']}/status.xml?password=bench"
        until(lambda: "<status>online" in _read(status), 20, "the bind")
        yield peer, conf, ports, status


def _database(place: Path) -> None:
    """As Kannel's guide has it, with an index, and the log of writes that lets it commit fastest."""
    with sqlite3.connect(place) as made:
        made.execute("PRAGMA journal_mode = wal")
        made.execute(
            "CREATE TABLE dlr (smsc TEXT, ts TEXT, source TEXT, destination TEXT, service TEXT, url TEXT, "
            "mask INTEGER, boxc TEXT, status INTEGER)"
        )
        made.execute("CREATE INDEX dlr_ts ON dlr (smsc, ts)")
    made.close()


def _read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310
        return answer.read().decode()


def _receipts(status: str) -> int:
    """Receipts bearerbox has matched with a stored text."""
    found = re.search(r"<dlr>\s*<received><total>(\d+)", _read(status))
    return int(found[1])


def mass(run, n: int, receipts: bool, window: int, stored: bool = False) -> None:
    """mtbatch gives bearerbox a file of numbers.  `stored`: what receipts are awaited for is kept in SQLite."""
    with _box(run.smsc.port, window, stored) as (peer, _conf, ports, status):
        (peer.folder / "text").write_text(TEXT)
        (peer.folder / "numbers").write_text("".join(f"86139{at:08d}\n" for at in range(n)))
        asked = ["-D", MASK, "-u", "http://127.0.0.1/"] if receipts else []
        options = ["-v", "4", "-b", "127.0.0.1", "-p", str(ports["box_port"]), "-f", "1069", *asked]
        with run.measured(peer, (lambda: _receipts(status)) if receipts else None):
            peer.start([_program("mtbatch"), *options, "text", "numbers"])


def mass_stored(run, n: int, receipts: bool, window: int) -> None:
    """As `mass`, with receipts kept in a database; without receipts there is nothing to keep."""
    if not receipts:
        raise Missing("kannel-mass-stored differs from kannel-mass with --receipts only")
    mass(run, n, receipts, window, stored=True)


def http(run, n: int, receipts: bool, window: int) -> None:
    """One sendsms request a text, through smsbox."""
    with _box(run.smsc.port, window) as (peer, conf, ports, status):
        peer.start([_program("smsbox"), "-v", "4", str(conf)])
        peer.listening(ports["http_port"])
        fixed = {"username": "bench", "password": "bench", "text": TEXT, "charset": "UTF-8", "coding": "2"}
        fixed |= {"dlr-mask": MASK} if receipts else {}
        base = f"http://127.0.0.1:{ports['http_port']}/cgi-bin/sendsms?{urlencode(fixed)}&to=86139"
        with run.measured(peer, (lambda: _receipts(status)) if receipts else None):
            run.refused = feed(f"{base}{at:08d}" for at in range(n))
