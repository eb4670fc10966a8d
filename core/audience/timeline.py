"""One timeline of a contact, newest first: texts out and in, clicks, events, consent, labels, imports.

Each source gives its newest lines below the cursor from an index on the contact; the lines are merged and
cut to a page.  A contact has hundreds of lines, never millions, so each source may sort its own.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import ids, secrecy
from core.audience import deeds
from core.audience.quality import merged
from core.db import database
from core.db.codes import Cls, State
from core.db.sets import among, listed
from core.i18n import pick_language

PAGE = 30
#: What can be asked for, in the order of the filter.
KINDS = ("text", "reply", "click", "event", "label", "consent", "import")
#: Reads of a page at most: views in a row are one line, so a page may need more than its number of rows.
_READS = 6

#: What stands for a link in frozen words (core.content.links).
_MARK = re.compile(r"\{\{@(\d+)\}\}")

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
            found += source(contact_id, rank, _edge(before, rank), size + 1)
    found.sort(key=lambda item: item.cursor, reverse=True)
    return found[:size], found[size - 1].cursor if len(found) > size else None


def _edge(before: Cursor | None, rank: int) -> tuple[int, int]:
    """The (time, number) all lines of a source must stay below."""
    if before is None:
        return 1 << 62, 0
    at, its_rank, number = before
    if rank == its_rank:
        return at, number
    return (at + 1, 0) if rank < its_rank else (at, 0)


def _texts(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    rows = database.query(
        "SELECT m.id, COALESCE(m.submitted_at, m.id >> 20) AS at, m.state, m.reason, m.cls, m.campaign_id, "
        "m.variant, m.parts, m.cost_micros, m.final_at, m.submitted_at, m.account_id, "
        "t.body, c.name, c.currency "
        "FROM message m LEFT JOIN campaign c ON c.id = m.campaign_id "
        f"LEFT JOIN message_text t ON t.message_id = m.id WHERE m.contact_id {among()} "
        "AND (COALESCE(m.submitted_at, m.id >> 20), m.id) < (?, ?) ORDER BY 2 DESC, 1 DESC LIMIT ?",
        (listed(merged.ids_of(contact_id)), *edge, limit),
    )
    bodies = _variant_texts(contact_id, {(row[5], row[6]) for row in rows if row[12] is None})
    return [
        Item(
            "text",
            row[1],
            State(row[2]).name,
            secrecy.shown(row[4], row[12]) if row[12] is not None else bodies.get((row[5], row[6])),
            {
                "message_id": row[0],
                "reason": row[3] or "",
                "cls": Cls(row[4]).name,
                "parts": row[7],
                "campaign_id": row[5],
                "account_id": row[11],
                "campaign": row[13] or "",
                "variant": row[6],
                "merged": row[12] is not None,
                "cost_micros": row[8],
                "currency": row[14] or "",
                "final_at": row[9],
                "submitted_at": row[10],
                "created_at": ids.at_ms(row[0]),
            },
            (row[1], rank, row[0]),
        )
        for row in rows
    ]


def _variant_texts(contact_id: int, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The frozen words of variants in the language they were sent in: the contact's, else the template's own."""
    if not wanted:
        return {}
    language = database.scalar("SELECT language FROM profile WHERE contact_id = ?", (contact_id,)) or ""
    campaigns = sorted({campaign for campaign, _variant in wanted})
    targets = {
        (campaign, idx): url
        for campaign, idx, url in database.query(
            f"SELECT campaign_id, idx, url FROM link WHERE campaign_id IN ({database.in_list(len(campaigns))})",
            campaigns,
        )
    }
    bodies: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    defaults: dict[tuple[int, int], str] = {}
    for campaign, idx, lang, body, default in database.query(
        "SELECT t.campaign_id, t.idx, t.lang, t.body, m.default_lang FROM variant_text t "
        "LEFT JOIN variant v ON v.campaign_id = t.campaign_id AND v.idx = t.idx "
        "LEFT JOIN template m ON m.id = v.template_id "
        f"WHERE t.campaign_id IN ({database.in_list(len(campaigns))}) ORDER BY t.lang",
        campaigns,
    ):
        # A link shows where it leads.
        bodies[campaign, idx][lang] = _MARK.sub(
            lambda mark, of=campaign: targets.get((of, int(mark[1])), mark[0]), body
        )
        defaults[campaign, idx] = default or lang
    return {key: texts[pick_language(texts, language, defaults[key])] for key, texts in bodies.items()}


