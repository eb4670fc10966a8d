"""Senders with a rate take turns: each sends what it may now, and nobody waits for a slower one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from core import clock
from core.sending import breaker
from core.sending.item import Item
from core.sending.routes.way import Way

#: A sender that is free again within this is waited for; the messages of a slower one go back.
NAP_S = 2.0

#: (way, not before, messages left over)
Left = tuple[Way, int, list[Item]]


def take(
    lanes: Iterable[tuple[Way, list[Item]]],
    send: Callable[[Way, list[Item]], tuple[int, list[Item]]],
    may_go_on: Callable[[], bool],
) -> Iterator[Left]:
    """Send the lanes of senders with a rate, round by round; what each has left over at the end."""
    queue = deque(lanes)
    while queue:
        soonest_s, moved = NAP_S, False
        for _turn in range(len(queue)):
            way, items = queue.popleft()
            now = clock.now_ms()
            n, wait_s = way.room(len(items), now)
            until = 0
            if n:
                until, rest = send(way, items[:n])
                items, moved = [*rest, *items[n:]], True
            elif wait_s > NAP_S:
                until = now + int(wait_s * 1000)
            else:
                soonest_s = min(soonest_s, max(wait_s, 0.001))
            if until:
                yield way, until, items
            elif items:
                queue.append((way, items))
        if queue and not may_go_on():
            for way, items in queue:
                yield way, 0, items
            return
        if queue and not moved:
            clock.sleep(soonest_s)


def again(way: Way | None, until: int, items: Sequence[Item]) -> Iterator[tuple[int, list[Item]]]:
    """When what a lane left over is looked at again: at once (0) where another way is open, else at `until`."""
    if way is None or not until or not items:
        yield until, list(items)
        return
    if way.sender_id and way.used_up(clock.now_ms()):
        yield 0, list(items)
        return
    account = breaker.load(way.account_id)[0]
    if account.usable(clock.now_ms()):
        yield until, list(items)
        return
    open_ = [item for item in items if not item.account_id and item.choice is not None and item.choice.others]
    gone = {item.id for item in open_}
    yield 0, open_
    yield until, [item for item in items if item.id not in gone]
