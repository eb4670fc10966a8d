"""One label set on contacts and taken off, with its bit in the profile and its line in the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.labelling import bits, changes
from core.db import database

if TYPE_CHECKING:
    from core.audience.labels import Label

_CHUNK = 5_000
#: Contact ids of one transaction of a bulk change: the write lock is held some 50 ms.
RANGE = 50_000

#: A part of the contacts: SQL over an alias `p` with `contact_id`, and its values.
Scope = tuple[str, Sequence[Any]]


def lists(contact_ids: Iterable[int]) -> Iterator[Scope]:
    """Scopes that together are these contacts."""
    ids = sorted(set(contact_ids))
    for at in range(0, len(ids), _CHUNK):
        some = ids[at : at + _CHUNK]
        yield f"p.contact_id IN ({database.in_list(len(some))})", some


def by_range(work: Callable[[Scope], int], step: Callable[[int], None]) -> int:
    """Do the work for all contacts, a range of ids and a transaction at a time; the sum of what it returns."""
    top, done = database.scalar("SELECT MAX(contact_id) FROM profile") or 0, 0
    for low in range(0, top, RANGE):
        with database.write_tx():
            done += work(("p.contact_id > ? AND p.contact_id <= ?", (low, low + RANGE)))
        step(RANGE)
    return done


def having(label: Label, scope: Scope) -> int:
    """How many have the label."""
    return database.scalar(
        f"SELECT COUNT(*) FROM contact_label p WHERE p.label_id = ? AND {scope[0]}",
        (label.id, *scope[1]),
    )


def put(
    label: Label, scope: Scope, values: Sequence[Any], where: str = "1 = 1", params: Sequence[Any] = ()
) -> int:
    """Set it, inside the caller's transaction; `values` are (source, confidence, expires_at, who)."""
    source, confidence, expires_at, who = values
    now = clock.now_ms()
    if source != "import":  # an import is a line of the timeline by itself
        found = f"{scope[0]} AND ({where})", (*scope[1], *params)
        changes.note_set(label.id, *found, who=who, at=now)
        if source == "person":
            changes.allow_where(label.id, *found)
    rows = database.execute(
        "INSERT INTO contact_label (label_id, contact_id, source, confidence, since_at, expires_at) "
        f"SELECT ?, p.contact_id, ?, ?, ?, ? FROM profile p WHERE {scope[0]} AND ({where}) "
        "ON CONFLICT (label_id, contact_id) DO UPDATE SET source = excluded.source, "
        "confidence = excluded.confidence, expires_at = excluded.expires_at",
        (label.id, source, confidence, now, expires_at, *scope[1], *params),
    ).rowcount
    bits.follow(label.id, label.bit, *scope)
    return rows


def take(
    label: Label,
    scope: Scope,
    where: str = "1 = 1",
    params: Sequence[Any] = (),
    how: tuple[str, str] = ("removed", ""),
) -> int:
    """Take it off, inside the caller's transaction; `how` is (what, who) of the change."""
    what, who = how
    if what:
        rule_id = changes.rule_of(label.id) if what == "expired" else None
        found = f"{scope[0]} AND ({where})", (*scope[1], *params)
        changes.note_taken(label.id, *found, what=what, who=who, rule_id=rule_id, at=clock.now_ms())
    rows = database.execute(
        "DELETE FROM contact_label WHERE label_id = ? AND contact_id IN "
        f"(SELECT p.contact_id FROM profile p WHERE {scope[0]} AND ({where}))",
        (label.id, *scope[1], *params),
    ).rowcount
    bits.follow(label.id, label.bit, *scope)
    return rows
