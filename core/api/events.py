"""/events: what contacts did."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from core.api import shape
from core.api.endpoint import Call, Endpoint
from core.api.schemas import PHONE, ROWS, TEXT, outcomes, thing
from core.audience import events
from core.i18n import _, lazy

_STATUSES = ("stored", "duplicate", "waiting", "rejected")
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_WORD = {"type": "string", "maxLength": 200}
EVENT_ROW = thing(
    {
        "phone": PHONE,
        "type": {"type": "string", "minLength": 1, "maxLength": 40, "examples": ["purchase", "view"]},
        "at": {
            "type": ["string", "integer"], "minLength": 8, "maxLength": 40, "minimum": 100_000_000_000,
            "maximum": 9_999_999_999_999, "examples": ["2026-05-24T12:01:08Z"],
            "description": "ISO 8601 (without an offset in the zone of the instance), or epoch milliseconds.",
        },
        "key": _WORD | {"description": "Your own id of this event: the same key again is a duplicate."},
        "amount": {
            "type": ["number", "string"], "maxLength": 30, "examples": [199.5], "minimum": -1e10, "maximum": 1e10,
            "description": "For purchases and refunds; a text keeps every digit.",
        },
        "currency": {"type": "string", "maxLength": 3, "description": "ISO 4217; else that of the house."},
        "item": _WORD | {"description": "The key of an item of the catalogue."},
        "category": _WORD,
        "properties": {
            "type": "object", "maxProperties": 30,
            "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 500},
        },
    },
    optional=("key", "amount", "currency", "item", "category", "properties"),
)  # fmt: skip
_check_row = shape.checker(EVENT_ROW, lazy("The row"))


def post(call: Call) -> dict[str, Any]:
    """Store up to 1,000 events."""
    zone = ZoneInfo(call.rt.settings.zone)
    answers: list[dict[str, Any]] = [{} for _row in call.body]
    good, places = [], []
    for at, raw in enumerate(call.body):
        made = _event(raw, zone)
        if isinstance(made, shape.Fault):
            answers[at] = {"status": "rejected", "reason": made.sentence, "field": made.field}
        else:
            good.append(made)
            places.append(at)
    for at, outcome in zip(places, events.record(call.rt, good), strict=True):
        answers[at] = {"status": outcome.status}
        if outcome.reason:
            answers[at] |= {"reason": outcome.reason, "field": outcome.field, "code": outcome.code}
    counts = Counter(answer["status"] for answer in answers)
    return {status: counts[status] for status in _STATUSES} | {"rows": answers}


def _event(raw: Any, zone: ZoneInfo) -> events.NewEvent | shape.Fault:
    fault = _check_row(raw) or shape.without_nul(raw)
    if fault:
        return fault
    at = raw["at"] if isinstance(raw["at"], int) else _ms(raw["at"], zone)
    if at is None:
        return shape.Fault(
            _("“%(text)s” is no time; write it like 2026-05-24T12:01:08Z.", text=raw["at"]), "at"
        )
    amount = raw.get("amount")
    micros = None if amount is None else _micros(amount)
    if amount is not None and micros is None:
        return shape.Fault(_("“%(text)s” is no amount; write it like 199.50.", text=str(amount)), "amount")
    return events.NewEvent(
        raw["type"], at, phone=raw["phone"], key=raw.get("key", ""), amount_micros=micros,
        currency=raw.get("currency", ""), item=raw.get("item", ""), category=raw.get("category", ""),
        props=raw.get("properties", {}),
    )  # fmt: skip


def _ms(text: str, zone: ZoneInfo) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None


def _micros(amount: float | str) -> int | None:
    try:
        exact = Decimal(str(amount).strip())
    except InvalidOperation:
        return None
    return (
        int((exact * 1_000_000).to_integral_value()) if exact.is_finite() and abs(exact) <= 10**10 else None
    )


SCHEMAS = {"EventRow": EVENT_ROW}
ENDPOINTS = (
    Endpoint(
        "POST", "/events", "postEvents", "Report what contacts did", "events.write", post,
        outcomes(_STATUSES, {"code": TEXT}),
        words="Up to 1,000 at once, in any order, with their own times. `waiting`: the number is no contact "
        "yet; the event is kept and joined when it becomes one. Without a `key` an event is told from others "
        "by all it holds.",
        body=ROWS, row="EventRow",
        example=[{
            "phone": "+8613800138000", "type": "purchase", "at": "2026-05-24T12:01:08+08:00", "key": "order-7781",
            "amount": 199.5, "currency": "CNY", "item": "sku-42", "category": "shoes",
        }],
    ),
)  # fmt: skip
