"""Replies that may be opt-outs: held until a person has read them, the number without texts meanwhile.

held → out (an opt-out: as if STOP had been written) · kept (they want to hear from us) · question (answer it).
Each decision is audited and can be taken back, which holds the reply again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.audience import chain, consent, intents, keywords, suppression
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.i18n import _
from core.security import audit, crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

VERDICTS = ("out", "kept", "question")
PAGE = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply for the page; `phone` is masked, "" once the person was erased."""

    inbound_id: int
    contact_id: int | None
    phone: str
    name: str
    body: str
    pattern: str
    state: str
    who: str
    held_at: int
    decided_at: int | None


def hold(rt: Runtime, inbound_id: int, bidx: bytes, phone_enc: bytes, reading: intents.Reading) -> None:
    """Suppress the number and queue the reply, inside the transaction that stores it."""
    entry = suppression.Entry(bidx, phone_enc, keywords.stop_mask())
    suppression.add(rt, [entry], reason="held", who="contact")
    database.execute(
        "INSERT INTO held_reply (inbound_id, phone_bidx, pattern, state, who, held_at) VALUES (?, ?, ?, 'held', '', ?)",
        (inbound_id, bidx, reading.pattern, clock.now_ms()),
    )


def decide(rt: Runtime, inbound_id: int, verdict: str, *, who: str) -> None:
    """Say what a held reply was.  Raises `Refusal` when somebody else has said so meanwhile (409).

    `out` does what a STOP does; the others release the number, unless another reply of it is still held.
    """
    if verdict not in VERDICTS:
        raise Refusal(_("“%(word)s” is no decision.", word=verdict[:20]), field="verdict")
    events: list[consent.Event] = []
    with database.write_tx():
        chain.lock(rt)
        bidx = _move(inbound_id, "held", verdict, who)
        if verdict == "out":
            row = database.one(
                "SELECT i.account_id, i.phone_enc, p.consent_bits FROM inbound i LEFT JOIN contact c "
                "ON c.phone_bidx = i.phone_bidx LEFT JOIN profile p ON p.contact_id = c.id WHERE i.id = ?",
                (inbound_id,),
            )
            proof = {
                "inbound": inbound_id,
                "account": row[0],
                "intent": "stop",
                "read_by": who,
                "was": row[2] or 0,
            }
            events = keywords.apply_inbound(rt, bidx, row[1] or None, "stop", evidence=proof)
        if not database.scalar("SELECT 1 FROM held_reply WHERE phone_bidx = ? AND state = 'held'", (bidx,)):
            suppression.remove(rt, bidx, reasons=["held"])
        audit.record(who, f"reply.{verdict}", f"inbound:{inbound_id}")
    consent.announce(rt, events)


def take_back(rt: Runtime, inbound_id: int, *, who: str) -> None:
    """Undo a decision: the reply is held again, and an opt-out it made is taken back.

    Consent comes back only where this decision ended it and nothing was said since.
    """
    state = database.scalar("SELECT state FROM held_reply WHERE inbound_id = ?", (inbound_id,))
    if state not in VERDICTS:
        raise Refusal(_("This reply is not decided."), status=409)
    events: list[consent.Event] = []
    with database.write_tx():
        chain.lock(rt)
        bidx = _move(inbound_id, state, "held", who)
        phone_enc = database.scalar("SELECT phone_enc FROM inbound WHERE id = ?", (inbound_id,))
        suppression.add(
            rt, [suppression.Entry(bidx, phone_enc or None, keywords.stop_mask())], reason="held", who=who
        )
        if state == "out":
            suppression.remove(rt, bidx, reasons=["stop"])
            events = _consent_again(bidx, inbound_id, who)
            consent.record(rt, events)
        audit.record(who, "reply.undo", f"inbound:{inbound_id}", state)
    consent.announce(rt, events)


def _consent_again(bidx: bytes, inbound_id: int, who: str) -> list[consent.Event]:
    contact_id = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    if contact_id is None:
        return []
    events = []
    for cls, at in consent.state(contact_id).items():
        last = at.event
        if last is None or last["action"] != "opt_out" or last["evidence"].get("inbound") != inbound_id:
            continue
        action = "opt_in" if last["evidence"].get("was", 0) & cls.bit else "erase"
        proof = {"inbound": inbound_id, "undo_of": last["id"]}
        events.append(consent.Event(contact_id, bidx, Cls(cls), action, "review", evidence=proof, who=who))
    return events


def _move(inbound_id: int, old: str, new: str, who: str) -> bytes:
    row = database.one(
        "UPDATE held_reply SET state = ?, who = ?, decided_at = ? WHERE inbound_id = ? AND state = ? "
        "RETURNING phone_bidx",
        (new, who if new != "held" else "", clock.now_ms() if new != "held" else None, inbound_id, old),
    )
    if row is None:
        raise Refusal(_("Somebody else has decided about this reply meanwhile."), status=409)
    return bytes(row[0])


def waiting() -> int:
    """How many replies are held."""
    return database.scalar("SELECT COUNT(*) FROM held_reply WHERE state = 'held'")


def page(
    rt: Runtime, *, held: bool, before: int | None = None, size: int = PAGE
) -> tuple[list[Reply], int | None]:
    """Held replies, oldest first, or decided ones, newest first; and the cursor of the next page."""
    where = "h.state = 'held' AND h.inbound_id > ?" if held else "h.state <> 'held' AND h.inbound_id < ?"
    rows = database.query(
        "SELECT h.inbound_id, c.id, i.phone_enc, c.name, i.body, h.pattern, h.state, h.who, h.held_at, h.decided_at "
        "FROM held_reply h LEFT JOIN inbound i ON i.id = h.inbound_id LEFT JOIN contact c "
        f"ON c.phone_bidx = h.phone_bidx WHERE {where} ORDER BY h.inbound_id {'ASC' if held else 'DESC'} LIMIT ?",
        (before or (0 if held else 1 << 30), size + 1),
    )
    made = [
        Reply(
            *row[:2],
            crypto.mask(rt.keys.open_number(row[2])) if row[2] else "",
            row[3] or "",
            row[4] or "",
            *row[5:],
        )
        for row in rows[:size]
    ]
    return made, made[-1].inbound_id if len(rows) > size else None
