"""A quote that is opened and never closed, found before a row of the file is used.

The reader forgives quotes, so such a cell would hold the people below it, and nobody would notice.
"""

from __future__ import annotations

import csv
from itertools import chain
from pathlib import Path
from typing import Any

from core.contract.errors import Refusal
from core.i18n import _

#: Lines of a row: addresses and notes have some, more is a quote that was never closed.
MAX_LINES = 100
_BLOCK = 1 << 20


def check(path: Path, encoding: str, skip: int, dialect: dict[str, Any], max_cell: int) -> None:
    """Raises `Refusal` with the first row that has an open quote; a file without quotes is not read twice.

    Rows are counted below the first `skip` lines, the header as row 1.
    """
    if not _mentions(path, dialect["quotechar"].encode()):
        return
    limit = csv.field_size_limit(max_cell)
    number = line = 0
    try:
        with path.open("r", encoding=encoding, errors="replace", newline="") as file:
            for _line in range(skip):
                file.readline()
            # With an empty line behind the last, a quote that is open there runs over two lines as well.
            source = csv.reader(chain(file, ("",)), **dialect | {"strict": True})
            while True:
                try:
                    for number, _row in enumerate(source, number + 1):  # noqa: B020
                        if source.line_num - line > MAX_LINES:
                            raise _refusal(number)
                        line = source.line_num
                    return
                except csv.Error:
                    number += 1
                    # Words behind a closing quote: forgiven within a line; over several the quote that closed
                    # it was somebody else's.
                    if source.line_num - line > 1:
                        raise _refusal(number) from None
                    line = source.line_num
    finally:
        csv.field_size_limit(limit)


def _mentions(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return any(mark in block for block in iter(lambda: file.read(_BLOCK), b""))


def _refusal(number: int) -> Refusal:
    return Refusal(
        _("Row %(row)s: a quote is opened and never closed; close it or take it out.", row=number),
        field="file",
    )
