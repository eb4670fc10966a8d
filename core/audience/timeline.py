"""One timeline of a contact, newest first: texts out and in, clicks, events, consent, labels, imports.

Each source gives its newest lines below the cursor from an index on the contact; the lines are merged and
cut to a page.  A contact has hundreds of lines, never millions, so each source may sort its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.audience import deeds, texts
from core.audience.deeds import Edge, Line
from core.audience.quality import merged
from core.db import database
from core.db.codes import Cls

PAGE = 30
#: What can be asked for, in the order of the filter.
KINDS = ("text", "reply", "click", "event", "label", "consent", "import")
#: Reads of a page at most: views in a row are one line, so a page may need more than its number of rows.
_READS = 6

#: Where a line stands: time, rank of its source, its own number.  Lines are sorted by it, newest first.
Cursor = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One line.  `what` is the state of a text, the action of a consent event, or what was done;
    `text` the words of a message (None where they are not known); `detail` depends on the kind."""

    kind: str
    at: int
    what: str
    text: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    cursor: Cursor = (0, 0, 0)


def page(
    contact_id: int, *, kinds: Sequence[str] = KINDS, before: Cursor | None = None, size: int = PAGE
) -> tuple[list[Item], Cursor | None]:
    """Lines older than `before`, newest first, and the cursor of the next page (None: that was all)."""
    rows, lines = [], []
    for _read in range(_READS):
        more, before = _read_page(contact_id, kinds, before, size)
        rows += more
        lines = _grouped(rows)
        if before is None or len(lines) > size // 2:
            break
    return lines, before


def _grouped(items: Sequence[Item]) -> list[Item]:
    """Views in a row as one line."""
    lines: list[Item] = []
    run: list[Item] = []
    for item in [*items, None]:
        if item is not None and item.kind == "event" and item.what == "view":
            run.append(item)
            continue
        if len(run) > 1:
            views = deeds.of_views([one.detail for one in run], run[-1].at)
            lines.append(Item("event", run[0].at, "views", None, views, run[-1].cursor))
        else:
            lines += run
        run = []
        if item is not None:
            lines.append(item)
    return lines


def _read_page(
    contact_id: int, kinds: Sequence[str], before: Cursor | None, size: int
) -> tuple[list[Item], Cursor | None]:
    found: list[Item] = []
    for rank, (kind, source) in enumerate(_SOURCES):
        if kind in kinds:
            lines = source(contact_id, _edge(before, rank), size + 1)
            found += [
                Item(kind, at, what, text, detail, (at, rank, n)) for at, n, what, text, detail in lines
            ]
    found.sort(key=lambda item: item.cursor, reverse=True)
    return found[:size], found[size - 1].cursor if len(found) > size else None


def _edge(before: Cursor | None, rank: int) -> Edge:
    """The (time, number) all lines of a source must stay below."""
    if before is None:
        return 1 << 62, 0
    at, its_rank, number = before
    if rank == its_rank:
        return at, number
    return (at + 1, 0) if rank < its_rank else (at, 0)


# --- sources, each giving its newest lines below an edge, at most `limit`; texts and events are beside -----


