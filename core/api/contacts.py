"""/contacts: upsert by number, read one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from core.api import shape
from core.api.endpoint import Call, Endpoint, Param
from core.api.problems import Problem
from core.api.schemas import CLASSES, COUNT, MAYBE_MS, MAYBE_TEXT, NEW_ID, PHONE, ROWS, TEXT, outcomes, thing
from core.audience import contacts, upserts
from core.contract.errors import Refusal
from core.i18n import lazy
from core.security.crypto import mask

_STATUSES = ("created", "updated", "unchanged", "duplicate", "rejected")
_LABELS = {"type": "array", "maxItems": 50, "items": {"type": "string", "minLength": 1, "maxLength": 60}}
_SAID = thing(
    {
        "agree": {"type": "boolean"},
        "source": {"type": "string", "minLength": 1, "maxLength": 250, "description": "Where it was said."},
        "wording": {"type": "string", "maxLength": 2000, "description": "The words agreed to."},
    },
    optional=("wording",),
)
CONTACT_ROW = thing(
    {
        "phone": PHONE,
        "name": {"type": ["string", "null"], "maxLength": 200},
        "email": {"type": ["string", "null"], "maxLength": 254},
        "language": {"type": ["string", "null"], "maxLength": 20, "examples": ["zh", "en"]},
        "fields": {
            "type": "object", "maxProperties": 200, "additionalProperties":
            {"type": ["string", "number", "boolean", "null"], "maxLength": 2000},
            "description": "By the key of the field; dates as 1990-05-31. A field must be there beforehand.",
        },
        "labels": _LABELS | {"description": "Labels to put on; new ones are made."},
        "remove_labels": _LABELS | {"description": "Labels to take off."},
        "consent": {
            "type": "object", "additionalProperties": False, "properties": dict.fromkeys(CLASSES, _SAID),
            "description": "A yes never beats a STOP or an opt-out that came from elsewhere.",
        },
    },
    optional=("name", "email", "language", "fields", "labels", "remove_labels", "consent"),
    words="What a row does not name stays as it is; null clears.",
)  # fmt: skip
_CONSENT_STATE = {
    "type": "object",
    "required": ["status", "may_text"],
    "properties": {
        "status": {"type": "string", "enum": ["opted_in", "opted_out", "none", "not_needed"]},
        "may_text": {"type": "boolean"}, "source": TEXT, "wording": TEXT, "evidence": {"type": "object"},
        "who": TEXT, "at": {"type": "integer"},
    },
}  # fmt: skip
CONTACT = {
    "type": "object",
    "required": ["id", "phone", "name", "country", "language", "fields", "labels", "consent", "suppressed"],
    "properties": {
        "id": NEW_ID, "phone": TEXT | {"description": "Masked without the scope numbers.read."}, "name": TEXT,
        "former": TEXT | {"description": "The number asked for, where it was merged into this contact."},
        "email": TEXT, "country": TEXT, "language": TEXT, "line_type": TEXT,
        "fields": {"type": "object", "additionalProperties": MAYBE_TEXT},
        "labels": {"type": "array", "items": TEXT},
        "consent": {"type": "object", "additionalProperties": _CONSENT_STATE},
        "suppressed": {"type": "array", "items": {"type": "object", "required": ["reason", "classes"]}},
        "source": TEXT, "batch": {"type": ["integer", "null"]}, "sent": COUNT, "last_sent_at": MAYBE_MS,
        "created_at": {"type": "integer"},
    },
}  # fmt: skip
_check_row = shape.checker(CONTACT_ROW, lazy("The row"))


def put(call: Call) -> dict[str, Any]:
    """Create or change up to 1,000 contacts."""
    good, places = [], []
    answers: list[dict[str, Any]] = [{} for _row in call.body]
    for at, raw in enumerate(call.body):
        fault = _check_row(raw) or shape.without_nul(raw)
        if fault:
            answers[at] = {"status": "rejected", "reason": fault.sentence, "field": fault.field}
        else:
            good.append(_row(raw))
            places.append(at)
    for at, outcome in zip(places, upserts.upsert(call.rt, good, who=call.token.who), strict=True):
        answers[at] = _told(outcome)
    counts = Counter(answer["status"] for answer in answers)
    return {status: counts[status] for status in _STATUSES} | {"rows": answers}


def _row(raw: dict[str, Any]) -> upserts.Row:
    said = raw.get("consent", {}).items()
    return upserts.Row(
        raw["phone"],
        {name: raw[name] for name in ("name", "email", "language") if name in raw},
        raw.get("fields", {}),
        raw.get("labels", ()),
        raw.get("remove_labels", ()),
        {cls: upserts.Consent(one["agree"], one["source"], one.get("wording", "")) for cls, one in said},
    )


def _told(outcome: upserts.Outcome) -> dict[str, Any]:
    made: dict[str, Any] = {"status": outcome.status}
    if outcome.reason:
        made |= {"reason": outcome.reason, "field": outcome.field}
    if outcome.contact_id:
        made["id"] = outcome.contact_id
    if outcome.ignored:
        made["consent_ignored"] = outcome.ignored
    return made


def show(call: Call) -> dict[str, Any]:
    """One contact."""
    try:
        found = contacts.look_up(call.rt, call.params["phone"])
    except Refusal as refusal:
        raise Problem("not-found") from refusal
    whole = call.may("numbers.read")
    former = found.former if whole or not found.former else mask(found.former)
    return contacts.as_dict(call.rt, found.id, phone=found.phone if whole else None, former=former)


SCHEMAS = {"ContactRow": CONTACT_ROW, "Contact": CONTACT}
ENDPOINTS = (
    Endpoint(
        "PUT", "/contacts", "putContacts", "Create or change contacts by number", "contacts.write", put,
        outcomes(_STATUSES, {"id": NEW_ID, "consent_ignored": {"type": "array", "items": {"enum": CLASSES}}}),
        words="Up to 1,000 at once. A row that makes no sense is rejected by itself, with the reason.",
        body=ROWS, row="ContactRow",
        example=[{
            "phone": "+8613800138000", "name": "张伟", "language": "zh", "fields": {"city": "上海"},
            "labels": ["vip"], "consent": {"mass": {"agree": True, "source": "checkout, 2026-05-03"}},
        }],
    ),
    Endpoint(
        "GET", "/contacts/{phone}", "getContact", "One contact", "contacts.read", show,
        {"$ref": "#/components/schemas/Contact"},
        words="The same fields as `cooee contact show --json`; times are epoch milliseconds.",
        params=(Param("phone", PHONE, "The number, + written as %2B or as it is.", where="path"),),
    ),
)  # fmt: skip
