"""Time zones of countries: which clocks people of a country live by.

Source of the table: `zone.tab` of the IANA time zone database, as shipped by the `tzdata` package.
"""

from __future__ import annotations

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