def _replies(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    rows = database.query(
        "SELECT id, received_at, body, intent, account_id FROM inbound "
        f"WHERE contact_id {among()} AND (received_at, id) < (?, ?) ORDER BY received_at DESC, id DESC LIMIT ?",
        (listed(merged.ids_of(contact_id)), *edge, limit),
    )
    return [
        Item(
            "reply",
            row[1],
            row[3],
            row[2],
            {"inbound_id": row[0], "account_id": row[4]},
            (row[1], rank, row[0]),
        )
        for row in rows
    ]


def _consent(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    rows = database.query(
        "SELECT e.id, e.at, e.cls, e.action, e.source, e.wording, e.evidence, e.who, e.batch_id "
        "FROM consent_event e JOIN contact c ON c.id = e.contact_id AND c.phone_bidx = e.phone_bidx "
        "WHERE e.contact_id = ? AND (e.at, e.id) < (?, ?) ORDER BY e.at DESC, e.id DESC LIMIT ?",
        (contact_id, *edge, limit),
    )
    return [
        Item(
            "consent",
            row[1],
            row[3],
            None,
            {
                "cls": Cls(row[2]).name,
                "source": row[4],
                "wording": row[5],
                "who": row[7],
                "evidence": json.loads(row[6] or "{}"),
                "batch_id": row[8],
            },
            (row[1], rank, row[0]),
        )
        for row in rows
    ]


def _suppressed(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    rows = database.query(
        "SELECT s.id, s.created_at, s.reason, s.classes, s.note, s.who, s.expires_at FROM suppression s "
        "JOIN contact c ON c.phone_bidx = s.phone_bidx WHERE c.id = ? AND (s.created_at, s.id) < (?, ?) "
        "ORDER BY s.created_at DESC, s.id DESC LIMIT ?",
        (contact_id, *edge, limit),
    )
    return [
        Item(
            "consent",
            row[1],
            "suppressed",
            None,
            {"reason": row[2], "classes": row[3], "note": row[4], "who": row[5], "expires_at": row[6]},
            (row[1], rank, row[0]),
        )
        for row in rows
    ]


def _labels(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
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
        Item(
            "label",
            row[1],
            "labelled" if row[3] == "set" else row[3],
            None,
            {
                "name": row[2],
                "source": row[7] or row[4],
                "evidence": row[5],
                "who": row[6],
                "confidence": row[8],
                "expires_at": row[9],
            },
            (row[1], rank, row[0]),
        )
        for row in rows
    ]


def _imports(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    """When the contact was made, and by which import it was changed since."""
    rows = database.query(
        "SELECT 0, c.created_at, c.source, b.id, b.file_name, b.created_by FROM contact c "
        "LEFT JOIN import_batch b ON b.id = c.batch_id WHERE c.id = ? "
        # Batches are few and the key of import_change begins with the batch: no index on the contact needed.
        "UNION ALL SELECT b.id, b.created_at, 'changed', b.id, b.file_name, b.created_by FROM import_batch b "
        "WHERE EXISTS (SELECT 1 FROM import_change x WHERE x.batch_id = b.id AND x.contact_id = ?)",
        (contact_id, contact_id),
    )
    items = [
        Item(
            "import",
            row[1],
            "changed" if row[2] == "changed" else "created",
            None,
            {"source": row[2], "batch_id": row[3], "file": row[4] or "", "who": row[5] or ""},
            (row[1], rank, row[0]),
        )
        for row in rows
        if (row[1], row[0]) < edge
    ]
    return sorted(items, key=lambda item: item.cursor, reverse=True)[:limit]


def _merges(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    """Contacts that became part of this one."""
    return [
        Item("import", one["at"], "merged", None, one, (one["at"], rank, one["id"]))
        for one in merged.of(contact_id)
        if (one["at"], one["id"]) < edge
    ][:limit]


def _events(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    lines = deeds.done(contact_id, edge, limit, clicks=False)
    return [Item("event", at, what, None, detail, (at, rank, number)) for at, what, detail, number in lines]


def _clicks(contact_id: int, rank: int, edge: tuple[int, int], limit: int) -> list[Item]:
    lines = deeds.done(contact_id, edge, limit, clicks=True)
    return [Item("click", at, what, None, detail, (at, rank, number)) for at, what, detail, number in lines]


_SOURCES: tuple[tuple[str, Callable[[int, int, tuple[int, int], int], list[Item]]], ...] = (
    ("import", _imports),
    ("import", _merges),
    ("label", _labels),
    ("consent", _suppressed),
    ("consent", _consent),
    ("event", _events),
    ("text", _texts),
    ("click", _clicks),
    ("reply", _replies),
)
