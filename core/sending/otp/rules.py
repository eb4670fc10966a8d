"""What people set about one-time codes: their shape, their limits, the guard; under the setting `otp`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

from core.audience import phones
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.security import audit

KEY = "otp"
KEPT_S = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits are counted from the first request on; 0 switches one off where its least value is 0.

    Sources of the defaults: Aliyun allows a code a minute, 5 an hour and 10 a day to a number, and alarms at
    1,000 an hour, below 80 % success and above 50 % growth (help.aliyun.com, read 2026-11-21).
    """

    #: The code.
    length: int = 6
    alphabet: str = "digits"
    ttl_s: int = 300
    attempts: int = 5
    #: Asking again.
    gap_s: int = 60
    resends: int = 4
    #: A call follows when the text has not arrived after this; 0 never.
    fallback_s: int = 30
    #: ISO countries; None: the instance's own.
    countries: tuple[str, ...] | None = None
    #: Codes to a number, to a prefix of seven digits, for an address, and in all.
    number_hour: int = 5
    number_day: int = 10
    prefix_hour: int = 20
    ip_hour: int = 10
    minute: int = 300
    hour: int = 3_000
    #: So many different numbers within 20 of each other in so long are a run.
    adjacent: int = 10
    adjacent_s: int = 3_600
    #: A prefix of which fewer codes are used (percent), of at least so many, is blocked for so long.
    ratio_percent: int = 30
    ratio_min: int = 50
    block_s: int = 21_600
    #: Alarms: codes an hour, percent that arrived or were used, growth in percent; 0 off.
    alarm_hour: int = 1_000
    alarm_success: int = 80
    alarm_growth: int = 50


ALPHABETS = ("digits", "alnum")
#: Field → (least, most).
BOUNDS = {
    "length": (4, 10), "ttl_s": (30, 600), "attempts": (1, 10), "gap_s": (10, 600), "resends": (0, 50),
    "fallback_s": (0, 300), "number_hour": (0, 1000), "number_day": (0, 1000), "prefix_hour": (0, 1_000_000),
    "ip_hour": (0, 1_000_000), "minute": (0, 1_000_000), "hour": (0, 10_000_000), "adjacent": (0, 41),
    "adjacent_s": (60, 86_400), "ratio_percent": (0, 100), "ratio_min": (5, 100_000),
    "block_s": (60, 30 * 86_400), "alarm_hour": (0, 10_000_000), "alarm_success": (0, 100),
    "alarm_growth": (0, 10_000),
}  # fmt: skip
_NAMES = tuple(field.name for field in fields(Rules))


def of() -> Rules:
    """The rules now, at most `KEPT_S` seconds old."""
    return _read(database.proxy.obj, int(time.monotonic()) // KEPT_S)


@lru_cache(maxsize=4)
def _read(_database: object, _slot: int) -> Rules:
    return now()


def now() -> Rules:
    """The rules as the database has them this instant."""
    stored = settings.get(KEY, {})
    given = {name: stored[name] for name in _NAMES if name in stored}
    if given.get("countries") is not None:
        given["countries"] = tuple(given["countries"])
    return Rules(**given)


def save(changes: Mapping[str, Any], who: str = "") -> Rules:
    """Change some rules; all of them then.  Audited.  Raises `Refusal` with the field."""
    fresh = asdict(now()) | dict(changes)
    _check(fresh)
    kept = {name: value for name, value in fresh.items() if value != getattr(Rules(), name)}
    with database.write_tx():
        settings.put(KEY, kept)
        audit.record(who, "otp.rules", "otp", json.dumps(dict(changes), ensure_ascii=False))
    _read.cache_clear()
    return of()


def _check(given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given) - set(_NAMES))
    if unknown:
        raise Refusal(_("One-time codes have no rule %(name)s.", name=unknown[0]), field=unknown[0])
    for name, (least, most) in BOUNDS.items():
        value = given[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Refusal(
                _("%(name)s is a whole number from %(least)s to %(most)s, not %(value)s.",
                  name=name, least=least, most=most, value=value), field=name,
            )  # fmt: skip
    if given["alphabet"] not in ALPHABETS:
        raise Refusal(_("A code is of digits or alnum."), field="alphabet")
    countries = given["countries"]
    if countries is not None:
        wrong = [code for code in countries if code not in phones.REGIONS]
        if wrong or not countries:
            raise Refusal(
                _("%(text)s is no country code such as CN or US.", text=repr(wrong[0] if wrong else "")),
                field="countries",
            )
