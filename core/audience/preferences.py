"""What a person may choose without signing in: to hear nothing more, which classes and topics, which language.

Each act is one transaction with its lines in the ledger (source `page`), and has an id (`act`) by which it
can be taken back for a day.  A stop here does exactly what a STOP by text does.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import chain, consent, keywords, suppression, topics
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import MARKETING, Cls
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

SOURCE = "page"
UNDO_MS = clock.DAY_MS
#: Suppressions a person made by writing or clicking, and may lift by clicking.
_OWN = ("stop", "held")


@dataclass(frozen=True, slots=True)
class Choices:
    """Where a person stands.  `stopped`: they said STOP; `blocked`: somebody else put them on the list, so
    there is nothing to choose; `waiting`: classes whose double opt-in waits for a yes."""

    contact_id: int
    language: str
    country: str
    stopped: bool
    blocked: bool
    classes: dict[Cls, bool]
    topics: list[tuple[topics.Topic, bool]]
    waiting: list[Cls]


def of(contact_id: int) -> Choices | None:
    """The choices of a contact; None when there is no such contact any more."""
    row = _row(contact_id)
    if row is None:
        return None
    held = {entry["reason"] for entry in suppression.of(row[0])}
    state = consent.state(contact_id)
    # Nobody is offered what they never had: calls appear once there was a yes to them.
    agreed = {line["cls"] for line in consent.history(contact_id) if line["action"] == "opt_in"}
    shown = [cls for cls in sorted(MARKETING) if cls is Cls.mass or cls in agreed]
    said = topics.state(contact_id)
    return Choices(
        contact_id, row[2] or "", row[3] or "", "stop" in held, bool(held - set(_OWN)),
        {cls: state[cls].status == "opted_in" for cls in shown},
        [(topic, said.get(topic.id, True)) for topic in topics.every(public=True)],
        consent.pending(contact_id),
    )  # fmt: skip


def stop(rt: Runtime, contact_id: int, proof: Mapping[str, Any]) -> str:
    """As a STOP by text; returns the id of the act."""
    act = secrets.token_hex(8)
    with database.write_tx():
        chain.lock(rt)
        bidx, phone_enc, _language, _country, consented, out = _need(contact_id)
        fresh = not any(row["reason"] == "stop" for row in suppression.of(bidx))
        evidence = {**proof, "act": act, "was": consented, "was_out": out, "stopped": fresh}
        events = keywords.apply_inbound(rt, bidx, phone_enc, "stop", evidence=evidence, source=SOURCE)
    consent.announce(rt, events)
    return act


def save(
    rt: Runtime, contact_id: int, *, classes: set[Cls], wanted: set[int], language: str, wording: str,
    proof: Mapping[str, Any],
) -> str:  # fmt: skip
    """Set classes and topics (by id) to what is wanted, and the language; returns the id of the act.

    A yes to a class lifts what the person had stopped by themselves, nothing else.  `wording` is the sentence
    beside the switches.  Raises `Refusal` for a number somebody else put on the list.
    """
    act, now = secrets.token_hex(8), of(contact_id)
    if now is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    if now.blocked:
        raise Refusal(_("This number gets no texts from us; please write to us if that should change."))
    with database.write_tx():
        chain.lock(rt)
        bidx, _phone, _language, _country, consented, out = _need(contact_id)
        yes = [cls for cls, on in now.classes.items() if cls in classes and (not on or now.stopped)]
        no = [cls for cls, on in now.classes.items() if cls not in classes and (on or not out & cls.bit)]
        evidence = {**proof, "act": act, "was": consented, "was_out": out}
        if yes and suppression.remove(rt, bidx, reasons=_OWN):
            evidence["lifted"] = True
            database.execute(
                "UPDATE held_reply SET state = 'kept', who = 'contact', decided_at = ? "
                "WHERE phone_bidx = ? AND state = 'held'",
                (clock.now_ms(), bidx),
            )
        events = [
            consent.Event(contact_id, bidx, cls, action, SOURCE, wording, evidence, "contact")
            for action, some in (("opt_in", yes), ("opt_out", no))
            for cls in some
        ]
        events += [
            topics.event(
                topic, contact_id, bidx, not on, source=SOURCE, who="contact",
                evidence={**proof, "act": act, "was_topic": on},
            )
            for topic, on in now.topics
            if on != (topic.id in wanted)
        ]  # fmt: skip
        consent.record(rt, events)
        if language:
            database.execute("UPDATE profile SET language = ? WHERE contact_id = ?", (language, contact_id))
    consent.announce(rt, events)
    return act


def confirm(rt: Runtime, contact_id: int, proof: Mapping[str, Any]) -> str:
    """Answer the double opt-in that waits with yes; as the word by text does."""
    act = secrets.token_hex(8)
    with database.write_tx():
        chain.lock(rt)
        bidx, phone_enc, _language, _country, consented, out = _need(contact_id)
        evidence = {**proof, "act": act, "was": consented, "was_out": out}
        waiting = consent.pending(contact_id)
        if not waiting:
            raise Refusal(_("This question is answered already, or too old."), status=409)
        events = keywords.apply_inbound(rt, bidx, phone_enc, "start", evidence=evidence, source=SOURCE)
    consent.announce(rt, events)
    return act


def can_undo(contact_id: int, act: str) -> bool:
    """Was this act of the person's made within the last day, and does it still stand?"""
    return bool(_of_act(contact_id, act))


