"""What to read of a file and where it goes, and the rows read accordingly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.audience.importing import reading
from core.audience.importing.columns import Column
from core.audience.importing.reading import Format


@dataclass(frozen=True)
class Plan:
    """What to read and where it goes; plain values, so that it travels as JSON.

    `region` is the country of national numbers in rows without one.
    """

    format: Format
    columns: tuple[Column, ...]
    region: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """The plan stored in `import_batch.options`."""
        return cls(
            Format(**data["format"]), tuple(Column(**c) for c in data["columns"]), data.get("region", "")
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON column."""
        return {
            "format": self.format.as_dict(),
            "columns": [c.as_dict() for c in self.columns],
            "region": self.region,
        }

    def index_of(self, to: str) -> int | None:
        """Where a standard column stands, or None."""
        return next((column.index for column in self.columns if column.to == to), None)

    @property
    def width(self) -> int:
        """Cells a row of this file has."""
        return len(self.columns)

    def ordered(self) -> list[Column]:
        """Columns that carry values: those of `contact` first, then of `profile`, then consent."""
        rank = {"name": 0, "email": 1, "language": 2, "field": 3, "consent": 4}
        return sorted((c for c in self.columns if c.to in rank), key=lambda c: (rank[c.to], c.index))


def data_rows(path: Path, plan: Plan) -> Iterator[list[str]]:
    """The rows below the header, padded to the width of the header."""
    rows, width = reading.rows(path, plan.format), plan.width
    if plan.format.header:
        next(rows, None)
    for row in rows:
        if len(row) < width:
            row += [""] * (width - len(row))
        yield row


def too_wide(row: Sequence[str], width: int) -> bool:
    """More cells than headers: the values have slipped into wrong columns."""
    return len(row) > width and any(row[width:])
