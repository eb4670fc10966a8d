"""The page of labels: how many people have each, new, another name, gone."""

from __future__ import annotations

import json

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import labels
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Segment
from core.i18n import _, _n
from core.security import audit
from core.web.access import allow
from core.web.forms import check_name
from core.web.render import flash, page, redirect_hx

bp = Blueprint("labels", __name__, url_prefix="/labels")


@bp.get("")
@allow("view")
def index():
    return _list()


@bp.post("")
@allow("contacts.edit")
def create():
    try:
        made = labels.create(request.form.get("name", ""))
    except Refusal as refusal:
        return _list(status=422, error=str(refusal), typed=request.form.get("name", ""))
    _note("label.create", made.name)
    flash(_("The label %(label)s is there; put it on people in the list.", label=made.name))
    return redirect_hx(url_for("contacts.labels.index"))


@bp.post("/<int:label_id>/rename")
@allow("contacts.edit")
def rename(label_id: int):
    label = labels.get(label_id)
    labels.rename(label_id, request.form.get("name", ""))
    _note("label.rename", label.name)
    flash(_("Renamed."))
    return redirect_hx(url_for("contacts.labels.index"))


@bp.post("/<int:label_id>/delete")
@allow("contacts.edit")
def delete(label_id: int):
    """Take a label off everyone and delete it; its name is asked for."""
    label = labels.get(label_id)
    check_name(label.name, request.form.get("confirm"))
    gone = labels.delete(label)
    _note("label.delete", label.name)
    flash(
        _n(
            "%(label)s is deleted; %(n)s contact had it.",
            "%(label)s is deleted; %(n)s contacts had it.",
            gone,
            label=label.name,
        )
    )
    return redirect_hx(url_for("contacts.labels.index"))


def _list(*, status: int = 200, error: str = "", typed: str = ""):
    counts, rules = labels.counts(), _rules()
    rows = [
        (label, counts.get(label.id, 0), [name for name, rule in rules if _quoted(label.name) in rule])
        for label in labels.all_labels()
    ]
    most = max((n for _label, n, _used in rows), default=0)
    return page("contacts/labels.html", status=status, rows=rows, most=most, error=error, typed=typed)


def _rules() -> list[tuple[str, str]]:
    """Names and rules of the segments that speak of labels, the rules written in one way."""
    rows = Segment.select(Segment.name, Segment.rule).where(Segment.rule.contains('"label"'))
    return [(row.name, json.dumps(json.loads(row.rule), ensure_ascii=False)) for row in rows]


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _note(action: str, name: str) -> None:
    with database.write_tx():
        audit.record(current_user.email, action, f"label:{name}")
