"""The filters of a merged text, and how typed values are written in a language.

A value is a text, number, yes/no, date or None.  What a filter cannot use (no date for `date`) counts as
missing, so that a default or the missing-field policy takes over.  Spaces Unicode puts into numbers and
dates become plain ones: a no-break space would turn the whole message into UCS-2.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision, is_currency

from core.i18n import _

_YES_NO = {
    "zh": ("是", "否"),
    "de": ("ja", "nein"),
    "tr": ("evet", "hayır"),
    "fr": ("oui", "non"),
    "es": ("sí", "no"),
}
_WIDE_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u205f\u2060\ufeff]")
#: From here on a float is no exact whole number any more.
MAX_FIGURE = 1e15
_DATE_FORMATS = ("short", "medium", "long", "full")


@lru_cache(maxsize=64)
def locale(lang: str) -> Locale:
    """The Babel locale of a language tag; English when it is not known."""
    try:
        return Locale.parse(lang.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")


def text(value: Any, lang: str) -> str | None:
    """A value as people of the language write it; None when there is nothing to write."""
    if isinstance(value, str):
        value = value.strip()
        return value if value.isprintable() else _one_line(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return _YES_NO.get(lang[:2].lower(), ("yes", "no"))[not value]
    if isinstance(value, int):
        return str(value) if abs(value) < 2**63 else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < MAX_FIGURE else repr(value)
    if isinstance(value, date):
        return _date(value, "medium", lang)
    return _one_line(str(value))


def texts(values: Sequence[Any], lang: str, default: str | None = None) -> list[str | None]:
    """`text` of a column; `default` where nothing is left."""
    return [
        (value if type(value) is str and value.isprintable() and value[:1] != " " else text(value, lang))
        or default
        for value in values
    ]


def _one_line(value: str) -> str:
    """Control characters and line breaks of a value would change the layout of the text."""
    return " ".join("".join(c if c.isprintable() else _space_for(c) for c in value).split())


def _space_for(char: str) -> str:
    # Joiners belong to emoji and to scripts; everything else that cannot be printed is a gap.
    return char if char in "\u200c\u200d\ufe0f" else " "


@lru_cache(maxsize=4096)
def _date(value: date, form: str, lang: str) -> str:
    return _WIDE_SPACE.sub(" ", format_date(value, form, locale(lang)))


def _default(value: Any, arg: str | None, lang: str) -> Any:
    return value if text(value, lang) else arg


def _on_text(change: Callable[[str, str | None], str]) -> Callable[[Any, str | None, str], str | None]:
    def run(value: Any, arg: str | None, lang: str) -> str | None:
        words = text(value, lang)
        return change(words, arg) if words else None

    return run


def _as_date(value: Any, arg: str | None, lang: str) -> str | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip()).date()
        except ValueError:
            return None
    return _date(value, arg or "medium", lang) if isinstance(value, date) else None


def _as_float(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.replace(",", ""))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < MAX_FIGURE else None


def _number(value: Any, arg: str | None, lang: str) -> str | None:
    figure = _as_float(value)
    if figure is None:
        return None
    pattern = "#,##0.###" if arg is None else "#,##0" + ("." + "0" * int(arg) if int(arg) else "")
    return _WIDE_SPACE.sub(" ", format_decimal(figure, pattern, locale(lang)))


def _money(value: Any, arg: str | None, lang: str) -> str | None:
    figure = _as_float(value)
    if figure is None:
        return None
    currency = arg or {"zh": "CNY", "de": "EUR", "fr": "EUR", "es": "EUR", "tr": "TRY"}.get(
        lang[:2].lower(), "USD"
    )
    whole = float(figure).is_integer() or not get_currency_precision(currency)
    written = format_currency(figure, currency, locale=locale(lang), currency_digits=True)
    if whole:
        written = re.sub(r"[.,]00(?!\d)", "", written)
    return _WIDE_SPACE.sub(" ", written)


#: name → function(value, arg, lang); `honorific` is read by the compiler, because it needs the gender too.
FILTERS: dict[str, Callable[[Any, str | None, str], Any]] = {
    "default": _default,
    "upper": _on_text(lambda words, _arg: words.upper()),
    "lower": _on_text(lambda words, _arg: words.lower()),
    "title": _on_text(lambda words, _arg: string.capwords(words)),
    "first": _on_text(lambda words, _arg: words.split()[0]),
    "trim": _on_text(lambda words, arg: words[: int(arg)].rstrip() if arg else " ".join(words.split())),
    "date": _as_date,
    "number": _number,
    "money": _money,
}
NAMES = (*FILTERS, "honorific")


def problem(word: str, arg: str | None) -> str | None:
    """What is wrong with a filter as written, as a sentence; None when it is right."""
    if word not in NAMES:
        return _("There is no filter “%(word)s”; there are %(names)s.", word=word, names=", ".join(NAMES))
    if word == "default" and not (arg or "").strip():
        return _('default needs a text in quotes, for instance |default:"friend".')
    if word == "date" and arg is not None and arg not in _DATE_FORMATS:
        return _("date takes one of %(forms)s, not “%(arg)s”.", forms=", ".join(_DATE_FORMATS), arg=arg)
    if word == "number" and arg is not None and not re.fullmatch("[0-6]", arg):
        return _("number takes 0 to 6 decimals, not “%(arg)s”.", arg=arg)
    if word == "trim" and arg is not None and not re.fullmatch("[1-9][0-9]{0,3}", arg):
        return _("trim takes the most characters to keep, not “%(arg)s”.", arg=arg)
    if word == "money" and arg is not None and not is_currency(arg):
        return _("money takes a currency code such as CNY, not “%(arg)s”.", arg=arg)
    if word in ("upper", "lower", "title", "first", "honorific") and arg is not None:
        return _("%(word)s takes nothing after a colon.", word=word)
    return None
