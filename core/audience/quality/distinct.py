"""People who look like one and are not: a person said so, and no later check brings them back.

What was said is kept a time it was said: all people of one saying are different people.  Somebody new who looks
like them makes a group again, for of them nothing was said.  A contact that was merged away speaks for the one
it is part of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from core.audience.quality import merged
from core.db import database

#: {contact: the sayings it is in}
Said = Mapping[int, set[int]]


def load() -> Said:
    """All that was said; a few entries, each made by hand."""
    sql = (
        "SELECT n.not_same_id, n.contact_id, m.kept_id FROM not_same_contact n LEFT JOIN contact_merge m "
        "ON m.gone_id = n.contact_id AND m.undone_at IS NULL"
    )
    found: dict[int, set[int]] = defaultdict(set)
    for saying, contact_id, kept in database.query(sql):
        found[contact_id if kept is None else merged.kept_of(kept)].add(saying)
    return found


def open_of(contact_ids: Sequence[int], said: Said) -> tuple[list[int], bool]:
    """(those of a group who may still be the same as another of it, was anything said between these?)."""
    nothing: set[int] = set()

    def told(one: int, other: int) -> bool:
        return bool(said.get(one, nothing) & said.get(other, nothing))

    left = [a for a in contact_ids if any(not told(a, b) for b in contact_ids if b != a)]
    return left, any(told(a, b) for a in left for b in left if a != b)
