"""Labels: words on contacts, each with a source, a confidence, a day it began and maybe an end.

`contact_label` is the truth.  The first 62 labels also have a bit in `profile.label_bits`, kept in the same
transaction, because a segment over two labels is twice as fast on bits (80 against 197 ms at 1 M contacts).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock
from core.audience import labeluse
from core.audience.labelling import changes, marks
from core.audience.labelling.bits import check as check
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.i18n import _

BITS = 62
MAX_NAME = 60
SOURCES = ("rule", "import", "person", "model")


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
    if label := _where("name = ?", name.strip()):
        return label
    known = ", ".join(label.name for label in all_labels()[:10])
    raise Refusal(
        _("There is no label “%(name)s”. Known labels: %(known)s.", name=name, known=known or "–"),
        field="label",
        status=404,
    )


def get(label_id: int) -> Label:
    """The label of an id; raises `Refusal` (404)."""
    label = _where("id = ?", label_id)
    if label is None:
        raise Refusal(_("This label does not exist any more."), field="label", status=404)
    return label


def _where(condition: str, value: Any) -> Label | None:
    row = database.one(f"SELECT id, name, bit, created_at FROM label WHERE {condition}", (value,))
    return Label(*row) if row else None


def ensure(name: str) -> Label:
    """The label of a name, created when it is new.  Raises `Refusal` for a name that cannot be shown."""
    name = checked_name(name)
    with database.write_tx():
        label = _where("name = ?", name)
        if label is None:
            row = onlyonce.new_id("label") | {"name": name, "bit": _free_bit(), "created_at": clock.now_ms()}
            database.execute(
                f"INSERT INTO label ({', '.join(row)}) VALUES ({database.in_list(len(row))}) "
                "ON CONFLICT (name) DO NOTHING",
                tuple(row.values()),
            )
            label = find(name)
    return label


def create(name: str) -> Label:
    """A new label; raises `Refusal` when the name is taken."""
    name = checked_name(name)
    with database.write_tx():
        _check_free(name)
        return ensure(name)


def rename(label_id: int, name: str) -> None:
    """Give a label another name; the rules that name it follow.  Raises `Refusal` for a name that is taken."""
    name = checked_name(name)
    with database.write_tx():
        before = get(label_id).name
        if name == before:
            return
        _check_free(name)
        database.execute("UPDATE label SET name = ? WHERE id = ?", (name, label_id))
        labeluse.follow(label_id, before, name)


def _check_free(name: str) -> None:
    if _where("name = ?", name):
        raise Refusal(_("There is already a label “%(name)s”.", name=name), field="name")


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
    for scope in marks.lists(contact_ids):
        new -= marks.having(label, scope)
        marks.put(label, scope, values)
        new += marks.having(label, scope)
    return new


def take(label: Label, contact_ids: Iterable[int], *, what: str = "removed", who: str = "") -> int:
    """Take a label off contacts, inside the caller's `write_tx`; returns how many had it.

    `what`: removed is a person's word, after which no rule sets the label again (`labelling.changes`);
    expired and undone are not.
    """
    return sum(marks.take(label, scope, how=(what, who)) for scope in marks.lists(contact_ids))


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
    return marks.by_range(lambda scope: marks.put(label, scope, values, where, params), step)


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
    return marks.by_range(lambda scope: marks.take(label, scope, where, params, how=(what, who)), step)


def delete(label: Label) -> int:
    """Take a label off everyone, then delete it and its past; returns how many had it.

    Raises `Refusal` (409) for a label that a rule sets or that a segment or a campaign asks for.
    """
    _check_unused(label)
    if changes.rule_of(label.id) is not None:
        raise Refusal(
            _("A rule sets the label “%(name)s”; delete the rule first.", name=label.name),
            field="label",
            status=409,
        )
    gone = take_where(label, what="")
    changes.forget(label.id)
    with database.write_tx():
        _check_unused(label)
        onlyonce.gone("label", label.id)
        database.execute("DELETE FROM contact_label WHERE label_id = ?", (label.id,))
        database.execute("DELETE FROM label WHERE id = ?", (label.id,))
    return gone


def _check_unused(label: Label) -> None:
    """Without the label, "not with the label" would mean everyone."""
    if users := labeluse.of(label.name):
        raise Refusal(
            _(
                "The label “%(name)s” is used by %(users)s; change those first.",
                name=label.name,
                users=_(", ").join(f"“{user}”" for _kind, _id, user in users[:20]),
            ),
            field="label",
            status=409,
        )


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
        for at in range(0, len(ids), marks.RANGE):
            with database.write_tx():
                done += take(label, ids[at : at + marks.RANGE], what="expired")
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
