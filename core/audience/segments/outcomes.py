"""What became of a campaign's texts, as conditions over `message` and over people.

received: the provider took the text and it did not fail · delivered: a receipt says so · failed · clicked: a person
followed a web link (no opt-out) · refused: a STOP within `REPLY_MS`, or words held because they may mean one, unless
somebody read that they do not · replied: any other text within `REPLY_MS` · converted: a purchase within
`CONVERSION_MS`.  A reply answers the last text before it and no other, as an opt-out does (core.measure.optouts).
"""

from __future__ import annotations

from peewee import SQL, fn

from core.audience.segments.logic import among, complement
from core.clock import DAY_MS, HOUR_MS
from core.contract.types import SegmentContext
from core.db.codes import EventType, State
from core.db.models import Clicked, Event, HeldReply, InboundText, Link, Message

REPLY_MS, CONVERSION_MS = 7 * DAY_MS, 72 * HOUR_MS
RECEIVED = (State.accepted, State.delivered)
FAILED = (State.undelivered, State.expired, State.rejected)
ON_THE_WIRE = (*RECEIVED, *FAILED, State.in_doubt)
#: What people do with a text they received.
_ANSWERS = ("clicked", "replied", "refused", "converted")
#: Intents of inbound texts (core.audience.keywords, intents).
_REFUSAL = ("stop", "held")
#: What a person decides of a held reply that was no opt-out (core.audience.heldreplies).
_HARMLESS = ("kept", "question")
_STATES = {"received": RECEIVED, "delivered": (State.delivered,), "failed": FAILED}


def people(ids: list[int], outcome: str, did_not: bool, since: int | None, ctx: SegmentContext):
    """People with that outcome, or without it, in any of the campaigns."""
    sent = Message.campaign_id.in_(ids) if len(ids) > 1 else Message.campaign_id == ids[0]
    if did_not and outcome != "received":
        base = RECEIVED if outcome in _ANSWERS else ON_THE_WIRE
        return among(Message, sent & Message.state.in_(base) & complement(happened(outcome, since)), ctx)
    if outcome == "clicked":
        followed = Clicked.campaign_id.in_(ids) if len(ids) > 1 else Clicked.campaign_id == ids[0]
        followed &= _web()
        return among(Clicked, followed if since is None else followed & (Clicked.last_at >= since), ctx)
    made = among(Message, sent & happened(outcome, since), ctx)
    return complement(made) if did_not else made


def happened(outcome: str, since: int | None):
    """The condition over `Message` that the outcome came true for it, since then."""
    if outcome in _STATES:
        made = Message.state.in_(_STATES[outcome])
        return made if since is None else made & (Message.submitted_at >= since)
    if outcome == "clicked":
        mine = (Clicked.contact_id == Message.contact_id) & (Clicked.campaign_id == Message.campaign_id)
        return _exists(Clicked, mine & _web(), Clicked.last_at, since)
    received = Message.state.in_(RECEIVED)
    if outcome in ("replied", "refused"):
        read = HeldReply.select(HeldReply.inbound_id).where(HeldReply.state.in_(_HARMLESS))
        refusal = InboundText.intent.in_(_REFUSAL) & InboundText.id.not_in(read)
        mine = (InboundText.contact_id == Message.contact_id) & (
            refusal if outcome == "refused" else ~refusal
        )
        mine &= InboundText.received_at.between(Message.submitted_at, Message.submitted_at + REPLY_MS)
        mine &= ~_later(InboundText.received_at)
        return received & _exists(InboundText, mine, InboundText.received_at, since)
    mine = (Event.contact_id == Message.contact_id) & (Event.type == EventType.purchase)
    mine &= Event.at.between(Message.submitted_at, Message.submitted_at + CONVERSION_MS)
    return received & _exists(Event, mine, Event.at, since)


def _web():
    return Clicked.link_id.in_(Link.select(Link.id).where(Link.kind == "web"))


def _later(at):
    """Had the person of the message got another one after it, by then?"""
    other = Message.alias()
    after = (other.contact_id == Message.contact_id) & (other.submitted_at > Message.submitted_at)
    return fn.EXISTS(other.select(SQL("1")).where(after & (other.submitted_at <= at)))


def _exists(model, mine, at, since: int | None):
    return fn.EXISTS(model.select(SQL("1")).where(mine if since is None else mine & (at >= since)))
