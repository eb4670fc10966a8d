"""The demo's past, in its order: every deed under the clock of its own time, the oldest first.

Ids, lists, logs, the audit log and the seals of the ledgers then follow one another as they would have.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from core import clock

ZONE = "Asia/Shanghai"


class Past:
    """Deeds to come, by the time (epoch ms) at which they happened; a deed may bring others, for later."""

    def __init__(self) -> None:
        #: The present, at which the past ends.
        self.now = clock.now_ms()
        self._deeds: list[tuple[int, int, Callable[..., Any], tuple]] = []
        self._order = count()

    def on(self, days: int, at: str, do: Callable[..., Any], *given: Any) -> None:
        """Do this so many days before the present, at a time such as "9:30" by the shop's clock."""
        self.at(self.moment(days, at), do, *given)

    def moment(self, days: int, at: str) -> int:
        """The instant (epoch ms) of a time by the shop's clock, so many days before the present."""
        hour, minute = map(int, at.split(":"))
        day = clock.from_ms(self.now).astimezone(ZoneInfo(ZONE)) - timedelta(days=days)
        return clock.to_ms(day.replace(hour=hour, minute=minute, second=0, microsecond=0))

    def at(self, ms: int, do: Callable[..., Any], *given: Any) -> None:
        """Do this at an instant; one that still lies ahead becomes the present."""
        heapq.heappush(self._deeds, (min(ms, self.now), next(self._order), do, given))

    def play(self) -> None:
        """Do all of it."""
        while self._deeds:
            ms, _order, do, given = heapq.heappop(self._deeds)
            with clock.earlier(clock.now_ms() - ms):
                do(*given)
