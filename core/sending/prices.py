"""What a message costs: parts × the price of the account for the country and class at that time."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from core import amounts, clock
from core.audience import phones
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.i18n import _
from core.security import audit
from core.sending.item import Item

#: Any class.
ANY = -1
COLUMNS = ("country", "class", "price", "currency", "from")


class Prices:
    """Prices of an account for one class at an instant; the most exact row wins, then the newest."""

    def __init__(self, account_id: int, cls: int, now: int):
        self._exact: dict[str, int] = {}
        rows = database.query(
            "SELECT country, micros_per_part, currency FROM price "
            "WHERE account_id = ? AND cls IN (-1, ?) AND from_at <= ? ORDER BY cls, from_at",
            (account_id, int(cls), now),
        )
        #: ISO 4217 currency of the newest price; an account has one.
        self.currency = rows[-1][2] if rows else ""
        # Later rows overwrite: a price of this class stands over one for any class, a newer over an older.
        for country, micros, _currency in rows:
            self._exact[country] = micros
        self._any = self._exact.get("", 0)

    def charge(self, items: Iterable[Item]) -> None:
        """Set what each message costs."""
        exact, other = self._exact, self._any
        for item in items:
            item.cost_micros = item.parts * exact.get(item.country, other)

    def knows(self, country: str) -> bool:
        """Is there a price for a country, be it 0?"""
        return country in self._exact or "" in self._exact

    def micros(self, country: str) -> int:
        """Micro-units for one part to a country; 0 when no price is known."""
        return self._exact.get(country, self._any)


def price_of(account_id: int, country: str, cls: int, at: int | None = None) -> tuple[int, str]:
    """(micro-units for one part, currency) now or at an instant (epoch ms); (0, "") when none is known."""
    prices = Prices(account_id, cls, clock.now_ms() if at is None else at)
    return prices.micros(country), prices.currency


def currency_of(account_id: int | None) -> str:
    """The ISO currency of an account's prices; "" without prices.  It has one (`put`)."""
    return (
        database.scalar("SELECT currency FROM price WHERE account_id = ? LIMIT 1", (account_id or 0,)) or ""
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a price table; country "" and class `ANY` mean any, `from_at` 0 always."""

    micros: int
    currency: str
    country: str = ""
    cls: int = ANY
    from_at: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As the columns of the CSV file."""
        return {
            "country": self.country,
            "class": "" if self.cls == ANY else Cls(self.cls).name,
            "price": format((Decimal(self.micros) / 1_000_000).normalize(), "f"),
            "currency": self.currency,
            "from": clock.from_ms(self.from_at).date().isoformat() if self.from_at else "",
        }

    @property
    def words(self) -> str:
        """For the audit log: "CN mass 0.045 CNY from 2026-01-31", "any 0.05 CNY"."""
        row = self.as_dict()
        since = row["from"] and f"from {row['from']}"
        return " ".join(
            filter(None, (row["country"] or "any", row["class"], row["price"], row["currency"], since))
        )


def table(account_id: int) -> list[Line]:
    """All prices of an account, by country, class and date."""
    return [
        Line(*row)
        for row in database.query(
            "SELECT micros_per_part, currency, country, cls, from_at FROM price WHERE account_id = ? "
            "ORDER BY country, cls, from_at",
            (account_id,),
        )
    ]


def put(account_id: int, lines: Iterable[Line], *, who: str = "") -> int:
    """Add prices or change those of the same country, class and date; how many were given.

    Raises `Refusal` when the account would have prices in two currencies, or in another than it has spent: sums
    would mean nothing.
    """
    new = list(lines)
    spent = _spent(account_id)
    if others := {line.currency for line in new} - {spent} if spent else ():
        raise Refusal(
            _(
                "This account has spent %(spent)s already, and what was spent stays in that currency; add an account "
                "of its own for prices in %(names)s.",
                spent=spent,
                names=" + ".join(sorted(others)),
            ),
            field="currency",
        )
    currencies = {line.currency for line in [*table(account_id), *new]}
    if len(currencies) > 1:
        raise Refusal(
            _(
                "An account has prices in one currency, not in %(names)s; remove the others first.",
                names=" + ".join(sorted(currencies)),
            ),
            field="currency",
        )
    with database.write_tx():
        _told(account_id, currency_of(account_id), *currencies)
        database.executemany(
            "INSERT INTO price (account_id, country, cls, micros_per_part, currency, from_at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (account_id, country, cls, from_at) DO UPDATE SET "
            "micros_per_part = excluded.micros_per_part, currency = excluded.currency",
            [(account_id, line.country, line.cls, line.micros, line.currency, line.from_at) for line in new],
        )
        if currencies:
            database.execute("UPDATE account SET currency = ? WHERE id = ?", (*currencies, account_id))
        audit.record(
            who, "account.prices", str(account_id), new[0].words if len(new) == 1 else f"{len(new)} prices"
        )
    return len(new)


def remove(account_id: int, country: str, cls: int, from_at: int, *, who: str = "") -> None:
    """Take one line out of the table."""
    with database.write_tx():
        before, key = currency_of(account_id), (country, cls, from_at)
        gone = [line.words for line in table(account_id) if (line.country, line.cls, line.from_at) == key]
        database.execute(
            "DELETE FROM price WHERE account_id = ? AND country = ? AND cls = ? AND from_at = ?",
            (account_id, country, cls, from_at),
        )
        _told(account_id, before, currency_of(account_id))
        audit.record(who, "account.prices", str(account_id), " ".join(["removed", *gone]))


def _spent(account_id: int) -> str:
    """The currency in which an account has spent something; "" as long as it has not."""
    return (
        database.scalar(
            "SELECT currency FROM account WHERE id = ? "
            "AND EXISTS (SELECT 1 FROM tally WHERE account_id = account.id AND cost_micros <> 0)",
            (account_id,),
        )
        or ""
    )


def _told(account_id: int, before: str, after: str = "") -> None:
    """Let the account's provider be made anew, which knows the currency."""
    if before != after:
        database.execute("UPDATE account SET errors_version = errors_version + 1 WHERE id = ?", (account_id,))


def parse(text: str) -> tuple[int, str]:
    """(micro-units, currency) of "0.045 CNY".  Raises `Refusal`."""
    found = re.fullmatch(r"\s*(.*[0-9])\s*([A-Za-z]{3})\s*", text)
    if found is None:
        raise Refusal(_("%(text)s is no price such as 0.045 CNY.", text=repr(text)), field="price")
    return micros_of(found[1]), found[2].upper()


def micros_of(price: str) -> int:
    """Micro-units of a price as people write it (`amounts.read`).  Raises `Refusal` for what is no price."""
    value = amounts.read(price, "price") * 1_000_000
    if not 0 <= value <= 10**12:
        raise Refusal(_("%(text)s is no price of a part such as 0.045.", text=repr(price)), field="price")
    return int(value.to_integral_value(ROUND_HALF_UP))


def line_of(country: str, cls: str, price: str, currency: str, since: str) -> Line:
    """One line out of texts.  Raises `Refusal` with the field at fault."""
    country, cls, currency = country.strip().upper(), cls.strip().lower(), currency.strip().upper()
    if country in ("*", "ANY"):
        country = ""
    if country and country not in phones.REGIONS:
        raise Refusal(_("%(text)s is no country code such as CN or US.", text=repr(country)), field="country")
    if cls not in ("", "any", "*") and cls not in Cls.__members__:
        names = ", ".join(Cls.__members__)
        raise Refusal(
            _("%(text)s is no class; there are %(names)s.", text=repr(cls), names=names), field="class"
        )
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Refusal(
            _("%(text)s is no currency code such as CNY or USD.", text=repr(currency)), field="currency"
        )
    from_at = 0
    if since.strip():
        try:
            from_at = clock.to_ms(datetime.fromisoformat(since.strip()).replace(tzinfo=UTC))
        except ValueError:
            raise Refusal(
                _("%(text)s is no date such as 2026-01-31.", text=repr(since)), field="from"
            ) from None
    return Line(micros_of(price), currency, country, Cls[cls] if cls in Cls.__members__ else ANY, from_at)


def read_csv(text: str) -> list[Line]:
    """Lines of a CSV file with the columns country, class, price, currency, from; the first and last two may
    be missing.  Raises `Refusal` that names the line."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    names = {(name or "").strip().lower() for name in rows.fieldnames or ()}
    if not {"price", "currency"} <= names:
        raise Refusal(
            _(
                "The file needs the columns price and currency, and may have %(names)s.",
                names=", ".join(COLUMNS),
            ),
            field="file",
        )
    lines = []
    for number, raw in enumerate(rows, 2):
        row = {
            (name or "").strip().lower(): value or "" for name, value in raw.items() if isinstance(value, str)
        }
        try:
            lines.append(line_of(*(row.get(name, "") for name in COLUMNS)))
        except Refusal as refusal:
            raise Refusal(_("Line %(n)s: %(why)s", n=number, why=str(refusal)), field="file") from None
    return lines
