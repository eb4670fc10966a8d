"""`profile.label_bits`: the first 62 labels as bits, kept equal to `contact_label` in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.db import database


def follow(label_id: int, bit: int | None, where: str, params: Sequence[Any]) -> None:
    """Make the bits of the contacts of a condition on `profile p` say what `contact_label` says; only those
    that differ."""
    if bit is None:
        return
    mask = 1 << bit
    has = "EXISTS (SELECT 1 FROM contact_label x WHERE x.label_id = ? AND x.contact_id = p.contact_id)"
    for change, value, differs in (
        ("label_bits | ?", mask, f"p.label_bits & ? = 0 AND {has}"),
        ("label_bits & ?", ~mask, f"p.label_bits & ? <> 0 AND NOT {has}"),
    ):
        database.execute(
            f"UPDATE profile AS p SET label_bits = {change} WHERE {where} AND {differs}",
            (value, *params, mask, label_id),
        )


def refold(contact_id: int) -> None:
    """Make the bits of one contact say what `contact_label` says."""
    raised = sum(
        1 << row[0]
        for row in database.query(
            "SELECT l.bit FROM contact_label x JOIN label l ON l.id = x.label_id "
            "WHERE x.contact_id = ? AND l.bit IS NOT NULL",
            (contact_id,),
        )
    )
    database.execute("UPDATE profile SET label_bits = ? WHERE contact_id = ?", (raised, contact_id))


def raise_bits(table: str) -> None:
    """Set the bits of the labels in a table of (contact_id, label_id), after `contact_label` got them."""
    _change_bits(table, "label_bits | {bits}")


def lower_bits(table: str) -> None:
    """Clear the bits of the labels in a table of (contact_id, label_id), after `contact_label` lost them."""
    _change_bits(table, "label_bits & ~{bits}")


def _change_bits(table: str, change: str) -> None:
    """By way of a keyed table, so that each profile is found by its key."""
    database.execute("DELETE FROM relabel_bits")
    database.execute(
        "INSERT INTO relabel_bits (contact_id, bits) SELECT t.contact_id, "
        f"CAST(SUM(CAST(1 AS bigint) << l.bit) AS bigint) FROM {table} t "
        "JOIN label l ON l.id = t.label_id AND l.bit IS NOT NULL GROUP BY t.contact_id"
    )
    bits = "(SELECT b.bits FROM relabel_bits b WHERE b.contact_id = profile.contact_id)"
    database.execute(
        f"UPDATE profile SET label_bits = {change.format(bits=bits)} "
        "WHERE contact_id IN (SELECT contact_id FROM relabel_bits)"
    )


def check() -> str | None:
    """For `cooee verify`: the first contact whose label bits differ from its labels, or None."""
    row = database.one(
        "WITH set_bits AS (SELECT x.contact_id, CAST(SUM(CAST(1 AS bigint) << l.bit) AS bigint) AS bits "
        "FROM contact_label x "
        "JOIN label l ON l.id = x.label_id AND l.bit IS NOT NULL GROUP BY x.contact_id) "
        "SELECT p.contact_id, p.label_bits, COALESCE(s.bits, 0) FROM profile p "
        "LEFT JOIN set_bits s ON s.contact_id = p.contact_id "
        "WHERE p.label_bits <> COALESCE(s.bits, 0) ORDER BY p.contact_id LIMIT 1"
    )
    if row is None:
        return None
    return f"Contact {row[0]} has label bits {row[1]} in its profile; its labels say {row[2]}."
