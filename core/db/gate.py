"""The gate: what every message must still pass in the statement that marks it, and why one did not.

Asked in the transaction of the mark, so that a STOP, a pause or a full cap that was there before it wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.db import database
from core.db.sets import among, listed, none_of, texts

#: After a restore nothing is marked until a person says so (`cooee resume-sending`).
SENDING_OFF = "SELECT 1 FROM setting WHERE key = 'sending_off'"
#: Spans of a cap: a day and a week, both rolling.
CAP_SPANS_MS = (86_400_000, 7 * 86_400_000)
#: Messages of a class a contact got since then, or may have got; what was declined does not count.
_GOT = (
    "SELECT COUNT(*) FROM message g WHERE g.contact_id = {} AND g.cls = ? AND g.submitted_at > ? "
    "AND g.state IN (2, 3, 4, 5, 6, 8)"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What every message of a window must still pass in the statement that marks it.

    `consent` is the class bit for marketing classes, 0 where no consent is needed; `closed` are the
    countries that may not be texted now.
    """

    campaign_id: int
    account_id: int
    lease: int
    bit: int
    consent: int
    closed: frozenset[str]
    now: int
    #: A topic nobody marked may have opted out of; 0 asks nothing and costs nothing.
    topic_id: int = 0
    #: Messages of class `cls` a contact may get in a day and in a week; None asks nothing and costs nothing.
    cap: tuple[int | None, int | None] = (None, None)
    cls: int = 0


def passes(gate: Gate) -> tuple[str, list[Any]]:
    """The gate as a condition on rows of `message`, and what is bound in it."""
    person = "p.contact_id = message.contact_id AND p.blocked_bits & CAST(? AS INTEGER) = 0"
    bound: list[Any] = [gate.campaign_id, gate.bit]
    if gate.consent:
        person += " AND p.consent_bits & CAST(? AS INTEGER) <> 0"
        bound.append(gate.consent)
    if gate.closed:
        person += f" AND p.country {none_of()}"
        bound.append(texts(gate.closed))
    if gate.topic_id:
        person += (
            " AND NOT EXISTS (SELECT 1 FROM contact_topic t WHERE t.topic_id = ? "
            "AND t.contact_id = p.contact_id AND t.out = 1)"
        )
        bound.append(gate.topic_id)
    campaign = "EXISTS (SELECT 1 FROM campaign c WHERE c.id = ? AND c.state = 'running')"
    campaign += f" AND NOT EXISTS ({SENDING_OFF})"
    enough = ""
    for most, span_ms in zip(gate.cap, CAP_SPANS_MS, strict=True):
        if most is not None:
            enough += f" AND ({_GOT.format('message.contact_id')}) < ?"
            bound += [gate.cls, gate.now - span_ms, most]
    return f"{campaign} AND EXISTS (SELECT 1 FROM profile p WHERE {person}){enough}", bound


def over_cap(cap: tuple[int | None, int | None], cls: int, contact_ids: Iterable[int], now: int) -> set[int]:
    """Who of these has had as many messages of a class as the cap allows."""
    over: set[int] = set()
    for most, span_ms in zip(cap, CAP_SPANS_MS, strict=True):
        if most is not None:
            over |= {
                row[0]
                for row in database.query(
                    f"SELECT p.contact_id FROM profile p WHERE p.contact_id {among()} "
                    f"AND ({_GOT.format('p.contact_id')}) >= ?",
                    (listed(contact_ids), cls, now - span_ms, most),
                )
            }
    return over


def why_not(ids: Iterable[int]) -> list[tuple]:
    """Rows a mark left out: (id, state, lease, not_after, blocked_bits, consent_bits, country, campaign state)."""
    return database.query(
        "SELECT m.id, m.state, m.lease, m.not_after, p.blocked_bits, p.consent_bits, p.country, c.state "
        "FROM message m JOIN campaign c ON c.id = m.campaign_id "
        f"LEFT JOIN profile p ON p.contact_id = m.contact_id WHERE m.id {among()}",
        (listed(ids),),
    )


def out_of(topic_id: int, contact_ids: Iterable[int]) -> set[int]:
    """Who of these opted out of a topic."""
    if not topic_id:
        return set()
    return {
        row[0]
        for row in database.query(
            f"SELECT contact_id FROM contact_topic WHERE topic_id = ? AND contact_id {among()} AND out = 1",
            (topic_id, listed(contact_ids)),
        )
    }
