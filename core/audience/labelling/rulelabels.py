"""Which label each value of a rule has: one for all, or one a category, item, part of the day or fifth."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.audience import labels
from core.audience.labelling.params import PARTS
from core.db import database

if TYPE_CHECKING:
    from core.audience.labelling.rules import Rule

#: Labels one rule makes at most: those of the first categories or items by number.
MAX_VALUES = 200


def mapping(rule: Rule) -> dict[int, int]:
    """value → label id, of the labels the rule has."""
    return dict(database.query("SELECT value, label_id FROM label_value WHERE rule_id = ?", (rule.id,)))


def complete(rule: Rule, values: Iterable[int]) -> dict[int, int]:
    """Make the labels of values that have none yet, inside `write_tx`; returns the whole mapping."""
    known = mapping(rule)
    missing = sorted(set(values) - known.keys())
    for value, name in names(rule, missing).items():
        known[value] = labels.ensure(name).id
        database.execute(
            "INSERT INTO label_value (rule_id, value, label_id) VALUES (?, ?, ?)",
            (rule.id, value, known[value]),
        )
    return known


def fixed(rule: Rule) -> list[int]:
    """The values a rule can have whatever happens; those of categories and items come as they are seen."""
    if not rule.per_value:
        return [0]
    return [1, 2, 3, 4, 5] if rule.kind.values_of(rule.params) in ("part", "quintile") else []


def names(rule: Rule, values: Iterable[int]) -> dict[int, str]:
    """value → name of its label; of categories and items only the first `MAX_VALUES` by number have one."""
    if not rule.per_value:
        return dict.fromkeys(values, rule.label)
    found = dict(_value_words(rule, sorted(values)))
    return {value: name_of(rule.label, words) for value, words in found.items()}


def _value_words(rule: Rule, values: list[int]) -> Iterable[tuple[int, str]]:
    match rule.kind.values_of(rule.params):
        case "part":
            words = rule.kind.params[-1].options
            return [(PARTS[key][0], str(words[key])) for key in PARTS if PARTS[key][0] in values]
        case "quintile":
            return [(value, str(value)) for value in values]
        case "item":
            table, column = "item", "CASE WHEN title = '' THEN \"key\" ELSE title END"
        case _:
            table, column = "category", "name"
    if not values:
        return []
    return database.query(
        f"SELECT id, {column} FROM {table} WHERE id IN ({database.in_list(len(values))}) "
        f"AND id IN (SELECT id FROM {table} ORDER BY id LIMIT {MAX_VALUES})",
        values,
    )


def name_of(prefix: str, words: str) -> str:
    """ "Interest:" and "tea" make "Interest: tea"; after a wide sign no space is needed."""
    clean = "".join(c for c in words if unicodedata.category(c) not in ("Cc", "Cf")).strip() or "?"
    space = "" if unicodedata.east_asian_width(prefix[-1]) in "WF" else " "
    return f"{prefix}{space}{clean}"[: labels.MAX_NAME].strip()
