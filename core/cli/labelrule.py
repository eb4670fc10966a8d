"""`cooee label rule`: rules that set labels."""

from __future__ import annotations

import json
from typing import Any

import click

from core.audience import labels
from core.audience.labelling import facts, preview, rules, running
from core.cli import common, params
from core.contract.errors import Refusal

_PARAM = click.option(
    "--param", "-p", "params", multiple=True, metavar="NAME=VALUE", help="A field of the kind. Repeatable."
)


@click.group("rule")
def group() -> None:
    """Rules that set labels as events come and by night: add, list, run, preview, delete.

    Example: cooee label rule add "Sleeping 90 days" since -p type=purchase -p days=90
    """


@group.command("kinds")
@common.json_option
def kinds(as_json: bool) -> None:
    """The kinds of rules with their fields.

    Example: cooee label rule kinds
    """
    rows = [
        {
            "kind": kind.key,
            "title": str(kind.title),
            "params": {param.name: _field(param) for param in kind.params},
        }
        for kind in facts.KINDS.values()
    ]
    lines = [f"{row['kind']:14} {row['title']}: {', '.join(row['params'])}" for row in rows]
    common.emit(rows, as_json, "\n".join(lines))


@group.command("list")
@common.json_option
@common.pass_rt
def listing(rt, as_json: bool) -> None:
    """All rules with how many people carry their labels.

    Example: cooee label rule list --json
    """
    counts = labels.counts()
    rows = [_row(rule, counts) for rule in rules.all_rules()]
    cells = [
        (row["label"], row["kind"], f"{row['people']:,}", "on" if row["enabled"] else "off", row["sentence"])
        for row in rows
    ]
    text = common.table(cells, ("label", "kind", "people", "state", "what")) if rows else "No rules yet."
    common.emit(rows, as_json, text)


@group.command("add")
@click.argument("label")
@click.argument("kind")
@_PARAM
@click.option(
    "--keep-days", type=params.WHOLE, default=0, help="How long a label stays once its reason is gone."
)
@common.json_option
@common.pass_rt
def add(rt, label: str, kind: str, params: tuple[str, ...], keep_days: int, as_json: bool) -> None:
    """Save a rule; with a label for each value, LABEL is what their names begin with.

    \b
    Examples:
      cooee label rule add Buyer counted -p type=purchase -p amount=1 -p within_days=365
      cooee label rule add Interest: top_category -p type=view -p half_life=30
      cooee label rule add Keen score -p 'weights={"view": 1, "purchase": 5}' -p threshold=10
    """
    rule = rules.create(rt, rules.checked(rt, label, kind, _params(params), keep_days), common.whoami())
    common.emit(
        _row(rule, {}),
        as_json,
        f"{rule.label}: {rule.sentence}. Run it with `cooee label rule run {rule.id}`.",
    )


@group.command("preview")
@click.argument("label")
@click.argument("kind", required=False)
@_PARAM
@click.option(
    "--keep-days", type=params.WHOLE, default=0, help="How long a label stays once its reason is gone."
)
@common.json_option
@common.pass_rt
def preview_(
    rt, label: str, kind: str | None, params: tuple[str, ...], keep_days: int, as_json: bool
) -> None:
    """Whom a saved rule (LABEL alone) or a new one would label, without writing anything.

    \b
    Examples:
      cooee label rule preview "Sleeping 90 days"
      cooee label rule preview Buyer counted -p type=purchase -p amount=1 --json
    """
    if kind is None and params:
        raise Refusal("Say the kind, too, when fields are given: cooee label rule preview LABEL KIND -p …")
    rule = rules.checked(rt, label, kind, _params(params), keep_days) if kind else rules.find(label)
    said = preview.preview(rt, rule)
    found = {
        "label": rule.label,
        "sentence": rule.sentence,
        "people": said.people,
        "added": said.added,
        "removed": said.removed,
        "by_label": [{"label": name, "people": n} for name, n in said.by_label],
        "sample": [
            {
                "contact_id": one.contact_id,
                "phone": one.phone,
                "label": one.label,
                "evidence": one.evidence,
                "confidence": one.confidence,
            }
            for one in said.sample
        ],
    }
    common.emit(
        found,
        as_json,
        f"{rule.sentence}: {common.many(said.people, 'person', 'people')}; "
        f"{said.added:,} to get it, {said.removed:,} to lose it.",
    )


@group.command("run")
@click.argument("rule", required=False)
@click.option("--news", is_flag=True, help="Only people with events no rule has looked at.")
@common.json_option
@common.pass_rt
def run(rt, rule: str | None, news: bool, as_json: bool) -> None:
    """Run one rule (by its label or number) over everyone now, or all rules.

    \b
    Examples:
      cooee label rule run
      cooee label rule run "Sleeping 90 days" --json
      cooee label rule run --news
    """
    if news and rule:
        raise Refusal("--news runs all rules; leave the rule out.")
    if news:
        done = running.incremental(rt)
    else:
        done = running.one(rt, rules.find(rule).id) if rule else running.full(rt)
    errors = {one.label: one.error for one in rules.all_rules() if one.error}
    more = "".join(f"\n{label} did not run: {error}" for label, error in errors.items())
    common.emit(
        {**done, "errors": errors},
        as_json,
        f"{common.many(done['people'], 'person', 'people')} looked at: "
        f"{common.many(done['set'], 'label')} set, {done['removed']:,} taken off.{more}",
    )


@group.command("delete")
@click.argument("rule")
@click.option("--take", is_flag=True, help="Also take off what the rule set.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.json_option
@common.pass_rt
def delete(rt, rule: str, take: bool, yes: bool, as_json: bool) -> None:
    """Delete a rule; the labels it set stay unless --take.

    Example: cooee label rule delete "Sleeping 90 days" --take --yes
    """
    found = rules.find(rule)
    if not yes:
        click.confirm(f"Delete the rule {found.label!r}?", abort=True, err=True)
    gone = rules.delete(found.id, common.whoami(), take=take)
    common.emit({"deleted": found.label, "labels": gone}, as_json, f"The rule {found.label} is deleted.")


def _row(rule: rules.Rule, counts: dict[int, int]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "label": rule.label,
        "per_value": rule.per_value,
        "kind": rule.kind.key,
        "params": dict(rule.params),
        "keep_days": rule.keep_days,
        "enabled": rule.enabled,
        "sentence": rule.sentence,
        "people": sum(counts.get(label_id, 0) for label_id in set(rules.mapping(rule).values())),
        "last_run_at": rule.last_run_at,
        "last_ms": rule.last_ms,
        "error": rule.error,
    }


def _field(param: Any) -> dict[str, Any]:
    return {"shape": param.shape, "default": param.default} | (
        {"options": list(param.options)} if param.options else {}
    )


def _params(given: tuple[str, ...]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for text in given:
        name, value = common.pair(text, "NAME=VALUE", "param")
        params[name] = _json(value) if value.startswith("{") else value
    return params


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise Refusal(f"{text!r} is not JSON.", field="param") from None
