"""The page of labels and the page of one: who carries it and why, how it grows, what uses it."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import contacts, labels, labeluse
from core.audience.labelling import overview, ready, rules
from core.clock import DAY_MS, now_ms
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _, _n
from core.security import audit
from core.web import charts
from core.web.access import allow
from core.web.forms import check_name
from core.web.render import flash, page, redirect_hx, rt
from core.web.segmentcharts import day_words

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


@bp.get("/<int:label_id>")
@allow("view")
def show(label_id: int):
    labels.get(label_id)
    line = overview.lines(label_id)[0]
    total, blocked = overview.kept_off(rt(), label_id)
    return page(
        "labels/show.html",
        line=line,
        users=labeluse.of(line.label.name),
        growth=_growth(line),
        carriers=overview.carriers(rt(), label_id),
        changes=overview.changed(rt(), label_id),
        blocked_total=total,
        blocked=blocked,
    )


@bp.post("/<int:label_id>/allow")
@allow("contacts.edit")
def permit(label_id: int):
    """Let rules set the label again on someone a person took it off."""
    label = labels.get(label_id)
    asked = request.form.get("contact", "")
    contact_id = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
    contacts.get(rt(), contact_id)
    rules.allow(label.id, contact_id)
    with database.write_tx():
        audit.record(current_user.email, "label.allow", f"contact:{contact_id}", f"label:{label.id}")
    flash(_("Rules may set %(label)s on this person again.", label=label.name))
    return redirect_hx(url_for("contacts.labels.show", label_id=label_id))


@bp.post("/<int:label_id>/rename")
@allow("contacts.edit")
def rename(label_id: int):
    label = labels.get(label_id)
    try:
        labels.rename(label_id, request.form.get("name", ""))
        _note("label.rename", label.name)
        flash(_("Renamed; the rules that name it follow."))
    except Refusal as refusal:
        flash(str(refusal), "bad")
    return redirect_hx(url_for("contacts.labels.show", label_id=label_id))


@bp.post("/<int:label_id>/delete")
@allow("contacts.edit")
def delete(label_id: int):
    """Take a label off everyone and delete it; its name is asked for."""
    label = labels.get(label_id)
    try:
        check_name(label.name, request.form.get("confirm"))
        gone = labels.delete(label)
    except Refusal as refusal:
        flash(str(refusal), "bad")
        return redirect_hx(url_for("contacts.labels.show", label_id=label_id))
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
    lines = overview.lines()
    return page(
        "labels/index.html",
        status=status,
        lines=[(line, _spark(line)) for line in lines],
        rules=rules.all_rules(),
        ready=ready.READY,
        error=error,
        typed=typed,
    )


def _days(line: overview.Line) -> list[tuple[int, int]]:
    """The days kept of a label, and today as it stands beside them."""
    today = now_ms() // DAY_MS
    return [*((day, people) for day, people in line.days if day < today), (today, line.people)]


def _spark(line: overview.Line):
    if len(line.days) < 2:
        return None
    return charts.spark(
        [people for _day, people in _days(line)],
        title=_("People with %(label)s in the last days", label=line.label.name),
    )


def _growth(line: overview.Line):
    if len(line.days) < 2:
        return None
    return charts.line(
        [charts.Series(line.label.name, [people for _day, people in _days(line)])],
        [day_words(number) for number, _people in _days(line)],
        title=_("People with %(label)s in the last days", label=line.label.name),
        height=170,
    )


def _note(action: str, name: str) -> None:
    with database.write_tx():
        audit.record(current_user.email, action, f"label:{name}")
