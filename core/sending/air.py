"""Windows in the air: on the wire, in threads of their own, while others are recorded and marked.

A large window over a slow wire is kept in several parts, each marked and recorded in its own turn; together
they are still one window, so no more than that can be in doubt.  How many parts: as many as are marked and
recorded while one is on the wire, at most one more than the provider takes calls at a time (`Provider.flights`).
More of them would only cost commits.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from core import ids
from core.sending import submit, wire
from core.sending.item import Lane

if TYPE_CHECKING:
    from core.sending.leases import Worker

#: A window is kept in parts from this size on, each at least so large, when the wire takes as long as a third
#: of a turn.
SPLIT_FROM, PART_LEAST, SLOW_SHARE = 128, 50, 0.33
#: A wire that computes for more than this share of its time, such as HTTP to a gateway on the same machine, stays in
#: the worker's own thread: beside it, the interpreter's lock would cost what the overlap gives.
BUSY_SHARE = 0.25
#: What the paces before the last one weigh.
SMOOTH = 0.8


def on_wire_s(made: submit.Turn) -> float:
    """How long a part waited on the wire, without its wait for those before it; 0 where the wire computed."""
    busy = made.wire_cpu_s >= BUSY_SHARE * made.wire_s
    return 0.0 if busy else made.wire_s / made.flying


class Air:
    """What one batch has in the air through one lane."""

    def __init__(self, worker: Worker, references: ids.References, lane: Lane, size: int):
        self._worker, self._references, self._lane, self._size = worker, references, lane, size
        self._flying: deque[tuple[submit.Turn, Future[wire.Answer]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._flying)

    @property
    def out(self) -> int:
        """Messages in the air."""
        return sum(len(made.marked) for made, _future in self._flying)

    def parts(self) -> int:
        """In how many parts the window is to be kept, by the pace of the last one."""
        wire_s, turn_s = self._pace()
        turns = wire_s / max(turn_s, 1e-6)
        if self._size < SPLIT_FROM or turns <= SLOW_SHARE:
            return 1
        return min(
            1 + max(1, round(turns)), self._lane.provider.flights + 1, max(2, self._size // PART_LEAST)
        )

    def _pace(self) -> tuple[float, float]:
        """Seconds a part takes on the wire and in its turn."""
        return self._worker.cache.get(("pace", self._lane.account_id), (0.0, 0.0))

    def fly(self, made: submit.Turn, aside: bool) -> None:
        """Put a marked window on the wire: in a thread when asked to, or when threads are in use."""
        work = (self._worker, self._references, self._lane, made)
        if aside or self._worker.flights:
            future = self._pool().submit(wire.put, *work)
        else:
            future = Future()
            future.set_result(wire.put(*work))
        self._flying.append((made, future))
        made.flying = len(self._flying)
        self._worker.flights += 1

    def _pool(self) -> ThreadPoolExecutor:
        """One thread, so that no provider is called twice at a time, but for those that say they may be; these
        have one more, so that a code finds a free one."""
        flights = self._lane.provider.flights
        size = 1 if flights == 1 else flights + 1
        return self._worker.kept(("wire", size), lambda: ThreadPoolExecutor(size, "wire"))

    def land(self) -> tuple[submit.Turn, wire.Answer]:
        """The window that left first, once it is back."""
        made, future = self._flying[0]
        answer = future.result()
        self._flying.popleft()
        self._worker.flights -= 1
        if made.wire_s:
            # Smoothed: a turn that waited for another writer, or recorded nothing, says little about the next.
            now = (on_wire_s(made), made.turn_s)
            before = self._pace() if any(self._pace()) else now
            self._worker.cache["pace", self._lane.account_id] = tuple(
                new + SMOOTH * (old - new) for old, new in zip(before, now, strict=True)
            )
        return made, answer

    def ground(self) -> None:
        """Whatever broke: nothing may be on the wire when the lease is settled."""
        for _made, future in self._flying:
            future.exception()
            self._worker.flights -= 1
        self._flying.clear()
