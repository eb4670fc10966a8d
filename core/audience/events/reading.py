"""A file of events, read in a process of its own: what it is, then chunk after chunk of checked rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from core.audience import kinds, phones
from core.audience.events import cells, headers
from core.audience.events.checking import Rules
from core.audience.events.problems import Problem, words
from core.audience.importing import columns, examining, reading
from core.audience.importing.plan import too_wide
from core.audience.importing.reading import Format
from core.contract.errors import Refusal
from core.i18n import _

#: Rows of one transaction: long ones touch each page of the clustered table less often.
CHUNK = 50_000
_SAMPLE, _SHOWN, _REMEMBERED = 5_000, 12, 100_000


@dataclass(frozen=True)
class Plan:
    """What to read and where it goes; plain values, kept as JSON with the batch.

    `columns` is target → index (`headers`), `titles` the header as it stands.  `region` is the country of
    national numbers, `zone` that of times without one, `type` the type of all rows of a file without such a
    column; `dates` and `decimals` are how 3/4/2026 and 1,5 are written.
    """

    format: Format
    columns: dict[str, int]
    titles: list[str]
    region: str = ""
    zone: str = "UTC"
    type: str = ""
    dates: str = ""
    decimals: str = "."

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON column."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """As read back."""
        return cls(**{**data, "format": Format(**data["format"])})


@dataclass
class Chunk:
    """Rows to write in one transaction, up to file row `cursor`.

    `rows` are (blind index, line, key hash, type, at, amount, item, category, props), sorted by blind index;
    `rejects` (line, reason, cells as they came).  `count` leaves out blank rows.
    """

    cursor: int = 0
    count: int = 0
    rows: list[tuple] = field(default_factory=list)
    rejects: list[tuple] = field(default_factory=list)


def titles(path: Path) -> list[str]:
    """The first row that is not blank."""
    return next((row for row in reading.rows(path, reading.sniff(path)) if any(row)), [])


def plan(path: Path, options: Mapping[str, Any]) -> tuple[Plan, list[list[str]]]:
    """The plan of a file and its first rows.  Options: region, zone, type, map (target → header)."""
    made = reading.sniff(path)
    source = reading.rows(path, made)
    header = next((row for row in source if any(row)), None)
    if header is None:
        raise Refusal(_("The file is empty."))
    if not columns.has_header(header, options["region"]):
        raise Refusal(
            _("The first row must name the columns, for instance phone,type,at,amount,currency,key.")
        )
    sample = [row for row in islice(source, _SAMPLE) if any(row)]
    found = headers.guess(header, sample, options["region"])
    found = headers.corrected(found, header, options.get("map") or {})
    type_key = "" if "type" in found else options.get("type", "")
    headers.check(found, type_key)
    return Plan(
        made, found, list(header), options["region"], options["zone"], type_key,
        _style(sample, found.get("at"), "date", ""), _style(sample, found.get("amount"), "number", "."),
    ), sample  # fmt: skip


def _style(sample: Sequence[Sequence[str]], index: int | None, kind: str, usual: str) -> str:
    if index is None:
        return usual
    found = kinds.guess(row[index] for row in sample if index < len(row))
    return found.style if found.kind == kind and found.style else usual


def look(path: Path, options: Mapping[str, Any], rules: Rules, titles: Mapping[str, str]) -> dict[str, Any]:
    """What a file holds, for people: {"plan", "rows": [{"cells", "reason"}], "checked", "failing"}."""
    made, sample = plan(path, options)
    typing = Typing(made, rules, titles, lambda e164: e164.encode())
    shown, failing = [], 0
    for row in sample:
        answer = typing.row(row)
        bad = words(answer.reason) if isinstance(answer, Problem) else ""
        failing += bool(bad)
        if len(shown) < _SHOWN:
            shown.append({"cells": [cell[:80] for cell in row], "reason": bad})
    return {"plan": made.as_dict(), "rows": shown, "checked": len(sample), "failing": failing}


def currencies(path: Path, made: Plan) -> Counter[str]:
    """How many amounts are in which currency; asked once, while no house currency is set."""
    at, amount = made.columns.get("currency"), made.columns.get("amount")
    if at is None or amount is None:
        return Counter()
    last = max(at, amount)
    found = Counter(row[at] for row in data_rows(path, made) if len(row) > last and row[at] and row[amount])
    counted: Counter[str] = Counter()
    for text, n in found.items():
        counted[text.strip().upper()] += n
    return counted


def data_rows(path: Path, made: Plan) -> Iterator[list[str]]:
    """The rows below the header, blank ones too."""
    rows = reading.rows(path, made.format)
    for row in rows:
        if any(row):
            break
    yield from rows


class Typing:
    """Rows of text → checked rows."""

    def __init__(self, made: Plan, rules: Rules, titles: Mapping[str, str], index):
        self._plan, self._rules, self._index = made, rules, index
        self._width = len(made.titles)
        self._times = cells.Times(made.zone, made.dates)
        self._kinds = cells.Kinds(rules.types, titles)
        self._numbers: dict[str, bytes | None] = {}
        at = made.columns
        self._props = [
            (name.removeprefix(headers.PROPERTY), index)
            for name, index in at.items()
            if name in ("order", "place", "lat", "lon") or name.startswith(headers.PROPERTY)
        ]
        # A column that is not there reads the empty cell put behind each row.
        names = ("phone", "type", "at", "amount", "currency", "item", "category", "key")
        self._at = [at.get(name, self._width) for name in names]

    def row(self, row: list[str]) -> tuple | Problem:
        """(blind index, *Checked) of a row, or what is wrong with it."""
        width = self._width
        if len(row) != width:
            if too_wide(row, width):
                return Problem(f"too_many_cells:{len(row)}/{width}", "")
            row = row[:width] + [""] * (width - len(row))
        row = [*row, ""]
        phone, kind, time, amount, currency, item, category, key = map(row.__getitem__, self._at)
        bidx = self._numbers.get(phone) or self._number(phone)
        if bidx is None:
            return self._no_number(phone)
        at = self._times.read(time)
        if at is None:
            return Problem(f"bad_time:{time.strip()[:40]}" if time.strip() else "no_time", "at")
        value = None
        if amount and (amount := amount.strip()):
            value = cells.micros(amount, self._plan.decimals)
            if value is None:
                return Problem(f"bad_amount:{amount[:40]}", "amount")
        checked = self._rules.check(
            self._kinds[kind] if kind else self._plan.type, at, value, currency.strip().upper(), item, category,
            key.strip(), {name: row[index] for name, index in self._props} if self._props else {},
        )  # fmt: skip
        return checked if type(checked) is Problem else (bidx, *checked)

    def _number(self, text: str) -> bytes | None:
        phone = phones.parse(text, self._plan.region) if text else None
        if phone is None:
            return None
        if len(self._numbers) >= _REMEMBERED:
            self._numbers.clear()
        bidx = self._numbers[text] = self._index(phone.e164)
        return bidx

    def _no_number(self, text: str) -> Problem:
        return Problem(examining.number_reason(text, self._plan.region), "phone")


def chunks(
    path: Path, made: Plan, rules: Rules, titles: Mapping[str, str], keys, start: int
) -> Iterator[Chunk]:
    """The file from data row `start` on (0-based)."""
    typing, source = Typing(made, rules, titles, keys.blind_index), data_rows(path, made)
    first_line = made.format.header + 1 + made.format.skip
    cursor = sum(1 for _row in islice(source, start))
    while True:
        chunk, read = Chunk(cursor), 0
        take, reject, check = chunk.rows.append, chunk.rejects.append, typing.row
        for read, row in enumerate(islice(source, CHUNK), 1):
            answer = check(row)
            if type(answer) is not Problem:
                take((answer[0], cursor + read - 1 + first_line, *answer[1:]))
            elif any(map(str.strip, row)):
                reject((cursor + read - 1 + first_line, answer.reason, row))
        if not read:
            return
        cursor += read
        chunk.cursor, chunk.count = cursor, len(chunk.rows) + len(chunk.rejects)
        chunk.rows.sort()
        yield chunk
