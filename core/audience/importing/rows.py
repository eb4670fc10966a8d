"""Pass 2 over a file: rows of text become columns for the database, typed, folded and encrypted.

`chunks` types the values, folds rows of one number into one (a later row overwrites with what it does not
leave empty), encrypts, and yields chunks sorted by blind index (82,000 against 54,000 rows a second into
SQLite).  Folding before writing is what makes a second import of the same file change nothing.

Everything is done column by column: a call a column costs a fraction of a call a cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from core.audience.importing.examining import reject_reason
from core.audience.importing.plan import Plan, data_rows
from core.audience.importing.survey import BLANK, REJECTED, Survey, unpack
from core.audience.importing.values import BAD, Cut, converter, says_why

#: Rows of one transaction.  A long file gets longer ones: each rewrites most pages of the random indexes,
#: and the write lock is still held for less than half a second.
CHUNK, LONG_CHUNK, LONG_FILE = 10_000, 25_000, 200_000
#: Rows typed at once: a few, so that their cells are still in the processor's cache.
_BLOCK = 500
#: The columns of `Chunk.people`; from `VALUES` on they are those of `Plan.ordered()` but consent.
BIDX, ENC, TAIL, COUNTRY, LINE, CONSENT, ROW, VALUES = range(8)


@dataclass
class Chunk:
    """Rows to write in one transaction, up to file row `cursor`.

    `people` are columns of one length, sorted by blind index: blind index, encrypted number, tail, country,
    line type, consent or None, file row, then the values.  `rejects` are (row, reason, cells as they came),
    `notes` (row, reason).
    """

    cursor: int = 0
    rows: int = 0
    duplicates: int = 0
    people: list[list] = field(default_factory=list)
    rejects: list[tuple] = field(default_factory=list)
    notes: list[tuple] = field(default_factory=list)


def chunks(
    path: Path, plan: Plan, surveyed: Survey, codes: Mapping[str, Mapping[str, int]], keys, start: int = 0
) -> Iterator[Chunk]:
    """Pass 2, from file row `start` on (0-based, below the header); sealed with `keys`.

    `codes` gives the code of each text of a choice field.  A resumed import reads from the beginning, but
    of the rows before `start` only those whose number comes again later are looked at.
    """
    numbers, rows = surveyed.numbers, data_rows(path, plan)
    typing, folds = _Typing(plan, codes), _Folds(surveyed)
    for number, row in zip(numbers[:start], islice(rows, start), strict=True):
        if number in folds.left:
            folds.add(number, typing.values(row, [], 0))
    first_line = plan.format.header + 1 + plan.format.skip
    size = CHUNK if len(numbers) < LONG_FILE else LONG_CHUNK
    for first in range(start, len(numbers), size):
        last = min(first + size, len(numbers))
        chunk, people = Chunk(last, last - first - numbers[first:last].count(BLANK)), _People(typing)
        for at in range(first, last, _BLOCK):
            once = []
            part = enumerate(numbers[at : min(at + _BLOCK, last)], at + first_line)
            for (line, number), row in zip(part, rows, strict=False):
                if number > 0 and number not in folds.left:
                    once.append((number, line, row))
                elif number > 0:
                    values = folds.add(number, typing.values(row, chunk.notes, line))
                    if values is not None:
                        people.add(number, line, values)
                    else:
                        chunk.duplicates += 1
                elif number == REJECTED:
                    chunk.rejects.append((line, reject_reason(row, plan), row))
            people.add_rows(once, chunk.notes)
        chunk.people = people.sealed(keys)
        yield chunk


class _Typing:
    """Cells → values, in the order of `Plan.ordered()`; what makes no sense is None and a note, as is what was cut."""

    def __init__(self, plan: Plan, codes: Mapping[str, Mapping[str, int]]):
        self.ordered = plan.ordered()
        self._memos = [converter(column, codes.get(column.key)) for column in self.ordered]
        #: Where consent stands, which is last, if anywhere.
        self.consent = next((at for at, column in enumerate(self.ordered) if column.to == "consent"), None)

    def values(self, row: Sequence[str], notes: list[tuple], line: int) -> list:
        """The values of one row."""
        return [values[0] for values in self.columns([row], [line], notes)]

    def columns(self, rows: Sequence[Sequence[str]], lines: Sequence[int], notes: list[tuple]) -> list[list]:
        """The columns of values of some rows."""
        made, bad = [], {}
        for memo, column in zip(self._memos, self.ordered, strict=True):
            values = memo.column([row[column.index] for row in rows])
            if memo.senseless:
                for at, value in enumerate(values):
                    if value is BAD or type(value) is Cut:
                        values[at] = None if value is BAD else str(value)
                        bad.setdefault(at, []).append(column)
            made.append(values)
        notes += [(lines[at], says_why(columns, rows[at])) for at, columns in bad.items()]
        return made


class _Folds:
    """Rows of one number, folded until the last of them."""

    def __init__(self, surveyed: Survey):
        repeated = surveyed.repeated
        #: Rows to come of each number that stands more than once.
        self.left = Counter(filter(repeated.__contains__, surveyed.numbers) if repeated else ())
        self._held: dict[int, list] = {}

    def add(self, number: int, later: list) -> list | None:
        """A later row overwrites with its non-empty values.  All they say together, with the last row."""
        earlier = self._held.get(number)
        if earlier is not None:
            later = [old if new is None else new for old, new in zip(earlier, later, strict=True)]
        self.left[number] -= 1
        if not self.left[number]:
            self._held.pop(number, None)
            return later
        self._held[number] = later
        return None


class _People:
    """The people of a chunk in the making, by column."""

    def __init__(self, typing: _Typing):
        self._typing = typing
        self._numbers: list[int] = []
        self._lines: list[int] = []
        self._values: list[list] = [[] for _column in typing.ordered]

    def add(self, number: int, line: int, values: list) -> None:
        """One person whose rows were folded."""
        self._numbers.append(number)
        self._lines.append(line)
        for column, value in zip(self._values, values, strict=True):
            column.append(value)

    def add_rows(self, found: list[tuple[int, int, list[str]]], notes: list[tuple]) -> None:
        """People with one row each: (number, line, row)."""
        if not found:
            return
        numbers, lines, rows = zip(*found, strict=True)
        self._numbers += numbers
        self._lines += lines
        for column, values in zip(self._values, self._typing.columns(rows, lines, notes), strict=True):
            column += values

    def sealed(self, keys) -> list[list]:
        """`Chunk.people`: encrypted and sorted."""
        e164, tails, countries, kinds = unpack(self._numbers)
        at, values = self._typing.consent, self._values
        consent = [None] * len(e164) if at is None else values[at]
        others = values if at is None else values[:at]
        index = keys.blind_indexes(e164)
        columns = [index, keys.seal_numbers(e164), tails, countries, kinds, consent, self._lines, *others]
        order = sorted(range(len(index)), key=index.__getitem__)
        return [list(map(column.__getitem__, order)) for column in columns]
