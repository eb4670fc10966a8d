"""Vendors' codes in words: what kind a code is for its account, and the codes of one kind together.

The kinds are a closed list (core.contract.kinds); which code is of which kind is the provider's table with what
people changed of it for the account (core.sending.errorkinds).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from flask import g

from core.i18n import _
from core.sending.errorkinds import Known
from core.web import reasons
from core.web.render import rt

#: Codes of our own simulator, where the account says nothing of them.
_SIMULATED = {"absent": "handset", "blocked": "blocked", "opted_out": "optout", "refused": "other"}


class Code(NamedTuple):
    """One code of one account and how many messages ended with it."""

    reason: str
    account: str
    n: int


class Group(NamedTuple):
    """Failures that say the same: `kind` is "" and `codes` empty where the reason is a word of ours."""

    words: str
    kind: str
    reason: str
    n: int
    codes: list[Code]


def words(kind: str) -> str:
    """A kind as the reason why a text did not arrive."""
    return {
        "number": _("Number does not exist or takes no texts"),
        "optout": _("Opted out at the provider"),
        "blocked": _("Blocked by the person or the carrier"),
        "temporary": _("Trouble in the network for a while"),
        "handset": _("Phone off or out of reach"),
        "limit": _("A limit of the number or the sender was reached"),
        "content": _("The words were refused"),
        "route": _("Not possible to this country or from this sender"),
        "account": _("The account: credentials, money or permission"),
    }.get(kind, _("Another reason of the provider"))


def kind(reason: str, account_id: int | None) -> str:
    """The kind of a code of an account; "" for a reason that is a word of ours, or of no account."""
    if not reason or not account_id:
        return ""
    if "error_kinds" not in g:
        g.error_kinds = Known(rt())
    found = g.error_kinds[account_id].get(reason) or _SIMULATED.get(reason)
    return found or ("" if reasons.ours(reason) else "other")


def word(reason: str, account_id: int | None = None) -> str:
    """A reason in words; a code of an account's vendor by its kind."""
    found = kind(reason, account_id)
    return words(found) if found else reasons.word(reason)


def advice(reason: str, state: str, account_id: int | None = None) -> str:
    """What a person can do about it; for a code of an account's vendor by its kind."""
    return reasons.advice(kind(reason, account_id) or reason, state)


def grouped(rows: Iterable[tuple[int | None, str, str, int]]) -> list[Group]:
    """(account, its name, reason, messages) as groups of one meaning, the most frequent first."""
    found: defaultdict[tuple[str, str], list[tuple[str, Code]]] = defaultdict(list)
    for account_id, account, reason, n in rows:
        of = kind(reason, account_id)
        found[of, words(of) if of else reasons.word(reason)].append((reason, Code(reason, account, n)))
    groups = [
        Group(
            said, of, codes[0][0], sum(code.n for _reason, code in codes),
            sorted((code for _reason, code in codes), key=lambda code: (-code.n, code)) if of else [],
        )
        for (of, said), codes in found.items()
    ]  # fmt: skip
    return sorted(groups, key=lambda group: (-group.n, group.words))
