"""`cooee bench segment`: counting rules over many profiles, beside a bare scan of the same table.

People are built set-based by the database itself.  `baseline` counts one comparison on one column with SQL
written by hand; `ratio` is the slowest of the promised shapes (three nested conditions) over it.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from core.audience import fields, labels, segments
from core.audience.segments.figures import counts
from core.audience.segments.rules import dumps, leaves
from core.bench import clocked, figures, throwaway
from core.db import database
from core.runtime import Runtime

_ROUNDS = 7
_CITIES = 300
_NOW_MS = 1_795_000_000_000

#: Rules of three conditions in nested groups: the promise is about these.
NESTED: dict[str, Any] = {
    "city, age, consent": {
        "all": [
            {"segmenter": "attribute", "field": "city", "op": "in", "value": ["city 1", "city 2", "city 3"]},
            {"any": [
                {"segmenter": "attribute", "field": "spent", "op": "between", "value": [100, 900]},
                {"not": {"segmenter": "consent", "class": "mass", "state": "yes"}},
            ]},
        ]
    },
    "label, not label, city or spent": {
        "all": [
            {"segmenter": "label", "label": "pinned a"},
            {"not": {"segmenter": "label", "label": "pinned b"}},
            {"any": [
                {"segmenter": "attribute", "field": "city", "op": "eq", "value": "city 7"},
                {"segmenter": "attribute", "field": "spent", "op": "gt", "value": 500},
            ]},
        ]
    },
    "country, spent, recent": {
        "any": [
            {"all": [
                {"segmenter": "contact", "field": "country", "op": "eq", "value": "CN"},
                {"segmenter": "attribute", "field": "spent", "op": "gte", "value": 400},
            ]},
            {"not": {"segmenter": "contact", "field": "created", "op": "older_than_days", "value": 30}},
        ]
    },
}  # fmt: skip
#: Other shapes, for the eye.
OTHERS: dict[str, Any] = {
    "everyone": {"all": []},
    "one choice": {"segmenter": "attribute", "field": "city", "op": "eq", "value": "city 7"},
    "unpinned label": {"segmenter": "label", "label": "unpinned"},
    "not unpinned label": {"not": {"segmenter": "label", "label": "unpinned"}},
    "text contains": {"segmenter": "attribute", "field": "nick", "op": "contains", "value": "99"},
    "pinned label with confidence": {"segmenter": "label", "label": "pinned a", "min_confidence": 0.6},
}


def run(n: int) -> dict[str, Any]:
    """Build `n` profiles, count each shape a few times, and report the medians."""
    with throwaway() as rt:
        _build(rt, n)
        baseline_ms = _median_ms(lambda: database.scalar("SELECT COUNT(*) FROM profile WHERE created_at > 0"))
        shapes, people = {}, {}
        with clocked() as took:
            for name, rule in NESTED.items():
                shapes[name] = _median_ms(lambda rule=rule: segments.count(rt, rule))
                people[name] = segments.count(rt, rule)[0]
        for name, rule in OTHERS.items():
            shapes[name] = _median_ms(lambda rule=rule: segments.count(rt, rule))
            people[name] = segments.count(rt, rule)[0]
        slowest_ms = max(shapes[name] for name in NESTED)
        took.seconds, took.cpu_s = slowest_ms / 1000, took.cpu_s / (len(NESTED) * (_ROUNDS + 1))
        return figures(
            "segment",
            n,
            took,
            {"bare scan, one comparison (ms)": baseline_ms},
            slowest_ms / baseline_ms,
            shapes_ms=shapes,
            counts=people,
            explain_ms=_median_ms(lambda: _explain(rt, n)),
            builder_ms=_median_ms(lambda: _builder(rt)),
        )


def _explain(rt: Runtime, n: int) -> None:
    segments.explain(rt, {"all": list(NESTED.values())}, n // 2)


def _builder(rt: Runtime) -> None:
    """What the builder page asks at each change: every line of a rule, the whole, its reach, a sample."""
    rule = {"all": list(NESTED.values())}
    lines = [segments.compile(rt, leaf) for leaf in map(dumps, leaves(segments.parse(rule)))]
    counts(rt, lines, segments.compile(rt, rule))
    segments.sample(rt, rule)


def _median_ms(work) -> float:
    taken = []
    for _round in range(_ROUNDS):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(taken), 1)


def _build(rt: Runtime, n: int) -> None:
    """Contacts, profiles and labels, made by the database from a series of numbers."""
    city = fields.get("city") or fields.define("city", "choice")
    columns = {"city": city.column}
    for key, kind in (("spent", "number"), ("nick", "text")):
        columns[key] = fields.define(key, kind).column
    with database.write_tx():
        fields.add_choices(city, [f"city {i}" for i in range(1, _CITIES + 1)])
        made = [labels.ensure(name) for name in ("pinned a", "pinned b", "unpinned")]
        database.execute("UPDATE label SET bit = NULL WHERE id = ?", (made[2].id,))
    a, b = (1 << label.bit for label in made[:2])
    # Knuth's multiplicative hash spreads the numbers without a random generator that differs by database.
    drawn = "((i * 2654435761) % 4294967296)"
    with database.write_tx():
        # Values are numbers of this file, not of anybody outside.
        database.execute(
            f"{_series(n)} INSERT INTO profile (contact_id, country, language, line_type, consent_bits, "
            f"created_at, label_bits, {columns['city']}, {columns['spent']}, {columns['nick']}) "
            f"SELECT i, CASE WHEN {drawn} % 10 < 6 THEN 'CN' ELSE 'US' END, 'zh', 1, "
            f"CASE WHEN {drawn} % 3 = 0 THEN 4 ELSE 0 END, {_NOW_MS} - ({drawn} % 31536000) * 1000, "
            f"CASE WHEN {drawn} % 5 = 0 THEN {a} ELSE 0 END + CASE WHEN {drawn} % 7 = 0 THEN {b} ELSE 0 END, "
            f"CASE WHEN {drawn} % 11 = 0 THEN NULL ELSE 1 + {drawn} % {_CITIES} END, "
            f"CASE WHEN {drawn} % 13 = 0 THEN NULL ELSE ({drawn} % 100000) / 100.0 END, "
            f"'nick ' || ({drawn} % 1000) FROM series"
        )
        database.execute(
            f"{_series(n)} INSERT INTO contact (id, phone_bidx, phone_enc, tail, source, created_at, updated_at) "
            f"SELECT i, {_bytes('i')}, ?, i % 10000, '', 1, 1 FROM series",
            (rt.keys.seal_number("+8613800138000"),),
        )
        for label, share in zip(made, (5, 7, 2), strict=True):
            database.execute(
                f"{_series(n)} INSERT INTO contact_label (label_id, contact_id, source, confidence, since_at) "
                f"SELECT {label.id}, i, 'rule', 1.0, {_NOW_MS} FROM series WHERE {drawn} % {share} = 0"
            )
    database.execute("ANALYZE")


def _series(n: int) -> str:
    if database.is_postgres():
        return f"WITH series(i) AS (SELECT i::bigint FROM generate_series(1, {n}) AS g(i))"
    return f"WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < {n})"


def _bytes(number: str) -> str:
    return (
        f"decode(lpad(to_hex({number}), 32, '0'), 'hex')"
        if database.is_postgres()
        else f"CAST({number} AS BLOB)"
    )
