"""Labels: words on contacts, each with a source, a confidence, a day it began and maybe an end.

`contact_label` is the truth.  The first 62 labels also have a bit in `profile.label_bits`, kept in the same
transaction, because a segment over two labels is twice as fast on bits (80 against 197 ms at 1 M contacts).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock
from core.audience.labelling import bits, changes
from core.audience.labelling.bits import check as check
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

BITS = 62
MAX_NAME = 60
SOURCES = ("rule", "import", "person", "model")
_CHUNK = 5_000
#: Contact ids of one transaction of a bulk change: the write lock is held some 50 ms.
_RANGE = 50_000

#: A part of the contacts: SQL over an alias `p` with `contact_id`, and its values.
Scope = tuple[str, Sequence[Any]]


def _quiet(_passed: int) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, slots=True)
class Label:
    id: int
    name: str
    bit: int | None
    created_at: int


def all_labels() -> list[Label]:
    """Every label by name."""
    rows = database.query("SELECT id, name, bit, created_at FROM label ORDER BY name")
    return [Label(*row) for row in rows]


def find(name: str) -> Label:
    """The label of a name; raises `Refusal` (404) naming those there are."""
    row = database.one("SELECT id, name, bit, created_at FROM label WHERE name = ?", (name.strip(),))
    if row:
        return Label(*row)
    known = ", ".join(label.name for label in all_labels()[:10])
    raise Refusal(
        _("There is no label “%(name)s”. Known labels: %(known)s.", name=name, known=known or "–"),
        field="label",
        status=404,
    )


def get(label_id: int) -> Label:
    """The label of an id; raises `Refusal` (404)."""
    row = database.one("SELECT id, name, bit, created_at FROM label WHERE id = ?", (label_id,))
    if row is None:
        raise Refusal(_("This label does not exist any more."), field="label", status=404)
    return Label(*row)


def ensure(name: str) -> Label:
    """The label of a name, created when it is new.  Raises `Refusal` for a name that cannot be shown."""
    name = checked_name(name)
    with database.write_tx():
        row = database.one("SELECT id, name, bit, created_at FROM label WHERE name = ?", (name,))
        if row is None:
            database.execute(
                "INSERT INTO label (name, bit, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (name, _free_bit(), clock.now_ms()),
            )
            row = database.one("SELECT id, name, bit, created_at FROM label WHERE name = ?", (name,))
    return Label(*row)


def create(name: str) -> Label:
    """A new label; raises `Refusal` when the name is taken."""
    name = checked_name(name)
    with database.write_tx():
        if database.one("SELECT 1 FROM label WHERE name = ?", (name,)):
            raise Refusal(_("There is already a label “%(name)s”.", name=name), field="name")
        return ensure(name)


def rename(label_id: int, name: str) -> None:
    """Give a label another name; segments refer to labels by name, so the caller warns where it is used."""
    name = checked_name(name)
    with database.write_tx():
        label = get(label_id)
        if name != label.name and database.one("SELECT 1 FROM label WHERE name = ?", (name,)):
            raise Refusal(_("There is already a label “%(name)s”.", name=name), field="name")
        database.execute("UPDATE label SET name = ? WHERE id = ?", (name, label_id))


def counts() -> dict[int, int]:
    """How many contacts have each label, by label id.  Counts rows: 100 ms at 2 M; ask for it by itself."""
    return dict(database.query("SELECT label_id, COUNT(*) FROM contact_label GROUP BY label_id"))


def of(contact_ids: Sequence[int]) -> dict[int, list[dict]]:
    """The labels of some contacts, each as id, name, source, confidence, since_at, expires_at, evidence."""
    found: dict[int, list[dict]] = {contact_id: [] for contact_id in contact_ids}
    keys = ("id", "name", "source", "confidence", "since_at", "expires_at", "evidence")
    if contact_ids:
        for row in database.query(
            "SELECT x.contact_id, l.id, l.name, x.source, x.confidence, x.since_at, x.expires_at, x.evidence "
            "FROM contact_label x JOIN label l ON l.id = x.label_id "
            f"WHERE x.contact_id IN ({database.in_list(len(contact_ids))}) ORDER BY x.since_at, l.name",
            contact_ids,
        ):
            found[row[0]].append(dict(zip(keys, row[1:], strict=True)))
    return found


def put(
    label: Label,
    contact_ids: Iterable[int],
    *,
    source: str = "person",
    confidence: float = 1.0,
    expires_at: int | None = None,
    who: str = "",
) -> int:
    """Set a label on contacts, inside the caller's `write_tx`; returns how many did not have it.

    Where it is there already the first day stays, and source, confidence and end are renewed.
    Ids that are no contact are left out.  A person who sets a label allows rules to set it again.
    """
    values, new = (source, confidence, expires_at, who), 0
    for scope in _lists(contact_ids):
        new -= _having(label, scope)
        _put(label, scope, values)
        new += _having(label, scope)
    return new


def take(label: Label, contact_ids: Iterable[int], *, what: str = "removed", who: str = "") -> int:
    """Take a label off contacts, inside the caller's `write_tx`; returns how many had it.

    `what`: removed is a person's word, after which no rule sets the label again (`labelling.changes`);
    expired and undone are not.
    """
    return sum(_take(label, scope, how=(what, who)) for scope in _lists(contact_ids))


def put_where(
    label: Label,
    where: str,
    params: Sequence[Any] = (),
    *,
    source: str = "rule",
    confidence: float = 1.0,
    expires_at: int | None = None,
    who: str = "",
    step: Callable[[int], None] = _quiet,
) -> int:
    """Set a label on everyone a condition on `profile p` finds, in ranges of ids, each a transaction.

    A killed run left some ranges done; running it again completes it.  `step` is told the ids passed.
    Returns how many contacts match.
    """
    values = (source, confidence, expires_at, who)
    return _by_range(lambda scope: _put(label, scope, values, where, params), step)


def take_where(
    label: Label,
    where: str = "1 = 1",
    params: Sequence[Any] = (),
    *,
    what: str = "removed",
    who: str = "",
    step: Callable[[int], None] = _quiet,
) -> int:
    """Take a label off everyone a condition on `profile p` finds; as `take` and `put_where`."""
    return _by_range(lambda scope: _take(label, scope, where, params, how=(what, who)), step)


def delete(label: Label) -> int:
    """Take a label off everyone, then delete it and its past; returns how many had it.

    Raises `Refusal` (409) for a label of a rule.
    """
    if changes.rule_of(label.id) is not None:
        raise Refusal(
            _("A rule sets the label “%(name)s”; delete the rule first.", name=label.name),
            field="label",
            status=409,
        )
    gone = take_where(label, what="")
    changes.forget(label.id)
    with database.write_tx():
        database.execute("DELETE FROM contact_label WHERE label_id = ?", (label.id,))
        database.execute("DELETE FROM label WHERE id = ?", (label.id,))
    return gone


def expire_labels(rt) -> int:
    """Job: take labels off whose end has come; returns how many."""
    now, done = clock.now_ms(), 0
    for label in all_labels():
        ids = [
            row[0]
            for row in database.query(
                "SELECT contact_id FROM contact_label WHERE label_id = ? AND expires_at <= ?", (label.id, now)
            )
        ]
        for at in range(0, len(ids), _RANGE):
            with database.write_tx():
                done += take(label, ids[at : at + _RANGE], what="expired")
    return done


def checked_name(name: str, field: str = "name") -> str:
    """The name as it is kept; raises `Refusal` for one that cannot be shown."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME or any(unicodedata.category(c) in ("Cc", "Cf") for c in name):
        raise Refusal(
            _(
                "A label's name has 1 to %(max)s characters; “%(name)s” does not fit.",
                max=MAX_NAME,
                name=name[:80],
            ),
            field=field,
        )
    return name


