"""A message in a worker's hands, and the lane it travels in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Item:
    """One claimed message.  `account_id` is what its row says: 0 unless it is bound to an account.

    `to` is the number in clear, in memory only.  `text` is None until rendered; `own_text` says that the
    words are this contact's and are kept with the message.
    """

    id: int
    contact_id: int
    variant: int
    account_id: int
    submitted_at: int | None
    attempt: int
    not_after: int | None
    to: str = ""
    country: str = ""
    language: str = ""
    text: str | None = None
    own_text: bool = False
    encoding: str = "gsm7"
    parts: int = 0
    cost_micros: int = 0
    #: What vendors get that send approved templates only: a `VendorText`.
    vendor: Any = None
    #: What the rules decided (`routes.choosing.Choice`); None where none had a say.
    choice: Any = None


@dataclass(frozen=True, slots=True)
class Lane:
    """Campaign, account and lease under which a window is marked, sent and recorded.

    `consent` is the class bit where the class needs consent, else 0.  `closed` tells which countries may not
    be texted (`submit.Closed`).  `echoes`: receipts carry our
    reference, so no hash of the provider's id is kept.  `ttl_ms`: for so long after the first submit the
    same reference may be repeated; None for never.
    """

    campaign_id: int
    cls: int
    bit: int
    consent: int
    account_id: int
    lease: int
    #: Ids of the lease, sorted.
    claimed: Sequence[int] = ()
    closed: Any = None
    budgeted: bool = False
    rate_per_s: float | None = None
    campaign_rate_per_s: float | None = None
    sender: str = ""
    echoes: bool = False
    ttl_ms: int | None = None
    provider: Any = None
    #: The campaign's topic: whoever opted out of it is left out; 0 for none.
    topic_id: int = 0
    #: Messages of the class a contact may get in a day and in a week; None for any number.
    cap: tuple[int | None, int | None] = (None, None)
    #: What rules and pools ask and keep (`routes.way.Way`); None where they have no say.
    way: Any = None
    #: Codes of the provider that mean "this number opted out".
    optout_codes: frozenset[str] = frozenset()
    #: What its codes mean: code → kind.
    errors: Mapping[str, str] = field(default_factory=dict)

    def alone(self, items: Sequence[Item]) -> bool:
        """Has the lease no other message between the first and the last of these, which are sorted?"""
        first, last = items[0].id, items[-1].id
        return bisect_right(self.claimed, last) - bisect_left(self.claimed, first) == len(items)
