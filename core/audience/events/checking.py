"""Is an event possible?  The rules every row meets, from a file, the API or our own code alike.

Knows no database: what it needs (types, currencies, the time) is given, so that the reader process of a file
can use it as well.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from core import clock
from core.audience import kinds
from core.audience.events.facts import COMMON, MONEY, currencies
from core.audience.events.problems import Problem, problem

#: Clocks differ: this far ahead is still now.
AHEAD_MS = 5 * clock.MINUTE_MS
#: 2000-01-01T00:00:00Z.
OLDEST_MS = 946_684_800_000
MICROS = 1_000_000
MAX_AMOUNT = 10_000_000_000 * MICROS
MAX_KEY, MAX_VALUE, MAX_PROPS = 200, 500, 30


class Checked(NamedTuple):
    """A row that may be stored; `amount_micros` in the house currency, `props` as JSON with sorted keys."""

    key_hash: int
    type: int
    at: int
    amount_micros: int | None
    item: str
    category: str
    props: str | None


@dataclass
class Rules:
    """What rows are checked against.  `types` is key → (id, properties, built-in)."""

    types: Mapping[str, tuple[int, Mapping[str, str], bool]]
    house: str
    rates: Mapping[str, Decimal]
    now: int
    _memo: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, house: str) -> Rules:
        """The rules as they are now, from the database."""
        from core.audience.events import eventtypes, money

        known = {made.key: (made.id, made.properties, made.builtin) for made in eventtypes.all_types()}
        return cls(known, house, money.rates(), clock.now_ms())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the reader process."""
        rates = {code: str(rate) for code, rate in self.rates.items()}
        return {"types": self.types, "house": self.house, "rates": rates, "now": self.now}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rules:
        """The rules in the reader process."""
        rates = {code: Decimal(rate) for code, rate in data["rates"].items()}
        return cls({key: tuple(v) for key, v in data["types"].items()}, data["house"], rates, data["now"])

    def check(
        self,
        type_key: str,
        at: int,
        amount_micros: int | None,
        currency: str,
        item: str,
        category: str,
        key: str,
        props: Mapping[str, Any],
    ) -> Checked | Problem:
        """The row as it is stored, or what is wrong with it.

        Without a key the content is the key: the same words from the same person at the same moment are
        the same event.
        """
        known = self.types.get(type_key)
        if known is None:
            return self._unknown(type_key)
        if at > self.now + AHEAD_MS:
            return problem("future", _iso(at), "at")
        if at < OLDEST_MS:
            return problem("too_old", _iso(at), "at")
        stored = amount_micros
        if amount_micros is None:
            if type_key in MONEY:
                return problem("no_amount", "", "amount")
        elif amount_micros < 0:
            return problem("negative_amount", _plain(amount_micros), "amount")
        if currency and currency != self.house:
            if currency not in currencies():
                return problem("bad_currency", currency, "currency")
            if amount_micros and self.house:
                rate = self.rates.get(currency)
                if rate is None:
                    return problem("no_rate", currency, "currency")
                stored = int((amount_micros * rate).to_integral_value(ROUND_HALF_UP))
        if stored is not None and stored > MAX_AMOUNT:
            return problem("large_amount", _plain(stored), "amount")
        if item and (item := self._tidy(item)) is None:
            return problem("long_value", "", "item")
        if category and (category := self._tidy(category)) is None:
            return problem("long_value", "", "category")
        text = None
        if props:
            text = self._props(props, *known[1:])
            if type(text) is Problem:
                return text
        if key:
            if len(key) > MAX_KEY:
                return problem("long_value", "", "key")
            raw = key.encode("utf-8", "surrogatepass")
        else:
            content = (type_key, at, amount_micros, currency, item, category, text)
            raw = repr(content).encode("utf-8", "surrogatepass")
        hashed = int.from_bytes(blake2b(raw, digest_size=8).digest(), "big", signed=True)
        return Checked(hashed, known[0], at, stored, item, category, text)

    def _unknown(self, key: str) -> Problem:
        if not key:
            return problem("no_type", "", "type")
        near = difflib.get_close_matches(key.lower(), self.types, 1, 0.5)
        return problem("unknown_type", key[:40] + (f" → {near[0]}" if near else ""), "type")

    def _tidy(self, text: str) -> str | None:
        """A key of the catalogue without odd characters; None when it is too long."""
        found = self._memo.get(text)
        if found is None:
            found = kinds.clean(text)
            if len(found) > MAX_KEY:
                return None
            if len(self._memo) < 50_000:
                self._memo[text] = found
        return found

    def _props(self, props: Mapping[str, Any], declared: Mapping[str, str], builtin: bool):
        made = {}
        if len(props) > MAX_PROPS:
            return problem("many_properties", "", "props")
        for name, value in props.items():
            if value is None or value == "":
                continue
            kind = COMMON.get(name) or declared.get(name)
            if kind is None and not builtin:
                return problem("unknown_property", name, "props")
            if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.isprintable():
                return problem("unknown_property", name, "props")
            found = _typed(kind, value)
            if found is None:
                return problem("bad_property", f"{name}={value}", "props")
            if name in ("lat", "lon") and abs(found) > (90 if name == "lat" else 180):
                return problem("bad_place", found, "props")
            made[name] = found
        return orjson.dumps(made, option=orjson.OPT_SORT_KEYS).decode() if made else None


def _typed(kind: str | None, value: Any) -> Any:
    """The value of a property as JSON keeps it; None when it does not fit its kind."""
    if kind is None:
        kind = "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    if isinstance(value, bool):
        return value if kind == "bool" else None
    if isinstance(value, int | float):
        if kind != "number":
            return None if kind in ("bool", "date") else str(value)
        number = float(value) if abs(value) < 1e300 else None
    elif isinstance(value, str):
        value = kinds.clean(value)
        if kind == "text":
            return value if 0 < len(value) <= MAX_VALUE else None
        if kind == "bool":
            found = kinds.to_bool(value)
            return None if found is None else bool(found)
        if kind == "date":
            days = kinds.to_date(value)
            return None if days is None else kinds.from_days(days).isoformat()
        number = kinds.to_number(value)
    else:
        return None
    if number is None or number != number or abs(number) > 1e300:
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


@lru_cache(maxsize=1000)
def _iso(at: int) -> str:
    try:
        return clock.from_ms(at).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return str(at)


def _plain(micros: int) -> str:
    return f"{Decimal(micros) / MICROS:f}"


def load_props(text: str | None) -> dict[str, Any]:
    """The properties of a stored event."""
    return json.loads(text) if text else {}
