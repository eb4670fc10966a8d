"""Labels at a glance: who set them, how many carry them, how that grows, how fresh they are, what uses them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from core import clock
from core.audience import labels
from core.audience.labelling import rules
from core.audience.labelling.rules import Rule
from core.audience.labels import Label
from core.audience.segments import rules as trees
from core.db import database
from core.i18n import _
from core.security.crypto import mask

#: A rule that did not run for so long, or whose labels end for so large a part, makes its labels stale.
STALE_MS, STALE_SHARE = 2 * clock.DAY_MS, 0.2
LINE_DAYS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One label.  `sources` is source → people; `ending` are people whose label has an end; `days` are
    (day since 1970, people) of the last two months; `segments` and `campaigns` are (id, name)."""

    label: Label
    people: int
    sources: dict[str, int]
    ending: int
    coverage: float
    rule: Rule | None
    stale: str
    days: list[tuple[int, int]] = field(default_factory=list)
    segments: list[tuple[int, str]] = field(default_factory=list)
    campaigns: list[tuple[int, str]] = field(default_factory=list)


def lines(only: int | None = None) -> list[Line]:
    """Every label by name, or one.  Counts rows: some 300 ms at two million."""
    total = database.scalar("SELECT COUNT(*) FROM profile") or 0
    sources: dict[int, dict[str, int]] = defaultdict(dict)
    ending: dict[int, int] = defaultdict(int)
    where, values = ("WHERE label_id = ?", [only]) if only else ("", [])
    for label_id, source, n, ends in database.query(
        f"SELECT label_id, source, COUNT(*), COUNT(expires_at) FROM contact_label {where} GROUP BY label_id, source",
        values,
    ):
        sources[label_id][source] = n
        ending[label_id] += ends
    owners, days, used = _owners(), _days(), _users()
    found = []
    for label in labels.all_labels():
        if only in (None, label.id):
            people, rule = sum(sources[label.id].values()), owners.get(label.id)
            segments = used.get(label.name, [])
            found.append(
                Line(
                    label, people, dict(sorted(sources[label.id].items())), ending[label.id],
                    people / total if total else 0.0, rule, stale(rule, people, ending[label.id]),
                    days.get(label.id, []), segments, _campaigns([i for i, _name in segments]),
                )
            )  # fmt: skip
    return found


def stale(rule: Rule | None, people: int, ending: int) -> str:
    """Why a label cannot be relied on, in words; "" when it can."""
    if rule is None:
        return ""
    if rule.error:
        return rule.error
    if not rule.enabled:
        return _("its rule is switched off")
    if clock.now_ms() - (rule.last_run_at or rule.created_at) > STALE_MS:
        return _("its rule has not run for more than two days")
    if people and ending / people > STALE_SHARE:
        return _("the reason is gone for %(share)s %% of its people", share=round(100 * ending / people))
    return ""


def carriers(rt, label_id: int, n: int = 8) -> list[tuple]:
    """People who got a label last: (id, name, masked number, source, evidence, confidence, since)."""
    rows = database.query(
        "SELECT c.id, c.name, c.phone_enc, x.source, x.evidence, x.confidence, x.since_at FROM contact_label x "
        "JOIN contact c ON c.id = x.contact_id WHERE x.label_id = ? ORDER BY x.since_at DESC, c.id LIMIT ?",
        (label_id, n),
    )
    return [(row[0], row[1] or "", mask(rt.keys.open_number(row[2])), *row[3:]) for row in rows]


def changed(rt, label_id: int, n: int = 20) -> list[tuple]:
    """The latest changes of a label: (at, what, contact id, name, masked number, by rule, who)."""
    rows = database.query(
        "SELECT x.at, x.what, c.id, c.name, c.phone_enc, x.rule_id, x.who FROM label_change x "
        "JOIN contact c ON c.id = x.contact_id WHERE x.label_id = ? ORDER BY x.at DESC, x.contact_id LIMIT ?",
        (label_id, n),
    )
    return [
        (*row[:3], row[3] or "", mask(rt.keys.open_number(row[4])), row[5] is not None, row[6])
        for row in rows
    ]


def kept_off(rt, label_id: int, n: int = 20) -> tuple[int, list[tuple]]:
    """How many people a person took this label off for good, and the latest: (id, name, masked number, who, at)."""
    total = database.scalar("SELECT COUNT(*) FROM label_block WHERE label_id = ?", (label_id,))
    rows = database.query(
        "SELECT c.id, c.name, c.phone_enc, b.who, b.at FROM label_block b JOIN contact c ON c.id = b.contact_id "
        "WHERE b.label_id = ? ORDER BY b.at DESC, c.id LIMIT ?",
        (label_id, n),
    )
    return total, [(row[0], row[1] or "", mask(rt.keys.open_number(row[2])), *row[3:]) for row in rows]


def _owners() -> dict[int, Rule]:
    by_id = {rule.id: rule for rule in rules.all_rules()}
    return {
        label_id: by_id[rule_id]
        for label_id, rule_id in database.query("SELECT label_id, rule_id FROM label_value")
        if rule_id in by_id
    }


def _days() -> dict[int, list[tuple[int, int]]]:
    since = clock.now_ms() // clock.DAY_MS - LINE_DAYS
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for label_id, day, people in database.query(
        "SELECT label_id, day, people FROM label_day WHERE day >= ? AND people IS NOT NULL ORDER BY day",
        (since,),
    ):
        found[label_id].append((day, people))
    return found


def _users() -> dict[str, list[tuple[int, str]]]:
    """Label name → segments whose rule asks for it."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for segment_id, name, rule in database.query("SELECT id, name, rule FROM segment ORDER BY name"):
        asked = {
            leaf.params.get("label")
            for leaf in trees.leaves(trees.parse(json.loads(rule)))
            if leaf.segmenter == "label"
        }
        for label in asked - {None}:
            found[label].append((segment_id, name))
    return found


def _campaigns(segment_ids: list[int]) -> list[tuple[int, Any]]:
    if not segment_ids:
        return []
    return database.query(
        f"SELECT id, name FROM campaign WHERE segment_id IN ({database.in_list(len(segment_ids))}) "
        "ORDER BY id DESC LIMIT 20",
        segment_ids,
    )
