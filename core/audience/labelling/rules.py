"""Rules under their labels: made, changed, switched, deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import clock
from core.audience import labels
from core.audience.labelling import changes, rulelabels
from core.audience.labelling.facts import kind as kind_of
from core.audience.labelling.kind import Kind
from core.audience.labelling.rulelabels import mapping as mapping
from core.audience.segments import frozen
from core.audience.segments import rules as trees
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.db.models import LabelRule, Segment
from core.i18n import _
from core.runtime import Runtime
from core.security import audit

MAX_KEEP_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as runs and pages see it; times in ms.  `id` is 0 for one that is not saved yet."""

    id: int
    label: str
    per_value: bool
    kind: Kind
    params: Mapping[str, Any]
    keep_days: int = 0
    enabled: bool = True
    state: Mapping[str, Any] | None = None
    error: str = ""
    last_run_at: int | None = None
    last_ms: int = 0
    created_by: str = ""
    created_at: int = 0

    @property
    def sentence(self) -> str:
        """What it does, in the reader's language; a rule that lost its segment says so."""
        try:
            return self.kind.sentence(self.params)
        except Refusal as refusal:
            return str(refusal)


def _rule(row: LabelRule) -> Rule:
    kind = kind_of(row.kind)
    # A param that a kind got after the rule was saved has its default.
    params = {param.name: param.default for param in kind.params} | json.loads(row.params)
    return Rule(
        row.id, row.label, row.per_value, kind, params, row.keep_days, row.enabled, json.loads(row.state),
        row.error, row.last_run_at, row.last_ms, row.created_by, row.created_at,
    )  # fmt: skip


def all_rules(*, enabled: bool = False) -> list[Rule]:
    """Every rule by label; with `enabled` only those that run."""
    rows = LabelRule.select().order_by(LabelRule.label, LabelRule.id)
    return [_rule(row) for row in (rows.where(LabelRule.enabled == True) if enabled else rows)]  # noqa: E712


def get(rule_id: int) -> Rule:
    """The rule of an id; raises `Refusal` (404)."""
    row = LabelRule.get_or_none(LabelRule.id == rule_id)
    if row is None:
        raise Refusal(_("This rule does not exist any more."), field="rule", status=404)
    return _rule(row)


def find(name: str) -> Rule:
    """The rule of a label or prefix, or of an id; raises `Refusal` (404) naming those there are."""
    for rule in all_rules():
        if name in (rule.label, str(rule.id)):
            return rule
    known = ", ".join(rule.label for rule in all_rules()[:10])
    raise Refusal(
        _("There is no rule “%(name)s”. Known rules: %(known)s.", name=name, known=known or "–"),
        field="rule",
        status=404,
    )


def checked(rt: Runtime, label: str, kind: str, raw: Mapping[str, Any], keep_days: Any = 0) -> Rule:
    """A rule that is not saved, from what someone typed.  Raises `Refusal` that names the field.

    Params that are missing take their defaults; a label is set by one rule at most.
    """
    made = kind_of(kind)
    known = [param.name for param in made.params]
    if strange := next((name for name in raw if name not in known), None):
        raise Refusal(
            _("The kind “%(kind)s” has no field “%(name)s”. Fields: %(known)s.",
              kind=kind, name=strange, known=", ".join(known)),
            field="params",
        )  # fmt: skip
    params: dict[str, Any] = {}
    for param in made.params:
        params[param.name] = param.read(raw.get(param.name, param.default), params)
    made.check(params)
    rule = Rule(0, " ".join(label.split()), made.per_value(params), made, params, _keep(keep_days))
    labels.checked_name(
        rulelabels.name_of(rule.label, "x") if rule.per_value and rule.label else rule.label, "label"
    )
    _check_circle(rt, rule)
    return rule


def create(rt: Runtime, rule: Rule, who: str) -> Rule:
    """Save a rule from `checked`; its labels are there at once where their values are known.

    Raises `Refusal` when another rule sets one of its labels.
    """
    now = clock.now_ms()
    with database.write_tx():
        _check_free(rule)
        row = LabelRule.create(
            **onlyonce.new_id("label_rule"), label=rule.label, per_value=rule.per_value, kind=rule.kind.key,
            params=_json(rule.params),
            keep_days=rule.keep_days, created_by=who, created_at=now, updated_at=now,
        )  # fmt: skip
        made = _rule(row)
        rulelabels.complete(made, rulelabels.fixed(made))
        audit.record(who, "label.rule.add", f"rule:{row.id}", rule.label)
    return made


