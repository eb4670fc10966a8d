"""Reading messages: pages by key, one message with its story, and the whole of a campaign as rows.

Inside a campaign the key is the contact (an index range of the campaign); across campaigns it is the
message's id, which grows with time.  No page counts or skips rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from core import clock, ids, secrecy
from core.audience.quality import merged
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.deadline import TooSlow, deadline
from core.db.sets import among, listed
from core.i18n import _
from core.security.crypto import mask
from core.sending.record import ref_hash

if TYPE_CHECKING:
    from core.runtime import Runtime

PAGE = 50
#: Rows of an export read and decrypted at once.
EXPORT_CHUNK = 5_000
TIMEOUT_S = 3.0
#: A message is prepared at most so long before it is sent.
PREPARED_MS = 60 * clock.DAY_MS
EXPORT_COLUMNS = (
    *("message_id", "client_ref", "phone", "variant", "state", "reason", "account", "provider_message_id"),
    *("parts", "cost", "submitted_at", "final_at"),
)

_SELECT = (
    "SELECT m.id, m.campaign_id, k.name, m.contact_id, c.name, c.phone_enc, m.variant, m.cls, m.state, m.reason, "
    "a.name, m.provider_id, m.parts, m.cost_micros, "
    "COALESCE(NULLIF(a.currency, ''), k.currency), "
    "m.not_before, m.submitted_at, m.final_at, m.attempt, m.account_id "
    "FROM message m LEFT JOIN contact c ON c.id = m.contact_id LEFT JOIN account a ON a.id = m.account_id "
    "LEFT JOIN campaign k ON k.id = m.campaign_id"
)


class Row(NamedTuple):
    """One message as pages show it; the number is masked, '' for an erased contact."""

    id: int
    campaign_id: int
    campaign: str
    contact_id: int
    name: str
    phone: str
    variant: int
    cls: str
    state: str
    reason: str
    account: str
    provider_id: str
    parts: int
    cost_micros: int
    currency: str
    not_before: int
    submitted_at: int | None
    final_at: int | None
    attempt: int
    account_id: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; None and '' mean any."""

    campaign_id: int | None = None
    contact_id: int | None = None
    account_id: int | None = None
    state: str = ""
    reason: str = ""
    cls: str = ""
    variant: int | None = None
    #: One message; messages under a provider's id; those submitted (or, not yet, prepared) in a span, epoch ms.
    message_id: int | None = None
    provider_id: str = ""
    since: int | None = None
    until: int | None = None

    def __post_init__(self) -> None:
        if self.state and self.state not in State.__members__:
            raise Refusal(
                _("“%(state)s” is no state of a message.", state=self.state), field="state", status=400
            )
        if self.cls and self.cls not in Cls.__members__:
            raise Refusal(_("“%(cls)s” is no class of messages.", cls=self.cls), field="cls", status=400)

    def sql(self) -> tuple[list[str], list[Any]]:
        """Conditions on `message m` and their parameters."""
        pairs = [
            ("m.campaign_id = ?", self.campaign_id),
            ("m.account_id = ?", self.account_id),
            ("m.state = ?", State[self.state].value if self.state else None),
            ("m.reason = ?", self.reason or None),
            ("m.cls = ?", Cls[self.cls].value if self.cls else None),
            ("m.variant = ?", self.variant),
        ]
        pairs += [
            ("m.id = ?", self.message_id),
            ("m.provider_id = ?", self.provider_id or None),
            # Ids grow with time: what is prepared too late or too early is not looked at.
            ("m.id < ?", None if self.until is None else self.until << 20),
            ("m.id >= ?", None if self.since is None else max(0, self.since - PREPARED_MS) << 20),
            ("COALESCE(m.submitted_at, m.id / 1048576) >= ?", self.since),
            ("COALESCE(m.submitted_at, m.id / 1048576) < ?", self.until),
        ]
        kept = [(sql, value) for sql, value in pairs if value is not None]
        where, params = [sql for sql, _value in kept], [value for _sql, value in kept]
        if self.contact_id is not None:
            # Texts keep the contact they went to, also when that was merged into another.
            ids = merged.ids_of(self.contact_id)
            where.append(f"m.contact_id IN ({database.in_list(len(ids))})")
            params += ids
        return where, params

    def certainly_empty(self) -> bool:
        """The counters know of no such message; looking for none would read every row."""
        pairs = [
            ("t.state = ?", State[self.state].value if self.state else None),
            ("t.campaign_id = ?", self.campaign_id),
            ("t.account_id = ?", self.account_id),
            ("c.cls = ?", Cls[self.cls].value if self.cls else None),
        ]
        kept = [(sql, value) for sql, value in pairs if value is not None]
        if not kept:
            return False
        where = " AND ".join(sql for sql, _value in kept)
        found = database.one(
            f"SELECT 1 FROM tally t JOIN campaign c ON c.id = t.campaign_id WHERE t.n <> 0 AND {where} LIMIT 1",
            [value for _sql, value in kept],
        )
        return found is None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in reading order with the keys of the neighbouring pages, None at an end."""

    rows: list[Row]
    newer: int | None = None
    older: int | None = None


def page(rt: Runtime, wanted: Filter, *, before: int | None = None, after: int | None = None) -> Page:
    """A page of messages: those beyond the key `before`, or those in front of the key `after`.

    Newest first; inside a campaign in the order of contacts.  Raises `Refusal` when a rare combination
    takes too long to find.
    """
    if wanted.certainly_empty():
        return Page([])
    conditions, params = wanted.sql()
    key, descending = ("m.contact_id", False) if wanted.campaign_id is not None else ("m.id", True)
    backwards = after is not None
    edge = after if backwards else before
    if edge is not None:
        conditions.append(f"{key} {'<' if descending != backwards else '>'} ?")
        params.append(edge)
    down = descending != backwards
    order = f"{key} {'DESC' if down else 'ASC'}"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    try:
        with deadline(TIMEOUT_S):
            raw = database.query(f"{_SELECT}{where} ORDER BY {order} LIMIT ?", (*params, PAGE + 1))
    except TooSlow:
        raise Refusal(
            _("That combination takes too long to find; choose a campaign as well."), status=400
        ) from None
    more, raw = len(raw) > PAGE, raw[:PAGE]
    if backwards:
        raw.reverse()
    rows = [_row(rt, values) for values in raw]
    if not rows:
        return Page([])
    at = (lambda row: row.contact_id) if wanted.campaign_id is not None else (lambda row: row.id)
    newer = at(rows[0]) if (more if backwards else edge is not None) else None
    older = at(rows[-1]) if (True if backwards else more) else None
    return Page(rows, newer, older)


def _row(rt: Runtime, values: Sequence[Any]) -> Row:
    (
        id_, campaign_id, campaign, contact_id, name, blob, variant, cls, state, reason, account, provider_id, *rest,
    ) = values  # fmt: skip
    phone = mask(rt.keys.open_number(blob)) if blob else ""
    return Row(
        id_, campaign_id, campaign or "", contact_id, name or "", phone, variant, Cls(cls).name, State(state).name,
        reason or "", account or "", provider_id or "", *rest,
    )  # fmt: skip


def get(rt: Runtime, message_id: int) -> Row:
    """One message.  Raises `Refusal` (404)."""
    found = database.one(f"{_SELECT} WHERE m.id = ?", (message_id,)) if 0 <= message_id < 1 << 63 else None
    if found is None:
        raise Refusal(_("There is no message %(id)s.", id=message_id), status=404)
    return _row(rt, found)


def account_of(message_id: int) -> int:
    """The account a message went through; 0 for none yet."""
    return database.scalar("SELECT account_id FROM message WHERE id = ?", (message_id,)) or 0


def by_provider_id(provider_id: str) -> int | None:
    """The message with a provider's id, where its hash is kept; None where it is not, or not known."""
    hashes = [ref_hash(id_, provider_id) for (id_,) in database.query("SELECT id FROM account")]
    return database.scalar(
        f"SELECT id FROM message WHERE ref_hash {among()} AND provider_id = ?", (listed(hashes), provider_id)
    )


