"""Cross-tab: a segment told apart by two dimensions at once, in one pass over `profile`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.segments import dimensions
from core.audience.segments.bands import MOST, Dimension, Rule
from core.audience.segments.compile import compile, render
from core.audience.segments.context import Context
from core.audience.segments.figures import limited
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

_OTHERS = object()
#: SQLite groups by sorting, and sorts what fits the processor's cache in half the time: ids a statement, and
#: statements at most.
_RANGE, _STATEMENTS = 8_192, 512


@dataclass(frozen=True, slots=True)
class Line:
    """A row or a column: its words, how many people it has, and the rule that means them."""

    words: str
    total: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class CrossTab:
    """`cells[row][column]` are people.  People with several labels count at each, so a row of labels may sum
    to more than its total: `several` says so."""

    row_title: str
    column_title: str
    rows: list[Line]
    columns: list[Line]
    cells: list[list[int]]
    total: int
    several: bool
    seconds: float

    def row_share(self, row: int, column: int) -> float | None:
        """The part of the row's people that is in this cell."""
        return _share(self.cells[row][column], self.rows[row].total)

    def column_share(self, row: int, column: int) -> float | None:
        """The part of the column's people that is in this cell."""
        return _share(self.cells[row][column], self.columns[column].total)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "by": [self.row_title, self.column_title],
            "total": self.total,
            "rows": [{"value": line.words, "total": line.total} for line in self.rows],
            "columns": [{"value": line.words, "total": line.total} for line in self.columns],
            "cells": self.cells,
            "seconds": round(self.seconds, 4),
        }

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """(head, rows) for files, with totals."""
        head = [f"{self.row_title} \\ {self.column_title}", *(c.words for c in self.columns), _("Total")]
        body = [[line.words, *cells, line.total] for line, cells in zip(self.rows, self.cells, strict=True)]
        return head, [*body, [_("Total"), *(c.total for c in self.columns), self.total]]


def crosstab(rt: Runtime, rule: Any, by: tuple[str, str], *, ctx: Context | None = None) -> CrossTab:
    """Count the people of `rule` by two dimensions (keys of `dimensions.get`).

    At most 12 × 12: smaller values are put together as "others".  Raises `Refusal` for an unknown dimension,
    for the same one twice (labels excepted, which go together), and when it takes too long.
    """
    if by[0] == by[1] and by[0] != "labels":
        raise Refusal(_("Choose two different things to tell people apart by."), field="by")
    ctx, started = ctx or Context(rt), clock.monotonic()
    sql, params = render(compile(rt, rule, ctx=ctx))
    with limited():
        across = [dimensions.get(key, ctx, (sql, params)) for key in by]
        groups = _groups(*across, sql, params)
    rows, columns = (_axis(dim, ((group[i], group[2]) for group in groups)) for i, dim in enumerate(across))
    cells: Counter[tuple[int, int]] = Counter()
    for in_row, in_column, n in groups:
        for row in rows.places(in_row):
            for column in columns.places(in_column):
                cells[row, column] += n
    return CrossTab(
        across[0].title,
        across[1].title,
        rows.lines,
        columns.lines,
        [[cells[row, column] for column in range(len(columns.lines))] for row in range(len(rows.lines))],
        sum(n for _row, _column, n in groups),
        any(dim.bits for dim in across),
        clock.monotonic() - started,
    )


def _groups(a: Dimension, b: Dimension, sql: str, params: Sequence[Any]) -> list[tuple[Any, Any, int]]:
    """(value, value, people) of everyone the condition finds; each person is read once."""
    # The expressions are those of `dimensions`; values are parameters.
    counted = f"SELECT {a.sql}, {b.sql}, COUNT(*) FROM profile WHERE"
    values = [*a.params, *b.params]
    # A sub-query (who has a label, who clicked) would be worked out anew for each range.
    if database.is_postgres() or "SELECT" in f"{a.sql} {b.sql} {sql}":
        return database.query(f"{counted} {sql} GROUP BY 1, 2", [*values, *params])
    highest = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    step, found = max(_RANGE, highest // _STATEMENTS), Counter()
    for low in range(0, highest + 1, step):
        for x, y, n in database.query(
            f"{counted} profile.contact_id >= ? AND profile.contact_id < ? AND ({sql}) GROUP BY 1, 2",
            [*values, low, low + step, *params],
        ):
            found[x, y] += n
    return [(x, y, n) for (x, y), n in found.items()]


class _Axis:
    """Where the values of a dimension stand among at most `MOST` lines."""

    def __init__(self, dim: Dimension, shown: Sequence[Any], totals: Counter):
        self._dim, self._at = dim, {value: i for i, value in enumerate(shown)}
        named = [value for value in shown if value is not _OTHERS and value is not None]
        self.lines = [
            Line(_("others"), totals[value], dim.others(named))
            if value is _OTHERS and dim.others
            else Line(dim.words(value), totals[value], dim.rule(value))
            for value in shown
        ]

    def places(self, value: Any) -> Iterable[int]:
        """The lines someone with this value stands in."""
        if self._dim.bits:
            return [self._at[each] for each in _carried(self._dim, value) if each in self._at]
        return (self._at[value] if value in self._at else self._at[_OTHERS],)


def _axis(dim: Dimension, groups: Iterable[tuple[Any, int]]) -> _Axis:
    totals: Counter = Counter()
    for value, n in groups:
        for each in _carried(dim, value):
            totals[each] += n
    if dim.order:
        return _Axis(dim, [value for value in dim.order if totals[value]], totals)
    values = sorted((value for value in totals if value is not None), key=lambda v: (-totals[v], str(v)))
    room = MOST - (None in totals)
    if len(values) > room and dim.others:
        totals[_OTHERS] = sum(totals[value] for value in values[room - 1 :])
        values[room - 1 :] = [_OTHERS]
    return _Axis(dim, [*values, *([None] if None in totals else [])], totals)


def _carried(dim: Dimension, value: Any) -> list[Any]:
    """The value, or for labels the bits that are set; None when there is none."""
    if not dim.bits:
        return [value]
    return [bit for bit in dim.bits if (value or 0) >> bit & 1] or [None]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
