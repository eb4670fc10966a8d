"""Hours of the day at which people read: the windows recommended on the time step of a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from core import clock
from core.timing import zones
from core.timing.hours import Interval, intersect, union

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Local minutes of day, inside the hours of China's vendors; some American states close earlier.
RECOMMENDED: tuple[tuple[int, int], ...] = ((600, 720), (900, 1020), (1140, 1260))


def label(window: tuple[int, int]) -> str:
    """(600, 720) → "10:00–12:00"."""
    return "–".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in window)


def coming(zone: str, now: int, days: int = 3) -> list[datetime]:
    """Starts of the recommended windows from `now` on, as wall times in `zone`, for `days` days."""
    local = clock.from_ms(now).astimezone(zones.zone_info(zone)).replace(tzinfo=None)
    midnight = datetime.combine(local.date(), time())
    starts = (
        midnight + timedelta(days=day, minutes=window[0]) for day in range(days) for window in RECOMMENDED
    )
    return [start for start in starts if start > local]


def share_inside(zone: str, spans: Sequence[Interval]) -> float | None:
    """What share of the time in `spans` (epoch ms) lies in recommended windows of `zone`; None for no time."""
    total = sum(hi - lo for lo, hi in spans)
    if not total:
        return None
    first = clock.from_ms(spans[0][0]).date() - timedelta(days=1)
    days = (clock.from_ms(spans[-1][1]).date() - first).days + 2
    good = []
    for n in range(days):
        midnight = datetime.combine(first + timedelta(days=n), time())
        for lo, hi in RECOMMENDED:
            good.append(
                (
                    zones.wall_to_ms(midnight + timedelta(minutes=lo), zone),
                    zones.wall_to_ms(midnight + timedelta(minutes=hi), zone),
                )
            )
    return sum(hi - lo for lo, hi in intersect(union(spans), union(good))) / total


def home(rt: Runtime, country: str) -> str:
    """The first zone of a country, for rough figures only."""
    return zones.zones_of(country, rt.settings.default_region)[0]
