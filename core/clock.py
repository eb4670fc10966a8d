"""Time.  The one place that asks the machine what time it is.

Stored times are epoch milliseconds, UTC; times shown or given to plugins are aware datetimes.  Leases,
deadlines and rates use `monotonic`, which no clock change can move.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


_SHIFT_MS: ContextVar[int] = ContextVar("shift_ms", default=0)


def now_ms() -> int:
    """Epoch milliseconds, UTC."""
    return int(time.time() * 1000) + _SHIFT_MS.get()


@contextmanager
def earlier(ms: int) -> Iterator[None]:
    """What this thread does inside happened so long ago; for history that is made up (`cooee demo`)."""
    token = _SHIFT_MS.set(_SHIFT_MS.get() - ms)
    try:
        yield
    finally:
        _SHIFT_MS.reset(token)


def now() -> datetime:
    """The present instant as an aware UTC datetime."""
    return from_ms(now_ms())


def from_ms(ms: int) -> datetime:
    """Epoch milliseconds as an aware UTC datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(at: datetime) -> int:
    """An aware datetime as epoch milliseconds; a naive one is refused."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return int(at.timestamp() * 1000)


def thread_cpu() -> float:
    """Seconds of CPU this thread has used."""
    return time.thread_time()


def monotonic() -> float:
    """Seconds that only grow; for leases, deadlines and rates inside one process."""
    return time.monotonic()


def awake_or_asleep() -> float:
    """Seconds that only grow and, on Linux, go on while the machine sleeps; elsewhere as `monotonic`."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def sleep(seconds: float) -> None:
    """Wait; here so that tests can watch and shorten it."""
    time.sleep(seconds)
