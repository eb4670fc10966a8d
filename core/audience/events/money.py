"""The house currency: every stored amount is in it, in millionths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from core.audience.events.facts import currencies as codes
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.security import audit

#: Setting names: the ISO code of the house currency; {"USD": "7.2"}: units of the house currency for one.
HOUSE, RATES = "currency", "rates"


def house() -> str:
    """The house currency, "" while nothing has set it."""
    return str(settings.get(HOUSE) or "")


def rates() -> dict[str, Decimal]:
    """Units of the house currency for one of another; entries that are no positive numbers are left out."""
    found = {}
    for code, text in (settings.get(RATES) or {}).items():
        try:
            rate = Decimal(str(text))
        except InvalidOperation:
            continue
        if rate.is_finite() and rate > 0:
            found[code.upper()] = rate
    return found


def settle(named: Iterable[str] | Counter[str]) -> str:
    """The house currency; where none is set, the one most of `named` have becomes it, ties by the alphabet,
    so that the order of rows does not matter."""
    if known := house():
        return known
    counted = Counter({code: n for code, n in Counter(named).items() if code in codes()})
    if not counted:
        return ""
    found = min(counted, key=lambda code: (-counted[code], code))
    settings.put(HOUSE, found)
    return found


def choose(code: str, *, who: str) -> None:
    """Set the house currency.  Raises `Refusal` for no ISO code, and once amounts are stored in another."""
    code = _code(code)
    if code == house():
        return
    if database.one("SELECT 1 FROM event_day WHERE sum_micros <> 0 LIMIT 1"):
        raise Refusal(
            _("Amounts are stored in %(code)s already; the currency cannot change any more.", code=house()),
            field="currency",
            status=409,
        )
    with database.write_tx():
        settings.put(HOUSE, code)
        audit.record(who, "events.currency", "setting:currency", code)


def set_rate(code: str, rate: str, *, who: str) -> None:
    """How many units of the house currency one of `code` is worth, as text like "7.2"; "" or "0" removes it.

    Amounts stored before keep what they were worth then.  Raises `Refusal` for no ISO code or no number.
    """
    code, known = _code(code), {key: str(value) for key, value in rates().items()}
    try:
        value = Decimal(rate.strip() or "0")
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value < 10**9:
        raise Refusal(_("“%(rate)s” is no exchange rate; write it like 7.25.", rate=rate[:40]), field="rate")
    known.pop(code, None)
    with database.write_tx():
        settings.put(RATES, known | ({code: str(value)} if value else {}))
        audit.record(who, "events.rate", f"rate:{code}", str(value))


def _code(text: str) -> str:
    code = text.strip().upper()
    if code not in codes():
        raise Refusal(
            _("“%(code)s” is no ISO currency code such as CNY or USD.", code=text[:20]), field="currency"
        )
    return code
