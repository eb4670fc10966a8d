"""When people may be texted: the house's quiet hours and the rule packs, in the recipient's local time.

A marketing text (mass, voice) may go to a country at an instant when the clocks of *all* its zones are
inside the allowed hours of the setting `timing.hours`, of every rule pack that applies and of its class
(core.db.classes).  otp and notice are always allowed, unless their class has hours.  Hours are read anew at
each call; the arithmetic behind them is memoised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import Refusal
from core.contract.types import Hours, Rule
from core.db import classes, settings
from core.db.codes import MARKETING, Cls
from core.i18n import _
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Setting keys, changed on the settings page.
HOURS_KEY, RULES_OFF_KEY = "timing.hours", "timing.rules_off"
#: Inside what China's vendors (08:00–22:00) and the TCPA (47 CFR 64.1200(c)(1): 08:00–21:00) allow.
DEFAULT_HOURS = {"start": "08:00", "end": "21:00"}
EVERY_DAY = frozenset(range(7))
#: Longer than any run of holidays; a country without one allowed minute in it is never texted.
HORIZON_DAYS = 16

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layer:
    """One restriction: text only inside `hours`, and not on days the rule (if any) calls closed."""

    hours: tuple[Hours, ...]
    rule: Rule | None = None


def minutes(text: str) -> int:
    """ "08:30" → 510.  Raises `Refusal`."""
    try:
        hour, minute = (int(part) for part in text.split(":"))
    except ValueError:
        hour, minute = -1, 0
    if not (0 <= hour <= 24 and 0 <= minute < 60 and hour * 60 + minute <= 1440):
        raise Refusal(_("“%(text)s” is not a time of day such as 08:00.", text=text), field="hours")
    return hour * 60 + minute


def house_hours() -> tuple[int, int]:
    """The setting `timing.hours` as local minutes of day (start, end)."""
    stored = settings.get(HOURS_KEY, DEFAULT_HOURS)
    return minutes(stored["start"]), minutes(stored["end"])


def set_house_hours(start: str, end: str) -> None:
    """Store the allowed hours of marketing texts.  Raises `Refusal` when they hold no minute."""
    if minutes(start) >= minutes(end):
        raise Refusal(
            _("Allowed hours %(start)s–%(end)s hold no minute; the end must be later.", start=start, end=end),
            field="hours",
        )
    settings.put(HOURS_KEY, {"start": start, "end": end})


@lru_cache(maxsize=256)
def _made(rule) -> Rule:
    return rule() if isinstance(rule, type) else rule


def rules(rt: Runtime, cls: int, country: str) -> list[Rule]:
    """The rules in force for a class and country, for pages that say which law decided."""
    off = set(settings.get(RULES_OFF_KEY, []))
    made = (_made(rule) for rule in rt.plugins.rules.values())
    return [
        rule
        for rule in made
        if rule.id not in off
        and Cls(cls).name in rule.classes
        and (not rule.countries or country in rule.countries)
    ]


def _layers(rt: Runtime, cls: int) -> dict[str, tuple[Layer, ...]]:
    """Country → its restrictions; '' holds those of countries no rule names."""
    own = classes.of(cls).hours
    common = [Layer((Hours(EVERY_DAY, *own),))] if own else []
    if Cls(cls) not in MARKETING:
        return {"": tuple(common)}
    start, end = house_hours()
    common.append(Layer((Hours(EVERY_DAY, start, end),)))
    off = frozenset(settings.get(RULES_OFF_KEY, []))
    packs = tuple(_made(rule) for rule in rt.plugins.rules.values())
    return _merged(tuple(common), Cls(cls).name, tuple(rule for rule in packs if rule.id not in off))


@lru_cache(maxsize=64)
def _merged(house: tuple[Layer, ...], cls: str, packs: tuple[Rule, ...]) -> dict[str, tuple[Layer, ...]]:
    common = list(house)
    special: dict[str, list[Layer]] = {}
    for rule in packs:
        if cls not in rule.classes or not rule.hours():
            continue
        layer = Layer(tuple(rule.hours()), rule)
        for country in rule.countries:
            special.setdefault(country, []).append(layer)
        if not rule.countries:
            common.append(layer)
    return {"": tuple(common)} | {c: tuple(common + more) for c, more in special.items()}


@lru_cache(maxsize=16_384)
def _day(zone: str, layers: tuple[Layer, ...], day: date) -> tuple[Interval, ...]:
    """Allowed intervals (epoch ms) of one local day in one zone."""
    allowed: list[Interval] = [(0, 1440)]
    for layer in layers:
        if layer.rule is not None and layer.rule.closed(day):
            return ()
        spans = [(h.start, h.end) for h in layer.hours if day.weekday() in h.days]
        allowed = intersect(allowed, union(spans))
    midnight = datetime.combine(day, time())
    return tuple(
        (
            zones.wall_to_ms(midnight + timedelta(minutes=lo), zone),
            zones.wall_to_ms(midnight + timedelta(minutes=hi), zone),
        )
        for lo, hi in allowed
    )


def union(spans: Sequence[Interval]) -> list[Interval]:
    """Sorted, disjoint intervals covering the same points."""
    merged: list[Interval] = []
    for lo, hi in sorted(spans):
        if merged and lo <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
        elif lo < hi:
            merged.append((lo, hi))
    return merged


def intersect(a: Sequence[Interval], b: Sequence[Interval]) -> list[Interval]:
    """Points in both of two sorted, disjoint lists."""
    out, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        lo, hi = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if lo < hi:
            out.append((lo, hi))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return out


def unrestricted(cls: int) -> bool:
    """May this class be sent at any hour: a code or notice whose class has no hours of its own?"""
    return Cls(cls) not in MARKETING and classes.of(cls).hours is None


def allowed_intervals(rt: Runtime, cls: int, country: str, since_ms: int, until_ms: int) -> list[Interval]:
    """When a country may be texted between two instants (epoch ms), as sorted [from, to) intervals."""
    if unrestricted(cls):
        return [(since_ms, until_ms)]
    layers = _layers(rt, cls)
    return _country(_zones(rt, country), layers.get(country, layers[""]), since_ms, until_ms)


def _zones(rt: Runtime, country: str) -> tuple[str, ...]:
    return zones.zones_of(country, rt.settings.default_region)


def _country(
    names: tuple[str, ...], layers: tuple[Layer, ...], since_ms: int, until_ms: int
) -> list[Interval]:
    allowed: list[Interval] = [(since_ms, until_ms)]
    first = clock.from_ms(since_ms).date() - timedelta(days=1)
    days = (clock.from_ms(until_ms).date() - first).days + 2
    for name in names:
        spans = [span for n in range(days) for span in _day(name, layers, first + timedelta(days=n))]
        allowed = intersect(allowed, union(spans))
    return allowed


def next_allowed(rt: Runtime, cls: int, country: str, now: int) -> int | None:
    """The first instant (epoch ms) from `now` on at which a country may be texted.

    None when there is none within 16 days: the zones of the country and the rules leave no common minute.
    """
    if unrestricted(cls):
        return now
    spans = allowed_intervals(rt, cls, country, now, now + HORIZON_DAYS * clock.DAY_MS)
    return spans[0][0] if spans else None


@lru_cache(maxsize=4096)
def _open(zone: str, layers: tuple[Layer, ...], minute: int) -> bool:
    at = minute * clock.MINUTE_MS
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zones.zone_info(zone))
    return any(lo <= at < hi for lo, hi in _day(zone, layers, local.date()))


@lru_cache(maxsize=64)
def _forbidden(house_key: tuple, minute: int, region: str) -> frozenset[str]:
    layers = dict(house_key)
    shut = {
        country
        for country, names in zones.table().items()
        if not all(_open(name, layers.get(country, layers[""]), minute) for name in names)
    }
    if region in shut:
        shut |= {"", "001", "ZZ"}
    return frozenset(shut)


def forbidden_now(rt: Runtime, cls: int, now: int) -> frozenset[str]:
    """ISO countries that may not be texted in a class at `now` (epoch ms); called before each wire window.

    Holds '' (country unknown) when the instance's own region is closed.  Memoised by minute and settings:
    about 3 ms in the first call of a minute, microseconds after.
    """
    if unrestricted(cls):
        return frozenset()
    layers = _layers(rt, cls)
    return _forbidden(tuple(sorted(layers.items())), now // clock.MINUTE_MS, rt.settings.default_region)
