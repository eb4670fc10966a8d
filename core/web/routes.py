"""Providers → Routes: the rules in their order, and "test this number"."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.contract.errors import Refusal
from core.db import classes
from core.db.codes import Cls
from core.db.models import Account, Segment, SenderPool
from core.i18n import _
from core.sending.routes import editing, explain, rules
from core.sending.routes.rules import STRATEGIES, Rule
from core.web import routeview as view
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("routes", __name__, url_prefix="/providers/routes")


@bp.get("")
@allow("view")
def index():
    return _index()


def _index(status: int = 200, **more):
    segments = dict(Segment.select(Segment.id, Segment.name).tuples())
    pools = dict(SenderPool.select(SenderPool.id, SenderPool.name).tuples())
    names = dict(Account.select(Account.id, Account.name).tuples())
    rows = [
        {
            "rule": rule,
            "conditions": view.conditions(rule, segments),
            "how": view.how(rule.strategy),
            "pool": pools.get(rule.pool_id, ""),
            "targets": [(names.get(target.account_id, "–"), target.weight) for target in rule.targets],
        }
        for rule in rules.every()
    ]
    second = [(cls.name, classes.of(cls).second_after_s) for cls in Cls if cls in classes.SECOND]
    return page(
        "routes/index.html", status=status, rows=rows, accounts=bool(names), second=second,
        classes=[cls.name for cls in Cls], **more,
    )  # fmt: skip


@bp.get("/new")
@allow("providers.edit")
def new():
    return _form(view.rule_form(), None)


@bp.post("/new")
@allow("providers.edit")
def create():
    form = view.rule_form()
    done = form.validate() and form.attempt(
        lambda: editing.add(view.given(form), view.targets(request.form), who=current_user.email)
    )
    if not done:
        return _form(form, None, 422)
    flash(_("The rule stands at the end; move it up if it should decide earlier."))
    return redirect_hx(url_for("routes.index"))


@bp.get("/<int:rule_id>")
@allow("providers.edit")
def show(rule_id: int):
    rule = editing.get(rule_id)
    return _form(view.rule_form(rule), rule)


@bp.post("/<int:rule_id>")
@allow("providers.edit")
def save(rule_id: int):
    rule, form = editing.get(rule_id), view.rule_form()
    done = form.validate() and form.attempt(
        lambda: editing.edit(rule_id, view.given(form), view.targets(request.form), who=current_user.email)
    )
    if not done:
        return _form(form, rule, 422)
    flash(_("Saved."))
    return redirect_hx(url_for("routes.index"))


def _form(form: view.RuleForm, rule: Rule | None, status: int = 200):
    typed = request.form if request.method == "POST" else None
    return page(
        "routes/form.html",
        status=status,
        form=form,
        rule=rule,
        seats=view.seats(rule, typed),
        strategies=STRATEGIES,
    )


@bp.post("/<int:rule_id>/move")
@allow("providers.edit")
def move(rule_id: int):
    editing.move(rule_id, -1 if request.form.get("way") == "up" else 1, who=current_user.email)
    return redirect_hx(url_for("routes.index") + f"#rule-{rule_id}")


@bp.post("/<int:rule_id>/switch")
@allow("providers.edit")
def switch(rule_id: int):
    editing.switch(rule_id, request.form.get("on") == "1", who=current_user.email)
    return redirect_hx(url_for("routes.index") + f"#rule-{rule_id}")


@bp.post("/<int:rule_id>/remove")
@allow("providers.edit")
def remove(rule_id: int):
    gone = editing.remove(rule_id, who=current_user.email)
    flash(_("Rule “%(name)s” is removed.", name=gone.name))
    return redirect_hx(url_for("routes.index"))


@bp.post("/test")
@allow("providers.edit")
def test():
    """Which way a text to a number would go; nothing is sent.  The number stays out of the address."""
    form = request.form
    typed = {name: form.get(name, "") for name in ("to", "cls", "text")}
    try:
        if typed["cls"] not in Cls.__members__:
            raise Refusal(_("%(text)s is no class of messages.", text=repr(typed["cls"])), field="cls")
        answer = explain.test(rt(), typed["to"], Cls[typed["cls"]], typed["text"][:2000])
    except Refusal as refusal:
        return _index(422, typed=typed, problem=str(refusal))
    return _index(typed=typed, answer=answer, view=view)
