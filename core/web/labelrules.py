"""Rules of labels: choose a kind, fill in a small form, see whom it would label, save; and what is done with one.

The form posts to three places: save, count (the card beside it), and, with htmx, count while typing.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import events, labels
from core.audience.labelling import preview, ready, rules
from core.audience.labelling.facts import KINDS
from core.audience.labelling.facts import kind as kind_of
from core.audience.labelling.rules import Rule
from core.contract.errors import Refusal
from core.db import database
from core.db.deadline import TooSlow, deadline
from core.i18n import _, _n
from core.web.access import allow
from core.web.forms import check_name
from core.web.render import flash, htmx, page, redirect_hx, rt

bp = Blueprint("labelrules", __name__, url_prefix="/labels/rules")

#: A page waits so long for a count, then takes the part that was looked at.
BUDGET_S = 2.5
_SUGGESTED = 300


@bp.get("/new")
@allow("contacts.edit")
def choose():
    return page("labels/choose.html", kinds=KINDS.values(), ready=ready.READY)


@bp.get("/new/<key>")
@allow("contacts.edit")
def new(key: str):
    """The form of a kind, or of one of the ready-made rules (?ready=…)."""
    kind = kind_of(key)
    chosen = next((r for r in ready.READY if (r.key, r.kind) == (request.args.get("ready"), key)), None)
    typed = _defaults(kind)
    if chosen:
        typed |= _texts(chosen.params) | {"label": str(chosen.label), "keep_days": str(chosen.keep_days)}
    return _form(kind, typed, None, figures=_figures(kind, typed) if chosen else {})


@bp.post("/count")
@allow("contacts.edit")
def count():
    """Whom the typed rule would label: the card alone with htmx, else the whole form again."""
    kind, typed = kind_of(request.form.get("kind", "")), _typed()
    before = _asked_rule()
    found = _figures(kind, typed, before)
    if htmx:
        return page("labels/_figures.html", fragment="labels/_figures.html", found=found)
    return _form(kind, typed, before, figures=found)


@bp.post("")
@allow("contacts.edit")
def save():
    kind, typed, before = kind_of(request.form.get("kind", "")), _typed(), _asked_rule()
    try:
        rule = _read(kind, typed, before)
        if before:
            saved = rules.change(rt(), before.id, rule, current_user.email)
        else:
            saved = rules.create(rt(), rule, current_user.email)
    except Refusal as refusal:
        return _form(kind, typed, before, errors={refusal.field or "": str(refusal)}, status=422)
    rt().enqueue("relabel_rule", saved.id)
    flash(_("The rule is saved. It runs now, then as events come and every night."))
    return redirect_hx(url_for("contacts.labelrules.show", rule_id=saved.id))


@bp.get("/<int:rule_id>")
@allow("view")
def show(rule_id: int):
    rule = rules.get(rule_id)
    typed = {**_texts(rule.params), "label": rule.label, "keep_days": str(rule.keep_days)}
    return _form(rule.kind, typed, rule)


@bp.post("/<int:rule_id>/switch")
@allow("contacts.edit")
def switch(rule_id: int):
    on = request.form.get("on") == "1"
    rules.switch(rule_id, on, current_user.email)
    if on:
        rt().enqueue("relabel_rule", rule_id)
    flash(_("The rule is switched on.") if on else _("The rule is switched off; what it set stays as it is."))
    return redirect_hx(url_for("contacts.labelrules.show", rule_id=rule_id))


@bp.post("/<int:rule_id>/run")
@allow("contacts.edit")
def run(rule_id: int):
    rules.get(rule_id)
    rt().enqueue("relabel_rule", rule_id)
    flash(_("The rule runs in the background; load this page again to see what it did."), "info")
    return redirect_hx(url_for("contacts.labelrules.show", rule_id=rule_id))


@bp.post("/<int:rule_id>/delete")
@allow("contacts.edit")
def delete(rule_id: int):
    """Delete a rule; its name is asked for.  Its labels stay unless they are to go, too."""
    rule = rules.get(rule_id)
    check_name(rule.label, request.form.get("confirm"))
    gone = rules.delete(rule_id, current_user.email, take="take" in request.form)
    flash(
        _n(
            "The rule is deleted; %(n)s label went with it.",
            "The rule is deleted; %(n)s labels went with it.",
            gone,
        )
        if gone
        else _("The rule is deleted; the labels it set stay.")
    )
    return redirect_hx(url_for("contacts.labels.index"))


def _read(kind: Any, typed: dict[str, str], before: Rule | None) -> Rule:
    params: dict[str, Any] = {}
    for param in kind.params:
        if param.shape == "weights":
            params[param.name] = {
                name.partition(".")[2]: text
                for name, text in typed.items()
                if name.startswith(f"{param.name}.")
            }
        else:
            params[param.name] = typed.get(param.name, "")
    label = before.label if before else typed.get("label", "")
    return rules.checked(rt(), label, kind.key, params, typed.get("keep_days", ""))


def _figures(kind: Any, typed: dict[str, str], before: Rule | None = None) -> dict[str, Any]:
    """What the card shows: the sentence and the counts, or what is missing."""
    try:
        rule = _read(kind, {**typed, "label": typed.get("label") or "?"}, before)
        if before:
            rule = rules.Rule(**{**_as_dict(rule), "id": before.id, "state": before.state})
        with deadline(4 * BUDGET_S):
            return {"rule": rule, "counts": preview.preview(rt(), rule, budget_s=BUDGET_S)}
    except Refusal as refusal:
        return {"error": str(refusal)}
    except TooSlow:
        return {"error": _("Counting takes too long here; save the rule and see what its run says.")}


def _as_dict(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__slots__}


def _form(
    kind: Any, typed: dict[str, str], rule: Rule | None, *, figures=None, errors=None, status: int = 200
):
    """The page of a rule: its form, the card of counts, and, once it is saved, its labels."""
    counts = labels.counts() if rule else {}
    owned = set(rules.mapping(rule).values()) if rule else set()
    mine = [(label, counts.get(label.id, 0)) for label in labels.all_labels() if label.id in owned]
    return page(
        "labels/rule.html",
        status=status,
        kind=kind,
        typed=typed,
        rule=rule,
        found=figures or {},
        errors=errors or {},
        mine=mine,
        **_choices(kind),
    )


def _choices(kind: Any) -> dict[str, Any]:
    """What the fields of a kind choose from."""
    shapes = {param.shape for param in kind.params}
    found: dict[str, Any] = {}
    if shapes & {"type", "weights"}:
        found["types"] = [(one.key, one.title) for one in events.all_types()]
    if shapes & {"category", "thing"}:
        found["categories"] = database.query(
            "SELECT name, '' FROM category ORDER BY name LIMIT ?", (_SUGGESTED,)
        )
    if shapes & {"item", "thing"}:
        found["items"] = database.query('SELECT "key", title FROM item ORDER BY "key" LIMIT ?', (_SUGGESTED,))
    if "segment" in shapes:
        found["segments"] = database.query("SELECT id, name FROM segment ORDER BY name")
    return found


def _typed() -> dict[str, str]:
    return {key: value.strip() for key, value in request.form.items() if key != "csrf_token"}


def _asked_rule() -> Rule | None:
    asked = request.form.get("rule_id", "")
    return rules.get(int(asked)) if asked.isdecimal() and len(asked) < 10 else None


def _defaults(kind: Any) -> dict[str, str]:
    typed = _texts({param.name: param.default for param in kind.params})
    return {**typed, "label": str(kind.prefix).strip(), "keep_days": "0"}


def _texts(params: Any) -> dict[str, str]:
    """Params as a form holds them."""
    typed: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            typed |= {f"{name}.{key}": f"{number:g}" for key, number in value.items()}
        else:
            typed[name] = "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
    return typed
