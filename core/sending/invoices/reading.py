"""Reading a bill: which column is what, and each line as numbers.

Encodings, delimiters and XLSX are those of the contacts import.  Heads are guessed by their words in English
and Chinese; `columns` names them where the guess is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path

from core import clock
from core.audience.importing import reading
from core.contract.errors import Refusal
from core.i18n import _

#: Lines of one bill; a longer one is split by the month.
MAX_LINES = 500_000
#: What a column can be, with the words of its head; the first that fits wins, exact words before parts of them.
ROLES: dict[str, tuple[str, ...]] = {
    "id": (
        "messageid",
        "messagesid",
        "msgid",
        "bizid",
        "sid",
        "smsid",
        "uuid",
        "id",
        "流水号",
        "回执id",
        "消息id",
    ),
    "number": (
        *("to", "number", "phone", "phonenumber", "recipient", "msisdn", "mobile", "destination", "receiver"),
        *("手机号", "手机号码", "号码", "接收号码"),
    ),
    "at": (
        *(
            "datesent",
            "senttime",
            "sentat",
            "date",
            "time",
            "datetime",
            "timestamp",
            "created",
            "datecreated",
        ),
        *("发送时间", "提交时间", "日期", "时间"),
    ),
    "parts": ("parts", "segments", "numsegments", "units", "messageparts", "count", "计费条数", "条数"),
    "price": ("price", "totalprice", "cost", "amount", "charge", "fee", "total", "费用", "金额"),
    "unit": ("unitprice", "priceperpart", "pricepersegment", "rate", "单价"),
    "currency": ("currency", "priceunit", "币种"),
    "country": ("country", "countrycode", "iso", "国家"),
    "status": ("status", "state", "result", "deliverystatus", "状态"),
}
_PLAIN = re.compile(r"[^\w]+|_")
_FORMATS = (
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y%m%d%H%M%S", "%Y%m%d", "%d.%m.%Y %H:%M:%S"),
    *(
        "%d.%m.%Y",
        "%d/%m/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%d/%m/%Y",
        "%a, %d %b %Y %H:%M:%S %z",
        "%Y-%m-%d %H:%M:%S %Z",
    ),
)


@dataclass(slots=True)
class Line:
    """One line.  `at` is epoch ms, `day_only` when it names no time; `micros` is the whole line's price."""

    n: int
    id: str = ""
    number: str = ""
    at: int | None = None
    day_only: bool = False
    parts: int | None = None
    micros: int | None = None
    currency: str = ""
    country: str = ""
    status: str = ""


def guess(head: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """{role: column} of a head.  Raises `Refusal` for a named column that is not there, or too little."""
    plain = [_PLAIN.sub("", cell.strip().lower()) for cell in head]
    found: dict[str, int] = {}
    for role, name in columns.items():
        if role not in ROLES:
            raise Refusal(
                _("“%(role)s” is none of %(known)s.", role=role, known=", ".join(ROLES)), field="column"
            )
        wanted = _PLAIN.sub("", name.strip().lower())
        if wanted not in plain:
            raise Refusal(
                _(
                    "The file has no column “%(name)s”; it has %(known)s.",
                    name=name,
                    known=", ".join(head)[:300],
                ),
                field="column",
            )
        found[role] = plain.index(wanted)
    for role, words in ROLES.items():
        free = [at for at in range(len(plain)) if at not in found.values()]
        exact = (at for word in words for at in free if plain[at] == word)
        partly = (at for word in words for at in free if len(word) > 3 and word in plain[at])
        at = next(exact, None) if role not in found else None
        at = next(partly, None) if at is None and role not in found else at
        if at is not None:
            found[role] = at
    if not ({"id", "number"} & found.keys()) or not ({"price", "unit", "parts"} & found.keys()):
        raise Refusal(
            _("The bill needs a column with the message's id or number, and one with its price or parts; it has %(known)s.",
              known=", ".join(head)[:300]),
            field="file",
        )  # fmt: skip
    return found


def read(path: Path, columns: Mapping[str, str], zone: tzinfo) -> list[Line]:
    """All lines of a bill; those without id and number (sums, notes) are left out.  Raises `Refusal`."""
    rows = reading.rows(path, reading.sniff(path))
    head = next((row for row in rows if sum(bool(cell.strip()) for cell in row) > 1), [])
    where, when = guess(head, columns), _Times(zone)
    lines: list[Line] = []

    def cell(row: list[str], role: str) -> str:
        at = where.get(role)
        return row[at].strip().removeprefix("'") if at is not None and at < len(row) else ""

    for n, row in enumerate(rows, 2):
        line = Line(n, cell(row, "id"), cell(row, "number"))
        if not line.id and not line.number:
            continue
        line.at, line.day_only = when.read(cell(row, "at"))
        line.parts = _whole(cell(row, "parts"))
        line.micros, line.currency = _price(cell(row, "price"))
        if line.micros is None and "unit" in where:
            unit, line.currency = _price(cell(row, "unit"))
            line.micros = None if unit is None else unit * (line.parts or 1)
        line.currency = cell(row, "currency").upper()[:3] or line.currency
        line.country, line.status = cell(row, "country").upper()[:2], cell(row, "status")[:60]
        lines.append(line)
        if len(lines) > MAX_LINES:
            raise Refusal(
                _("A bill has at most %(n)s lines; split it by the month.", n=f"{MAX_LINES:,}"), field="file"
            )
    if not lines:
        raise Refusal(_("The file has no lines of messages."), field="file")
    return lines


class _Times:
    """Dates as vendors write them; the form that fitted last is tried first."""

    def __init__(self, zone: tzinfo):
        self._zone = zone
        self._last: Callable[[str], datetime] = datetime.fromisoformat

    def read(self, text: str) -> tuple[int | None, bool]:
        """(epoch ms, names only a day); None for what is no date."""
        if not text:
            return None, False
        if text.isdigit() and len(text) in (10, 13):
            return int(text) * (1000 if len(text) == 10 else 1), False
        forms = [self._last, datetime.fromisoformat, *(_by(form) for form in _FORMATS)]
        for form in forms:
            try:
                at = form(text)
            except ValueError:
                continue
            self._last = form
            at = at if at.tzinfo else at.replace(tzinfo=self._zone)
            return clock.to_ms(at.astimezone(UTC)), len(text) <= 10
        return None, False


def _by(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007


def _whole(text: str) -> int | None:
    try:
        value = int(float(text)) if text else None
    except (ValueError, OverflowError):
        return None
    return value if value is not None and 0 <= value <= 10_000 else None


def _price(text: str) -> tuple[int | None, str]:
    """Micro-units and the currency where the cell names one: "-0.0075", "0,045", "¥0.05", "0.05 USD"."""
    if not text:
        return None, ""
    word = re.search(r"[A-Za-z]{3}", text)
    sign = {"¥": "CNY", "￥": "CNY", "€": "EUR", "£": "GBP"}
    digits = re.sub(r"[^0-9.,\-]", "", text)
    if "," in digits and "." in digits:
        digits = digits.replace(",", "")
    try:
        value = abs(Decimal(digits.replace(",", "."))) * 1_000_000
    except InvalidOperation:
        return None, ""
    if value > 10**15:
        return None, ""
    return int(value.to_integral_value()), word[0].upper() if word else sign.get(text[:1], "")
