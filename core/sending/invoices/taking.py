"""Taking a bill in: read, match, compare, store; one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from core import clock, redact
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Account, Invoice
from core.i18n import _
from core.security import audit
from core.sending import prices
from core.sending.invoices import matching, reading
from core.sending.invoices.matching import Ours
from core.sending.invoices.reading import Line

if TYPE_CHECKING:
    from core.runtime import Runtime

COLUMNS = (
    *(
        "invoice_id",
        "line",
        "finding",
        "message_id",
        "provider_id",
        "number",
        "at",
        "country",
        "cls",
        "parts",
    ),
    *("cost_micros", "our_parts", "our_micros", "status"),
)
#: Vendors round each line: so much is no difference (0.0005 of the currency, or a thousandth of the price).
ROUNDING = 500
#: How far back messages are looked for when a bill names no dates.
UNDATED_MS = 120 * clock.DAY_MS


def take(
    rt: Runtime, account: Account, path: Path, name: str, columns: Mapping[str, str] | None = None,
    zone: str = "", who: str = "",
) -> int:  # fmt: skip
    """Compare a bill with the account's messages and keep the result; its id.

    `columns`: {role: head} where the guess is wrong; `zone`: IANA, of times without one.  Raises `Refusal`.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = database.scalar(
        "SELECT id FROM invoice WHERE account_id = ? AND digest = ?", (account.id, digest)
    )
    if known:
        raise Refusal(_("This file is here already, as bill %(id)s.", id=known), field="file", status=409)
    lines = reading.read(path, columns or {}, ZoneInfo(zone or rt.settings.zone))
    since, until = _span(lines)
    first = since - (clock.DAY_MS if until > since else UNDATED_MS)
    found, rest = matching.match(rt, account.id, lines, first, until + clock.DAY_MS)
    inside = [o for o in rest if since <= o.submitted_at < until and o.state in matching.BILLED and o.parts]
    ours_currency = prices.Prices(account.id, Cls.mass, clock.now_ms()).currency
    named = Counter(line.currency for line in lines if line.currency).most_common(1)
    currency = named[0][0] if named else ours_currency
    findings = compare(lines, found)
    now = clock.now_ms()
    with database.write_tx():
        made = Invoice.create(
            account_id=account.id, name=name[:200], digest=digest, currency=currency, from_at=since, to_at=until,
            lines=len(lines), who=who, at=now,
            totals=orjson.dumps(_totals(lines, found, findings, inside, currency, ours_currency)).decode(),
        )  # fmt: skip
        database.copy_rows("invoice_line", COLUMNS, _rows(made.id, lines, found, findings, inside))
        audit.record(who, "invoice.take", account.name, f"{name[:200]}: {len(lines)} lines")
    return made.id


def _span(lines: Sequence[Line]) -> tuple[int, int]:
    """The time a bill covers; without dates an empty one, and then nobody says what it leaves out."""
    times = [line.at for line in lines if line.at is not None]
    if not times:
        return clock.now_ms(), clock.now_ms()
    day = any(line.day_only for line in lines)
    return min(times), max(times) + (clock.DAY_MS if day else 1000)


def compare(lines: Sequence[Line], found: Mapping[int, Ours]) -> list[str]:
    """The finding of each line: ok · not_ours · parts · price · twice.

    Some vendors write a line a part under one id: together they are one message.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for at, ours in found.items():
        groups[ours.id].append(at)
    findings = ["not_ours"] * len(lines)
    for some in groups.values():
        some.sort()
        ours = found[some[0]]
        together = sum(lines[at].parts or 1 for at in some)
        if len(some) > 1 and together > max(1, ours.parts):
            for at in some[1:]:
                findings[at] = "twice"
            some = some[:1]
        told = [lines[at].parts for at in some]
        parts = sum(n or 1 for n in told) if any(n is not None for n in told) or len(some) > 1 else None
        cents = [lines[at].micros for at in some]
        micros = None if any(n is None for n in cents) else sum(n or 0 for n in cents)
        for at in some:
            findings[at] = "ok"
        if parts is not None and parts != ours.parts:
            findings[some[0]] = "parts"
        elif micros is not None and abs(micros - ours.micros) > max(ROUNDING, ours.micros // 1000):
            findings[some[0]] = "price"
    return findings


def _rows(
    invoice_id: int,
    lines: Sequence[Line],
    found: Mapping[int, Ours],
    findings: Sequence[str],
    inside: Sequence[Ours],
) -> Iterator[tuple]:
    for at, line in enumerate(lines):
        ours = found.get(at)
        yield (
            invoice_id, line.n, findings[at], ours and ours.id, _text(line.id[:255]) or None,
            redact.numbers(_text(line.number))[:40], line.at, (ours.country if ours else "") or line.country,
            ours.cls if ours else None, line.parts, line.micros, ours.parts if ours else None,
            ours.micros if ours else None, _text(line.status),
        )  # fmt: skip
    for ours in inside:
        yield (
            invoice_id, 0, "not_billed", ours.id, ours.provider_id, "", ours.submitted_at, ours.country, ours.cls,
            None, None, ours.parts, ours.micros, State(ours.state).name,
        )  # fmt: skip


def _text(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


def _totals(
    lines: Sequence[Line], found: Mapping[int, Ours], findings: Sequence[str], inside: Sequence[Ours],
    currency: str, ours_currency: str,
) -> dict[str, Any]:  # fmt: skip
    groups: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0] * 6)
    counted: set[int] = set()
    by_finding: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for at, line in enumerate(lines):
        ours = found.get(at)
        key = (
            _month(line.at or (ours.submitted_at if ours else None)),
            (ours.country if ours else "") or line.country,
        )
        sums = groups[*key, ours.cls if ours else -1]
        sums[0] += 1
        sums[1] += line.parts or 0
        sums[2] += line.micros or 0
        worth = line.micros or 0
        if ours and ours.id not in counted:
            counted.add(ours.id)
            sums[3] += 1
            sums[4] += ours.parts
            sums[5] += ours.micros
            worth -= ours.micros
        one = by_finding[findings[at]]
        one[0] += 1
        one[1] += worth
    for ours in inside:
        sums = groups[_month(ours.submitted_at), ours.country, ours.cls]
        sums[3] += 1
        sums[4] += ours.parts
        sums[5] += ours.micros
        one = by_finding["not_billed"]
        one[0] += 1
        one[1] -= ours.micros
    return {
        "our_currency": ours_currency,
        "comparable": currency == ours_currency,
        "findings": {name: {"n": n, "micros": micros} for name, (n, micros) in sorted(by_finding.items())},
        "groups": [
            {
                "month": month, "country": country, "class": "" if cls < 0 else Cls(cls).name,
                "lines": s[0], "parts": s[1], "micros": s[2],
                "our_messages": s[3], "our_parts": s[4], "our_micros": s[5],
            }
            for (month, country, cls), s in sorted(groups.items())
        ],
    }  # fmt: skip


def _month(at: int | None) -> str:
    return clock.from_ms(at).strftime("%Y-%m") if at else ""