def _free_bit() -> int | None:
    taken = {row[0] for row in database.query("SELECT bit FROM label WHERE bit IS NOT NULL")}
    return next((bit for bit in range(BITS) if bit not in taken), None)


def _lists(contact_ids: Iterable[int]) -> Iterator[Scope]:
    ids = sorted(set(contact_ids))
    for at in range(0, len(ids), _CHUNK):
        some = ids[at : at + _CHUNK]
        yield f"p.contact_id IN ({database.in_list(len(some))})", some


def _by_range(work: Callable[[Scope], int], step: Callable[[int], None]) -> int:
    top, done = database.scalar("SELECT MAX(contact_id) FROM profile") or 0, 0
    for low in range(0, top, _RANGE):
        with database.write_tx():
            done += work(("p.contact_id > ? AND p.contact_id <= ?", (low, low + _RANGE)))
        step(_RANGE)
    return done


def _having(label: Label, scope: Scope) -> int:
    return database.scalar(
        f"SELECT COUNT(*) FROM contact_label p WHERE p.label_id = ? AND {scope[0]}",
        (label.id, *scope[1]),
    )


def _put(
    label: Label, scope: Scope, values: Sequence[Any], where: str = "1 = 1", params: Sequence[Any] = ()
) -> int:
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


def _take(
    label: Label,
    scope: Scope,
    where: str = "1 = 1",
    params: Sequence[Any] = (),
    how: tuple[str, str] = ("removed", ""),
) -> int:
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
