"""/segments: saved rules, counted."""

from __future__ import annotations

from typing import Any

from core.api.endpoint import LIMIT, Call, Endpoint, Param
from core.api.schemas import COUNT, MAYBE_TIME, TEXT, listing, thing
from core.audience import segments
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db.models import Segment
from core.measure.summary import iso
from core.runtime import Runtime

_NAME = {"type": "string", "minLength": 1, "maxLength": store.MAX_NAME, "examples": ["Shanghai"]}
_LINE = thing(
    {
        "name": TEXT,
        "words": TEXT | {"description": "The rule in plain words."},
        "last_count": {"type": ["integer", "null"], "minimum": 0},
        "counted_at": MAYBE_TIME,
    }
)


def page(call: Call) -> dict[str, Any]:
    """Segments by name."""
    after, limit = call.params["after"], call.params["limit"]
    found = Segment.select()
    if after is not None:
        found = found.where(Segment.name > after)
    rows = list(found.order_by(Segment.name).limit(limit + 1))
    lines = [
        {"name": row.name, "words": _words(call.rt, row), "last_count": row.last_count,
         "counted_at": iso(row.counted_at)}
        for row in rows[:limit]
    ]  # fmt: skip
    return {"segments": lines, "next": lines[-1]["name"] if len(rows) > limit else None}


def count(call: Call) -> dict[str, Any]:
    """How many people are in a segment now."""
    people, seconds = store.recount(call.rt, store.get(call.params["name"]))
    return {"count": people, "seconds": round(seconds, 4)}


def _words(rt: Runtime, row: Segment) -> str:
    try:
        return segments.describe(rt, store.rule_of(row))
    except Refusal as refusal:
        # A rule can refer to what was deleted since; the list still shows the others.
        return str(refusal)


SCHEMAS: dict[str, Any] = {}
ENDPOINTS = (
    Endpoint(
        "GET", "/segments", "listSegments", "Segments by name", "segments.read", page,
        listing("segments", _LINE, TEXT),
        params=(Param("after", _NAME, "The name of the last one seen."), LIMIT),
    ),
    Endpoint(
        "GET", "/segments/{name}/count", "countSegment", "How many people are in a segment now", "segments.read",
        count, thing({"count": COUNT, "seconds": {"type": "number", "minimum": 0}}),
        params=(Param("name", _NAME, "The name of the segment.", where="path"),),
    ),
)  # fmt: skip
