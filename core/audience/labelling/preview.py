"""What a rule would do before it is saved: how many, who for instance, and on what evidence.

Ranges of contacts are evaluated in a random order until all are done or the time is up; then the counts
are scaled and called about.  With time for all, they are exactly what a run does next.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core import clock
from core.audience import labels
from core.audience.labelling import applying, learning, rulelabels, sql
from core.audience.labelling.rules import Rule
from core.audience.labelling.sql import Scope, Step
from core.db import database
from core.runtime import Runtime
from core.security.crypto import mask

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Someone the rule would label; `phone` is masked, confidence 0..1."""

    contact_id: int
    name: str
    phone: str
    label: str
    evidence: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Preview:
    """People the rule holds for now; of these, who would get the label newly; who carries it by rule and
    would lose it (at once, or after the days it is kept); who would get it but has it from a person, a file
    or a model, or had it taken off by a person, is in none of these but the first.  `by_label` are the
    names with most people.  `exact` is false when only a part was looked at."""

    people: int
    added: int
    removed: int
    by_label: Sequence[tuple[str, int]]
    sample: Sequence[Person]
    exact: bool
    contacts: int


def preview(rt: Runtime, rule: Rule, *, budget_s: float | None = None) -> Preview:
    """Evaluate a rule, saved or not, without writing.  Raises `Refusal` for one that cannot run."""
    sql.prepare_connection()
    scopes, started = learning.everyone(10_000), clock.monotonic()
    random.Random(len(scopes)).shuffle(scopes)  # noqa: S311 - a fair part of the crowd, not a secret
    state = learning.learn(rt, rule, _in_time(scopes, started, (budget_s or 0) / 2 if budget_s else None))
    rule = learning.with_state(rule, state or rule.state or {})
    by_value, added, removed, seen, ids = Counter(), 0, 0, 0, {}
    sample: list[Person] = []
    for scope in _in_time(scopes, started, budget_s):
        values = applying.want(rule, Step(rt, clock.now_ms(), scope, dict(rule.state or {})))
        ids |= _label_ids(rule, values - ids.keys(), ids)
        applying.compare(scope, ids)
        by_value.update(dict(database.query("SELECT value, COUNT(*) FROM relabel_wanted GROUP BY value")))
        added += database.scalar("SELECT COUNT(*) FROM relabel_new")
        removed += database.scalar(
            "SELECT COUNT(*) FROM relabel_gone" + (" WHERE expires_at IS NULL" if rule.keep_days else "")
        )
        if len(sample) < SAMPLE:
            sample += _people(rt, rule, SAMPLE - len(sample))
        seen += 1
    scale = len(scopes) / seen if seen else 1
    words = rulelabels.names(rule, by_value)
    top = Counter({words[value]: n for value, n in by_value.items() if value in words})
    return Preview(
        round(sum(top.values()) * scale), round(added * scale), round(removed * scale),
        [(name, round(n * scale)) for name, n in top.most_common(8)],
        sample, seen == len(scopes), database.scalar("SELECT COUNT(*) FROM profile"),
    )  # fmt: skip


def _in_time(scopes: Sequence[Scope], started: float, budget_s: float | None):
    """The scopes while there is time; always the first."""
    for n, scope in enumerate(scopes):
        if n and budget_s is not None and clock.monotonic() - started > budget_s:
            return
        yield scope


def _label_ids(rule: Rule, values: set[int], known: dict[int, int]) -> dict[int, int]:
    """value → id of the label it has or, by its name, would take over; one that does not exist yet has a
    number below zero."""
    ids = {} if known or not rule.id else rulelabels.mapping(rule)
    existing = {label.name: label.id for label in labels.all_labels()}
    fixed = set() if known else set(rulelabels.fixed(rule))
    for value, name in rulelabels.names(rule, (values | fixed) - ids.keys()).items():
        ids[value] = existing.get(name, -value - 1)
    return ids


def _people(rt: Runtime, rule: Rule, n: int) -> list[Person]:
    rows = database.query(
        "SELECT c.id, c.name, c.phone_enc, w.value, w.evidence, w.confidence FROM relabel_wanted w "
        "JOIN relabel_map m ON m.value = w.value JOIN contact c ON c.id = w.contact_id "
        "ORDER BY w.contact_id LIMIT ?",
        (n,),
    )
    words = rulelabels.names(rule, {row[3] for row in rows})
    return [
        Person(
            row[0], row[1] or "", mask(rt.keys.open_number(row[2])), words.get(row[3], rule.label), *row[4:]
        )
        for row in rows
    ]