def change(rt: Runtime, rule_id: int, rule: Rule, who: str) -> Rule:
    """Give a rule other params from `checked`; its kind, its label and whether it has one a value stay."""
    before = get(rule_id)
    if (rule.kind.key, rule.per_value) != (before.kind.key, before.per_value) or (
        rule.per_value and rule.kind.values_of(rule.params) != before.kind.values_of(before.params)
    ):
        raise Refusal(
            _("This would change which labels the rule has; make a new rule and delete this one."),
            field="kind",
        )
    with database.write_tx():
        LabelRule.update(
            params=_json(rule.params),
            keep_days=rule.keep_days,
            state="{}",
            error="",
            updated_at=clock.now_ms(),
        ).where(LabelRule.id == rule_id).execute()
        audit.record(who, "label.rule.change", f"rule:{rule_id}", before.label)
    return get(rule_id)


def switch(rule_id: int, enabled: bool, who: str) -> None:
    """Let a rule run, or rest; a resting rule sets no label and takes none off."""
    rule = get(rule_id)
    with database.write_tx():
        LabelRule.update(enabled=enabled, error="").where(LabelRule.id == rule_id).execute()
        audit.record(who, "label.rule.on" if enabled else "label.rule.off", f"rule:{rule_id}", rule.label)


def delete(rule_id: int, who: str, *, take: bool = False) -> int:
    """Delete a rule.  What it set stays, or with `take` goes from everyone it was set on by rule; returns
    how many labels went."""
    rule, gone = get(rule_id), 0
    owned = set(mapping(rule).values())
    if take:
        condition = (
            "EXISTS (SELECT 1 FROM contact_label y WHERE y.label_id = ? AND y.contact_id = p.contact_id "
            "AND y.source = 'rule')"
        )
        for label in labels.all_labels():
            if label.id in owned:
                gone += labels.take_where(label, condition, (label.id,), what="undone", who=who)
    with database.write_tx():
        database.execute("DELETE FROM label_value WHERE rule_id = ?", (rule_id,))
        database.execute("DELETE FROM label_rule WHERE id = ?", (rule_id,))
        onlyonce.gone("label_rule", rule_id)
        audit.record(who, "label.rule.delete", f"rule:{rule_id}", f"{rule.label} {gone}")
    return gone


def allow(label_id: int, contact_id: int) -> None:
    """Rules may set this label on this person again."""
    with database.write_tx():
        changes.allow_where(label_id, "p.contact_id = ?", (contact_id,))


def _check_free(rule: Rule) -> None:
    for other in all_rules():
        mine, theirs = rule.label, other.label
        clash = (
            mine.startswith(theirs) or theirs.startswith(mine)
            if rule.per_value and other.per_value
            else theirs.startswith(mine)
            if rule.per_value
            else mine.startswith(theirs)
            if other.per_value
            else mine == theirs
        )
        if clash:
            raise Refusal(
                _("The rule “%(name)s” sets such labels already; choose another name.", name=theirs),
                field="label",
            )


def _check_circle(rt: Runtime, rule: Rule) -> None:
    """A segment that asks for the label its own rule sets would change with each run."""
    if rule.kind.key != "segment":
        return
    tree = frozen(rt, json.loads(Segment.get_by_id(rule.params["segment"]).rule))
    asked = {
        leaf.params.get("label") for leaf in trees.leaves(trees.parse(tree)) if leaf.segmenter == "label"
    }
    if rule.label in asked:
        raise Refusal(
            _(
                "The segment asks for the label “%(name)s” itself; choose another segment or label.",
                name=rule.label,
            ),
            field="segment",
        )


def _keep(raw: Any) -> int:
    try:
        days = int(raw or 0)
    except (TypeError, ValueError):
        days = -1
    if not 0 <= days <= MAX_KEEP_DAYS:
        raise Refusal(
            _(
                "“%(value)s” is not a whole number from %(least)s to %(most)s.",
                value=raw,
                least=0,
                most=MAX_KEEP_DAYS,
            ),
            field="keep_days",
        )
    return days


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
