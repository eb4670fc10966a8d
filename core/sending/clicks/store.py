"""From the journal to the database, in bulk and exactly once.

How far a file is stored is a row, changed in the transaction that stores its clicks; so a crash anywhere
repeats nothing and leaves out nothing, and two processes at the same file cannot both win.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import clock, faults, ids
from core.db import database
from core.db.sets import rows_bound, rows_of
from core.sending.clicks import journal
from core.sending.clicks.journal import Journal, Line

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.clicks")

#: Bytes read and stored at once: about 5,000 clicks.
CHUNK_BYTES = 1 << 20
#: The journal of a web process is stored this often.
EVERY_S = 0.2
IDLE_S = 5.0
_AGENTS_KEPT = 10_000
COLUMNS = (*("id", "message_id", "contact_id", "campaign_id", "link_id", "at", "kind", "agent_id", "net"),)


class Store:
    """Stores journals; knows the agents it met."""

    def __init__(self) -> None:
        self._agents: dict[str, int] = {}

    def file(self, path: Path, closed: bool) -> int:
        """Store what a journal has beyond what is stored; returns how many clicks.

        `closed`: it has no writer any more; it is removed once all of it is stored.
        """
        total = 0
        while (n := database.retry_locked(self._chunk, path)) is not None:
            total += n
        if closed:
            # In this order: a file without its row would be stored a second time.
            path.unlink(missing_ok=True)
            faults.point("clicks.removed")
            database.retry_locked(self._forget, path.name)
        return total

    def _chunk(self, path: Path) -> int | None:
        """Store the next part of a file; None when nothing is left."""
        done = database.scalar("SELECT done FROM click_file WHERE name = ?", (path.name,))
        with open(path, "rb") as file:
            file.seek(done or 0)
            data = file.read(CHUNK_BYTES)
        data = data[: data.rfind(b"\n") + 1]
        if not data:
            return None
        lines = journal.unpacked(data)
        agents = self._agents
        if any(line.agent not in agents for line in lines):
            agents = self._known({line.agent for line in lines})
        with database.write_tx():
            if not _advance(path.name, done, (done or 0) + len(data)):
                return 0
            _insert(lines, agents)
            faults.point("clicks.stored")
        faults.point("clicks.committed")
        return len(lines)

    def _known(self, texts: set[str]) -> dict[str, int]:
        """{User-Agent: id}, new ones stored in a transaction of their own: they do no harm alone."""
        if len(self._agents) > _AGENTS_KEPT:
            self._agents.clear()
        new = sorted(texts - self._agents.keys())
        with database.write_tx():
            database.executemany(
                "INSERT INTO click_agent (text) VALUES (?) ON CONFLICT DO NOTHING", [(text,) for text in new]
            )
        source = rows_of(("text",), ("text",))
        found = database.query(
            f"SELECT a.text, a.id FROM {source} JOIN click_agent a ON a.text = w.text",
            rows_bound([(text,) for text in new]),
        )
        self._agents.update(found)
        return self._agents

    def _forget(self, name: str) -> None:
        with database.write_tx():
            database.execute("DELETE FROM click_file WHERE name = ?", (name,))


def _advance(name: str, done: int | None, upto: int) -> bool:
    """Compare and set how far a file is stored; False when somebody else was faster."""
    now = clock.now_ms()
    if done is None:
        sql = "INSERT INTO click_file (done, at, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return database.execute(sql, (upto, now, name)).rowcount == 1
    sql = "UPDATE click_file SET done = ?, at = ? WHERE name = ? AND done = ?"
    return database.execute(sql, (upto, now, name, done)).rowcount == 1


def _insert(lines: Sequence[Line], agents: dict[str, int]) -> None:
    first = ids.allocate(len(lines)) if lines else 0
    database.copy_rows(
        "click",
        COLUMNS,
        [(first + n, *line[:6], agents[line.agent], line.net) for n, line in enumerate(lines)],
    )


def leftovers(rt: Runtime, store: Store | None = None) -> int:
    """Store and remove the journals of processes that are gone; returns how many clicks they held."""
    store, total = store or Store(), 0
    for path in journal.files(rt.settings.path("journal")):
        with journal.taken_over(path) as free:
            if free:
                total += store.file(path, closed=True)
    return total


class Flusher(threading.Thread):
    """The thread of a web process that stores its journal, every 200 ms.

    Started by a click, it also takes over what a process before it left on this host; it ends when none came
    for a while, or when the process turned to another database.
    """

    def __init__(self, rt: Runtime, journal_: Journal):
        super().__init__(name="clicks", daemon=True)
        self._rt, self._journal, self._store = rt, journal_, Store()
        self._seen: tuple[Path | None, int] = (None, 0)
        self._database = database.proxy.obj

    def run(self) -> None:
        last, left = clock.monotonic(), True
        while clock.monotonic() - last < IDLE_S and database.proxy.obj is self._database:
            try:
                if self.once():
                    last = clock.monotonic()
                if left:
                    leftovers(self._rt, self._store)
                    left = False
            except Exception:
                # The lines stay in the journal; the next turn stores them.
                log.exception("clicks could not be stored yet")
                last = clock.monotonic()
                database.reopen()
                clock.sleep(1)
            clock.sleep(EVERY_S)

    def once(self) -> bool:
        """Store what came since the last turn; whether something did."""
        now = (self._journal.path, self._journal.size)
        if now == self._seen or now[0] is None:
            return False
        self._store.file(now[0], closed=False)
        self._seen = now
        self._journal.rotate()
        if self._journal.path != now[0]:
            leftovers(self._rt, self._store)
        return True
