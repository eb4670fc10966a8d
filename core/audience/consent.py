"""The consent ledger: who agreed to what, when, by which words, and who says so.

The ledger is append-only (triggers refuse UPDATE and DELETE).  State is a fold: for each class the last
opt_in, opt_out or erase wins.  The fold is kept in `profile.consent_bits` and `profile.optout_bits` in
the transaction that writes the event; `check` compares the two (`consentbits`).  A topic inside a class has
a fold of its own, `contact_topic`.  Every append is sealed (`chain`).

Marketing classes (mass, voice) need consent before a text; otp and notice follow from a relation the
contact asked for (47 CFR 64.1200(f)(9); GDPR art. 6(1)(b)).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import chain, kinds
from core.audience.consentbits import STATES as STATES
from core.audience.consentbits import check as check
from core.audience.consentbits import combine, fold, fold_topics
from core.audience.consentbits import refold as refold
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import MARKETING, Cls
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Actions that change no state and only stand as proof: a double opt-in was asked for; START took a STOP back.
NOTES = ("ask", "lift")
MARKETING_MASK = sum(cls.bit for cls in MARKETING)
#: How long a double opt-in may wait for its answer; setting `double_opt_in_days`.
PENDING_DAYS = 30


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the ledger.  `evidence` holds ids, hashes and URLs, never a number or a name:
    the ledger outlives an erased contact.  `contact_id` 0 is a number that is no contact."""

    contact_id: int
    phone_bidx: bytes
    cls: Cls
    action: str
    source: str = ""
    wording: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    who: str = ""
    batch_id: int | None = None
    at: int | None = None
    #: A purpose inside the class (`topics`); 0 is the class itself.
    topic_id: int = 0


@dataclass(frozen=True, slots=True)
class ClassState:
    """Where a contact stands for one class.  `status` is opted_in, opted_out, none or not_needed;
    the rest is the evidence: the event that made it so (None without one)."""

    cls: Cls
    status: str
    event: dict | None
    pending_since: int | None = None

    @property
    def may_text(self) -> bool:
        """Does consent alone allow a text?  Suppression and hours are asked elsewhere."""
        return self.status == "opted_in" or self.cls not in MARKETING


def parse_class(name: str) -> Cls:
    """The class of a name; raises `Refusal` for an unknown one."""
    try:
        return Cls[name]
    except KeyError:
        raise Refusal(
            _("Class “%(name)s” is not one of %(known)s.", name=name, known=", ".join(c.name for c in Cls)),
            field="class",
        ) from None


def record(rt: Runtime, events: Iterable[Event]) -> int:
    """Append events and fold them into the profiles, inside the caller's `write_tx`; returns how many.

    1. The events are appended in the order given (COPY on PostgreSQL) and sealed.
    2. What they do to a contact's bits is combined; contacts with the same change share one UPDATE.
    3. Events of topics change `contact_topic` and nothing else.

    The caller calls `announce` after its commit.  Raises `Refusal` for an unknown action.
    """
    now = clock.now_ms()
    rows, changes, topics = [], defaultdict(lambda: [0, 0, 0]), {}
    for event in events:
        if event.action not in STATES and event.action not in NOTES:
            raise Refusal(_("“%(name)s” is no consent action.", name=event.action), field="action")
        evidence = json.dumps(dict(event.evidence), ensure_ascii=False) if event.evidence else ""
        rows.append(
            (
                *(event.contact_id, event.phone_bidx, int(event.cls), event.action, event.source),
                *(event.wording, evidence, event.who, event.batch_id, event.at or now, event.topic_id),
            )
        )
        if event.topic_id:
            topics[event.topic_id, event.contact_id] = event.action
        elif event.action in STATES and event.contact_id:
            combine(changes[event.contact_id], Cls(event.cls).bit, event.action)
    if rows:
        rows = [(id_, *row) for id_, row in zip(chain.take_ids(rt, len(rows)), rows, strict=True)]
        database.copy_rows("consent_event", chain.COLUMNS, rows)
        chain.seal(rt, rows)
        fold(changes)
        fold_topics(topics)
    return len(rows)