def _consent(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    rows = database.query(
        "SELECT e.id, e.at, e.cls, e.action, e.source, e.wording, e.evidence, e.who, e.batch_id "
        "FROM consent_event e JOIN contact c ON c.id = e.contact_id AND c.phone_bidx = e.phone_bidx "
        "WHERE e.contact_id = ? AND (e.at, e.id) < (?, ?) ORDER BY e.at DESC, e.id DESC LIMIT ?",
        (contact_id, *edge, limit),
    )
    return [
        (
            at,
            id_,
            action,
            None,
            {
                "cls": Cls(cls).name,
                "source": source,
                "wording": wording,
                "who": who,
                "evidence": json.loads(evidence or "{}"),
                "batch_id": batch_id,
            },
        )
        for id_, at, cls, action, source, wording, evidence, who, batch_id in rows
    ]


def _suppressed(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    rows = database.query(
        "SELECT s.id, s.created_at, s.reason, s.classes, s.note, s.who, s.expires_at FROM suppression s "
        "JOIN contact c ON c.phone_bidx = s.phone_bidx WHERE c.id = ? AND (s.created_at, s.id) < (?, ?) "
        "ORDER BY s.created_at DESC, s.id DESC LIMIT ?",
        (contact_id, *edge, limit),
    )
    names = ("reason", "classes", "note", "who", "expires_at")
    return [(at, id_, "suppressed", None, dict(zip(names, more, strict=True))) for id_, at, *more in rows]


def _labels(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    """Labels that came and went, with why; and those a file brought, which are known by the label alone."""
    rows = database.query(
        "SELECT c.label_id, c.at, l.name, c.what, CASE WHEN c.rule_id IS NULL THEN 'person' ELSE 'rule' END, "
        "c.evidence, c.who, x.source, x.confidence, x.expires_at FROM label_change c "
        "JOIN label l ON l.id = c.label_id LEFT JOIN contact_label x ON x.label_id = c.label_id "
        "AND x.contact_id = c.contact_id AND x.since_at = c.at AND c.what = 'set' "
        "WHERE c.contact_id = ? AND (c.at, c.label_id) < (?, ?) "
        "UNION ALL SELECT x.label_id, x.since_at, l.name, 'set', x.source, x.evidence, '', x.source, "
        "x.confidence, x.expires_at FROM contact_label x JOIN label l ON l.id = x.label_id "
        "WHERE x.contact_id = ? AND (x.since_at, x.label_id) < (?, ?) AND NOT EXISTS (SELECT 1 FROM label_change c "
        "WHERE c.contact_id = x.contact_id AND c.at = x.since_at AND c.label_id = x.label_id) "
        "ORDER BY 2 DESC, 1 DESC LIMIT ?",
        (contact_id, *edge, contact_id, *edge, limit),
    )
    return [
        (
            at,
            label_id,
            "labelled" if what == "set" else what,
            None,
            {
                "name": name,
                "source": source or by,
                "evidence": evidence,
                "who": who,
                "confidence": confidence,
                "expires_at": expires_at,
            },
        )
        for label_id, at, name, what, by, evidence, who, source, confidence, expires_at in rows
    ]


def _imports(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    """When the contact was made, and by which import it was changed since."""
    rows = database.query(
        "SELECT 0, c.created_at, c.source, b.id, b.file_name, b.created_by FROM contact c "
        "LEFT JOIN import_batch b ON b.id = c.batch_id WHERE c.id = ? "
        # Batches are few and the key of import_change begins with the batch: no index on the contact needed.
        "UNION ALL SELECT b.id, b.created_at, 'changed', b.id, b.file_name, b.created_by FROM import_batch b "
        "WHERE EXISTS (SELECT 1 FROM import_change x WHERE x.batch_id = b.id AND x.contact_id = ?)",
        (contact_id, contact_id),
    )
    lines = [
        (
            at,
            number,
            "changed" if source == "changed" else "created",
            None,
            {"source": source, "batch_id": batch_id, "file": file or "", "who": who or ""},
        )
        for number, at, source, batch_id, file, who in rows
        if (at, number) < edge
    ]
    return sorted(lines, key=lambda line: line[:2], reverse=True)[:limit]


def _merges(contact_id: int, edge: Edge, limit: int) -> list[Line]:
    """Contacts that became part of this one."""
    made = [(one["at"], one["id"], "merged", None, one) for one in merged.of(contact_id)]
    return [line for line in made if line[:2] < edge][:limit]


_SOURCES: tuple[tuple[str, Callable[[int, Edge, int], list[Line]]], ...] = (
    ("import", _imports),
    ("import", _merges),
    ("label", _labels),
    ("consent", _suppressed),
    ("consent", _consent),
    ("event", partial(deeds.done, clicks=False)),
    ("text", texts.sent),
    ("click", partial(deeds.done, clicks=True)),
    ("reply", texts.replies),
)
