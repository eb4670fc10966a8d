"""`at_least`, `at_most`, `exactly` of a leaf: a number of times, or money in the house currency.

Amounts are stored in millionths; people and rules give units ("99.90").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from babel.numbers import format_currency

from core.audience.segments.logic import complement
from core.audience.segments.ops import read_param
from core.audience.segments.words import clauses, shown
from core.contract.errors import Refusal
from core.i18n import LOCALES, _, _l, _n, language

KEYS = ("at_least", "at_most", "exactly")
#: Attributes of an input for one of them.
INPUT = {"inputmode": "decimal", "placeholder": _l("no limit")}
_MICROS = 1_000_000
#: 64-bit sums of millionths end at nine billion units.
_MOST = 9_000_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """`low` ≤ figure ≤ `high`; times, or micro-units.  None is open."""

    low: int | None = None
    high: int | None = None


def read(params: Mapping[str, Any], *, whole: bool, default: int | None = None) -> Bounds:
    """The bounds of a leaf: times when `whole`, else micro-units.

    `default` is the lower bound of a leaf that gives none at all; without one such a leaf is refused.
    """
    given = {key: params.get(key) for key in KEYS if params.get(key) not in (None, "")}
    if not given and default is None:
        raise Refusal(_("Say how much: at_least, at_most or exactly."), field="at_least")
    if "exactly" in given and len(given) > 1:
        raise Refusal(_("exactly stands alone, without at_least and at_most."), field="exactly")
    read = {key: (times(value, key) if whole else micros(value, key)) for key, value in given.items()}
    if "exactly" in read:
        return Bounds(read["exactly"], read["exactly"])
    low, high = read.get("at_least"), read.get("at_most")
    if low is not None and high is not None and low > high:
        raise Refusal(
            _(
                "At least %(low)s and at most %(high)s is nobody.",
                low=given["at_least"],
                high=given["at_most"],
            ),
            field="at_most",
        )
    return Bounds(low if given else default, high)


def times(value: Any, key: str) -> int:
    """A number of times.  Raises `Refusal`."""
    number = _number(value, key)
    if number != int(number) or not 0 <= number <= 1_000_000:
        raise Refusal(
            _("%(field)s is %(value)s; it takes a whole number from 0 on.", field=key, value=repr(value)),
            field=key,
        )
    return int(number)


def micros(value: Any, key: str) -> int:
    """Money in micro-units.  Raises `Refusal`."""
    number = _number(value, key)
    if abs(number) > _MOST:
        raise Refusal(
            _("%(field)s is %(value)s, which is more than can be stored.", field=key, value=repr(value)),
            field=key,
        )
    return round(number * _MICROS)


def within(bounds: Bounds, compared: Callable[[str, int], Any]):
    """The condition that a figure is in bounds, of which there is one at least.

    `compared(">=" or ">", n)` makes the condition of one comparison.
    """
    low = None if bounds.low is None else compared(">=", bounds.low)
    high = None if bounds.high is None else complement(compared(">", bounds.high))
    if low is None or high is None:
        return high if low is None else low
    return low & high


def words(bounds: Bounds, currency: str | None = None) -> str:
    """ "at least 3 times", "exactly ¥100.00"; `currency` None: times."""

    def said(figure: int) -> str:
        return _n("%(n)s time", "%(n)s times", figure) if currency is None else money(figure, currency)

    if bounds.low == bounds.high and bounds.low is not None:
        return _("exactly %(figure)s", figure=said(bounds.low))
    parts = []
    if bounds.low is not None:
        parts.append(_("at least %(figure)s", figure=said(bounds.low)))
    if bounds.high is not None:
        parts.append(_("at most %(figure)s", figure=said(bounds.high)))
    return clauses(parts)


def money(figure: int, currency: str) -> str:
    """Micro-units as people read them: "¥1,250.00", without a currency "1,250"."""
    if not currency:
        return shown(figure / _MICROS)
    return format_currency(figure / _MICROS, currency, locale=LOCALES[language()])


def split(text: Any) -> list[str]:
    """What someone typed as a list, cut at commas, Chinese ones too."""
    if isinstance(text, list | tuple):
        return [str(item) for item in text]
    parts = str(text or "").replace("，", ",").replace("、", ",").split(",")
    return [part.strip() for part in parts if part.strip()]


def _number(value: Any, key: str) -> float:
    return read_param("number", "eq", value, key)
