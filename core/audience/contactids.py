"""Ids of new contacts: never one that still names somebody who was erased or merged away."""

from __future__ import annotations

from core.db import bulk

#: Where the id of a contact that is gone still stands: the ledger, merges, messages.
_STILL_NAMED = (
    "SELECT MAX(contact_id) FROM consent_event",
    "SELECT MAX(gone_id) FROM contact_merge",
    "SELECT MAX(contact_id) FROM message",
)


def new(n: int) -> list[int]:
    """Ids for `n` contacts to be inserted, inside `write_tx`; in order."""
    return bulk.new_ids("contact", n, _STILL_NAMED)
