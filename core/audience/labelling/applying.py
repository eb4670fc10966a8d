"""One rule over some contacts: what it wants, what they carry, and writing the difference.

1. `want` evaluates the rule into `relabel_wanted`.
2. `compare` finds who would get a label (`relabel_new`) and whose label has lost its reason
   (`relabel_gone`).  Only labels set by rule count: what a person, a file or a model set stays, and what a
   person took off is not set again.
3. `write` changes the labels, their bits in `profile`, and the lines of the timeline.

All in SQL over temporary tables, inside one transaction of the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from core import clock
from core.audience.labelling import bits, rulelabels, sql
from core.audience.labelling.rules import Rule
from core.audience.labelling.sql import Scope, Step
from core.db import database

# CROSS JOIN below keeps the order of the tables on SQLite, whose planner knows nothing of temporary tables and
# would begin with all contacts, or all labels, in each step.

#: People of `relabel_wanted` with the label of their value.
_WITH_LABEL = "relabel_wanted w JOIN relabel_map m ON m.value = w.value"
_NEW = """INSERT INTO relabel_new (contact_id, label_id, evidence, confidence)
SELECT w.contact_id, m.label_id, w.evidence, w.confidence
FROM relabel_wanted w CROSS JOIN relabel_map m CROSS JOIN profile p
WHERE m.value = w.value AND p.contact_id = w.contact_id
AND NOT EXISTS (SELECT 1 FROM contact_label x WHERE x.contact_id = w.contact_id AND x.label_id = m.label_id)
AND NOT EXISTS (SELECT 1 FROM label_block b WHERE b.label_id = m.label_id AND b.contact_id = w.contact_id)"""
_GONE = f"""INSERT INTO relabel_gone (contact_id, label_id, evidence, expires_at)
SELECT x.contact_id, x.label_id, x.evidence, x.expires_at FROM contact_label x
WHERE x.label_id IN (SELECT label_id FROM relabel_map) AND {{scope}} AND x.source = 'rule'
AND NOT EXISTS (SELECT 1 FROM {_WITH_LABEL} WHERE w.contact_id = x.contact_id AND m.label_id = x.label_id)"""
#: An upsert whose every row is there already: the order of UPDATE … FROM cannot be said.
_RENEW = """INSERT INTO contact_label (label_id, contact_id, source, confidence, since_at, expires_at, evidence)
SELECT x.label_id, x.contact_id, x.source, w.confidence, x.since_at, NULL, w.evidence
FROM relabel_wanted w CROSS JOIN relabel_map m CROSS JOIN contact_label x
WHERE m.value = w.value AND x.label_id = m.label_id AND x.contact_id = w.contact_id AND x.source = 'rule'
AND (x.confidence <> w.confidence OR x.evidence <> w.evidence OR x.expires_at IS NOT NULL)
ON CONFLICT (label_id, contact_id) DO UPDATE SET confidence = excluded.confidence,
evidence = excluded.evidence, expires_at = NULL"""
_CHANGE = """INSERT INTO label_change (contact_id, at, label_id, what, rule_id, evidence, who)
SELECT contact_id, ?, label_id, ?, ?, evidence, '' FROM {table} WHERE 1 = 1
ON CONFLICT (contact_id, at, label_id) DO UPDATE SET what = excluded.what, rule_id = excluded.rule_id,
evidence = excluded.evidence, who = ''"""


def want(rule: Rule, step: Step) -> set[int]:
    """Fill `relabel_wanted`; returns the values in it."""
    sql.clear("relabel_wanted")
    wanted, values = rule.kind.sql(step, rule.params)
    database.execute(
        f"INSERT INTO relabel_wanted (contact_id, value, evidence, confidence) "
        f"SELECT contact_id, value, evidence, confidence FROM ({wanted}) AS found",
        values,
    )
    return {value for (value,) in database.query("SELECT DISTINCT value FROM relabel_wanted")}


def compare(scope: Scope, mapping: Mapping[int, int]) -> None:
    """Fill `relabel_new` and `relabel_gone` from what is wanted; `mapping` is value → label id."""
    sql.clear("relabel_map", "relabel_new", "relabel_gone")
    database.executemany("INSERT INTO relabel_map (value, label_id) VALUES (?, ?)", list(mapping.items()))
    database.execute(_NEW)
    where, values = scope.on("x")
    database.execute(_GONE.format(scope=where), values)


def run(rule: Rule, step: Step) -> tuple[Counter[int], Counter[int]]:
    """Evaluate and write one rule over a scope, inside `write_tx`; (set, taken off) by label id."""
    values = want(rule, step)
    compare(step.scope, rulelabels.complete(rule, values))
    return write(rule, step.now_ms)


def write(rule: Rule, now: int) -> tuple[Counter[int], Counter[int]]:
    """Write what `compare` found.  A label without reason goes at once, or `keep_days` later."""
    database.execute(_RENEW)
    added = _by_label("relabel_new")
    if added:
        database.execute(
            "INSERT INTO contact_label (label_id, contact_id, source, confidence, since_at, expires_at, evidence) "
            "SELECT label_id, contact_id, 'rule', confidence, ?, NULL, evidence FROM relabel_new",
            (now,),
        )
        database.execute(_CHANGE.format(table="relabel_new"), (now, "set", rule.id))
        bits.raise_bits("relabel_new")
    what = "removed"
    if rule.keep_days:
        what = "expired"
        database.execute(
            "UPDATE contact_label SET expires_at = ? WHERE (label_id, contact_id) IN "
            "(SELECT label_id, contact_id FROM relabel_gone WHERE expires_at IS NULL)",
            (now + rule.keep_days * clock.DAY_MS,),
        )
        database.execute("DELETE FROM relabel_gone WHERE expires_at IS NULL OR expires_at > ?", (now,))
    removed = _by_label("relabel_gone")
    if removed:
        database.execute(_CHANGE.format(table="relabel_gone"), (now, what, rule.id))
        database.execute(
            "DELETE FROM contact_label WHERE (label_id, contact_id) IN (SELECT label_id, contact_id FROM relabel_gone)"
        )
        bits.lower_bits("relabel_gone")
    return added, removed


def _by_label(table: str) -> Counter[int]:
    return Counter(dict(database.query(f"SELECT label_id, COUNT(*) FROM {table} GROUP BY label_id")))
