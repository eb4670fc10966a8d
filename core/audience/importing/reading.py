"""Reading a file as it comes: CSV in any usual encoding and delimiter, and XLSX.

`sniff` says what a file is, `rows` reads it accordingly, row by row, as lists of strings.  Both raise only
`Refusal`.  A file cannot make the reader use more memory or time than it was given (`importing.child`), and
formulas are never evaluated.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from core.audience.importing import quotes
from core.audience.importing.encodings import encoding_of
from core.contract.errors import Refusal
from core.i18n import _

#: Uploads in the browser; a command line may read larger files.
MAX_UPLOAD_MB = 50
MAX_FILE_MB = 300
MAX_ROWS = 1_000_000
MAX_COLUMNS = 100
#: A longer cell is a quote that was never closed.
MAX_CELL = 100_000
#: XLSX is a zip: an archive that unpacks to more than this is refused before it is opened.
MAX_XLSX_RATIO, MAX_XLSX_MB, MAX_XLSX_MEMBERS = 100, 200, 100

DELIMITERS = (",", ";", "\t", "|")
#: Lines looked at to find delimiter and quotes.
_SNIFF_LINES, _SNIFF_BYTES = 400, 262_144


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is.  `skip` lines before the header; `header` False when the first row is data."""

    kind: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    skip: int = 0
    header: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a JSON column."""
        return asdict(self)


def sniff(path: Path) -> Format:
    """Find out what a file is from its bytes; the name does not count.

    Raises `Refusal` for what is no table, and for a quote that is never closed anywhere in the file: the cell
    would hold the people below it.
    """
    size = path.stat().st_size
    if size > MAX_FILE_MB * 1_000_000:
        raise Refusal(
            _(
                "The file has %(n)s MB; at most %(max)s MB can be imported.",
                n=size // 1_000_000,
                max=MAX_FILE_MB,
            )
        )
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK"):
        _check_zip(path)
        return Format(kind="xlsx")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refusal(_("This is an old Excel file (.xls); save it as .xlsx or CSV and try again."))
    if head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b", b"7z\xbc")):
        raise Refusal(_("This is no table; choose a CSV or XLSX file."))
    encoding = encoding_of(path)
    with path.open("rb") as file:
        raw = file.read(_SNIFF_BYTES)
    # The last character may be cut in the middle: an incremental decoder keeps it back.
    text = codecs.getincrementaldecoder(encoding)("replace").decode(raw).removeprefix("\ufeff")
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise Refusal(_("The file is empty."))
    if text.lower().startswith("sep=") and text[5:6] in ("\r", "\n"):
        made = _with_quotes(Format(encoding=encoding, delimiter=text[4], skip=1), text)
    else:
        made = _best(encoding, text, cut=len(raw) == _SNIFF_BYTES)
    quotes.check(path, made.encoding, made.skip, _dialect(made), MAX_CELL)
    return made


def _best(encoding: str, text: str, cut: bool) -> Format:
    """The delimiter that cuts most lines into the same, largest number of cells."""
    scored = []
    for rank, delimiter in enumerate(DELIMITERS):
        made = _with_quotes(Format(encoding=encoding, delimiter=delimiter), text)
        sizes = [len(row) for row in _sample(made, text, cut) if any(row)]
        if not sizes:
            continue
        usual, same = Counter(sizes).most_common(1)[0]
        share = same / len(sizes)
        # One column fits every file, so it is the last resort; sizes[0] is the header's.
        scored.append((usual > 1, round(share * (1 + (sizes[0] == usual)), 2), usual, -rank, made))
    if not scored:
        return Format(encoding=encoding)
    return max(scored, key=lambda item: item[:4])[-1]


def _with_quotes(made: Format, text: str) -> Format:
    """The quote that stands at the edges of cells, and whether \\" escapes it inside."""
    delimiter = made.delimiter
    # O'Brien and 'tis: a single quote counts only when nearly every line begins and ends with one.
    lines = [line for line in text.splitlines()[:_SNIFF_LINES] if line.strip()]
    around = sum(len(line) > 1 and line[0] == line[-1] == "'" for line in lines)
    quote = "'" if around > len(lines) * 0.8 else '"'
    escape = (
        "\\"
        if f"\\{quote}" in text and quote * 2 not in text.replace(f"{delimiter}{quote * 2}{delimiter}", "")
        else ""
    )
    return Format(**{**made.as_dict(), "quote": quote, "escape": escape})


