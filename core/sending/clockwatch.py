"""A wall clock that jumps: planned starts wait until somebody says that it is right.

Each worker compares its wall clock with one that only grows.  Apart by more than a minute, it leaves a setting
in the database, so that every worker and every page knows.  The setting goes when the clock comes back, when
somebody confirms the new time, or when the worker ends: a new one takes the time as it finds it.
"""

from __future__ import annotations

import json
import logging
import socket
from dataclasses import dataclass

from core import clock
from core.db import database, settings
from core.security import audit

log = logging.getLogger("cooee.clock")

#: A jump by no more than this is none.
LIMIT_MS = clock.MINUTE_MS
#: What a clock moved by, little by little, is forgotten after so long: a year of small corrections is no jump.
RENEW_S = 3600.0
#: A jump that stands is looked for in the database this often: somebody may have confirmed it.
LOOK_S = 1.0
_KEY = "clock_jump:"


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock of a host moved by so much (negative: back), as one of its workers saw it."""

    worker_id: int
    host: str
    by_ms: int


def standing() -> list[Jump]:
    """Jumps nobody confirmed, of workers that have not ended; the same host may stand there twice."""
    rows = database.query("SELECT key, value FROM setting WHERE key LIKE ? ORDER BY key", (_KEY + "%",))
    if not rows:
        return []
    at_work = {id_ for (id_,) in database.query("SELECT id FROM worker WHERE ended_at IS NULL")}
    found = [Jump(int(key.removeprefix(_KEY)), **json.loads(value)) for key, value in rows]
    return [jump for jump in found if jump.worker_id in at_work]


def by_host() -> dict[str, int]:
    """{host: milliseconds its clock jumped by} of what stands."""
    return {jump.host: jump.by_ms for jump in standing()}


def confirm(*, who: str) -> dict[str, int]:
    """The clocks are right as they are: planned starts go on.  Returns what stood, as `by_host`."""
    with database.write_tx():
        was = by_host()
        database.execute("DELETE FROM setting WHERE key LIKE ?", (_KEY + "%",))
        for host, by_ms in was.items():
            audit.record(who, "clock.confirmed", host, f"{by_ms // 1000:+} s")
    return was


def words(by_ms: int) -> str:
    """+1:00:00 or -365 days, 0:00:00: a jump for logs and the command line."""
    days, ms = divmod(abs(by_ms), clock.DAY_MS)
    minutes, s = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{'-' if by_ms < 0 else '+'}{f'{days} days, ' if days else ''}{hours}:{minutes:02}:{s:02}"


class ClockWatch:
    """One worker's look at its clock."""

    def __init__(self, worker_id: int):
        self._key = f"{_KEY}{worker_id}"
        self._said: int | None = None
        self._begin()

    def look(self) -> None:
        """Before every periodic job: two clocks are read; the database is asked only while a jump stands."""
        by_ms = _apart() - self._from
        if self._said is None:
            if abs(by_ms) > LIMIT_MS:
                self._say(by_ms)
            elif clock.monotonic() > self._since + RENEW_S:
                self._begin()
        elif abs(by_ms) <= LIMIT_MS:
            settings.remove(self._key)
            log.warning("the clock came back; planned starts go on")
            self._said = None
        elif clock.monotonic() > self._looked + LOOK_S:
            self._looked = clock.monotonic()
            if settings.get(self._key) is None:
                log.warning("the clock was confirmed; planned starts go on")
                self._said = None
                self._begin()
            elif abs(by_ms - self._said) > LIMIT_MS:
                self._say(by_ms)

    def _begin(self) -> None:
        self._from, self._since, self._looked = _apart(), clock.monotonic(), 0.0

    def _say(self, by_ms: int) -> None:
        # Whole seconds: the two clocks are not read at the same instant.
        settings.put(self._key, {"host": socket.gethostname(), "by_ms": round(by_ms, -3)})
        log.error(
            "the clock jumped by %s; planned starts wait for `cooee clock confirm`", words(round(by_ms, -3))
        )
        self._said, self._looked = by_ms, clock.monotonic()


def _apart() -> int:
    """Milliseconds from the clock that only grows to the one on the wall."""
    return clock.now_ms() - int(clock.awake_or_asleep() * 1000)
