"""Which days somebody can have been born on: one rule for pages, files and programs."""

from __future__ import annotations

from core import clock
from core.contract.errors import Refusal
from core.i18n import _

#: The field the rule is for.
KEY = "birthday"
#: Nobody is known to have lived longer than 122 years (Jeanne Calment, 1875 to 1997).
OLDEST_DAYS = 125 * 366


def possible(day: int) -> bool:
    """Can a person be born on this day (days since 1970-01-01) and live?"""
    last = _last_day()
    return last - OLDEST_DAYS <= day <= last


def check(day: int, text: str, *, field: str = KEY) -> None:
    """Raises `Refusal` with the text as it was given when nobody can have been born on this day."""
    if possible(day):
        return
    if day > _last_day():
        raise Refusal(
            _("“%(text)s” lies in the future; write the day the person was born.", text=text.strip()[:40]),
            field=field,
        )
    raise Refusal(
        _("“%(text)s” is longer ago than anybody lives; write the day the person was born.", text=text.strip()[:40]),
        field=field,
    )  # fmt: skip


def _last_day() -> int:
    """The day it is where the day begins first, UTC+14, in days since 1970-01-01."""
    return (clock.now_ms() + 14 * clock.HOUR_MS) // clock.DAY_MS
