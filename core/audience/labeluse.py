"""Where a label is named: rules follow its new name, and what names it keeps it from being deleted."""

from __future__ import annotations

import json

from core.audience.segments import rules
from core.db import database

#: Rules that are still followed: (kind, id, name, JSON).  Those of campaigns are frozen.
_RULES = (
    ("segment", "SELECT id, name, rule FROM segment ORDER BY name"),
    (
        "campaign",
        "SELECT id, name, rule FROM campaign WHERE rule <> '' AND state NOT IN ('done', 'cancelled') ORDER BY id",
    ),
)


def of(name: str) -> list[tuple[str, int, str]]:
    """(kind, id, name) of the segments whose rule names the label, and of the campaigns launched with such a
    rule that are not over; kind is segment or campaign."""
    return [
        (kind, row_id, title)
        for kind, sql in _RULES
        for row_id, title, rule in database.query(sql)
        if name in rules.names(json.loads(rule), "label", "label")
    ]


def follow(label_id: int, old: str, new: str) -> None:
    """Every rule that names the label `old` says `new` from now on, inside the caller's `write_tx`."""
    for kind, sql in _RULES:
        for row_id, _title, rule in database.query(sql):
            tree = json.loads(rule)
            if old in rules.names(tree, "label", "label"):
                text = json.dumps(rules.renamed(tree, "label", "label", old, new), ensure_ascii=False)
                database.execute(f"UPDATE {kind} SET rule = ? WHERE id = ?", (text, row_id))
    # The rule that sets the label goes by its name.
    database.execute(
        "UPDATE label_rule SET label = ? WHERE label = ? AND per_value = FALSE AND id IN "
        "(SELECT rule_id FROM label_value WHERE label_id = ?)",
        (new, old, label_id),
    )
