"""/items: the catalogue that events refer to."""

from __future__ import annotations

from typing import Any

from core.api import shape
from core.api.endpoint import Call, Endpoint
from core.api.schemas import COUNT, ROWS, TEXT, thing
from core.audience.events import catalogue
from core.audience.events import problems as reasons
from core.db import database
from core.i18n import lazy
from core.security import audit

_WORD = {"type": ["string", "null"], "maxLength": 200}
ITEM_ROW = thing(
    {
        "key": {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["sku-42"]},
        "title": _WORD,
        "category": _WORD,
        "price": {"type": ["number", "null"], "minimum": 0, "maximum": 1e10},
        "tags": {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 200}},
    },
    optional=("title", "category", "price", "tags"),
    words="What a row does not name, or leaves empty, stays as it is. Prices are in the house currency.",
)
_check_row = shape.checker(ITEM_ROW, lazy("The row"))


def put(call: Call) -> dict[str, Any]:
    """Create or change up to 1,000 items."""
    good, places, rejected = [], [], {}
    for at, raw in enumerate(call.body):
        fault = _check_row(raw) or shape.without_nul(raw)
        if fault:
            rejected[at] = {"row": at, "reason": fault.sentence, "field": fault.field}
        else:
            good.append(raw)
            places.append(at)
    done = catalogue.upsert_items(call.rt, good)
    for at, problem in done.problems or ():
        words = reasons.words(problem.reason)
        rejected[places[at]] = {"row": places[at], "reason": words, "field": problem.field}
    if done.created or done.updated:
        with database.write_tx():
            detail = f"{done.created} created, {done.updated} updated"
            audit.record(call.token.who, "item.upsert", "", detail)
    return {
        "created": done.created,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "rejected": [rejected[at] for at in sorted(rejected)],
    }


SCHEMAS = {"ItemRow": ITEM_ROW}
ENDPOINTS = (
    Endpoint(
        "PUT", "/items", "putItems", "Create or change items by key", "items.write", put,
        thing({
            "created": COUNT, "updated": COUNT, "unchanged": COUNT,
            "rejected": {"type": "array", "items": thing({"row": COUNT, "reason": TEXT, "field": TEXT})},
        }),
        words="Up to 1,000 at once. `rejected` names rows by their place, from 0.",
        body=ROWS, row="ItemRow",
        example=[{"key": "sku-42", "title": "Running shoe", "category": "shoes", "price": 199.5, "tags": ["new"]}],
    ),
)  # fmt: skip
