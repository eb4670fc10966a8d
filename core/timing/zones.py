"""Time zones of countries, and wall clock times that survive daylight saving.

Source of the table: `zone.tab` of the IANA time zone database, as shipped by the `tzdata` package.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from core.contract.errors import Refusal
from core.i18n import _

#: Countries whose law knows one time although people also keep another: Xinjiang's Asia/Urumqi is a custom,
#: the State Council's Beijing time is the legal one (facts: 08–21 Asia/Shanghai).
LEGAL_TIME = {"CN": ("Asia/Shanghai",)}


@lru_cache(maxsize=1)
def table() -> dict[str, tuple[str, ...]]:
    """ISO country → its IANA zones."""
    found: dict[str, list[str]] = {}
    text = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()} | LEGAL_TIME


def countries() -> frozenset[str]:
    """Every ISO country the zone table knows."""
    return frozenset(table())


def zones_of(country: str, fallback: str = "") -> tuple[str, ...]:
    """The zones people of a country live in; those of `fallback` for an unknown country, else UTC.

    A number does not tell which of several zones its owner is in (area codes move with people), so callers
    that must not disturb take the intersection of all of them.
    """
    return table().get(country) or table().get(fallback) or ("UTC",)


@lru_cache(maxsize=1024)
def zone_info(name: str) -> ZoneInfo:
    """The zone of an IANA name.  Raises `Refusal` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found; the name of a folder; a path that leaves the table
        raise Refusal(
            _("“%(name)s” is not an IANA time zone such as Asia/Shanghai or UTC.", name=name), field="zone"
        ) from None


def wall_to_ms(wall: datetime, zone: str) -> int:
    """The instant (epoch ms) at which clocks in `zone` first show the naive time `wall`.

    A time that is skipped when clocks go forward becomes the first instant after the gap; one that comes
    twice when they go back is the first of the two.
    """
    tz = zone_info(zone)
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == wall:
        return round(first.timestamp() * 1000)
    # In a gap fold=1 applies the offset after it and so lands before the change, fold=0 after it.
    before = int(wall.replace(tzinfo=tz, fold=1).timestamp())
    after = int(first.timestamp())
    old = datetime.fromtimestamp(before, tz).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, tz).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after * 1000


def parse_at(text: str, zone: str) -> tuple[int, str, str]:
    """An ISO 8601 time as (epoch ms, wall time "YYYY-MM-DDTHH:MM", zone).

    With an offset or Z it is that instant, and the wall time is what clocks in `zone` show then; without
    one it is wall time in `zone`.  Raises `Refusal` for anything else.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refusal(
            _("“%(text)s” is not a time; write it as 2026-11-22T10:00 or 2026-11-22T10:00+08:00.", text=text),
            field="at",
        ) from None
    if at.tzinfo is None:
        return wall_to_ms(at, zone), at.isoformat(timespec="minutes"), zone
    local = at.astimezone(zone_info(zone)).replace(tzinfo=None)
    return round(at.timestamp() * 1000), local.isoformat(timespec="minutes"), zone
