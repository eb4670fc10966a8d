"""Arrival while receipts still come: the share that has a good receipt by some time after its submit.

The estimator of Aalen and Johansen with two ends, delivered and failed: a message whose receipt said "failed"
can no longer arrive, one that is younger than the time asked about tells only as much as it has lived.
Reading delivered ÷ sent of the last minutes instead takes every young message for a lost one (docs/arrival.md).

Variance: Marubini and Valsecchi, Analysing Survival Data from Clinical Trials (1995), 10.3; the interval is
Wilson's at the number of messages that would give this variance if nothing were hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.measure import stats

#: (seconds after the submit, delivered then, failed then, last seen then without a receipt)
Step = tuple[float, int, int, int]


@dataclass(frozen=True, slots=True)
class Incidence:
    """The share delivered within `seconds`, of `n` messages; `low`, `high` its 95 % interval.

    `effective` is how many finished messages tell as much; `delivered` how many receipts were seen by then.
    """

    seconds: float
    share: float
    low: float
    high: float
    n: int
    delivered: int
    effective: float


def incidence(steps: Iterable[Step], seconds: float) -> Incidence | None:
    """The share delivered within `seconds`; None without messages.  One line a moment, in any order."""
    ordered = sorted(step for step in steps if any(step[1:]))
    n = sum(sum(step[1:]) for step in ordered)
    if not n:
        return None
    alive, surviving, share, delivered, hidden = n, 1.0, 0.0, 0, 0
    seen: list[tuple[float, float, int, int, int]] = []
    for at, good, bad, left in ordered:
        if at > seconds:
            break
        before = surviving
        share += surviving * good / alive
        surviving *= 1.0 - (good + bad) / alive
        seen.append((share, before, alive, good, bad))
        delivered += good
        alive -= good + bad + left
        # One last seen at the very moment asked about was there all the time.
        hidden += left if at < seconds else 0
        if not alive:
            break
    share = min(1.0, round(share, 12))  # a sum of many shares may end a hair below 1
    variance = _variance(seen, share) if 0.0 < share < 1.0 else 0.0
    effective = share * (1.0 - share) / variance if variance > 0.0 else n - hidden
    low, high = stats.wilson(share * effective, effective) if effective > 0 else (0.0, 1.0)
    return Incidence(seconds, share, low, high, n, delivered, effective)


def _variance(seen: list[tuple[float, float, int, int, int]], share: float) -> float:
    total = 0.0
    for so_far, surviving, alive, good, bad in seen:
        ended, rest = good + bad, share - so_far
        if ended < alive:
            total += rest * rest * ended / (alive * (alive - ended))
        total += surviving**2 * good * (alive - good) / alive**3
        total -= 2 * rest * surviving * good / alive**2
    return total
