"""What is under way, and how fast: the PDUs of one call, the pace of a process, the room in a session."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core import clock

#: How long a PDU the SMSC declined for speed is tried again by us.
PATIENCE_S = 15.0
#: A paced sender with more to send may catch up so much after it came late; after a rest there is no burst.
CATCH_UP_S = 0.25
#: Pause after "throttled": the first, and the longest.
PAUSE_S, PAUSE_MOST_S = 0.2, 5.0
#: What became of a PDU, when it is neither a message id (text) nor a command_status (a number from 1).
UNSENT, LOST = -1, -2


class Flight:
    """PDU bodies of one call on one connection; `told` says of each what became of it, `done` of all."""

    __slots__ = ("bodies", "told", "left", "until", "done")

    def __init__(self, bodies: Sequence[bytes]):
        self.bodies = bodies
        self.told: list[str | int] = [UNSENT] * len(bodies)
        self.left = len(bodies)
        self.until = clock.monotonic() + PATIENCE_S
        self.done = threading.Event()

    def tell(self, at: int, what: str | int) -> None:
        """The last word about one PDU."""
        self.told[at] = what
        self.left -= 1
        if not self.left:
            self.done.set()


class Pacer:
    """So many PDUs a second over all connections of a process, 0 for no limit (GCRA on the monotonic clock)."""

    def __init__(self, per_s: float):
        self._gap_s = 1 / per_s if per_s else 0.0
        self._due, self._late, self._lock = 0.0, False, threading.Lock()

    def take(self, want: int) -> int:
        """How many of `want` may go now."""
        if not self._gap_s or want <= 0:
            return want
        with self._lock:
            now = clock.monotonic()
            due = max(self._due, now - CATCH_UP_S if self._late else now)
            taken = min(want, int((now - due) / self._gap_s) + 1) if due <= now else 0
            self._due, self._late = due + taken * self._gap_s, taken < want
            return taken

    def wait_s(self) -> float:
        """Until one more may go."""
        return max(0.0, self._due - clock.monotonic()) if self._gap_s else 0.0


class Room:
    """PDUs a session may have without an answer: at most the account's window, and what the SMSC bears now.

    `limit` is how many, `paused` until when (monotonic) the SMSC is left alone.
    """

    def __init__(self, window: int):
        self._window = self.limit = window
        self._good, self._throttles, self.paused = 0, 0, 0.0

    def accepted(self, n: int) -> None:
        """So many were taken: after a whole limit of them there is room for one more."""
        self._throttles = 0
        if self.limit < self._window:
            self._good += n
            if self._good >= self.limit:
                self._good, self.limit = 0, self.limit + 1

    def throttled(self, now: float) -> None:
        """One was too fast: half the room, and a pause that grows; once for all that were under way."""
        if now >= self.paused:
            self._throttles += 1
            self.limit, self._good = max(1, self.limit // 2), 0
            self.paused = now + min(PAUSE_S * 2 ** (self._throttles - 1), PAUSE_MOST_S)