def receipts(message_id: int) -> list[tuple[str, str, int, int, str]]:
    """(state, code, at, received_at, note) of receipts that did not change the message as expected."""
    rows = database.query(
        "SELECT state, code, at, received_at, note FROM receipt_log WHERE message_id = ? ORDER BY id",
        (message_id,),
    )
    return [(State(state).name, code or "", at, received, note) for state, code, at, received, note in rows]


def export(rt: Runtime, campaign_id: int) -> Iterator[tuple]:
    """Rows of `EXPORT_COLUMNS` for every message of a campaign, numbers in clear; 5,000 in memory at a time."""
    references = ids.References(rt.keys)
    last = -1
    while True:
        rows = database.query(
            "SELECT m.contact_id, m.id, c.phone_enc, m.variant, m.state, m.reason, a.name, m.provider_id, m.parts, "
            "m.cost_micros, m.submitted_at, m.final_at FROM message m LEFT JOIN contact c ON c.id = m.contact_id "
            "LEFT JOIN account a ON a.id = m.account_id WHERE m.campaign_id = ? AND m.contact_id > ? "
            "ORDER BY m.contact_id LIMIT ?",
            (campaign_id, last, EXPORT_CHUNK),
        )
        if not rows:
            return
        numbers = iter(rt.keys.open_numbers([row[2] for row in rows if row[2] is not None]))
        for row in rows:
            (
                last, id_, blob, variant, state, reason, account, provider_id, parts, cost, submitted, final,
            ) = row  # fmt: skip
            yield (
                *(id_, references.of(id_), next(numbers) if blob is not None else "", variant),
                *(State(state).name, reason or "", account or "", provider_id or "", parts),
                *(f"{cost / 1_000_000:.6f}", iso(submitted), iso(final)),
            )


def iso(ms: int | None) -> str:
    """Epoch ms as ISO 8601 UTC, '' for None."""
    return clock.from_ms(ms).isoformat(timespec="milliseconds") if ms else ""


def words(rt: Runtime, row: Row) -> tuple[str, bool]:
    """(the text of a message, whether it is final); before it is rendered, what it would be now.

    The words are kept with the message where they are the person's own; a text without fields is the
    variant's.
    """
    from core.sending import render
    from core.sending.item import Item

    kept = database.scalar("SELECT body FROM message_text WHERE message_id = ?", (row.id,))
    if kept is not None:
        return secrecy.shown(row.cls, kept), True
    profile = database.one("SELECT country, language FROM profile WHERE contact_id = ?", (row.contact_id,))
    if profile is None:
        return "", False
    item = Item(
        row.id, row.contact_id, row.variant, 0, None, 0, None, country=profile[0], language=profile[1]
    )
    render.Words(rt, row.campaign_id).fill([item])
    return item.text or "", not item.own_text and row.submitted_at is not None
