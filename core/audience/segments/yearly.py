"""Days that come back each year, in SQL over a column of day numbers.

A day number modulo the 1,461 days of four years says month and day without calendar arithmetic, from March 1900
to February 2100; a date outside of that is a slip in the data and matches nobody.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from operator import or_

from core.audience.segments.logic import EVERYONE, modulo
from core.audience.segments.ops import day_number

_FIRST, _LAST = day_number(date(1900, 3, 1)), day_number(date(2100, 2, 28))
_CYCLE, _YEAR = 1461, 365
#: The place of 29 February, the last day of the four years.
_LEAP_DAY = _CYCLE - 1
#: A year without a leap day, which belongs to February all the same.
_COMMON = 2023


def sound(column):
    """The condition that a day number lies in the years this can tell."""
    return column.between(_FIRST, _LAST)


def in_month(column, month: int):
    """The condition that a (sound) day lies in a month."""
    first = date(_COMMON, month, 1)
    days = ((first + timedelta(31)).replace(day=1) - first).days
    return _in_runs(column, [(_place(first), _place(first) + days - 1)], month == 2)


def within(column, today: date, ahead: int):
    """The condition that the day comes back within so many days, today included.

    29 February comes back on the 28th in years without one.
    """
    if ahead >= _YEAR:
        return EVERYONE
    days = [today + timedelta(n) for n in range(ahead + 1)]
    return _in_runs(column, _runs(days), any(map(_holds_leap_day, days)))


def years_before(day: date, years: int) -> date:
    """The latest day of birth of someone `years` old; who was born on 29 February ages on 1 March."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _place(day: date) -> int:
    """The day's place in a year that begins in March: 0 is 1 March, 364 the 28th of February."""
    return (day_number(day) - _FIRST) % _CYCLE % _YEAR


def _runs(days: list[date]) -> list[tuple[int, int]]:
    """First and last places of following days; two runs across 1 March.  29 February has no place."""
    runs: list[tuple[int, int]] = []
    for place in sorted({_place(day) for day in days if (day.month, day.day) != (2, 29)}):
        if runs and place == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _in_runs(column, runs: list[tuple[int, int]], leap_day: bool):
    place = modulo(column - _FIRST, _CYCLE)
    made = [modulo(place, _YEAR).between(*run) & (place != _LEAP_DAY) for run in runs]
    return reduce(or_, [*made, place == _LEAP_DAY] if leap_day else made)


def _holds_leap_day(day: date) -> bool:
    """The day on which 29 February comes back."""
    return (day.month, day.day) == (2, 29) or (
        (day.month, day.day) == (2, 28) and (day + timedelta(1)).month == 3
    )
