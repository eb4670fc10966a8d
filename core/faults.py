"""Named places where a test makes a process fail: `COOEE_FAULT=point:action:nth`.

`action` is `exit` (at once, like kill -9), `raise`, or `sleep` (a minute); `nth` is the pass that does it,
1 for the first.  Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
import time


class Injected(RuntimeError):
    """A failure a test asked for."""


def _read(given: str) -> list:
    if not given:
        return []
    point, action, nth = given.rsplit(":", 2)  # names of points have colons, too
    return [point, action, int(nth)]


#: [point, action, passes left] of this process; empty when nothing is to fail.
_ARMED = _read(os.environ.get("COOEE_FAULT", ""))


def arm(given: str) -> None:
    """Take another order than the environment's; for a process forked by a test."""
    _ARMED[:] = _read(given)


def point(name: str) -> None:
    """Fail here if this process was told to.  The point `any` is every point."""
    if not _ARMED or _ARMED[0] not in (name, "any"):
        return
    _ARMED[2] -= 1
    if _ARMED[2] != 0:
        return
    if _ARMED[1] == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    elif _ARMED[1] == "sleep":
        time.sleep(60)
    else:
        raise Injected(f"fault at {name}")
