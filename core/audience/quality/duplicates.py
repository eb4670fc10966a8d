"""People who stand in the list twice: by e-mail, or by name and birthday.

Letters are compared without case and blanks; case is that of ASCII letters, the same on both databases.  A
group is *sure* when e-mail and name agree, birthdays do not contradict, it has at most `MAX_SURE` people, and
none of them said no where another did not: merging must never be how an opt-out gets lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.audience import fields, kinds
from core.audience.quality import distinct, merging
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.codes import Cls
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

KINDS = ("same_email", "same_person")
MAX_SURE = 5
#: Larger groups share an address or a place-holder; they are shown, and nobody is their duplicate.
MAX_GROUP = 20

Row = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class Person:
    """One of a group, as the page and the command show it."""

    id: int
    phone: str
    name: str
    email: str
    birthday: str
    sent: int
    consent_bits: int
    optout_bits: int
    blocked_bits: int
    created_at: int

    @property
    def reachable(self) -> bool:
        """May marketing go there?"""
        return bool(self.consent_bits & Cls.mass.bit) and not (self.blocked_bits & Cls.mass.bit)


@dataclass(frozen=True, slots=True)
class Group:
    """People who look like one; the first is whom we would keep."""

    kind: str
    id: int
    sure: bool
    people: tuple[Person, ...]


def find() -> list[Row]:
    """All duplicates now: (kind, group, contact, "sure" or "").  Reads only; 3 s at 1 M contacts.

    Without those of whom a person said that they are not the same.
    """
    said = distinct.load()
    return _by("same_email", _folded("c.email"), "c.email LIKE '%_@_%'", said) + _by_name(said)


def _folded(column: str) -> str:
    # PostgreSQL's lower() follows the locale; SQLite's knows ASCII alone.
    plain = 'COLLATE "C"' if database.is_postgres() else ""
    return f"LOWER(REPLACE({column} {plain}, ' ', ''))"


def _birthday() -> str:
    field = fields.get("birthday")
    return f"p.{field.column}" if field and field.kind == "date" else "NULL"


def _by(kind: str, key: str, where: str, said: distinct.Said) -> list[Row]:
    """Groups that share a key; who is sure is decided with names, birthdays and what they said."""
    birthday, name = _birthday(), _folded("c.name")
    tables = "contact c JOIN profile p ON p.contact_id = c.id"
    rows = database.query(
        f"WITH twice AS (SELECT {key} AS k, MIN(c.id) AS lo, COUNT(*) AS n FROM {tables} WHERE {where} "
        f"GROUP BY 1 HAVING COUNT(*) BETWEEN 2 AND {MAX_GROUP}) "
        f"SELECT t.lo, c.id, {name}, {birthday}, p.optout_bits, p.blocked_bits FROM {tables} "
        f"JOIN twice t ON t.k = {key} WHERE {where} ORDER BY t.lo, c.id"
    )
    groups: dict[int, list[tuple]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    found = []
    for lo, members in groups.items():
        left, told = distinct.open_of([row[1] for row in members], said) if said else (None, False)
        sure = "sure" if kind == "same_email" and not told and _sure(members) else ""
        found += [(kind, lo, row[1], sure) for row in members if left is None or row[1] in left]
    return found


def _by_name(said: distinct.Said) -> list[Row]:
    birthday = _birthday()
    if birthday == "NULL":
        return []
    text = f"CAST({birthday} AS TEXT)"
    where = f"{birthday} IS NOT NULL AND c.name IS NOT NULL AND c.name <> ''"
    return _by("same_person", f"{_folded('c.name')} || ' ' || {text}", where, said)


def _sure(members: Sequence[tuple]) -> bool:
    names, birthdays, said = ({row[at] for row in members} for at in (2, 3, slice(4, 6)))
    one_name = len(names) == 1 and names != {None} and names != {""}
    return len(members) <= MAX_SURE and one_name and len(birthdays - {None}) <= 1 and len(said) == 1


def groups(rt: Runtime, kind: str, *, after: int = 0, size: int = 20, sure: bool = False) -> list[Group]:
    """Groups of the last check above `after`, by id; people who are gone meanwhile are left out."""
    only = "AND detail = 'sure'" if sure else ""
    ids = [
        row[0]
        for row in database.query(
            f"SELECT group_id FROM quality_contact WHERE kind = ? AND group_id > ? {only} "
            "GROUP BY group_id HAVING COUNT(*) > 1 ORDER BY group_id LIMIT ?",
            (kind, after, size),
        )
    ]
    return list(_filled(rt, kind, ids))


def _filled(rt: Runtime, kind: str, ids: Sequence[int]) -> Iterator[Group]:
    members: dict[int, list[int]] = defaultdict(list)
    sure: dict[int, bool] = {}
    for group, contact_id, detail in bulk.query_among(
        f"SELECT group_id, contact_id, detail FROM quality_contact WHERE kind = '{kind}' AND",
        "group_id",
        list(ids),
    ):
        members[group].append(contact_id)
        sure[group] = detail == "sure"
    found = people(rt, [one for some in members.values() for one in some])
    for group in ids:
        some = [found[one] for one in members[group] if one in found]
        if len(some) > 1:
            yield Group(kind, group, sure[group], tuple(sorted(some, key=_worth)))


def people(rt: Runtime, contact_ids: Sequence[int]) -> dict[int, Person]:
    """These contacts as people of a group, numbers masked."""
    rows = bulk.query_among(
        f"SELECT c.id, c.phone_enc, c.name, c.email, {_birthday()}, p.sent_count, p.consent_bits, p.optout_bits, "
        "p.blocked_bits, c.created_at FROM contact c JOIN profile p ON p.contact_id = c.id WHERE",
        "c.id",
        list(contact_ids),
    )
    phones = rt.keys.open_numbers([row[1] for row in rows])
    return {
        row[0]: Person(row[0], crypto.mask(phone), row[2] or "", row[3] or "", _day(row[4]), *row[5:])
        for row, phone in zip(rows, phones, strict=True)
    }


def _day(value: Any) -> str:
    return "" if value is None else kinds.show("date", value)


def _worth(person: Person) -> tuple:
    """Whom to keep: who may be texted, then who was texted most, then the oldest."""
    return not person.reachable, -person.sent, person.id


def merge_groups(rt: Runtime, group_ids: Iterable[int], *, who: str) -> tuple[int, int]:
    """Merge sure groups of the last check; (people merged away, groups left alone).

    A group in which something has changed since, or for which texts wait, is left alone.
    """
    done = left = 0
    for group in _filled(rt, "same_email", sorted(set(group_ids))):
        keep, *others = group.people
        if not group.sure or not _still_sure(group):
            left += 1
            continue
        try:
            for other in others:
                merging.merge(rt, keep.id, other.id, who=who)
                done += 1
        except Refusal:
            left += 1
            continue
        with database.write_tx():
            database.execute(
                "DELETE FROM quality_contact WHERE kind IN ('same_email', 'same_person') AND contact_id = ?",
                (keep.id,),
            )
    return done, left


def _still_sure(group: Group) -> bool:
    def fold(text: str) -> str:
        return text.replace(" ", "").lower()

    rows = [(0, 0, fold(p.name), p.birthday or None, p.optout_bits, p.blocked_bits) for p in group.people]
    return _sure(rows) and len({fold(p.email) for p in group.people}) == 1