def _sample(made: Format, text: str, cut: bool) -> list[list[str]]:
    found = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), **_dialect(made)):
            found.append(row)
            if len(found) == _SNIFF_LINES:
                return found
    except csv.Error:
        return found
    return found[:-1] if cut and len(found) > 1 else found


def _dialect(made: Format) -> dict[str, Any]:
    return {
        "delimiter": made.delimiter, "quotechar": made.quote, "strict": False,
        "escapechar": made.escape or None, "doublequote": not made.escape,
    }  # fmt: skip


def rows(path: Path, made: Format) -> Iterator[list[str]]:
    """All rows below `skip`, the header included, as lists of strings; blank rows come too.

    Raises `Refusal` when the file breaks a limit, with the row.
    """
    return _xlsx_rows(path) if made.kind == "xlsx" else _csv_rows(path, made)


def _check_row(number: int, row: list[str]) -> None:
    if len(row) > MAX_COLUMNS:
        raise Refusal(
            _(
                "Row %(row)s has %(n)s columns; at most %(max)s are read.",
                row=number,
                n=len(row),
                max=MAX_COLUMNS,
            )
        )
    if number > MAX_ROWS + 1:
        raise Refusal(_("The file has more than %(max)s rows; split it.", max=f"{MAX_ROWS:,}"))


def _csv_rows(path: Path, made: Format) -> Iterator[list[str]]:
    limit = csv.field_size_limit(MAX_CELL)
    number = 0
    try:
        with path.open("r", encoding=made.encoding, errors="replace", newline="") as file:
            for _line in range(made.skip):
                file.readline()
            source = csv.reader(file, **_dialect(made))
            for number, row in enumerate(source, 1):
                if number == 1 and row:
                    row[0] = row[0].removeprefix("\ufeff")
                if len(row) > MAX_COLUMNS or number > MAX_ROWS + 1:
                    _check_row(number, row)
                yield row
    except csv.Error as error:
        raise Refusal(
            _(
                "Row %(row)s cannot be read (%(why)s); is a quote left open there?",
                row=number + 1,
                why=str(error),
            )
        ) from None
    except (UnicodeError, LookupError) as error:
        raise Refusal(
            _("The file is no %(encoding)s text: %(why)s.", encoding=made.encoding, why=str(error))
        ) from None
    finally:
        csv.field_size_limit(limit)


def _check_zip(path: Path) -> None:
    """Look at the directory of an XLSX before anything is unpacked (a 1.6 MB file became 624 MB)."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError):
        raise Refusal(_("The file is damaged: it begins like an Excel file but cannot be opened.")) from None
    size = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    names = [member.filename for member in members]
    if not any(name.startswith("xl/") for name in names):
        raise Refusal(_("This is a zip archive, not an Excel file; unpack it first."))
    if (
        len(members) > MAX_XLSX_MEMBERS
        or size > MAX_XLSX_MB * 1_000_000
        or size > packed * MAX_XLSX_RATIO
        or any(name.lower().endswith((".zip", ".xlsx", ".xlsm", ".xls")) for name in names)
    ):
        raise Refusal(
            _(
                "This Excel file unpacks to %(mb)s MB, which is more than can be read safely; save it as CSV.",
                mb=size // 1_000_000,
            )
        )


def _xlsx_rows(path: Path) -> Iterator[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    _check_zip(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                if sheet.total_height:
                    for number, row in enumerate(sheet.iter_rows(), 1):
                        cells = [_cell(value) for value in row]
                        _check_row(number, cells)
                        yield cells
                    return
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise Refusal(_("The Excel file cannot be read: %(why)s.", why=str(error))) from None
    raise Refusal(_("The file is empty."))


def _cell(value: Any) -> str:
    """A cell as people see it: 13800138000, not 13800138000.0; 2024-03-01, not a serial number."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)
