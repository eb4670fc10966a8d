"""A sent campaign with links, a clock of the test's own, and people (or programs) who follow them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from core import clock
from core.db import database
from core.db.codes import ClickKind
from core.sending.clicks import journal, judge, store
from core.sending.clicks.redirect import Redirector
from core.web import linkapp
from tests import campaign_kit as kit
from tests import send_kit

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
DESK = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36"
)
SHOP = "https://shop.example/winter?size=40&colour=blue"
TEXT = f"【Cooee】Sale {SHOP} and http://b.example/x. Reply STOP to opt out 拒收请回复R"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self, monkeypatch):
        self.now = clock.now_ms()
        monkeypatch.setattr(clock, "now_ms", lambda: self.now)

    def on(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class Sent:
    """A campaign everybody got, a minute ago."""

    def __init__(self, rt, monkeypatch, n: int = 12, body: str = TEXT, **given):
        self.rt, self.clock, self.tape = rt, Clock(monkeypatch), send_kit.Tape()
        if "templates" not in given:
            given["templates"] = [(kit.template("with links", en=body), 1)]
        self.campaign, self.account = send_kit.setup(rt, self.tape, n=n, **given)
        send_kit.send_all(rt, self.campaign)
        self.clock.on(60)
        self.nets: list[str] = []
        self.app = linkapp.wrap(_nothing_here, rt, Redirector(rt, background=False))

    def urls(self, at: int = 0) -> list[str]:
        """The links in the text of one person, as it went on the wire."""
        return re.findall(r"http://127.0.0.1:8000/l/[0-9A-Za-z]{11}", self.tape.sent[at].text)

    def click(self, person: int = 0, link: int = 0, **environ: Any) -> tuple[str, dict[str, str]]:
        """Follow a link; (status, headers)."""
        return self.get(self.urls(person)[link].removeprefix("http://127.0.0.1:8000"), **environ)

    def get(self, path: str, **environ: Any) -> tuple[str, dict[str, str]]:
        given = {
            "PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_USER_AGENT": IPHONE, "HTTP_HOST": "127.0.0.1:8000",
            "REMOTE_ADDR": f"10.{len(self.nets) // 250}.{len(self.nets) % 250}.7",
        } | environ  # fmt: skip
        if "REMOTE_ADDR" not in environ:
            self.nets.append(given["REMOTE_ADDR"])
        got: list = []
        self.app(given, lambda status, headers: got.append((status, dict(headers))))
        return got[0]

    def folder(self) -> Path:
        return self.rt.settings.path("journal")

    def store(self) -> int:
        """Store what the journals hold, as the thread of the web process does."""
        stored = store.Store()
        return sum(stored.file(path, closed=False) for path in journal.files(self.folder()))

    def judged(self) -> list[str]:
        """Store, wait until nothing can change, judge; the kinds of all clicks in the order they came."""
        self.store()
        self.clock.on(11)
        judge.run(self.rt)
        return self.kinds()

    def kinds(self) -> list[str]:
        return [ClickKind(kind).name for (kind,) in database.query("SELECT kind FROM click ORDER BY at, id")]


def _nothing_here(environ, start_response):
    start_response("404 Not Found", [])
    return [b"the application: " + environ["PATH_INFO"].encode()]


def fold() -> list[tuple]:
    """What `clicked` must be: the persons' clicks, counted."""
    return database.query(
        "SELECT campaign_id, link_id, contact_id, MIN(at), MAX(at), COUNT(*) FROM click WHERE kind = 0 "
        "GROUP BY campaign_id, link_id, contact_id ORDER BY 1, 2, 3"
    )


def clicked() -> list[tuple]:
    """Who clicked what, from when to when, and how often."""
    return database.query(
        "SELECT campaign_id, link_id, contact_id, first_at, last_at, n FROM clicked ORDER BY 1, 2, 3"
    )


def counted() -> dict[str, int]:
    """Clicks by their kind."""
    rows = database.query("SELECT kind, SUM(n) FROM click_count GROUP BY kind ORDER BY kind")
    return {ClickKind(kind).name: int(n) for kind, n in rows}


def told() -> list[tuple]:
    """(contact, message) of each event of a click."""
    return database.query(
        "SELECT contact_id, message_id FROM event WHERE type = 7 ORDER BY contact_id, message_id"
    )
