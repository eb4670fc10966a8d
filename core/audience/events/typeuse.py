"""Where a type of events is used, and what hangs on its properties: asked before it is changed or removed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from core.db import database

#: Names under which rules of segments and of labels hold types.
_NAMES = ("type", "types", "event", "weights")
#: States of files whose rows are still on their way.
_ON_THE_WAY = ("new", "running", "undoing")


class Use(NamedTuple):
    """One thing that names a type: segment, campaign (not yet over), label (a rule), source or file."""

    kind: str
    id: int
    name: str


def of(key: str, type_id: int) -> tuple[list[Use], int]:
    """(what names a type, how many events there are, those that wait for their number included)."""
    uses = [
        Use(kind, id_, name) for kind, id_, name, rule in _rules() if any(_names(leaf, key) for leaf in rule)
    ]
    for id_, name, mapping in database.query("SELECT id, name, mapping FROM event_source ORDER BY name"):
        if key in _types_of(json.loads(mapping)):
            uses.append(Use("source", id_, name))
    for id_, name in database.query(
        f"SELECT id, file_name FROM event_batch WHERE state IN ({database.in_list(len(_ON_THE_WAY))}) ORDER BY id",
        _ON_THE_WAY,
    ):
        uses.append(Use("file", id_, name))
    counted = database.scalar("SELECT COALESCE(SUM(n), 0) FROM event_stat WHERE type = ?", (type_id,))
    waiting = database.scalar("SELECT COUNT(*) FROM event_waiting WHERE type = ?", (type_id,))
    return uses, int(counted) + waiting


def of_property(key: str, name: str) -> list[Use]:
    """The rules that ask for a property of a type."""
    return [
        Use(kind, id_, title)
        for kind, id_, title, rule in _rules()
        if any(_names(leaf, key) and f"prop.{name}" in leaf for leaf in rule)
    ]


def _rules() -> Iterator[tuple[str, int, str, list[Mapping[str, Any]]]]:
    """(kind, id, name, leaves) of every rule that is still followed."""
    for id_, name, rule in database.query("SELECT id, name, rule FROM segment ORDER BY name"):
        yield "segment", id_, name, list(_leaves(rule))
    for id_, name, rule in database.query(
        "SELECT id, name, rule FROM campaign WHERE rule <> '' AND state NOT IN ('done', 'cancelled') ORDER BY id"
    ):
        yield "campaign", id_, name, list(_leaves(rule))
    for id_, label, params in database.query("SELECT id, label, params FROM label_rule ORDER BY label"):
        yield "label", id_, label, [json.loads(params)]


def _leaves(rule: str) -> Iterator[Mapping[str, Any]]:
    left = [json.loads(rule)]
    while left:
        node = left.pop()
        if isinstance(node, Mapping):
            if "segmenter" in node:
                yield node
            else:
                left += node.values()
        elif isinstance(node, list):
            left += node


def _names(leaf: Mapping[str, Any], key: str) -> bool:
    """Does a rule name the type?"""
    for name in _NAMES:
        value = leaf.get(name)
        if value == key or (isinstance(value, Iterable) and not isinstance(value, str) and key in value):
            return True
    return False


def _types_of(mapping: Mapping[str, Any]) -> set[str]:
    """Types the mapping of a shop makes, or a site may send."""
    return {*mapping.get("types", ()), *(rule.get("type", "") for rule in mapping.get("events", ()))}
