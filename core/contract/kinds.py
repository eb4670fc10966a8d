"""What a refusal means, whatever the vendor calls it: the closed list of kinds, and what each does.

A provider maps its vendor's codes to kinds (`Provider.ERRORS`); people change that map for an account without
touching code, because vendors add codes and give old ones a new sense.
"""

from __future__ import annotations

from typing import NamedTuple

from core.i18n import _l


class Kind(NamedTuple):
    """`outcome` of a refused submit; `after_s` before the next try, at least; what people read."""

    outcome: str
    title: object
    does: object
    after_s: float | None = None


KINDS: dict[str, Kind] = {
    "number": Kind("rejected", _l("Number"), _l("The number does not work: it is marked and not texted again.")),
    "optout": Kind("rejected", _l("Opted out"), _l("The person opted out there: suppressed, and in the ledger.")),
    "blocked": Kind("rejected", _l("Blocked"), _l("The user or carrier blocks us: suppressed after the second time.")),
    "temporary": Kind("retry", _l("Temporary"), _l("Tried again after a pause.")),
    "handset": Kind("retry", _l("Handset"), _l("Off or out of reach: tried again later, a few times."), 900.0),
    "limit": Kind("retry", _l("Limit"), _l("A limit for this number or sender is used up: tried again later."), 3600.0),
    "content": Kind("rejected", _l("Content"), _l("The words are refused: the campaign pauses for a person to look.")),
    "route": Kind("rejected", _l("Route"), _l("Not to this country or from this sender: another route is taken.")),
    "account": Kind("rejected", _l("Account"), _l("Credentials, money or permission: the account halts.")),
    "other": Kind("rejected", _l("Other"), _l("The message failed; nothing else follows.")),
}  # fmt: skip
