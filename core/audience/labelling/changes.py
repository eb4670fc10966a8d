"""What happened to labels: lines of the timeline, and what people took off.

A row of `label_block` says that a person took a label off; no rule sets it again until a person allows it,
by putting the label on or by `allow`.  Called by `core.audience.labels` inside its transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.db import database

#: People of a condition on `profile p` that carry a label.
_WEARING = "FROM profile p JOIN contact_label x ON x.label_id = ? AND x.contact_id = p.contact_id WHERE "
_INTO = "INSERT INTO label_change (contact_id, at, label_id, what, rule_id, evidence, who) "
#: Two changes of one label in one millisecond are one change: the later.
_AGAIN = (
    " ON CONFLICT (contact_id, at, label_id) DO UPDATE SET what = excluded.what, rule_id = excluded.rule_id, "
    "evidence = excluded.evidence, who = excluded.who"
)


def note_set(label_id: int, where: str, params: Sequence[Any], *, who: str, at: int) -> None:
    """Before a label is put on people of a condition: a line for each who does not carry it."""
    database.execute(
        f"{_INTO} SELECT p.contact_id, ?, ?, 'set', NULL, 1, ? FROM profile p WHERE {where} AND NOT EXISTS "
        "(SELECT 1 FROM contact_label x WHERE x.label_id = ? AND x.contact_id = p.contact_id)" + _AGAIN,
        (at, label_id, who, *params, label_id),
    )


def allow_where(label_id: int, where: str, params: Sequence[Any]) -> None:
    """People of a condition may be given this label by rules again."""
    if not database.scalar("SELECT 1 FROM label_block WHERE label_id = ? LIMIT 1", (label_id,)):
        return
    database.execute(
        "DELETE FROM label_block WHERE label_id = ? AND contact_id IN "
        f"(SELECT p.contact_id FROM profile p WHERE {where})",
        (label_id, *params),
    )


def note_taken(
    label_id: int, where: str, params: Sequence[Any], *, what: str, who: str, rule_id: int | None, at: int
) -> None:
    """Before a label is taken off people of a condition: a line for each who carries it, and for `removed`,
    which is a person's word, a block."""
    database.execute(
        f"{_INTO} SELECT p.contact_id, ?, ?, ?, ?, x.evidence, ? {_WEARING} {where}" + _AGAIN,
        (at, label_id, what, rule_id, who, label_id, *params),
    )
    if what == "removed":
        database.execute(
            f"INSERT INTO label_block (label_id, contact_id, who, at) SELECT ?, p.contact_id, ?, ? {_WEARING} "
            f"{where} ON CONFLICT (label_id, contact_id) DO NOTHING",
            (label_id, who, at, label_id, *params),
        )


def rule_of(label_id: int) -> int | None:
    """The rule a label belongs to, or None."""
    return database.scalar("SELECT rule_id FROM label_value WHERE label_id = ?", (label_id,))


def forget(label_id: int, *, chunk: int = 20_000) -> None:
    """A label is deleted: so is what is known of its past, in chunks, each a transaction."""
    while True:
        with database.write_tx():
            gone = database.execute(
                "DELETE FROM label_change WHERE (contact_id, at, label_id) IN (SELECT contact_id, at, label_id "
                "FROM label_change WHERE label_id = ? LIMIT ?)",
                (label_id, chunk),
            ).rowcount
        if gone < chunk:
            break
    with database.write_tx():
        for table in ("label_block", "label_day", "label_value"):
            database.execute(f"DELETE FROM {table} WHERE label_id = ?", (label_id,))


def prune(before: int, *, chunk: int = 20_000) -> int:
    """Delete lines older than `before` (ms), in chunks; returns how many."""
    done = 0
    while True:
        with database.write_tx():
            gone = database.execute(
                "DELETE FROM label_change WHERE (contact_id, at, label_id) IN "
                "(SELECT contact_id, at, label_id FROM label_change WHERE at < ? LIMIT ?)",
                (before, chunk),
            ).rowcount
        done += gone
        if gone < chunk:
            return done
