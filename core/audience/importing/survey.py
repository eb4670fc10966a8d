"""Pass 1 over a file: every number is parsed once, so that pass 2 knows which of them come again."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.audience import phones
from core.audience.importing import places
from core.audience.importing.plan import Plan, data_rows, too_wide
from core.audience.importing.values import choice_text

#: Different texts a choice field may gain from one file; more is no list to choose from.
MAX_CHOICES = 20_000
#: What stands in the place of a number: the row is empty; its number is not valid.
BLANK, REJECTED = -1, 0
_HEARD_EVERY = 50_000

#: A surveyed number is one integer: E.164 digits (50 bits) · country (8) · line type (3).
_COUNTRIES = sorted(phones.REGIONS)
_COUNTRY_BITS = {code: index << 3 for index, code in enumerate(_COUNTRIES)}


@dataclass
class Survey:
    """`numbers`: one integer a row; `repeated`: those that stand more than once; `choices`: the different
    texts of each choice column, by field key."""

    numbers: array = field(default_factory=lambda: array("q"))
    repeated: set[int] = field(default_factory=set)
    choices: dict[str, set[str]] = field(default_factory=dict)


def survey(path: Path, plan: Plan, on_rows: Callable[[int], None] = lambda _n: None) -> Survey:
    """Pass 1.  `on_rows` hears how many rows were looked at, now and then."""
    found, width = Survey(), plan.width
    numbers, repeated = found.numbers, found.repeated
    seen: set[int] = set()
    at_phone, at_country = plan.index_of("phone"), plan.index_of("country")
    regions, bits_of = _Regions(plan.region, places.country), _COUNTRY_BITS
    parse, region = phones.parse, plan.region
    bags: list[tuple[int, set[str]]] = []
    for column in plan.columns:
        if column.to == "field" and column.kind == "choice":
            bags.append((column.index, found.choices.setdefault(column.key, set())))
    for count, row in enumerate(data_rows(path, plan), 1):
        if count % _HEARD_EVERY == 0:
            on_rows(count)
        if at_country is not None:
            region = regions[row[at_country]]
        phone = parse(row[at_phone], region) if row[at_phone] else None
        if phone is None or (len(row) > width and too_wide(row, width)):
            numbers.append(REJECTED if any(map(str.strip, row)) else BLANK)
            continue
        e164, country, line = phone
        number = int(e164) << 11 | bits_of[country] | line
        numbers.append(number)
        if number in seen:
            repeated.add(number)
        else:
            seen.add(number)
        for index, bag in bags:
            if len(bag) < MAX_CHOICES:
                bag.add(row[index])
    found.choices = {
        key: {text for raw in bag if (text := choice_text(key, raw))} for key, bag in found.choices.items()
    }
    return found


class _Regions(dict):
    """Country cell → region, looked up once a spelling."""

    def __init__(self, default: str, country: Callable[[str], str | None]):
        super().__init__({"": default})
        self._default, self._country = default, country

    def __missing__(self, text: str) -> str:
        found = self._country(text) or self._default
        if len(self) < 10_000:
            self[text] = found
        return found


def unpack(numbers: list[int]) -> tuple[list[str], list[int], list[str], list[int]]:
    """Columns of surveyed numbers: E.164, last four digits, country, line type."""
    return (
        [f"+{number >> 11}" for number in numbers],
        [(number >> 11) % 10_000 for number in numbers],
        [_COUNTRIES[number >> 3 & 0xFF] for number in numbers],
        [number & 7 for number in numbers],
    )
