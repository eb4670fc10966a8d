"""A web server that is killed while people follow links loses no click it answered, and stores none twice."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

from core.db import database
from core.sending import links
from core.sending.clicks import journal, store
from core.supervisor import web_args
from tests import campaign_kit as kit
from tests import click_kit, send_kit
from tests.servers import ROOT, answers, free_port, wait_for

PEOPLE, CLIENTS, KILLS = 2_000, 6, 2


def test_a_killed_worker_loses_no_answered_click(rt, instance, monkeypatch):
    campaign, _account = send_kit.setup(
        rt, tape := send_kit.Tape(), n=PEOPLE, templates=[(kit.template("l", en=click_kit.TEXT), 1)]
    )
    send_kit.send_all(rt, campaign)
    paths = [message.text.split("127.0.0.1:8000")[1][:14] for message in tape.sent]
    assert len(set(paths)) == PEOPLE
    answered: list[str] = []
    for turn in range(KILLS):
        some = paths[turn::KILLS]
        got = _until_killed(instance, some, after=len(some) // 3)
        assert len(some) // 3 <= len(got) < len(some)
        answered += got
    wait_for(lambda: _all_stored(rt), 30)
    stored = Counter(row[0] for row in database.query("SELECT message_id FROM click"))
    expected = {links.open_token(rt.keys, path.removeprefix("/l/"))[0] for path in answered}
    assert len(expected) == len(answered)
    assert expected <= stored.keys()
    # Nobody asked twice; so whatever stands there twice was stored twice.
    assert set(stored.values()) == {1}


def _until_killed(instance, paths: list[str], after: int) -> list[str]:
    """Follow the links on a server of its own and kill it once `after` were answered; those answered."""
    port, answered = free_port(), []
    server = subprocess.Popen(web_args("127.0.0.1", port, 1), cwd=ROOT, env=os.environ | instance)
    clients = [
        threading.Thread(target=_follow, args=(port, paths[at::CLIENTS], answered)) for at in range(CLIENTS)
    ]
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health/live"), 60)
        for client in clients:
            client.start()
        wait_for(lambda: len(answered) >= after, 60, every=0.002)
    finally:
        for process in (*_children(server.pid), server.pid):
            os.kill(process, signal.SIGKILL)
        server.wait(30)
    for client in clients:
        client.join(60)
    return answered


def _all_stored(rt) -> bool:
    store.leftovers(rt)
    return not journal.files(rt.settings.path("journal"))


def _follow(port: int, paths: list[str], answered: list[str]) -> None:
    """Ask for each link once, whatever happens; note those that were answered."""
    connection = None
    for path in paths:
        try:
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path, headers={"User-Agent": click_kit.IPHONE})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 302:
                answered.append(path)
        except (OSError, http.client.HTTPException):
            if connection:
                connection.close()
            connection = None


def _children(pid: int) -> list[int]:
    """The worker processes of the server, without Python's helper for shared memory."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return [child for child in found if b"resource_tracker" not in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b"resource_tracker"
