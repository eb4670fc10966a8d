"""Opt-outs a provider knows of: a refused text that says so becomes suppression and a line of the ledger.

A person may write STOP to the provider's own number, or be on a carrier's list; the provider then refuses our
texts with a code of its own (Twilio 21610, Tencent PhoneNumberInBlacklist).  A plugin says so with the reason
`opted_out` of a `Result` or `Receipt`, or lists the vendor's codes in `Provider.optout_codes`.  It is written
in the transaction that records the refusal, so no later window texts the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.audience import chain, consent, keywords, suppression
from core.contract.errors import CooeeError
from core.contract.types import OPTED_OUT, Result
from core.db import database
from core.db.codes import MARKETING
from core.db.sets import among, listed
from core.sending import accounts, errorkinds
from core.sending.item import Item

if TYPE_CHECKING:
    from core.runtime import Runtime


class Told(NamedTuple):
    """A message whose provider says that the number opted out."""

    message_id: int
    account_id: int
    code: str


def codes_of(rt: Runtime, account_id: int) -> frozenset[str]:
    """Codes of an account's provider that mean an opt-out; none where it cannot be opened."""
    try:
        return frozenset(accounts.open_provider(rt, account_id, connect=False).optout_codes)
    except CooeeError:
        return frozenset()


class Codes(dict[int, frozenset[str]]):
    """Codes by account, looked up when first needed: one for a batch of receipts.

    `kinds` has what all codes mean, by account.
    """

    def __init__(self, rt: Runtime):
        super().__init__()
        self._rt, self.kinds = rt, errorkinds.Known(rt)

    def __missing__(self, account_id: int) -> frozenset[str]:
        self[account_id] = found = codes_of(self._rt, account_id)
        return found

    def tell(self, account_id: int, state: str, code: str | None, reason: str | None) -> bool:
        """Does a receipt say that the number opted out?"""
        if state not in ("undelivered", "rejected") or not (code or reason):
            return False
        return means(self[account_id], code, reason)

    def kind(self, account_id: int, state: str, code: str | None) -> str:
        """What the code of a receipt that says "failed" means; "" where it says something else."""
        if state not in ("undelivered", "rejected", "expired") or not code:
            return ""
        return self.kinds[account_id].get(code, "other")


def means(codes: frozenset[str], code: str | None, reason: str | None) -> bool:
    """Does a refusal with this code and reason say that the person opted out?"""
    return reason == OPTED_OUT or code == OPTED_OUT or (code is not None and code in codes)


def in_results(
    account_id: int, codes: frozenset[str], items: Sequence[Item], results: Sequence[Result]
) -> list[Told]:
    """Those of a window that came back."""
    return [
        Told(item.id, account_id, result.code or OPTED_OUT)
        for item, result in zip(items, results, strict=True)
        if result.outcome == "rejected" and means(codes, result.code, result.reason)
    ]


def hold(rt: Runtime) -> None:
    """Called first in a transaction that may `write`: the ledger's chain, then the list, then profiles."""
    chain.lock(rt)
    suppression.hold(shared=True)


def write(rt: Runtime, told: Iterable[Told]) -> list[consent.Event]:
    """Suppress (reason `provider`) and opt out, inside the transaction that records the refusals.

    Returns the events for `consent.announce`.  A number on the list for this reason already changes nothing;
    a message of another account than the one that speaks is left alone.
    """
    by_id = {one.message_id: one for one in told}
    if not by_id:
        return []
    rows = database.query(
        "SELECT m.id, m.account_id, c.id, c.phone_bidx, c.phone_enc, p.optout_bits FROM message m "
        "JOIN contact c ON c.id = m.contact_id JOIN profile p ON p.contact_id = c.id "
        f"WHERE m.id {among()} ORDER BY m.id",
        (listed(by_id),),
    )
    mask = keywords.stop_mask()
    entries: dict[bytes, suppression.Entry] = {}
    events: list[consent.Event] = []
    for message_id, account_id, contact_id, bidx, phone_enc, optouts in rows:
        key, one = bytes(bidx), by_id[message_id]
        if account_id != one.account_id or key in entries:
            continue
        entries[key] = suppression.Entry(key, phone_enc, mask, one.code[:60])
        proof = {"message": message_id, "account": one.account_id, "code": one.code[:60]}
        events += [
            consent.Event(contact_id, key, cls, "opt_out", "provider", evidence=proof, who="provider")
            for cls in sorted(MARKETING)
            if not optouts & cls.bit
        ]
    if entries:
        suppression.add(rt, list(entries.values()), reason="provider", who="provider")
    consent.record(rt, events)
    return events
