"""What one contact did: events newest first, and its counts a type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.audience.events import eventtypes, folding
from core.audience.events.checking import load_props
from core.db import database
from core.db.codes import EventType


@dataclass(frozen=True, slots=True)
class Done:
    """One event of a contact; `amount_micros` in the house currency.  (at, key_hash) is where it stands."""

    type: str
    title: str
    at: int
    key_hash: int
    amount_micros: int | None = None
    item: str = ""
    item_title: str = ""
    category: str = ""
    message_id: int | None = None
    batch_id: int | None = None
    props: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a contact did of one type: how often, for how much, first and last (epoch ms)."""

    n: int
    sum_micros: int
    first_at: int
    last_at: int


def of_contact(
    contact_id: int,
    *,
    before: tuple[int, int] = (1 << 62, 0),
    limit: int = 30,
    only: Sequence[str] = (),
    replies: bool = True,
) -> list[Done]:
    """The events of a contact older than `before` (at, key_hash), newest first; `only` are keys of types.

    Without `replies` those are left out whose words are there as an inbound text.
    """
    known = {made.id: made for made in eventtypes.all_types()}
    wanted = [made.id for made in known.values() if made.key in only] if only else []
    if only and not wanted:
        return []
    more = f"AND e.type IN ({database.in_list(len(wanted))}) " if wanted else ""
    if not replies:
        more += (
            f"AND NOT (e.type = {EventType.reply:d} AND EXISTS (SELECT 1 FROM inbound i "
            "WHERE i.contact_id = e.contact_id AND i.received_at = e.at)) "
        )
    rows = database.query(
        "SELECT e.type, e.at, e.key_hash, e.amount_micros, COALESCE(i.key, ''), COALESCE(i.title, ''), "
        "COALESCE(c.name, ''), e.message_id, e.batch_id, e.props FROM event e LEFT JOIN item i ON i.id = e.item_id "
        "LEFT JOIN category c ON c.id = e.category_id WHERE e.contact_id = ? AND (e.at, e.key_hash) < (?, ?) "
        f"{more}ORDER BY e.at DESC, e.key_hash DESC LIMIT ?",
        (contact_id, *before, *wanted, limit),
    )
    return [Done(known[row[0]].key, known[row[0]].title, *row[1:9], load_props(row[9])) for row in rows]


def counted(contact_id: int) -> dict[str, Counted]:
    """Key of a type → what the contact did of it, from event_stat."""
    rows = database.query(
        f"SELECT t.key, s.{', s.'.join(folding.COLUMNS[:4])} FROM event_type t JOIN event_stat s "
        "ON s.type = t.id AND s.contact_id = ? ORDER BY t.id",
        (contact_id,),
    )
    return {row[0]: Counted(*row[1:]) for row in rows}
