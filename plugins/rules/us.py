"""United States: the TCPA's hours and the stricter ones of states.  As of 2026-11-21.

Sources: 47 CFR 64.1200(c)(1) for 08:00–21:00 at the called party's location; the state table was read at
support.referrizer.com and dropcowboy.com (2025-11) and should be checked by counsel.  A number does not
tell where its owner is, so without better knowledge the intersection of all states holds.  It can be
switched off under Settings for those who know their audience (rule `us.states`).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from core import hookimpl
from core.contract.types import Hours, Rule

_WEEK = (0, 1, 2, 3, 4, 5, 6)

#: State → ((weekdays, from hour, to hour), …); a weekday that is not named is closed.
STATES: dict[str, tuple[tuple[tuple[int, ...], int, int], ...]] = {
    "AL": ((_WEEK[:6], 8, 20),),
    "CT": ((_WEEK, 9, 20),),
    "FL": ((_WEEK, 8, 20),),
    "KY": ((_WEEK, 10, 21),),
    "LA": ((_WEEK[:6], 8, 20),),
    "MA": ((_WEEK, 8, 20),),
    "MD": ((_WEEK, 8, 20),),
    "MI": ((_WEEK, 9, 21),),
    "MN": ((_WEEK, 9, 21),),
    "MS": ((_WEEK[:6], 8, 20),),
    "NJ": ((_WEEK, 8, 20),),
    "NM": ((_WEEK, 9, 21),),
    "NV": ((_WEEK, 9, 20),),
    "OK": ((_WEEK, 8, 20),),
    "RI": ((_WEEK[:5], 9, 18), (_WEEK[5:], 10, 17)),
    "TX": ((_WEEK[:6], 9, 21), ((6,), 12, 21)),
    "WA": ((_WEEK, 8, 20),),
}
#: States that also close on public holidays.
CLOSED_ON_HOLIDAYS = frozenset({"AL"})


@lru_cache(maxsize=16)
def _federal(year: int) -> frozenset[date]:
    from holidays import country_holidays  # takes a tenth of a start, and most commands ask for none

    return frozenset(country_holidays("US", years=year))


class Tcpa(Rule):
    id = "us.tcpa"
    version = "1"
    as_of = "2026-11-21"
    title = "TCPA: 08:00 to 21:00 where the recipient is"
    source = "47 CFR 64.1200(c)(1)"
    countries = frozenset({"US"})

    def hours(self):
        return (Hours(frozenset(_WEEK), 8 * 60, 21 * 60),)


class StrictestState(Rule):
    id = "us.states"
    version = "1"
    as_of = "2026-11-21"
    title = "Strictest of the states: Mon–Fri 10–18, Sat 10–17, never on Sundays and public holidays"
    source = "support.referrizer.com, dropcowboy.com (2025-11)"
    countries = frozenset({"US"})

    def hours(self):
        out = []
        for day in _WEEK:
            spans = [[(lo, hi) for days, lo, hi in rows if day in days] for rows in STATES.values()]
            if all(spans):
                start = max(lo for rows in spans for lo, _ in rows)
                end = min(hi for rows in spans for _, hi in rows)
                out.append(Hours(frozenset({day}), start * 60, end * 60))
        return tuple(out)

    def closed(self, day: date) -> bool:
        return bool(CLOSED_ON_HOLIDAYS) and day in _federal(day.year)


@hookimpl
def register_rules():
    return [Tcpa, StrictestState]
