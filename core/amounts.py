"""Numbers and money as people type them: "1,000.50", "1.000,50", "1 000", "0,045", full-width digits."""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

from core.contract.errors import Refusal
from core.i18n import _

#: As machines write it: a point alone is always the decimal mark.
_PLAIN = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]{1,2})?|\.[0-9]+")
#: Thousands by one mark, then perhaps decimals behind the other.
_GROUPED = re.compile(r"([1-9][0-9]{0,2}(?:([ '.,])[0-9]{3})(?:\2[0-9]{3})*)(?:(?!\2)[.,]([0-9]+))?")
_COMMA = re.compile(r"([0-9]*),([0-9]+)")
_MARKS = str.maketrans("−’", "-'")


def read(text: str, field: str | None = None) -> Decimal:
    """The number somebody typed; the caller knows its bounds.

    One comma before three digits parts thousands, as English and Chinese readers mean it, but for a leading 0:
    "1,000" is a thousand, "0,045" and "12,5" have a decimal comma.  Raises `Refusal` for what is no number and for what
    may be two, such as "1,0000".
    """
    tidy = unicodedata.normalize("NFKC", text).translate(_MARKS).strip()
    sign, digits = (-1, tidy[1:]) if tidy[:1] == "-" else (1, tidy.removeprefix("+"))
    if _PLAIN.fullmatch(digits):
        return sign * Decimal(digits)
    if found := _GROUPED.fullmatch(digits):
        return sign * Decimal(f"{re.sub('[^0-9]', '', found[1])}.{found[3] or 0}")
    found = _COMMA.fullmatch(digits)
    if found and (not found[1].strip("0") or len(found[2]) < 3 or (len(found[1]) > 3 and len(found[2]) == 3)):
        return sign * Decimal(f"{found[1] or 0}.{found[2]}")
    raise Refusal(
        _("“%(text)s” cannot be read as one number; write it like 1000.50.", text=text.strip()[:40]),
        field=field,
    )


def rounded(micros: float, digits: int = 2) -> Decimal:
    """Micro-units as money of so many decimals, a half up, as bills are rounded."""
    money = (Decimal(micros) / 1_000_000).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return money + 0  # never "-0.00"
