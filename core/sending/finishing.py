"""When a campaign will be through: people by country, their allowed hours, and the rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from core import clock
from core.db.codes import Cls
from core.timing import hours

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Messages a second where neither the campaign nor the account names a rate: an HTTP provider answering in
#: 80 ms with the careful window of 8.
ASSUMED_PER_S = 100.0
#: Longer plans are shown as open-ended.
HORIZON_DAYS = 60


@dataclass(frozen=True, slots=True)
class Span:
    """People of one country are texted between these instants (epoch ms); `until` None: not within 60 days.
    `left` of the `n` have no turn by then.
    """

    country: str
    n: int
    since: int
    until: int | None
    left: int = 0


def plan(
    rt: Runtime, cls: int, people: Mapping[str, int], at: int, per_s: float, *, quiet_hours: bool = True,
    end: int | None = None,
) -> list[Span]:  # fmt: skip
    """Spans by country, in order of their start, for texts that may leave from `at` on and before `end` (epoch ms).

    Countries whose hours are open share the rate, in the order in which they opened, as the send path does.
    """
    until = at + HORIZON_DAYS * clock.DAY_MS
    closes = end if end is not None and end <= until else None
    until = until if closes is None else closes
    always = not quiet_hours or Cls(cls).name not in ("mass", "voice")
    open_at = {
        country: [(at, until)] if always else hours.allowed_intervals(rt, cls, country, at, until)
        for country in people
    }
    edges = sorted({edge for spans in open_at.values() for span in spans for edge in span} | {at, until})
    left = {country: float(n) for country, n in people.items() if n}
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for lo, hi in zip(edges, edges[1:], strict=False):
        now = float(lo)
        ready = [c for c in left if any(a <= lo and hi <= b for a, b in open_at[c])]
        for country in sorted(ready, key=lambda c: (open_at[c][0][0], c)):
            first.setdefault(country, int(now))
            sent = min(left[country], (hi - now) / 1000 * per_s)
            now += sent / per_s * 1000
            left[country] -= sent
            if left[country] < 1e-6:
                del left[country]
                last[country] = int(now)
            if now >= hi - 0.5:
                break
        if not left:
            break
    made = [
        Span(c, n, first.get(c, until), last.get(c, closes), ceil(left.get(c, 0)))
        for c, n in people.items()
        if n
    ]
    return sorted(made, key=lambda span: (span.since, -span.n))
