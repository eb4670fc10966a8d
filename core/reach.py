"""Whether a server answers: said once when it goes, and once when it is back.

What asks it many times a second would otherwise fill the log with the same trouble.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from core import clock

#: Pauses between tries while it is away.
FIRST_S, LONGEST_S = 0.1, 3.0


class Reach:
    """Of one server, for all threads of a process.  `lost` makes the sentence of an error, `back` is one itself."""

    def __init__(self, log: logging.Logger, lost: Callable[[Exception], str], back: str):
        self._log, self._lost, self._back = log, lost, back
        self._lock = threading.Lock()
        self._since: float | None = None
        self._asked_at = 0.0
        self._pause_s = FIRST_S

    @property
    def away(self) -> bool:
        """Did the last try fail?"""
        return self._since is not None

    @property
    def rests(self) -> bool:
        """Is it away, and was it asked so lately that it need not be asked again?"""
        return self.away and clock.monotonic() - self._asked_at < LONGEST_S

    def ask(self, work: Callable[..., Any], *args: Any, otherwise: Any = None) -> Any:
        """What `work(*args)` gives; `otherwise` when it raises, which counts as away."""
        try:
            answer = work(*args)
        except Exception as error:
            self.lost(error)
            return otherwise
        self.found()
        return answer

    def lost(self, error: Exception) -> None:
        """A try failed."""
        with self._lock:
            first, self._asked_at = self._since is None, clock.monotonic()
            if first:
                self._since = self._asked_at
        if first:
            self._log.warning("%s", self._lost(error))

    def found(self) -> None:
        """A try went well."""
        if self._since is None:
            return
        with self._lock:
            since, self._since, self._pause_s = self._since, None, FIRST_S
        if since is not None:
            self._log.warning("%s It was away for %.0f s.", self._back, clock.monotonic() - since)

    def pause(self) -> None:
        """Wait before the next try, longer each time; not at all while it answers."""
        if self.away:
            wait_s, self._pause_s = self._pause_s, min(self._pause_s * 2, LONGEST_S)
            clock.sleep(wait_s)
