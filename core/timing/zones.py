"""Wall clock times that survive daylight saving; the zones of countries are in `core.zones`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.contract.errors import Refusal
from core.db import settings
from core.i18n import _
from core.zones import countries as countries
from core.zones import table as table
from core.zones import zone_info as zone_info
from core.zones import zones_of as zones_of

if TYPE_CHECKING:
    from core.runtime import Runtime


#: Beyond them instants leave what calendars can tell, once a zone is added.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


def house(rt: Runtime) -> ZoneInfo:
    """The zone of the house, by which its days and months begin."""
    return zone_info(settings.house_zone(rt.settings.zone))


def wall_to_ms(wall: datetime, zone: str) -> int:
    """The instant (epoch ms) at which clocks in `zone` first show the naive time `wall`.

    A time that is skipped when clocks go forward becomes the first instant after the gap; one that comes
    twice when they go back is the first of the two.  Raises `Refusal` for years nobody plans in.
    """
    tz = zone_info(zone)
    _check_year(wall.year)
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
    _check_year(at.year)
    local = at.astimezone(zone_info(zone)).replace(tzinfo=None)
    return round(at.timestamp() * 1000), local.isoformat(timespec="minutes"), zone


def _check_year(year: int) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise Refusal(
            _("The year %(year)s is out of reach; choose one from %(first)s to %(last)s.",
              year=year, first=_FIRST_YEAR, last=_LAST_YEAR),
            field="at",
        )  # fmt: skip
