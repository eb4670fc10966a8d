"""What raw calls of the inbox say: receipts that say the same together, and texts from people.

Calls are read without a transaction.  Receipts of one message that disagree keep their order; all others may
change places, so that thousands of them are one group.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import clock, ids, redact
from core.contract.types import Inbound, Receipt
from core.db.codes import State
from core.sending import accounts, calls, inbox, optouts
from core.sending.folding import News
from core.sending.record import ref_hashes

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.receipts")

#: A call as it stands in the inbox: (id, account_id, kind, body_enc, received_at).
Raw = tuple[int, int, str, bytes, int]
#: Receipts of one transaction; more only where one call has more.
MOST = 10_000
_BY_NAME = {state.name: int(state) for state in State}


@dataclass(slots=True)
class Batch:
    """What is applied in one transaction; `raw` are the calls it was read from."""

    news: Sequence[News] = ()
    texts: list[tuple[int, Inbound]] = field(default_factory=list)
    raw: Sequence[Raw] = ()
    errors: list[tuple[int, str]] = field(default_factory=list)
    log: list[calls.Call] = field(default_factory=list)


def read(rt: Runtime, raw: Sequence[Raw]) -> Iterator[Batch]:
    """Calls as batches, each with the calls it is of, in their order."""
    providers: dict[int, Any] = {}
    at = 0
    while at < len(raw):
        start, began, gathered, batch = at, clock.monotonic(), Gathered(rt), Batch()
        while at < len(raw) and gathered.n < MOST:
            try:
                _read(rt, providers, raw[at], gathered, batch.texts)
            except Exception as error:
                # A provider's parser meets whatever the world sends; one bad call must not stop the rest.
                said = clean(f"{type(error).__name__}: {error}"[:500])
                batch.errors.append((raw[at][0], redact.numbers(said)))
            at += 1
        batch.raw, batch.news = raw[start:at], gathered.news()
        if batch.errors:
            n, first = len(batch.errors), batch.errors[0][1]
            log.warning("%s calls of providers were not understood, e.g. %s", n, first)
        batch.log = calls.webhooks(batch.raw, batch.errors, round((clock.monotonic() - began) * 1000))
        yield batch


def _read(
    rt: Runtime, providers: dict[int, Any], call: Raw, gathered: Gathered, texts: list[tuple[int, Inbound]]
) -> None:
    _id, account_id, kind, body_enc, received_at = call
    packed = rt.keys.decrypt(body_enc, inbox.aad(account_id))
    if kind == inbox.SINK:
        for alike in inbox.alike(packed):
            gathered.many(account_id, alike, received_at)
        return
    if account_id not in providers:
        providers[account_id] = accounts.open_provider(rt, account_id, connect=False)
    for said in providers[account_id].parse_webhook(inbox.unpack(kind, packed)):
        if isinstance(said, Inbound):
            texts.append((account_id, said))
        else:
            gathered.one(account_id, said, received_at)


class Gathered:
    """Receipts, those that say the same together; `n` is how many names of messages came."""

    def __init__(self, rt: Runtime):
        self.n = 0
        self._id_of, self._codes = ids.References(rt.keys).id_of, optouts.Codes(rt)
        #: All, with the provider's ids of the messages in them, in order; and those that still grow.
        self._all: list[tuple[News, list[str]]] = []
        self._open: dict[tuple, tuple[News, list[str]]] = {}
        #: Where each message was named, by account: {our id or the provider's: news}.
        self._named: defaultdict[int, dict[int | str, News]] = defaultdict(dict)

    def news(self) -> list[News]:
        """All that came, in an order in which it may be applied."""
        for news, provider_ids in self._all:
            news.hashes = ref_hashes(news.account_id, provider_ids)
            if news.prices:
                known = dict(zip(provider_ids, news.hashes, strict=True))
                news.prices = [(id_, known.get(name, 0), cost) for id_, name, cost in news.prices]
        return [news for news, _provider_ids in self._all]

    def one(self, account_id: int, receipt: Receipt, received_at: int) -> None:
        """One receipt; nothing happens for one that names no message at all."""
        state, ref, provider_id, at, code, reason, _parts, cost = receipt
        key = (account_id, state, clock.to_ms(at) if at else None, code, reason, received_at)
        self._name(key, ref, provider_id, cost)

    def many(self, account_id: int, alike: inbox.Alike, received_at: int) -> None:
        """Receipts of a connection that say the same."""
        key = (account_id, alike.state, alike.at, alike.code, alike.reason, received_at)
        plain = alike.refs is None and alike.costs is None
        if plain and self._together(key, alike.provider_ids or []):
            return
        names = alike.refs or alike.provider_ids or []
        none = [None] * len(names)
        for ref, provider_id, cost in zip(
            alike.refs or none, alike.provider_ids or none, alike.costs or none, strict=True
        ):
            self._name(key, ref, provider_id, cost)

    def _together(self, key: tuple, provider_ids: list[Any]) -> bool:
        """Take all at once; False where some need a look of their own."""
        named = self._named[key[0]]
        fresh = dict.fromkeys(provider_ids)
        if None in fresh or len(fresh) < len(provider_ids) or not named.keys().isdisjoint(fresh):
            return False
        joined = "".join(provider_ids)
        if not joined.isascii() or "\0" in joined:
            return False
        news, theirs = self._group(key)
        named.update(dict.fromkeys(fresh, news))
        theirs += provider_ids
        self.n += len(provider_ids)
        return True

    def _name(self, key: tuple, ref: str | None, provider_id: str | None, cost: int | None) -> None:
        message_id = self._id_of(ref) if ref else None
        name = clean(provider_id) if provider_id else None
        known = name if message_id is None else message_id
        if known is None:
            return
        news, theirs = self._group(key)
        before = self._named[key[0]].get(known)
        if cost is not None and before in (None, news):
            news.price(message_id, name, cost)
        if before is news:
            return
        if before is not None:
            # It was told something else before; what comes from here on is applied after that.
            self._open.clear()
            self._named.clear()
            news, theirs = self._group(key)
            if cost is not None:
                news.price(message_id, name, cost)
        self._named[key[0]][known] = news
        self.n += 1
        if message_id is None:
            theirs.append(name)
        else:
            news.ids.append(message_id)
            if name:
                news.names[message_id] = name

    def _group(self, key: tuple) -> tuple[News, list[str]]:
        group = self._open.get(key)
        if group is None:
            account_id, state, at, code, reason, received_at = key
            news = News(
                account_id, _BY_NAME[state], received_at, at, clean((code or reason or "")[:60]) or None,
                self._codes.tell(account_id, state, code, reason), self._codes.kind(account_id, state, code or reason),
            )  # fmt: skip
            group = self._open[key] = (news, [])
            self._all.append(group)
        return group


def gather(rt: Runtime, account_id: int, receipts: Iterable[Receipt], received_at: int) -> list[News]:
    """Receipts of one account that came together."""
    gathered = Gathered(rt)
    for receipt in receipts:
        gathered.one(account_id, receipt, received_at)
    return gathered.news()


def matched(rt: Runtime, waiting: Sequence[tuple]) -> list[News]:
    """Receipts that waited for their messages (rows of `receiving.matched_pending`), as news of those."""
    codes, groups = optouts.Codes(rt), {}
    # Of a message with several the first must stay the first.
    apart = len({row[1] for row in waiting}) < len(waiting)
    for n, (_id, message_id, account_id, state, code, at, received_at, part, cost) in enumerate(waiting):
        key = (account_id, state, received_at, at, code, n if apart else 0)
        news = groups.get(key)
        if news is None:
            name = State(state).name
            told = (codes.tell(account_id, name, code, None), codes.kind(account_id, name, code))
            news = groups[key] = News(account_id, state, received_at, at, code, *told)
        if part is None:
            news.ids.append(message_id)
        else:
            news.hashes.append(part)
        if cost is not None:
            news.price(message_id if part is None else None, part or 0, cost)
    return list(groups.values())


def clean(text: str) -> str:
    """Text a database takes."""
    return (
        text
        if text.isascii() and "\x00" not in text
        else text.encode(errors="replace").decode().replace("\x00", "")
    )