def undo(rt: Runtime, contact_id: int, act: str) -> None:
    """Take an act back, where nothing was said since.  Raises `Refusal` (409) when there is nothing left."""
    with database.write_tx():
        chain.lock(rt)
        bidx, phone_enc, *_rest = _need(contact_id)
        lines = _of_act(contact_id, act)
        if not lines:
            raise Refusal(_("There is nothing to take back."), status=409)
        events = [_reverse(contact_id, bidx, line) for line in lines]
        if any(line["evidence"].get("stopped") for line in lines):
            suppression.remove(rt, bidx, reasons=["stop"])
        elif any(line["evidence"].get("lifted") for line in lines):
            entry = suppression.Entry(bidx, phone_enc, keywords.stop_mask())
            suppression.add(rt, [entry], reason="stop", who="contact")
        consent.record(rt, events)
    consent.announce(rt, events)


def _of_act(contact_id: int, act: str) -> list[dict]:
    """The lines of an act that are still the last of their class or topic."""
    last: dict[tuple[Cls, int], dict] = {}
    for line in consent.history(contact_id):
        if line["action"] in consent.STATES:
            last[line["cls"], line["topic_id"]] = line
    oldest = clock.now_ms() - UNDO_MS
    return [
        line for line in last.values()
        if act and line["evidence"].get("act") == act and line["source"] == SOURCE and line["at"] >= oldest
    ]  # fmt: skip


def _reverse(contact_id: int, bidx: bytes, line: dict) -> consent.Event:
    was, bit = line["evidence"], line["cls"].bit
    if line["topic_id"]:
        action = "opt_in" if was.get("was_topic") else "opt_out"
    else:
        action = (
            "opt_in" if was.get("was", 0) & bit else "opt_out" if was.get("was_out", 0) & bit else "erase"
        )
    return consent.Event(
        contact_id, bidx, line["cls"], action, SOURCE, evidence={"undo_of": line["id"]}, who="contact",
        topic_id=line["topic_id"],
    )  # fmt: skip


def _row(contact_id: int) -> tuple | None:
    row = database.one(
        "SELECT c.phone_bidx, c.phone_enc, p.language, p.country, p.consent_bits, p.optout_bits FROM contact c "
        "JOIN profile p ON p.contact_id = c.id WHERE c.id = ?",
        (contact_id,),
    )
    return None if row is None else (bytes(row[0]), *row[1:])


def _need(contact_id: int) -> tuple:
    row = _row(contact_id)
    if row is None:
        raise Refusal(_("This contact does not exist any more."), status=404)
    return row
