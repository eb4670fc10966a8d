"""All there is about one number, for the person, a court or an auditor; plain data, shown by `web.evidencefile`.

`evidence` is the proof of consent: each line of the ledger with its words and source, the seals over it, the
suppression list and the texts sent.  `subject` is everything (GDPR art. 15 and 20): that, and profile,
fields, labels, events, clicks and replies.  Numbers are whole; who asks is written to the audit log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import chain, contacts, suppression, timeline
from core.audience.quality import merged
from core.db import database
from core.db.codes import Cls
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_LEDGER = (
    "SELECT e.id, e.at, e.cls, e.action, e.source, e.wording, e.evidence, e.who, e.batch_id, e.contact_id, "
    'b.file_name, b.sha256, t."key", (SELECT MIN(s.id) FROM consent_seal s WHERE s.hi >= e.id) '
    "FROM consent_event e LEFT JOIN import_batch b ON b.id = e.batch_id LEFT JOIN topic t ON t.id = e.topic_id "
    "WHERE e.phone_bidx = ? ORDER BY e.id"
)


def evidence(rt: Runtime, text: str, *, who: str) -> dict[str, Any]:
    """The proof of consent of a number in any spelling, contact or not; audited."""
    number = contacts.number(rt, text)
    bidx = rt.keys.blind_index(number.e164)
    contact_id = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    texted = merged.gone_with(bidx) if contact_id is None else contact_id
    with database.write_tx():
        audit.record(who, "consent.export", f"contact:{contact_id}" if contact_id else "number")
    walked = chain.verify(rt)
    return {
        "phone": number.e164,
        "contact": contact_id,
        "merged_into": merged.kept_for(bidx) if contact_id is None else None,
        "made_at": iso(clock.now_ms()),
        "made_by": who,
        "consent": contacts.consent_dict(contact_id) if contact_id else {},
        "ledger": ledger(bidx),
        "chain": {
            "intact": walked.broken is None, "broken": walked.broken, "events": walked.events, "seals": walked.seals,
        },
        "suppression": _suppressed(bidx),
        "texts": _texts(texted) if texted else [],
        "replies": _replies(bidx),
        "erasures": _erasures(bidx),
    }  # fmt: skip


def subject(rt: Runtime, text: str, *, who: str) -> dict[str, Any]:
    """Everything about a contact; audited.  Raises `Refusal` when the number is no contact."""
    contact_id, own, _former = contacts.look_up(rt, text)
    proof = evidence(rt, own, who=who)
    with database.write_tx():
        audit.record(who, "contact.subject", f"contact:{contact_id}")
    profile = contacts.as_dict(rt, contact_id, phone=proof["phone"])
    for key in ("consent", "suppressed"):
        profile.pop(key)
    return proof | {
        "profile": profile | {key: iso(profile[key]) for key in ("created_at", "last_sent_at")},
        "labels": _labels(contact_id),
        "events": _events(contact_id),
        "clicks": _clicks(contact_id),
    }


def ledger(bidx: bytes) -> list[dict[str, Any]]:
    """Every line of a number, oldest first, with the seal over it; also from before an erasure."""
    return [
        {
            "id": row[0], "at": iso(row[1]), "class": Cls(row[2]).name, "topic": row[12], "action": row[3],
            "source": row[4], "wording": row[5], "evidence": json.loads(row[6] or "{}"), "by": row[7],
            "contact": row[9] or None, "file": row[10], "file_sha256": row[11] or None, "seal": row[13],
        }
        for row in database.query(_LEDGER, (bidx,))
    ]  # fmt: skip


def iso(at: int | None) -> str | None:
    """Epoch ms as an ISO 8601 instant in UTC."""
    return clock.from_ms(at).isoformat(timespec="seconds") if at else None


def _suppressed(bidx: bytes) -> list[dict[str, Any]]:
    return [
        {
            "reason": row["reason"], "classes": [cls.name for cls in row["classes"]], "note": row["note"],
            "by": row["who"], "since": iso(row["created_at"]), "until": iso(row["expires_at"]),
        }
        for row in suppression.of(bidx)
    ]  # fmt: skip


def _texts(contact_id: int) -> list[dict[str, Any]]:
    found, before = [], None
    while True:
        items, before = timeline.page(contact_id, kinds=("text",), before=before, size=500)
        found += [
            {
                "message": item.detail["message_id"], "at": iso(item.at), "class": item.detail["cls"],
                "state": item.what, "reason": item.detail["reason"], "campaign": item.detail["campaign"],
                "text": item.text, "final_at": iso(item.detail["final_at"]),
            }
            for item in items
        ]  # fmt: skip
        if before is None:
            return found[::-1]


def _replies(bidx: bytes) -> list[dict[str, Any]]:
    rows = database.query(
        "SELECT i.id, i.received_at, i.body, i.intent, h.state FROM inbound i LEFT JOIN held_reply h "
        "ON h.inbound_id = i.id WHERE i.phone_bidx = ? ORDER BY i.id",
        (bidx,),
    )
    keys = ("inbound", "at", "text", "meant", "review")
    return [dict(zip(keys, row, strict=True)) | {"at": iso(row[1])} for row in rows]


def _erasures(bidx: bytes) -> list[dict[str, Any]]:
    rows = database.query('SELECT id, "at", who, hash FROM erasure WHERE phone_bidx = ? ORDER BY id', (bidx,))
    return [{"receipt": row[0], "at": iso(row[1]), "by": row[2], "hash": row[3]} for row in rows]


def _labels(contact_id: int) -> list[dict[str, Any]]:
    rows = database.query(
        "SELECT l.name, x.source, x.confidence, x.since_at, x.expires_at FROM contact_label x "
        "JOIN label l ON l.id = x.label_id WHERE x.contact_id = ? ORDER BY l.name",
        (contact_id,),
    )
    return [
        {"name": row[0], "source": row[1], "confidence": row[2], "since": iso(row[3]), "until": iso(row[4])}
        for row in rows
    ]


def _events(contact_id: int) -> list[dict[str, Any]]:
    rows = database.query(
        'SELECT e.at, t."key", e.amount_micros, i."key", i.title, c.name, e.props FROM event e '
        "LEFT JOIN event_type t ON t.id = e.type LEFT JOIN item i ON i.id = e.item_id "
        "LEFT JOIN category c ON c.id = e.category_id WHERE e.contact_id = ? ORDER BY e.at",
        (contact_id,),
    )
    return [
        {
            "at": iso(row[0]), "type": row[1], "amount": None if row[2] is None else row[2] / 1_000_000,
            "item": row[3], "title": row[4], "category": row[5], "properties": json.loads(row[6] or "{}"),
        }
        for row in rows
    ]  # fmt: skip


def _clicks(contact_id: int) -> list[dict[str, Any]]:
    rows = database.query(
        "SELECT x.first_at, x.last_at, x.n, l.kind, l.url, c.name FROM clicked x LEFT JOIN link l ON l.id = x.link_id "
        "LEFT JOIN campaign c ON c.id = x.campaign_id WHERE x.contact_id = ? ORDER BY x.first_at",
        (contact_id,),
    )
    return [
        {"first_at": iso(row[0]), "last_at": iso(row[1]), "times": row[2], "kind": row[3], "url": row[4], "campaign": row[5]}
        for row in rows
    ]  # fmt: skip
