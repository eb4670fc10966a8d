"""Events: what contacts did.

`recording` takes events from programs, `importing` from files; both go through `checking` and `store`, which
keeps `event_stat` and `event_day` in step (`folding`).  `waiting` keeps events of numbers that are no
contacts yet.  `eventtypes` are the types, `catalogue` the items, `story` is what one contact did.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.audience.events.eventtypes import Type, all_types, types
    from core.audience.events.money import house as currency
    from core.audience.events.recording import NewEvent, Outcome, record
    from core.audience.events.story import Counted, Done, counted, of_contact
    from core.audience.events.waiting import join as join_waiting

#: Where each public name lives; loaded when asked for, because the reader process needs no database.
_HOMES = {
    "Counted": ("story", "Counted"),
    "Done": ("story", "Done"),
    "NewEvent": ("recording", "NewEvent"),
    "Outcome": ("recording", "Outcome"),
    "Type": ("eventtypes", "Type"),
    "all_types": ("eventtypes", "all_types"),
    "counted": ("story", "counted"),
    "currency": ("money", "house"),
    "join_waiting": ("waiting", "join"),
    "of_contact": ("story", "of_contact"),
    "record": ("recording", "record"),
    "types": ("eventtypes", "types"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, inside = _HOMES[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), inside)


__all__ = [
    "Counted",
    "Done",
    "NewEvent",
    "Outcome",
    "Type",
    "all_types",
    "counted",
    "currency",
    "join_waiting",
    "of_contact",
    "record",
    "types",
]
