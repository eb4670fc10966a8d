"""European Union: hours of advertising texts where a country names them.  As of 2026-11-21.

France: none on Sundays, on public holidays, and from 22:00 to 08:00 (CNIL's guidance and the
carriers' charter).  The other countries ask for consent and a way out rather than hours; there the hours of
the house hold.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from core import hookimpl
from core.contract.types import Hours, Rule


@lru_cache(maxsize=16)
def _french(year: int) -> frozenset[date]:
    from holidays import country_holidays  # takes a tenth of a start, and most commands ask for none

    return frozenset(country_holidays("FR", years=year))


class France(Rule):
    id = "eu.fr"
    version = "1"
    as_of = "2026-11-21"
    title = "France: 08:00 to 22:00, never on Sundays and public holidays"
    source = "CNIL guidance on advertising by SMS; carriers' charter"
    countries = frozenset({"FR"})

    def hours(self):
        return (Hours(frozenset(range(6)), 8 * 60, 22 * 60),)

    def closed(self, day: date) -> bool:
        return day in _french(day.year)


@hookimpl
def register_rules():
    return [France]
