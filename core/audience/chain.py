"""The seals of the consent ledger (`core.db.chain`): one for the events of each transaction.

Whoever takes other locks in the same transaction calls `lock` first: head, then suppression, then profiles.  The head
is noted in `instance/journal/consent.head` after each commit; that of imports and programs within a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.db import chaincheck
from core.db.chain import Chain, Head
from core.db.chaincheck import Report

if TYPE_CHECKING:
    from core.config import Settings
    from core.runtime import Runtime
    from core.security.crypto import Keys

COLUMNS = (
    "id", "contact_id", "phone_bidx", "cls", "action", "source", "wording", "evidence", "who", "batch_id", "at",
    "topic_id",
)  # fmt: skip
FILE = "consent.head"


def of(settings: Settings, keys: Keys) -> Chain:
    """The chain of an instance's ledger."""
    return Chain(
        "consent", "consent_event", COLUMNS, keys.ledger, settings.path("journal", FILE), "Event",
        blobs=frozenset({"phone_bidx"}),
    )  # fmt: skip


def lock(rt: Runtime) -> Head:
    """Hold the end of the chain until commit, inside `write_tx`."""
    return of(rt.settings, rt.keys).lock()


def take_ids(rt: Runtime, n: int) -> list[int]:
    """Ids for `n` events to be appended, in order and above all others; holds the chain."""
    return of(rt.settings, rt.keys).take_ids(n)


def seal(rt: Runtime, rows: Sequence[Sequence[Any]]) -> None:
    """Seal events that were just appended with ids of `take_ids`; rows as in `COLUMNS`."""
    of(rt.settings, rt.keys).seal(rows)


def note(rt: Runtime, *, restored: bool = False) -> None:
    """Write the committed head beside the database; after a commit, or after a backup was `restored`."""
    of(rt.settings, rt.keys).note(restored=restored)


def settle(rt: Runtime) -> None:
    """Each minute: note the head also where `note` may not, because a power cut could still take it back."""
    of(rt.settings, rt.keys).settle()


def noted(rt: Runtime) -> Head | None:
    """The head as it was noted last, None where nothing is noted."""
    return of(rt.settings, rt.keys).noted()


def verify(rt: Runtime) -> Report:
    """Walk the whole chain; names the first event or seal that does not fit."""
    return chaincheck.verify(of(rt.settings, rt.keys))


def check(rt: Runtime) -> str | None:
    """For `cooee verify`: the first broken event or seal, or None."""
    return verify(rt).broken
