"""Pass 1 over a file: every number is parsed once, so that pass 2 knows which of them come again."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from core.audience import phones
from core.audience.importing import places
from core.audience.importing.plan import Plan, data_rows, too_wide
from core.audience.importing.values import choice_text

#: Different texts a choice field may gain from one file; more is no list to choose from.
MAX_CHOICES = 20_000
#: What stands in the place of a number: the row is empty; its number is not valid.
BLANK, REJECTED = -1, 0
#: Rows looked at together; rows between two words of progress.
_BLOCK, _HEARD_EVERY = 500, 50_000

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
    found, seen = Survey(), set()
    read, rows, count = _Numbers(plan), data_rows(path, plan), 0
    bags = [
        (column.index, found.choices.setdefault(column.key, set()))
        for column in plan.columns
        if column.to == "field" and column.kind == "choice"
    ]
    while block := list(islice(rows, _BLOCK)):
        numbers = read.column(block)
        found.numbers.extend(numbers)
        taken = [row for number, row in zip(numbers, block, strict=True) if number > REJECTED]
        for index, bag in bags:
            _gather(bag, [row[index] for row in taken])
        numbers = [number for number in numbers if number > REJECTED]
        here = set(numbers)
        found.repeated |= here & seen
        if len(here) < len(numbers):
            found.repeated.update(number for number, times in Counter(numbers).items() if times > 1)
        seen |= here
        count += len(block)
        if count % _HEARD_EVERY == 0:
            on_rows(count)
    found.choices = {
        key: {text for raw in bag if (text := choice_text(key, raw))} for key, bag in found.choices.items()
    }
    return found


def _gather(bag: set[str], texts: list[str]) -> None:
    """Add texts up to `MAX_CHOICES`; those that came first stay, so that a resumed import has the same."""
    if len(bag) + len(texts) <= MAX_CHOICES:
        bag.update(texts)
        return
    for text in texts:
        if len(bag) < MAX_CHOICES:
            bag.add(text)


class _Numbers:
    """Rows → integers; a block at a time, because a call a number costs more than recognising it."""

    def __init__(self, plan: Plan):
        self._phone, self._country = plan.index_of("phone"), plan.index_of("country")
        self._region, self._regions, self._width = (
            plan.region,
            _Regions(plan.region, places.country),
            plan.width,
        )

    def column(self, block: list[list[str]]) -> list[int]:
        """The number of each row, `BLANK` or `REJECTED`."""
        at, country, regions = self._phone, self._country, self._regions
        if country is None:
            made = _cells([row[at] for row in block], self._region)
        else:
            made = [_cells((row[at],), regions[row[country]])[0] for row in block]
        if REJECTED in made or max(map(len, block)) > self._width:
            for index, row in enumerate(block):
                if made[index] == REJECTED or too_wide(row, self._width):
                    made[index] = REJECTED if any(map(str.strip, row)) else BLANK
        return made


def _cells(cells: Sequence[str], region: str) -> list[int]:
    """Cells of one region as integers, `REJECTED` when they are no numbers."""
    plain = phones.plain(region)
    if plain is None:
        return [_packed(phones.parse(cell, region)) for cell in cells]
    code, tag = plain.calling_code, _COUNTRY_BITS[region] | plain.line_type
    return [
        int(cell if cell[0] == "+" else code + cell) << 11 | tag
        if found
        else _packed(phones.parse(cell, region))
        for cell, found in zip(cells, map(plain.match, cells), strict=True)
    ]


def _packed(phone: phones.Phone | None) -> int:
    if phone is None:
        return REJECTED
    return int(phone.e164) << 11 | _COUNTRY_BITS[phone.country] | phone.line_type


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
