"""Saying that people who look like one are not, taking it back, and the list of what was said."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.audience.quality import distinct, duplicates
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

_IN_GROUP = "kind IN ('same_email', 'same_person')"


@dataclass(frozen=True, slots=True)
class Saying:
    """One time somebody said "not the same person", as the page and the command show it."""

    id: int
    people: tuple[duplicates.Person, ...]
    who: str
    at: int


def say(contact_ids: Iterable[int], *, who: str) -> int:
    """These are different people; the number of the saying, which `unsay` takes.

    Raises `Refusal` for fewer than two, more than a group has, or a contact that is not there.
    """
    ids = sorted(set(contact_ids))
    if not 2 <= len(ids) <= duplicates.MAX_GROUP:
        raise Refusal(
            _("Choose 2 to %(max)s contacts that are not the same person.", max=duplicates.MAX_GROUP),
            field="contacts",
        )
    there = {row[0] for row in bulk.query_among("SELECT id FROM contact WHERE", "id", ids)}
    for one in ids:
        if one not in there:
            raise Refusal(_("There is no contact %(id)s.", id=one), field="contacts", status=404)
    now = clock.now_ms()
    with database.write_tx():
        was = _groups_of(ids)
        saying = database.scalar(
            'INSERT INTO not_same (was, who, "at") VALUES (?, ?, ?) RETURNING id', (json.dumps(was), who, now)
        )
        database.executemany(
            "INSERT INTO not_same_contact (not_same_id, contact_id) VALUES (?, ?)",
            [(saying, one) for one in ids],
        )
        _settle(was)
        named = ", ".join(f"contact:{one}" for one in ids)
        audit.record(who, "quality.not_same", named[:250], f"saying:{saying}")
    return saying


def unsay(saying: int, *, who: str) -> None:
    """Take a saying back; the groups it settled are shown again.  Raises `Refusal` (404) when there is none."""
    with database.write_tx():
        row = database.one("DELETE FROM not_same WHERE id = ? RETURNING was", (saying,))
        if row is None:
            raise Refusal(_("There is no such entry; it was taken back already."), status=404)
        database.execute("DELETE FROM not_same_contact WHERE not_same_id = ?", (saying,))
        was = json.loads(row[0])
        again = [(kind, group, detail, contact_id) for kind, group, contact_id, detail in was]
        database.executemany(
            "INSERT INTO quality_contact (kind, group_id, contact_id, detail) SELECT ?, ?, id, ? FROM contact "
            "WHERE id = ? ON CONFLICT (kind, group_id, contact_id) DO UPDATE SET detail = excluded.detail",
            again,
        )
        # Another saying may stand between some of them.
        _settle(was)
        audit.record(who, "quality.not_same_undone", f"saying:{saying}")


def sayings(rt: Runtime, *, before: int = 1 << 60, size: int = 20) -> list[Saying]:
    """What was said, newest first, below the number `before`; people who are gone meanwhile are left out."""
    rows = database.query(
        'SELECT id, who, "at" FROM not_same WHERE id < ? ORDER BY id DESC LIMIT ?', (before, size)
    )
    members: dict[int, list[int]] = defaultdict(list)
    for saying, contact_id in bulk.query_among(
        "SELECT not_same_id, contact_id FROM not_same_contact WHERE", "not_same_id", [row[0] for row in rows]
    ):
        members[saying].append(contact_id)
    found = duplicates.people(rt, sorted({one for some in members.values() for one in some}))
    return [
        Saying(id_, tuple(found[one] for one in sorted(members[id_]) if one in found), who, at)
        for id_, who, at in rows
    ]


def _groups_of(ids: Sequence[int]) -> list[tuple[str, int, int, str]]:
    """Rows of all groups of the last check that hold at least two of these."""
    shared = Counter(
        tuple(row)
        for row in bulk.query_among(
            f"SELECT kind, group_id FROM quality_contact WHERE {_IN_GROUP} AND", "contact_id", list(ids)
        )
    )
    rows = []
    for kind, group in sorted(found for found, n in shared.items() if n > 1):
        rows += database.query(
            "SELECT kind, group_id, contact_id, detail FROM quality_contact WHERE kind = ? AND group_id = ? "
            "ORDER BY contact_id",
            (kind, group),
        )
    return [tuple(row) for row in rows]


def _settle(was: Iterable[Sequence]) -> None:
    """Take out of these groups of the last check who is told apart from all others; what is left is not sure."""
    said = distinct.load()
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for kind, group, contact_id, _detail in was:
        groups[kind, group].append(contact_id)
    for (kind, group), members in groups.items():
        left, told = distinct.open_of(members, said)
        gone = [(kind, group, one) for one in members if one not in left]
        if gone:
            database.executemany(
                "DELETE FROM quality_contact WHERE kind = ? AND group_id = ? AND contact_id = ?", gone
            )
        if told:
            database.execute(
                "UPDATE quality_contact SET detail = '' WHERE kind = ? AND group_id = ?", (kind, group)
            )
