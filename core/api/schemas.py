"""Shapes that several endpoints share."""

from __future__ import annotations

from typing import Any

from core.api.endpoint import LARGEST_ID, Schema
from core.db.codes import Cls, State

#: Rows of one call.
MAX_ROWS = 1_000
ROWS = {"type": "array", "maxItems": MAX_ROWS}
PHONE = {
    "type": "string", "minLength": 1, "maxLength": 40, "examples": ["+8613800138000"],
    "description": "With country code, or as people in the instance's region write it.",
}  # fmt: skip
CLASSES = [cls.name for cls in Cls]
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
MAYBE_TIME = {"type": ["string", "null"], "description": "ISO 8601, UTC."}
MAYBE_MS = {"type": ["integer", "null"], "description": "Epoch milliseconds, UTC."}
NEW_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
STATES = [state.name for state in State]
COUNTS = {
    "type": "object", "description": "Messages by state; they add up to `audience` once it is launched.",
    "required": STATES, "properties": dict.fromkeys(STATES, COUNT), "additionalProperties": False,
}  # fmt: skip


def ref(name: str) -> Schema:
    """A component of the document; only for answers, which are not checked against it when they are made."""
    return {"$ref": f"#/components/schemas/{name}"}


def thing(properties: dict[str, Any], *, optional: tuple[str, ...] = (), words: str = "") -> dict[str, Any]:
    """An object with these properties, all there but `optional`, and no others."""
    made: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return made | ({"description": words} if words else {})


def outcomes(statuses: tuple[str, ...], more: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a batch: how many rows of each status, and each row's in the order they came."""
    row = thing(
        {"status": {"type": "string", "enum": list(statuses)}, "reason": TEXT, "field": TEXT, **(more or {})},
        optional=("reason", "field", *(more or {})),
    )
    return thing({**dict.fromkeys(statuses, COUNT), "rows": {"type": "array", "items": row}})


def listing(name: str, item: Schema, after: Schema) -> dict[str, Any]:
    """A page of a list; `next` is the `after` of the next one, null on the last."""
    either = {"anyOf": [after, {"type": "null"}]}
    return thing({name: {"type": "array", "items": item}, "next": either})
