"""The periodic work of this room in its order: count, rates, watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import clock
from core.db import settings
from core.measure.arrival import cells, watch

if TYPE_CHECKING:
    from core.runtime import Runtime

#: At most one part in so many of a worker's time.
_REST = 20
_LAST = "arrival:job"


def run(rt: Runtime, *_ids: int) -> None:
    """Job, each minute; after a long run it rests, so that it never takes a twentieth of a worker's time."""
    last = settings.get(_LAST, {"ended": 0, "took": 0})
    if clock.now_ms() < last["ended"] + _REST * last["took"] and clock.now_ms() >= last["ended"]:
        return
    started = clock.monotonic()
    cells.count(rt)
    watch.run(rt)
    took = int((clock.monotonic() - started) * 1000)
    settings.put(_LAST, {"ended": clock.now_ms(), "took": took})
