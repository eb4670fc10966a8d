"""Why a row of events was not taken: a code with its value, and the sentence people read."""

from __future__ import annotations

from typing import NamedTuple

from core.i18n import lazy


class Problem(NamedTuple):
    """`reason` is "code" or "code:value", as stored beside a row of a file; `field` the column at fault."""

    reason: str
    field: str


_WORDS = {
    "no_type": lazy("no type of event"),
    "unknown_type": lazy("there is no such type of event"),
    "no_time": lazy("no time"),
    "bad_time": lazy("not a time; write it like 2026-05-24T12:01:08Z"),
    "future": lazy("this time lies in the future"),
    "too_old": lazy("this time lies before the year 2000"),
    "no_amount": lazy("a purchase or refund needs an amount"),
    "bad_amount": lazy("not an amount"),
    "negative_amount": lazy("an amount cannot be negative; send a refund"),
    "large_amount": lazy("an amount above ten thousand million"),
    "bad_currency": lazy("not an ISO currency code such as CNY or USD"),
    "no_rate": lazy("there is no exchange rate for this currency; an administrator can add one"),
    "bad_property": lazy("this value does not fit its property"),
    "unknown_property": lazy("this type has no such property"),
    "many_properties": lazy("more than 30 properties"),
    "long_value": lazy("longer than can be kept"),
    "bad_place": lazy("not a latitude between −90 and 90 or a longitude between −180 and 180"),
    "no_contact": lazy("there is no such contact"),
    "no_number": lazy("no number"),
    "invalid_number": lazy("not a valid number"),
    "not_a_number": lazy("no phone number in it"),
    "mangled_number": lazy("a spreadsheet shortened this number; format the column as text"),
    "no_country": lazy("no country: choose a region for numbers without one"),
    "erased": lazy("this person was erased and stays so"),
    "too_many_cells": lazy("more cells than headers; a cell with the separator in it needs quotes"),
    "no_key": lazy("no key"),
    "bad_price": lazy("not a price"),
}


def problem(code: str, value: object = "", field: str = "") -> Problem:
    """A problem; `value` is cut to what fits a reason."""
    text = str(value)[:80]
    return Problem(f"{code}:{text}" if text else code, field)


def words(reason: str) -> str:
    """A stored reason as a sentence in the reader's language."""
    code, _colon, value = reason.partition(":")
    known = _WORDS.get(code)
    if known is None:
        return reason
    return f"{known} ({value})" if value else str(known)
