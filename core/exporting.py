"""CSV for spreadsheets: every cell quoted, none of them a formula.

A name or an inbound text is a stranger's words; a cell that begins like a formula would be run by the
reader's spreadsheet (OWASP "CSV injection").  Such cells get a leading apostrophe, which the import
takes off again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

#: Excel guesses the separator: what follows one inside a cell can become a cell of its own.
_INNER = re.compile(r"([;\t\r\n][ \u3000]*)(?=[=+\-@＝＋－＠﹢﹣])")
_STARTERS = tuple("=+-@\t\r\n＝＋－＠﹢﹣")
_PHONE = re.compile(r"\+[0-9]{6,15}")
BOM = "\ufeff"


def harmless(text: str) -> str:
    """`text` as a cell no spreadsheet runs.

    >>> harmless("=1+1"), harmless("+8613800138000"), harmless("a;=b")
    ("'=1+1", "'+8613800138000", "a;'=b")
    """
    inner = _INNER.sub(r"\1'", text.replace("\x00", ""))
    return "'" + inner if inner.lstrip(" \u3000").startswith(_STARTERS) else inner


def csv_stream(header: Sequence[str], rows: Iterable[Sequence], *, for_people: bool = True) -> Iterator[str]:
    """Yield the file line by line: UTF-8 text, CRLF, all quoted; None is an empty cell.

    `for_people` starts with a byte-order mark, without which Excel reads Chinese as Latin, and marks
    phone numbers as text.  Off, for programs, a number stays `+8613800138000`; formulas are made
    harmless in either case.
    """
    if for_people:
        yield BOM
    yield _line(header, for_people)
    for row in rows:
        yield _line(row, for_people)


def _line(row: Sequence, for_people: bool) -> str:
    return ",".join(_cell(value, for_people) for value in row) + "\r\n"


def _cell(value: object, for_people: bool) -> str:
    if value is None:
        text = ""
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, (int, float)):
        text = str(value)
    else:
        text = str(value)
        if for_people or not _PHONE.fullmatch(text):
            text = harmless(text)
    return '"' + text.replace('"', '""') + '"'