def announce(rt: Runtime, events: Iterable[Event]) -> None:
    """After the commit: note the end of the ledger's chain, and tell plugins what changed, one call a class
    and action."""
    events = list(events)
    if events:
        chain.note(rt)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        if event.action in STATES and event.contact_id and not event.topic_id:
            groups[Cls(event.cls).name, event.action].append(event.contact_id)
    for (cls, action), ids in groups.items():
        rt.plugins.call("consent_changed", contact_ids=ids, cls=cls, action=action)


def change(
    rt: Runtime,
    contact_id: int,
    cls: Cls,
    action: str,
    *,
    source: str,
    wording: str = "",
    evidence: Mapping[str, Any] | None = None,
    who: str = "",
) -> None:
    """Record one opt-in or opt-out of a contact in a transaction of its own, for pages and commands.

    Proof is what a ledger is for: raises `Refusal` without a source.  An opt-in does not lift a STOP or
    any other suppression; see `core.audience.suppression`.
    """
    source, wording = kinds.clean(source), kinds.clean(wording)
    if not source:
        raise Refusal(
            _("Say where this comes from, for instance “paper form, shop Xintiandi, 3 May”."), field="source"
        )
    if action == "opt_out" and cls not in MARKETING:
        raise Refusal(
            _(
                "Class %(name)s needs no consent that could be taken back; suppress the number instead.",
                name=cls.name,
            ),
            field="class",
        )
    bidx = database.scalar("SELECT phone_bidx FROM contact WHERE id = ?", (contact_id,))
    if bidx is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    event = Event(contact_id, bytes(bidx), cls, action, source, wording, evidence or {}, who)
    with database.write_tx():
        record(rt, [event])
    announce(rt, [event])


def state(contact_id: int) -> dict[Cls, ClassState]:
    """Where a contact stands for each class, with the event that made it so.  Folded from the ledger."""
    last: dict[Cls, dict] = {}
    asked: dict[Cls, int] = {}
    for event in history(contact_id):
        if event["topic_id"]:
            continue
        if event["action"] in STATES:
            last[event["cls"]] = event
            asked.pop(event["cls"], None)
        elif event["action"] == "ask":
            asked[event["cls"]] = event["at"]
    return {cls: ClassState(cls, _status(cls, last.get(cls)), last.get(cls), asked.get(cls)) for cls in Cls}


def _status(cls: Cls, event: dict | None) -> str:
    action = event["action"] if event else ""
    if action == "opt_in":
        return "opted_in"
    if action == "opt_out":
        return "opted_out"
    return "none" if cls in MARKETING else "not_needed"


def history(contact_id: int) -> list[dict]:
    """All events of a contact, oldest first."""
    rows = database.query(
        "SELECT e.id, e.cls, e.action, e.source, e.wording, e.evidence, e.who, e.batch_id, e.at, e.topic_id "
        "FROM consent_event e JOIN contact c ON c.id = e.contact_id AND c.phone_bidx = e.phone_bidx "
        "WHERE e.contact_id = ? ORDER BY e.id",
        (contact_id,),
    )
    return [
        {
            "id": row[0],
            "cls": Cls(row[1]),
            "action": row[2],
            "source": row[3],
            "wording": row[4],
            "evidence": json.loads(row[5] or "{}"),
            "who": row[6],
            "batch_id": row[7],
            "at": row[8],
            "topic_id": row[9],
        }
        for row in rows
    ]


def pending(contact_id: int) -> list[Cls]:
    """Classes whose double opt-in still waits for an answer."""
    oldest = clock.now_ms() - settings.get("double_opt_in_days", PENDING_DAYS) * clock.DAY_MS
    return [cls for cls, at in state(contact_id).items() if at.pending_since and at.pending_since >= oldest]
