"""Small integers stored in hot tables, with their names.  The numbers are for ever."""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """States of a message; the edges between them are in `EDGES` and enforced by the database."""

    ready = 0
    claimed = 1
    submitting = 2
    accepted = 3
    delivered = 4
    undelivered = 5
    expired = 6
    rejected = 7
    in_doubt = 8
    skipped = 9
    cancelled = 10
    holdout = 11


_S = State

#: Every permitted change of state; anything else is refused by a trigger on both databases.
#: A receipt may beat the response to the submit, hence submitting → delivered and the like.
EDGES: dict[State, frozenset[State]] = {
    _S.ready: frozenset({_S.claimed, _S.skipped, _S.cancelled, _S.expired}),
    _S.claimed: frozenset({_S.submitting, _S.ready, _S.skipped, _S.cancelled, _S.expired}),
    _S.submitting: frozenset(
        {_S.accepted, _S.rejected, _S.ready, _S.in_doubt, _S.delivered, _S.undelivered, _S.expired}
    ),
    _S.accepted: frozenset({_S.delivered, _S.undelivered, _S.expired, _S.rejected}),
    _S.in_doubt: frozenset({_S.accepted, _S.ready, _S.delivered, _S.undelivered, _S.expired, _S.rejected}),
}

#: Not yet on the wire: `campaign wait` waits for these to run out.
WAITING = frozenset({_S.ready, _S.claimed, _S.submitting})


class Cls(IntEnum):
    """Classes of a message; also the bit number in consent and block masks."""

    otp = 0
    notice = 1
    mass = 2
    voice = 3

    @property
    def bit(self) -> int:
        return 1 << self.value


#: Classes that need consent before a text; the others follow from a relation the contact asked for.
MARKETING = frozenset({Cls.mass, Cls.voice})
ALL_CLASSES_MASK = 0b1111


class LineType(IntEnum):
    """What libphonenumber knows of a number; `mobile_or_fixed` where it cannot tell (US, CA)."""

    unknown = 0
    mobile = 1
    fixed = 2
    mobile_or_fixed = 3
    voip = 4
    toll_free = 5
    premium = 6
    other = 7


class NumberStatus(IntEnum):
    """What receipts say of a number: dead for now, or alive again after so long that it may be someone else's."""

    ok = 0
    unreachable = 1
    recycled = 2


class EventType(IntEnum):
    """The built-in types of events; custom types have ids from 11."""

    view = 1
    cart = 2
    purchase = 3
    refund = 4
    share = 5
    reply = 6
    click = 7
    visit = 8
    signup = 9
    order_item = 10


class ClickKind(IntEnum):
    """Who clicked: a person, or the rule that says it was something else (docs/links.md)."""

    human = 0
    #: The same person and link within 30 seconds: a person, counted already.
    repeat = 1
    agent = 2
    no_agent = 3
    method = 4
    prefetch = 5
    early = 6
    burst_net = 7
    burst_agent = 8


#: Kind of a contact field → type of its column, the same word on both databases.
COLUMN_TYPES = {
    "text": "TEXT",
    "choice": "INTEGER",
    "number": "DOUBLE PRECISION",
    "date": "INTEGER",
    "bool": "SMALLINT",
}
