"""Wall clock times that survive daylight saving; the zones of countries are in `core.zones`."""

from __future__ import annotations

from datetime import UTC, datetime

from core.contract.errors import Refusal
from core.i18n import _
from core.zones import countries as countries
from core.zones import table as table
from core.zones import zone_info as zone_info
from core.zones import zones_of as zones_of


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
