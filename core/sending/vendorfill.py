"""Messages for an account whose vendor sends approved templates only: code, signature, values, words.

A campaign's messages take the mappings frozen at its launch; the values of the vendor's variables are merged
for each contact in bulk, as words are.  Single messages have only words: they are the approved template whose
words they are.  What is on the wire, kept and counted is what the vendor makes of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.content import links, merge, parts, values
from core.content.vendortexts import match, standing, store
from core.contract.errors import Refusal
from core.contract.types import Provider, VendorText
from core.db.codes import Cls
from core.db.models import Account
from core.i18n import _
from core.sending import render
from core.sending.item import Item
from core.sending.links import Maker

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

#: What is known of an account's templates is read again after this long.
KNOWN_MS = 15_000
#: Why a message of its own is skipped.
NO_TEMPLATE, BAD_VALUE = "vendor_template", "vendor_value"
DOMESTIC = "CN"


class Filled(NamedTuple):
    """`ready` may go; `refused` are (item, reason); `stop` says why a campaign cannot go on, "" when it can."""

    ready: list[Item]
    refused: list[tuple[Item, str]]
    stop: str = ""


class _Text(NamedTuple):
    """One mapping, compiled: `columns` are the merge of each variable."""

    frozen: store.Frozen
    words: match.Words
    columns: dict[str, merge.Merge]
    reader: values.Reader
    names: list[str]


class Filler:
    """The mappings of one campaign for one account; kept by a worker for a short while."""

    def __init__(self, rt: Runtime, campaign_id: int, account: Account):
        self._rt, self._account = rt, account
        self._variable = store.variable_of(rt, account)
        self._frozen = store.frozen(campaign_id, account.id)
        self._states, self._marks = store.states(
            account.id,
            [one.code for one in self._frozen.values()],
            [one.signature for one in self._frozen.values()],
        )
        self._made: dict[tuple[int, str], _Text] = {}
        self._spoken: standing.Spoken | None = None
        self._maker = Maker(rt)
        self.until = clock.now_ms() + KNOWN_MS

    def campaign(self, words: render.Words, items: Sequence[Item], provider: Provider) -> Filled:
        """Fill messages of a campaign.  One text that may not go stops all: a person must look."""
        groups: dict[tuple[int, str], list[Item]] = defaultdict(list)
        for item in items:
            groups[item.variant, words.language(item)].append(item)
        for key in groups:
            if why := self._forbidden(*key):
                return Filled([], [], why)
        done = Filled([], [])
        for key, some in groups.items():
            self._group(self._text(*key), some, provider, done)
        return done

    def singles(self, items: Sequence[Item], cls: str, provider: Provider) -> Filled:
        """Fill single messages by their words."""
        if self._spoken is None:
            self._spoken = standing.Spoken(self._variable, self._account)
        done = Filled([], [])
        for item in items:
            found = self._spoken.find(item.text or "", cls)
            if found is None:
                done.refused.append((item, NO_TEMPLATE))
                continue
            vendor, kind, text = found
            if any(provider.value_problem(kind, value) for value in vendor.params.values()):
                done.refused.append((item, BAD_VALUE))
                continue
            _say(item, vendor, text, item.own_text)
            done.ready.append(item)
        return done

    def _forbidden(self, variant: int, lang: str) -> str:
        name, one = self._account.name, self._frozen.get((variant, lang))
        if one is None:
            return f"No template of {name!r} is mapped to the text ({lang}); map it and launch a copy."
        if self._states.get(one.code) != "approved":
            return f"Template {one.code} of {name!r} is {self._states.get(one.code, 'gone')}."
        if one.signature and self._marks.get(one.signature) != "approved":
            return f"Signature {one.signature} of {name!r} is {self._marks.get(one.signature, 'gone')}."
        return ""

    def _text(self, variant: int, lang: str) -> _Text:
        key = (variant, lang)
        if key not in self._made:
            one = self._frozen[key]
            columns = {name: merge.compile(text, lang) for name, text in one.params.items()}
            names = list(dict.fromkeys(name for made in columns.values() for name in made.names))
            own = [name for name in names if links.number_of(name) is None and name not in links.SERVICE]
            words = match.cut(one.words, self._variable)
            self._made[key] = _Text(one, words, columns, values.Reader(self._rt, own, lang), names)
        return self._made[key]

    def _group(self, text: _Text, items: list[Item], provider: Provider, done: Filled) -> None:
        one, known = text.frozen, {}
        linked = [name for name in text.names if links.number_of(name) is not None or name in links.SERVICE]
        if text.names:
            known = dict(text.reader([item.contact_id for item in items]))
            if linked:
                known |= self._maker.columns(linked, [item.id for item in items])
        columns = {name: made.render_columns(known, len(items)) for name, made in text.columns.items()}
        for at, item in enumerate(items):
            params = {name: column[at] for name, column in columns.items()}
            gone = next((value for value in params.values() if isinstance(value, merge.NoText)), None)
            if gone is not None:
                done.refused.append((item, gone.reason))
            elif any(provider.value_problem(one.kind, value) for value in params.values()):
                done.refused.append((item, BAD_VALUE))
            else:
                sent = match.as_sent(one.signature, text.words.fill(params))
                _say(item, VendorText(one.code, one.signature, params), sent)
                done.ready.append(item)


def _say(item: Item, vendor: VendorText, text: str, own: bool = True) -> None:
    """The message says what the vendor will send; its parts are counted on that.

    `own`: other words than its text's are kept with it.  Those with a code never are.
    """
    item.vendor = vendor
    if item.text != text:
        item.text, item.own_text = text, own
        item.encoding, item.parts = parts.count(text, item.country == DOMESTIC)


def fill(
    rt: Runtime, worker: Worker, campaign_id: int, cls: Cls, direct: bool, account_id: int, provider: Provider,
    items: Sequence[Item],
) -> Filled:  # fmt: skip
    """Give each message its `VendorText`.  Called for accounts with `needs_templates`, no transaction open."""
    key = ("vendor", campaign_id, account_id)
    filler = worker.cache.get(key)
    if filler is None or filler.until < clock.now_ms():
        worker.cache.pop(key, None)
        filler = worker.kept(key, lambda: Filler(rt, campaign_id, Account.get_by_id(account_id)))
    if direct:
        return filler.singles(items, cls.name, provider)
    words = worker.kept(("words", campaign_id), lambda: render.Words(rt, campaign_id))
    return filler.campaign(words, items, provider)


def refuse_unspoken(rt: Runtime, text: str, cls: Cls, account_id: int | None) -> None:
    """Raise `Refusal` for a single message no account may send: each it could take needs a template it is not.

    Single messages have no mapping: their words must be those of an approved template.
    """
    needing = store.needing(rt)
    if not needing:
        return
    if account_id is None:
        enabled = Account.select(Account.id).where(Account.enabled == True)  # noqa: E712
        usable = [account.id for account in enabled]
    else:
        usable = [account_id]
    if any(id_ not in needing for id_ in usable):
        return
    for id_ in usable:
        spoken = standing.Spoken(store.variable_of(rt, needing[id_]), needing[id_])
        if spoken.find(text, cls.name) is not None:
            return
    names = ", ".join(needing[id_].name for id_ in usable)
    raise Refusal(
        _(
            "%(account)s sends approved templates only, and none has these words; write one that is approved "
            "there, or choose another account.",
            account=names,
        ),
        field="text",
    )
