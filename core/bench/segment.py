"""`cooee bench segment`: counting rules over many people and what they did, beside a bare scan of `profile`.

`core.bench.audience` makes people and events; fields, labels, a campaign and its clicks are added set-based.
`baseline` counts one comparison on one column with SQL written by hand; `ratio` is the slowest of the six
promised shapes over it.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from core import clock
from core.audience import fields, labels, segments
from core.audience.segments.figures import counts
from core.audience.segments.rules import dumps, leaves
from core.bench import apart, audience, clocked, figures, throwaway
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import State
from core.runtime import Runtime

_ROUNDS = 7
_CITIES = 300
_EVENTS_EACH = 10
#: Knuth's multiplicative hash spreads the ids without a random generator that differs by database.
_DRAWN = "((contact_id * CAST(2654435761 AS bigint)) % 4294967296)"

#: Rules of three conditions in nested groups, without events.
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


def _label(name: str) -> dict[str, Any]:
    return {"segmenter": "label", "label": name}


def _event(kind: str, **params: Any) -> dict[str, Any]:
    return {"segmenter": "event", "type": kind, **params}


_CLICKED = {"segmenter": "campaign", "campaign": 1, "outcome": "clicked"}
#: The shapes the promise is about.
SHAPES: dict[str, Any] = {
    "attributes": NESTED["city, age, consent"],
    "labels with not": {
        "all": [_label("pinned a"), {"not": _label("pinned b")}, {"not": _label("unpinned")}],
    },
    "event count in 90 days": _event("purchase", op="count", at_least=2, within_days=90),
    "did A but not B": {
        "all": [_event("cart", op="did", within_days=30), _event("purchase", op="did_not", within_days=30)],
    },
    "campaign clickers": {"all": [_CLICKED, _event("purchase", op="did_not", within_days=30)]},
    "nested mix": {
        "all": [
            {"segmenter": "attribute", "field": "spent", "op": "gte", "value": 200},
            {"any": [_event("purchase", op="count", at_least=2, within_days=180), _label("pinned a")]},
            {
                "not": {
                    "any": [
                        _CLICKED,
                        {"segmenter": "contact", "field": "suppressed", "op": "eq", "value": True},
                    ]
                }
            },
        ]
    },
}
#: Other shapes, for the eye.
OTHERS: dict[str, Any] = {
    "everyone": {"all": []},
    "one choice": {"segmenter": "attribute", "field": "city", "op": "eq", "value": "city 7"},
    "unpinned label": _label("unpinned"),
    "not unpinned label": {"not": _label("unpinned")},
    "text contains": {"segmenter": "attribute", "field": "nick", "op": "contains", "value": "99"},
    "pinned label with confidence": {**_label("pinned a"), "min_confidence": 0.6},
    "ever A but never B": {"all": [_event("cart", op="did"), _event("purchase", op="did_not")]},
    "bought category 12 in 90 days": _event("purchase", op="did", category="Category 12", within_days=90),
    "bought in a month of last year": _event("purchase", op="did", within_days=390, before_days=360),
    "spent 1,000 in a year": {"segmenter": "spend", "at_least": 1000, "within_days": 365},
    "top tenth of spenders": {"segmenter": "spend", "top_percent": 10},
    "cooling": {"segmenter": "engagement", "level": "cooling"},
    "received, not converted": {
        "segmenter": "campaign",
        "campaign": 1,
        "outcome": "converted",
        "did_not": True,
    },
    "birthday within a week": {"segmenter": "birthday", "within_days": 7},
    "a random tenth": {"segmenter": "sample", "percent": 10, "seed": "bench"},
}


def run(n: int, events: int | None = None) -> dict[str, Any]:
    """Build `n` people with `events` events (default ten each), count each shape a few times, report medians."""
    with throwaway() as rt:
        stored = apart(rt, _build, n, _EVENTS_EACH * n if events is None else events)
        baseline_ms = _median_ms(lambda: database.scalar("SELECT COUNT(*) FROM profile WHERE created_at > 0"))
        shapes, people = {}, {}
        with clocked() as took:
            for name, rule in SHAPES.items():
                shapes[name] = _median_ms(lambda rule=rule: segments.count(rt, rule))
                people[name] = segments.count(rt, rule)[0]
        others: dict[str, float | None] = {}
        for name, rule in {**NESTED, **OTHERS}.items():
            try:
                people[name] = segments.count(rt, rule)[0]
                others[name] = _median_ms(lambda rule=rule: segments.count(rt, rule), 3)
            except Refusal:
                # Not answered within the limit for a person's question.
                others[name] = people[name] = None
        slowest_ms = max(shapes.values())
        took.seconds, took.cpu_s = slowest_ms / 1000, took.cpu_s / (len(SHAPES) * (_ROUNDS + 1))
        return figures(
            "segment",
            n,
            took,
            {"bare scan, one comparison (ms)": baseline_ms},
            slowest_ms / baseline_ms,
            events=stored,
            shapes_ms=shapes,
            ratios={name: round(ms / baseline_ms, 2) for name, ms in shapes.items()},
            others_ms=others,
            counts=people,
            explain_ms=_median_ms(lambda: _explain(rt, n)),
            builder_ms=_median_ms(lambda: _builder(rt), 3),
        )


def _explain(rt: Runtime, n: int) -> None:
    segments.explain(rt, {"all": list(SHAPES.values())}, n // 2)


def _builder(rt: Runtime) -> None:
    """What the builder page asks at each change: every line of a rule, the whole, its reach, a sample."""
    rule = SHAPES["nested mix"]
    lines = [segments.compile(rt, leaf) for leaf in map(dumps, leaves(segments.parse(rule)))]
    counts(rt, lines, segments.compile(rt, rule))
    segments.sample(rt, rule)


def _median_ms(work, rounds: int = _ROUNDS) -> float:
    taken = []
    for _round in range(rounds):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(taken), 1)


def _build(rt: Runtime, n: int, events: int) -> int:
    """People with events, then fields, labels and a campaign; returns the number of events."""
    city = fields.get("city") or fields.define("city", "choice")
    columns = {"city": city.column}
    for key, kind in (("spent", "number"), ("nick", "text"), ("birthday", "date")):
        found = fields.get(key)
        columns[key] = (found or fields.define(key, kind)).column
    stored = audience.build(rt, n, events)
    with database.write_tx():
        fields.add_choices(city, [f"city {i}" for i in range(1, _CITIES + 1)])
        made = [labels.ensure(name) for name in ("pinned a", "pinned b", "unpinned")]
        database.execute("UPDATE label SET bit = NULL WHERE id = ?", (made[2].id,))
    a, b = (1 << label.bit for label in made[:2])
    now = clock.now_ms()
    with database.write_tx():
        # Values are numbers of this file, not of anybody outside.
        database.execute(
            f"UPDATE profile SET country = CASE WHEN {_DRAWN} % 10 < 6 THEN 'CN' ELSE 'US' END, "
            f"created_at = {now} - ({_DRAWN} % 31536000) * 1000, "
            f"label_bits = CASE WHEN {_DRAWN} % 5 = 0 THEN {a} ELSE 0 END + CASE WHEN {_DRAWN} % 7 = 0 THEN {b} ELSE 0 END, "
            f"{columns['city']} = CASE WHEN {_DRAWN} % 11 = 0 THEN NULL ELSE 10 + {_DRAWN} % {_CITIES} END, "
            f"{columns['spent']} = CASE WHEN {_DRAWN} % 13 = 0 THEN NULL ELSE ({_DRAWN} % 100000) / 100.0 END, "
            f"{columns['birthday']} = CASE WHEN {_DRAWN} % 4 = 0 THEN NULL ELSE {_DRAWN} % 20000 END, "
            f"{columns['nick']} = 'nick ' || ({_DRAWN} % 1000)"
        )
        for label, share in zip(made, (5, 7, 2), strict=True):
            database.execute(
                "INSERT INTO contact_label (label_id, contact_id, source, confidence, since_at) "
                f"SELECT {label.id}, contact_id, 'rule', 1.0, {now} FROM profile WHERE {_DRAWN} % {share} = 0"
            )
        _campaign(now)
    # An import writes whole rows in their order; so must what stands for one.
    if database.is_postgres():
        database.execute("VACUUM FULL profile")
    else:
        with database.write_tx():
            database.execute("CREATE TABLE bench_profile AS SELECT * FROM profile")
            database.execute("DELETE FROM profile")
            database.execute("INSERT INTO profile SELECT * FROM bench_profile ORDER BY contact_id")
            database.execute("DROP TABLE bench_profile")
    database.execute("ANALYZE")
    return stored


def _campaign(now: int) -> None:
    """One campaign to every third contact three days ago, with one link that a quarter of these followed."""
    at = now - 3 * clock.DAY_MS
    database.execute(
        "INSERT INTO campaign (id, name, cls, state, reason, holdout_bp, options, snapshot, rule, salt, cursor, "
        "cursor_end, spent_micros, currency, created_by, approved_by, approved_snapshot, created_at, launched_at) "
        "VALUES (1, 'bench', 2, 'done', '', 0, '{}', '', '', 0, 0, 0, 0, '', '', '', '', ?, ?)",
        (at, at),
    )
    database.execute(
        "INSERT INTO link (id, campaign_id, idx, kind, url, label, created_at) VALUES (1, 1, 0, 'web', '', '', ?)",
        (at,),
    )
    database.execute(
        "INSERT INTO message (id, campaign_id, contact_id, cls, state, submitted_at) "
        f"SELECT contact_id, 1, contact_id, 2, {State.delivered.value}, {at} FROM profile WHERE contact_id % 3 = 0"
    )
    database.execute(
        "INSERT INTO clicked (campaign_id, link_id, contact_id, first_at, last_at, n) "
        f"SELECT 1, 1, contact_id, {at}, {at}, 1 FROM profile WHERE contact_id % 12 = 0"
    )
