"""Texts from people: stored once each, STOP and START obeyed in the transaction that stores them; what may be
an opt-out in other words is held there, too."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from core import clock
from core.audience import chain, consent, heldreplies, intents, keywords, phones, suppression
from core.contract.types import Inbound
from core.db import database
from core.sending import handsets

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.inbound")

#: A longer text is cut: no text message is longer than 255 parts of 153 characters, and none of ours reads it.
MAX_TEXT = 4000


@dataclass
class Applied:
    """What a batch of inbound texts did; for `announce` after the commit."""

    ids: list[int] = field(default_factory=list)
    events: list[consent.Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Read:
    """One text, understood but not stored yet.  `intent` is a keyword's or that of its own words."""

    text: Inbound
    e164: str
    known: bool
    bidx: bytes
    body: str
    reading: intents.Reading


def apply(rt: Runtime, account_id: int, texts: Iterable[Inbound]) -> Applied:
    """Store texts and do what they ask for.  Inside `write_tx()`; a text stored before is left alone.

    A sender that is no valid number (a short code, a name) is stored by a hash of what it said and obeys
    nothing: there is nobody to suppress.
    """
    done = Applied()
    texts = list(texts)
    words = keywords.Words.current() if texts else None
    read = [_read(rt, text, words) for text in texts]
    if any(one.reading.intent for one in read):
        # The locks of what follows, in the order everybody takes them.
        chain.lock(rt)
        suppression.hold(shared=True)
    for one in read:
        _store(rt, account_id, one, done)
    return done


def _read(rt: Runtime, text: Inbound, words: keywords.Words) -> _Read:
    number = text.sender.strip()
    # Providers write international numbers, many without the plus.
    phone = phones.parse(number if number.startswith("+") else f"+{number}") or phones.parse(
        number, rt.settings.default_region
    )
    e164 = phone.e164 if phone else number[:40]
    bidx, body = rt.keys.blind_index(e164), text.text.replace("\x00", "")[:MAX_TEXT]
    keyword = words.intent(body, phone.country if phone else "", pending=keywords.is_pending(bidx))
    reading = intents.Reading(keyword) if keyword else intents.read(body)
    return _Read(text, e164, phone is not None, bidx, body, reading)


def _store(rt: Runtime, account_id: int, one: _Read, done: Applied) -> None:
    text, intent, sealed = one.text, one.reading.intent, rt.keys.seal_number(one.e164)
    at = clock.to_ms(text.at) if text.at else clock.now_ms()
    if handsets.recognise(one.body, one.bidx, text.sender.strip(), text.at and at, clock.now_ms()):
        intent = handsets.INTENT
    row = database.one(
        "INSERT INTO inbound (account_id, contact_id, phone_bidx, phone_enc, body, intent, dedupe, received_at) "
        "VALUES (?, (SELECT id FROM contact WHERE phone_bidx = ?), ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (dedupe) DO NOTHING RETURNING id",
        (
            account_id, one.bidx, one.bidx, sealed, one.body, intent, _dedupe(account_id, text, one.e164, at),
            clock.now_ms(),
        ),
    )  # fmt: skip
    if row is None:
        return
    done.ids.append(row[0])
    if intent == handsets.INTENT:
        return
    if intent == "stop" and one.known:
        handsets.stopped(one.bidx, account_id, clock.now_ms())
    if intent == "held" and one.known:
        heldreplies.hold(rt, row[0], one.bidx, sealed, one.reading)
    elif intent and one.known:
        evidence = {"inbound": row[0], "account": account_id, "intent": intent}
        if one.reading.pattern:
            evidence |= {"pattern": one.reading.pattern, "as_of": intents.AS_OF}
        done.events += keywords.apply_inbound(
            rt, one.bidx, sealed, intent, evidence=evidence, at=clock.now_ms()
        )


def _dedupe(account_id: int, text: Inbound, e164: str, at: int) -> bytes:
    """The provider's id makes a repeated call harmless; without one, the same words within the minute."""
    what = f"id:{text.id}" if text.id else f"text:{e164}:{at // 60_000}:{text.text}"
    return blake2b(f"{account_id}:{what}".encode(errors="replace"), digest_size=16).digest()


def announce(rt: Runtime, done: Applied) -> None:
    """Tell plugins, after the commit."""
    if done.events:
        consent.announce(rt, done.events)
    if done.ids:
        rt.plugins.call("inbound_received", inbound_ids=done.ids)
