"""May a text go through an account whose vendor sends approved templates only, and which template is it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from core.content.vendortexts import match, store
from core.contract.types import AtVendor, VendorText
from core.i18n import _

if TYPE_CHECKING:
    from core.db.models import Account
    from core.runtime import Runtime

#: At home for these vendors.
HOME = "CN"


class Candidate(NamedTuple):
    """A vendor template that could be a text: the proposal of its variables, and how alike the words are."""

    template: store.Template
    params: Mapping[str, str] | None
    likeness: float


def of_text(
    rt: Runtime, body: str, cls: str, lang: str, template_id: int | None, countries: frozenset[str],
    accounts: Iterable[int] | None = None,
) -> tuple[AtVendor, ...]:  # fmt: skip
    """How a text stands with each account that needs templates.

    `accounts` are those a campaign may use: only they are looked at, and `chosen` is set.  Without them all
    are, as while someone writes.
    """
    needing = store.needing(rt)
    if accounts is not None:
        needing = {id_: account for id_, account in needing.items() if id_ in set(accounts)}
    if not needing:
        return ()
    mapped = store.mappings(template_id) if template_id else {}
    made = []
    for account in needing.values():
        if accounts is None and not account.enabled:
            continue
        mapping = mapped.get((lang, account.id))
        found = _standing(rt, account, mapping, body, cls, countries)
        made.append(found._replace(chosen=accounts is not None))
    return tuple(made)


def _standing(
    rt: Runtime,
    account: Account,
    mapping: store.Mapped | None,
    body: str,
    cls: str,
    countries: frozenset[str],
) -> AtVendor:
    name = account.name
    if mapping is None:
        best = next((c for c in candidates(rt, account, body) if c.params is not None), None)
        return AtVendor(name, "unmapped", best.template.code if best else "")
    there = store.template(account.id, mapping.code)
    if there is None:
        return AtVendor(name, "gone", mapping.code)
    if there.state != "approved":
        return AtVendor(name, there.state, there.reason)
    marks = {mark.name: mark for mark in store.signatures(account.id)}
    if not there.abroad or mapping.signature:
        mark = marks.get(mapping.signature)
        if mark is None or mark.state != "approved":
            return AtVendor(name, "signature", match.as_sent(mapping.signature, "") or _("none"))
    if there.kind and there.kind != cls:
        return AtVendor(name, "class", there.kind)
    if countries and (HOME in countries if there.abroad else bool(countries - {HOME})):
        return AtVendor(name, "country", ", ".join(sorted(countries)))
    words = match.cut(there.words, store.variable_of(rt, account))
    if set(words.names) != set(mapping.params):
        return AtVendor(name, "value", ", ".join(sorted(set(words.names) ^ set(mapping.params))))
    if match.same(body, mapping.signature, words, mapping.params):
        return AtVendor(name)
    return AtVendor(name, words=match.as_sent(mapping.signature, words.fill(mapping.params)))


def candidates(rt: Runtime, account: Account, body: str, most: int = 20) -> list[Candidate]:
    """The account's templates, those with our words first, then the likest; refused ones last of all."""
    variable = store.variable_of(rt, account)
    made = []
    for there in store.templates(account.id):
        words = match.cut(there.words, variable)
        made.append(Candidate(there, match.propose(body, words), match.likeness(body, words)))
    made.sort(key=lambda c: (c.params is None, c.template.state != "approved", -c.likeness, c.template.code))
    return made[:most]


def default_signature(account: Account) -> str:
    """The signature of texts that carry none: the account's sender if it is approved, else the only one."""
    approved = [mark.name for mark in store.signatures(account.id) if mark.state == "approved"]
    wanted = account.sender.strip("【】 ")
    if wanted in approved:
        return wanted
    return approved[0] if len(approved) == 1 else ""


class Spoken:
    """Finds the approved template a finished text is, for texts without a mapping: codes, receipts, tests."""

    def __init__(self, variable: str, account: Account):
        self._default = default_signature(account)
        self._marks = {mark.name for mark in store.signatures(account.id) if mark.state == "approved"}
        self._cut = [
            (there, match.cut(there.words, variable)) for there in store.templates(account.id, "approved")
        ]

    def find(self, text: str, cls: str) -> tuple[VendorText, str, str] | None:
        """(what to send, its kind, the words as phones show them); None when no approved template fits."""
        mark, rest = match.signed(text)
        mark = mark or self._default
        for there, words in sorted(self._cut, key=lambda pair: pair[0].kind != cls):
            if (mark not in self._marks) if not there.abroad else bool(mark) and mark not in self._marks:
                continue
            if cls == "mass" and there.kind not in ("mass", ""):
                continue
            values = words.values(rest)
            if values is not None:
                sent = match.as_sent(mark, words.fill(values))
                return VendorText(there.code, mark, values), there.kind, sent
        return None
