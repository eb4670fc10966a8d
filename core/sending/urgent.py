"""The lane beside: codes and notices go out while the process is busy with something else.

A worker consumes one job at a time, and a job may be a window of a slow provider, a wait for the rate, or an
import.  So each worker process has this thread, which looks several times a second for due messages of the
classes that go first and sends them by itself: the same claim, the same gates, the same journal and lease
owner, with providers and caches of its own.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from core import clock
from core.db import claiming, classes, database
from core.db.codes import Cls
from core.sending import batch, leases

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

log = logging.getLogger("cooee.send")

#: How often it looks; one statement of some 50 µs.
LOOK_S = 0.1
#: After this much of one campaign the others get their turn.
SLICE_S = 2.0
#: After a failure, before it looks again.
PAUSE_S = 2.0
#: Messages no account will take before somebody acts are looked at after so long, then twice as long, up to this.
REST_S, REST_MAX_S = 0.2, 5.0


class Urgent(threading.Thread):
    """One a worker process, from its start to its drain."""

    def __init__(self, rt: Runtime, worker: Worker):
        super().__init__(name="urgent", daemon=True)
        self._rt, self._main = rt, worker
        self._worker = leases.beside(worker)
        self._done = threading.Event()
        #: Campaigns no account takes anything of: until when (monotonic seconds) and for how long they rest.
        self._rests: dict[int, tuple[float, float]] = {}

    def stop(self) -> None:
        """End after the window that is on the wire."""
        self._done.set()

    def run(self) -> None:
        pause_s = LOOK_S
        while not self._done.wait(pause_s):
            try:
                self.look()
                pause_s = LOOK_S
            except Exception:
                log.exception("the lane of codes and notices")
                database.reopen()
                pause_s = PAUSE_S
        database.reopen()

    def look(self) -> int:
        """Send what is due of the classes that go before marketing; how many messages were dealt with."""
        total = 0
        for campaign_id, _cls in claiming.due_urgent(clock.now_ms(), classes.ahead_of(Cls.mass)):
            if self._done.is_set() or leases.draining.is_set():
                break
            now = clock.monotonic()
            until, rest_s = self._rests.get(campaign_id, (0.0, REST_S))
            if now < until:
                continue
            worker = self._own()
            total += batch.one_batch(self._rt, worker, campaign_id, now + SLICE_S) or 0
            if ("stuck", campaign_id) in worker.cache:
                self._rests[campaign_id] = (clock.monotonic() + rest_s, min(2 * rest_s, REST_MAX_S))
            else:
                self._rests.pop(campaign_id, None)
        return total

    def _own(self) -> Worker:
        """This process as a worker; another one since it was taken for dead and began anew."""
        main = leases.running(self._rt)
        if main is not None and main is not self._main:
            self._main, self._worker = main, leases.beside(main)
        return self._worker
