"""Numbers, money and times as people read them; filters of the templates.

Times are epoch milliseconds and are shown in the reader's zone; money is micro-units with a currency;
shares are 0..1.  None is shown as a dash: "not known" is never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, dates, numbers
from flask import Flask, g
from markupsafe import Markup

from core import clock
from core.amounts import rounded
from core.i18n import LOCALES, _, language
from core.measure.stats import NEED

DASH = "–"


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(LOCALES[code])


def locale() -> Locale:
    """Babel's locale of the language in use."""
    return _locale(language())


@cache
def zone(name: str) -> tzinfo:
    """An IANA zone; UTC for a name this machine does not know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def reader_zone() -> tzinfo:
    """The zone of whoever reads the page."""
    return zone(g.get("zone", "UTC"))


def local(ms: int) -> datetime:
    """An instant in the reader's zone."""
    return clock.from_ms(ms).astimezone(reader_zone())


def num(value: float | Decimal | None, digits: int | None = None) -> str:
    """12,846; with `digits` exactly that many decimals."""
    if value is None:
        return DASH
    if digits is None and isinstance(value, int):
        return numbers.format_decimal(value, locale=locale())
    pattern = "#,##0." + "0" * digits if digits else ("#,##0" if digits == 0 else "#,##0.##")
    return numbers.format_decimal(value, format=pattern, locale=locale())


def pct(share: float | None, digits: int = 1) -> str:
    """A share as "96.8 %"."""
    return DASH if share is None else f"{num(share * 100, digits)} %"


def filled(n: int, total: int, digits: int = 1) -> str:
    """How many of `total` have a value, as "96.8 %": 100 % only when nobody lacks it, a dash when nobody is there."""
    if not total:
        return DASH
    return pct(1.0 if n >= total else min(n / total, 1 - 10.0 ** -(digits + 2)), digits)


def share(part: int, whole: int, digits: int = 1) -> str:
    """A share as "96.8 %"; "1 / 2" while it is of fewer than a figure needs (docs/measurement.md)."""
    if whole and too_few(whole):
        return f"{num(part)} / {num(whole)}"
    return pct(part / whole if whole else None, digits)


def too_few(whole: int) -> int:
    """How many more a share needs before it is told as one; 0 when there are enough."""
    return max(0, NEED - whole)


def money(micros: int | None, currency: str = "", digits: int = 2) -> str:
    """Micro-units as "¥ 525.92"."""
    if micros is None:
        return DASH
    symbol = numbers.get_currency_symbol(currency, locale=locale()) if currency else ""
    return f"{symbol} {num(rounded(micros, digits), digits)}".strip()


def monies(costs: Mapping[str, int], digits: int = 2) -> str:
    """Money in several currencies side by side: "¥ 525.92 + US$ 12.00"; never added up."""
    return " + ".join(money(micros, currency, digits) for currency, micros in costs.items()) or DASH


def day(ms: int | None) -> str:
    """21 Nov 2026"""
    return DASH if not ms else dates.format_date(local(ms), _pattern("y年M月d日", "d MMM y"), locale=locale())


def when(ms: int | None, seconds: bool = False) -> str:
    """21 Nov, 14:32 – with the year when it is not this one."""
    if not ms:
        return DASH
    at = local(ms)
    clock_part = at.strftime("%H:%M:%S" if seconds else "%H:%M")
    if at.year != local(clock.now_ms()).year:
        return f"{day(ms)} {clock_part}"
    return f"{short_day(at)} {clock_part}"


def short_day(at: date) -> str:
    """21 Nov: of a year that goes without saying, as below a chart."""
    return dates.format_date(at, _pattern("M月d日", "d MMM"), locale=locale())


def _pattern(chinese: str, other: str) -> str:
    return chinese if language() == "zh_Hans" else other


def ago(ms: int | None) -> str:
    """3 minutes ago"""
    if not ms:
        return _("never")
    delta = (clock.now_ms() - ms) / 1000
    if abs(delta) < 45:
        return _("just now")
    return dates.format_timedelta(-delta, add_direction=True, locale=locale())


def duration(seconds: float | None) -> str:
    """2 hours, 5 minutes – of rough precision, one unit."""
    if seconds is None:
        return DASH
    return dates.format_timedelta(seconds, threshold=1.5, locale=locale())


def size(octets: int | None) -> str:
    """3.4 MB"""
    if octets is None:
        return DASH
    value, unit = float(octets), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{num(value, 0 if unit == 'B' else 1)} {unit}"


def moment(ms: int | None) -> Markup:
    """A <time> element: when, with the whole instant and zone on hover."""
    if not ms:
        return Markup(DASH)
    at = local(ms)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S %Z}", when(ms)
    )


_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
_NAMES = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}


def browser(agent: str) -> str:
    """A user agent as people say it: "Chrome · Windows"."""
    found = [next((name for name in names if name in agent), "") for names in (_BROWSERS, _SYSTEMS)]
    return " · ".join(_NAMES.get(name, name) for name in found if name) or (agent[:40] or DASH)


def add_filters(app: Flask) -> None:
    """Make these known to the templates."""
    for function in (
        num,
        pct,
        filled,
        share,
        too_few,
        money,
        monies,
        day,
        short_day,
        when,
        ago,
        duration,
        size,
        moment,
        browser,
    ):
        app.jinja_env.filters[function.__name__] = function
