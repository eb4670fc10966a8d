"""Lines of the timeline that are events: purchases, views, clicks …; views in a row become one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.audience import events
from core.db import database
from core.db.sets import among, listed

#: Key hashes are signed; a cursor is not.
_SHIFT = 1 << 63
#: Shown in a line of views, by name.
_NAMED = 3

#: The (time, number) all lines of a source must stay below.
Edge = tuple[int, int]
#: (time, number, what, text, detail) of a line, as its source gives it: `timeline.Item` without its place.
Line = tuple[int, int, str, str | None, dict[str, Any]]


def done(contact_id: int, edge: Edge, limit: int, *, clicks: bool) -> list[Line]:
    """Events below the edge, newest first, by the key of their type; clicks or all others."""
    kinds = ["click"] if clicks else [key for key in events.types() if key != "click"]
    at, number = edge
    found = events.of_contact(
        contact_id, before=(at, number - _SHIFT), limit=limit, only=kinds, replies=False
    )
    campaigns = _campaigns([one.message_id for one in found if one.message_id])
    return [
        (
            one.at,
            one.key_hash + _SHIFT,
            one.type,
            None,
            {
                "title": one.title,
                "amount_micros": one.amount_micros,
                "item": one.item_title or one.item,
                "category": one.category,
                "props": {
                    key: value for key, value in one.props.items() if isinstance(value, str | int | float)
                },
                "campaign": campaigns.get(one.message_id or 0),
            },
        )
        for one in found
    ]


def _campaigns(message_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Message → (id, name) of its campaign."""
    if not message_ids:
        return {}
    return {
        row[0]: (row[1], row[2])
        for row in database.query(
            f"SELECT m.id, c.id, c.name FROM message m JOIN campaign c ON c.id = m.campaign_id WHERE m.id {among()}",
            (listed(message_ids),),
        )
    }


def of_views(details: Sequence[dict[str, Any]], first_at: int) -> dict[str, Any]:
    """What stands for views in a row: how many, since when, and the items seen most, by name."""
    seen: dict[str, int] = {}
    for one in details:
        name = one["item"] or one["category"]
        if name:
            seen[name] = seen.get(name, 0) + 1
    named = sorted(seen, key=lambda name: -seen[name])
    return {"n": len(details), "items": named[:_NAMED], "more": len(named[_NAMED:]), "first_at": first_at}
