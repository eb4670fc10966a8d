"""Bills that were compared: the list, one with its totals, its lines by finding, the export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Invoice
from core.i18n import _
from core.security import audit
from core.sending.messages import iso

PAGE = 50
#: What a line can be; all but "ok" are differences.
FINDINGS = ("not_ours", "not_billed", "parts", "price", "twice", "ok")
EXPORT = (
    *("line", "finding", "message_id", "provider_id", "number", "at", "country", "class", "status"),
    *("billed_parts", "our_parts", "billed", "ours", "difference"),
)
_SELECT = (
    "SELECT id, line, finding, message_id, provider_id, number, at, country, cls, status, parts, our_parts, "
    "cost_micros, our_micros FROM invoice_line WHERE invoice_id = ?"
)


class Row(NamedTuple):
    """One line; None where a side says nothing."""

    id: int
    line: int
    finding: str
    message_id: int | None
    provider_id: str | None
    number: str
    at: int | None
    country: str
    cls: int | None
    status: str
    parts: int | None
    our_parts: int | None
    micros: int | None
    our_micros: int | None

    @property
    def difference(self) -> int:
        """What was billed over what we reckoned."""
        return (self.micros or 0) - (self.our_micros or 0)


def every(account_id: int) -> list[tuple[Invoice, dict[str, Any]]]:
    """Bills of an account with their totals, newest first."""
    found = Invoice.select().where(Invoice.account_id == account_id).order_by(Invoice.id.desc()).limit(200)
    return [(invoice, orjson.loads(invoice.totals)) for invoice in found]


def get(invoice_id: int) -> tuple[Invoice, dict[str, Any]]:
    """One bill with its totals.  Raises `Refusal` (404)."""
    found = Invoice.get_or_none(Invoice.id == invoice_id)
    if found is None:
        raise Refusal(_("There is no bill %(id)s.", id=invoice_id), status=404)
    return found, orjson.loads(found.totals)


def page(invoice_id: int, finding: str, before: int = 0) -> tuple[list[Row], bool]:
    """(lines with a finding below the key `before`, are there more), in the order of the file."""
    if finding not in FINDINGS:
        raise Refusal(_("“%(word)s” is no finding.", word=finding), field="finding", status=400)
    rows = database.query(
        f"{_SELECT} AND finding = ? AND id > ? ORDER BY id LIMIT ?", (invoice_id, finding, before, PAGE + 1)
    )
    return [Row(*row) for row in rows[:PAGE]], len(rows) > PAGE


def export(invoice_id: int, differences_only: bool = True) -> Iterator[tuple]:
    """Rows of `EXPORT`, 5,000 in memory at a time."""
    only, last = " AND finding <> 'ok'" if differences_only else "", 0
    while True:
        rows = database.query(f"{_SELECT}{only} AND id > ? ORDER BY id LIMIT 5000", (invoice_id, last))
        for values in rows:
            row = Row(*values)
            yield (
                *(
                    row.line or "",
                    row.finding,
                    row.message_id or "",
                    row.provider_id or "",
                    row.number,
                    iso(row.at),
                ),
                *(row.country, "" if row.cls is None else Cls(row.cls).name, row.status),
                *("" if row.parts is None else row.parts, "" if row.our_parts is None else row.our_parts),
                *(_money(row.micros), _money(row.our_micros), _money(row.difference)),
            )
        if len(rows) < 5000:
            return
        last = rows[-1][0]


def _money(micros: int | None) -> str:
    return "" if micros is None else f"{micros / 1_000_000:.6f}"


def remove(invoice_id: int, who: str) -> None:
    """Forget a bill, so that its file can be taken again."""
    invoice, _totals = get(invoice_id)
    with database.write_tx():
        database.execute("DELETE FROM invoice_line WHERE invoice_id = ?", (invoice_id,))
        database.execute("DELETE FROM invoice WHERE id = ?", (invoice_id,))
        audit.record(who, "invoice.remove", str(invoice.account_id), invoice.name)
