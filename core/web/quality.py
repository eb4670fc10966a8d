"""Data quality: what the last check found, lists of people with it, duplicates with merge and undo."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request, url_for
from flask_security import current_user
from wtforms import BooleanField, IntegerField, SelectField, TextAreaField
from wtforms.validators import InputRequired

from core.audience import contacts, fields, numbers
from core.audience.events import currency
from core.audience.importing import rejects
from core.audience.numbers import Rules
from core.audience.quality import duplicates, findings, merging, outliers, recheck, scores
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _, _l, _n, language
from core.web.access import allow
from core.web.forms import Form, choices
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("quality", __name__, url_prefix="/quality")

_PAGE = 50
_GROUPS = 20


class _Rules(Form):
    failures = IntegerField(_l("Failures in a row"), [InputRequired()])
    days = IntegerField(_l("Over at least so many days"), [InputRequired()])
    leave_out = BooleanField(_l("Leave unreachable and recycled numbers out of marketing"))
    source = SelectField(_l("Who knows numbers"))
    reasons = TextAreaField(_l("Reasons that say a number is dead"))


@bp.get("")
@allow("view")
def index():
    """Tiles, what is missing, what files brought that was no contact, and a score a source."""
    found = findings.figures()
    titles = {"name": _("Name"), "email": _("E-mail"), "language": _("Language")} | {
        field.key: _(field.title) if field.builtin else field.title for field in fields.all_fields()
    }
    return page(
        "quality/index.html",
        figures=found,
        people=found.get("people", {}).get("", 0),
        state=findings.state(),
        running=findings.running(),
        sources=findings.sources(),
        titles=titles,
        reject_words=rejects.words,
        source_words=_source_words(),
        weights=scores.WEIGHTS,
        measures=_measures(),
    )


@bp.post("/check")
@allow("contacts.edit")
def check():
    rt().enqueue("quality")
    flash(_("The check runs; at a million contacts it takes a minute or two."), "info")
    return redirect_hx(url_for("contacts.quality.index"))


@bp.get("/list/<kind>")
@allow("view")
def listing(kind: str):
    """People with a finding, by key."""
    if kind not in findings.LISTS:
        abort(404)
    rows = findings.listed(rt(), kind, after=_after(), size=_PAGE + 1)
    older = (
        url_for("contacts.quality.listing", kind=kind, after=rows[_PAGE - 1]["id"])
        if len(rows) > _PAGE
        else None
    )
    return page(
        "quality/list.html", kind=kind, rows=rows[:_PAGE], older=older,
        newer=url_for("contacts.quality.listing", kind=kind) if _after() else None,
        checked=findings.state().get("ended"), currency=currency(), flood=outliers.FLOOD,
        form=_rules_form() if kind in ("unreachable", "recycled") else None, quiet=numbers.QUIET_DAYS,
    )  # fmt: skip


@bp.post("/numbers")
@allow("contacts.edit")
def review():
    """Recycled or unreachable numbers a person looked at: the same person, or somebody else."""
    ids = [int(value) for value in request.form.getlist("ids") if value.isdecimal()][:1_000]
    act = {"same": recheck.same_person, "new": recheck.new_owner}.get(request.form.get("act", ""))
    if act is None:
        abort(400)
    n = act(rt(), ids, who=current_user.email)
    flash(_n("%(n)s number is reviewed.", "%(n)s numbers are reviewed.", n))
    kind = request.form.get("kind", "")
    return redirect_hx(
        url_for("contacts.quality.listing", kind=kind if kind in findings.LISTS else "recycled")
    )


@bp.post("/rules")
@allow("settings.edit")
def rules():
    form = _rules_form()

    def work() -> None:
        words = tuple(
            dict.fromkeys(word.strip() for word in (form.reasons.data or "").split("\n") if word.strip())
        )
        numbers.set_rules(
            Rules(form.failures.data, form.days.data, form.leave_out.data, form.source.data, words[:200])
        )

    if form.validate_on_submit() and form.attempt(work):
        flash(_("Saved. The next check follows it."))
        return redirect_hx(url_for("contacts.quality.listing", kind="unreachable"))
    return page(
        "quality/list.html", status=422, kind="unreachable", form=form, currency=currency(), quiet=numbers.QUIET_DAYS,
        rows=findings.listed(rt(), "unreachable", size=_PAGE), checked=findings.state().get("ended"),
        flood=outliers.FLOOD,
    )  # fmt: skip


# --- duplicates -----------------------------------------------------------------------------------------


@bp.get("/duplicates")
@allow("view")
def twins():
    """Groups of people who look like one; the sure ones can be merged together."""
    kind = request.args.get("kind", "")
    kind = kind if kind in duplicates.KINDS else duplicates.KINDS[0]
    sure = request.args.get("sure") == "1"
    groups = duplicates.groups(rt(), kind, after=_after(), size=_GROUPS + 1, sure=sure)
    here = {"kind": kind, "sure": 1 if sure else None}
    return page(
        "quality/duplicates.html", kind=kind, sure=sure, groups=groups[:_GROUPS],
        older=url_for("contacts.quality.twins", **here, after=groups[_GROUPS - 1].id) if len(groups) > _GROUPS else None,
        newer=url_for("contacts.quality.twins", **here) if _after() else None,
        checked=findings.state().get("ended"), figures=findings.figures(),
    )  # fmt: skip


@bp.post("/duplicates/merge")
@allow("contacts.edit")
def merge_sure():
    """Merge the sure groups that were ticked."""
    ids = [int(value) for value in request.form.getlist("ids") if value.isdecimal()][:1_000]
    if not ids:
        raise Refusal(_("Nobody was chosen. Tick rows first."))
    done, left = duplicates.merge_groups(rt(), ids, who=current_user.email)
    flash(_n("%(n)s contact is merged.", "%(n)s contacts are merged.", done))
    if left:
        flash(_n("%(n)s group changed since the check and is left alone.",
                 "%(n)s groups changed since the check and are left alone.", left), "warn")  # fmt: skip
    return redirect_hx(url_for("contacts.quality.twins", kind="same_email", sure=1))


@bp.get("/merge")
@allow("contacts.edit")
def compare():
    """Two contacts side by side, field by field, before they become one."""
    keep, other = _id("keep"), _id("other")
    if request.args.get("swap"):
        keep, other = other, keep
    return _compare(keep, other)


@bp.post("/merge")
@allow("contacts.edit")
def merge():
    keep, other = _id("keep"), _id("other")
    take = [name.removeprefix("take-") for name, side in request.form.items() if side == "other"]
    try:
        merging.merge(rt(), keep, other, take=take, who=current_user.email)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return _compare(keep, other, status=422, error=str(refusal), chosen=take)
    flash(_("They are one contact now. It can be undone on this page."))
    return redirect_hx(url_for("contacts.show", contact_id=keep))


@bp.get("/merges")
@allow("view")
def merges():
    """Merges that stand, newest first, each with its undo."""
    before = request.args.get("before", type=int) or 1 << 60
    rows = database.query(
        "SELECT m.id, m.kept_id, m.gone_id, m.who, m.at, c.name FROM contact_merge m "
        "LEFT JOIN contact c ON c.id = m.kept_id WHERE m.undone_at IS NULL AND m.id < ? ORDER BY m.id DESC LIMIT ?",
        (before, _PAGE + 1),
    )
    keys = ("id", "kept_id", "gone_id", "who", "at", "name")
    found = [dict(zip(keys, row, strict=True)) for row in rows]
    return page(
        "quality/merges.html", rows=found[:_PAGE],
        older=url_for("contacts.quality.merges", before=found[_PAGE - 1]["id"]) if len(found) > _PAGE else None,
        newer=url_for("contacts.quality.merges") if before < 1 << 60 else None,
    )  # fmt: skip


@bp.post("/merges/<int:merge_id>/undo")
@allow("contacts.edit")
def undo(merge_id: int):
    gone = merging.unmerge(rt(), merge_id, who=current_user.email)
    flash(_("Undone: they are two contacts again."))
    return redirect_hx(url_for("contacts.show", contact_id=gone))


def _compare(keep: int, other: int, *, status: int = 200, error: str = "", chosen: list[str] | None = None):
    if keep == other:
        raise Refusal(_("A contact cannot be merged with itself."), status=409)
    sides = [contacts.get(rt(), one) for one in (keep, other)]
    return page(
        "quality/merge.html", status=status, kept=sides[0], other=sides[1], lines=_lines(keep, other, *sides),
        error=error, chosen=chosen, said_no=_said_no(*sides),
    )  # fmt: skip


def _lines(keep: int, other: int, kept: contacts.Contact, gone: contacts.Contact) -> list[dict[str, Any]]:
    """Each value of either: column, title, both values, and whether the other's is taken by default."""
    mine = [
        ("name", _("Name"), kept.name),
        ("email", _("E-mail"), kept.email),
        ("language", _("Language"), kept.language),
    ]
    theirs = [gone.name, gone.email, gone.language]
    for (field, one), (_same, two) in zip(
        contacts.field_values(keep, language()), contacts.field_values(other, language()), strict=True
    ):
        mine.append((field.column, _(field.title) if field.builtin else field.title, one))
        theirs.append(two)
    return [
        {"column": column, "title": title, "kept": one, "other": two, "take": not one and bool(two)}
        for (column, title, one), two in zip(mine, theirs, strict=True)
        if one or two
    ]


def _said_no(kept: contacts.Contact, other: contacts.Contact) -> bool:
    """Did the person say no under the other number, where the kept one would still be texted?"""
    no = other.optout_bits | other.blocked_bits
    return bool(no & ~(kept.optout_bits | kept.blocked_bits))


def _rules_form() -> _Rules:
    now = numbers.rules()
    form = _Rules(
        failures=now.failures, days=now.days, leave_out=now.leave_out, source=now.source,
        reasons="\n".join(now.reasons),
    )  # fmt: skip
    form.source.choices = choices((name, made.title) for name, made in rt().plugins.numbers.items())
    return form


def _source_words() -> dict[str, str]:
    return {
        "person": _("added by hand"), "api": _("by API"), "import": _("imports"), "form": _("sign-up form"),
        "message": _("single texts"),
        "unknown": _("unknown"), "demo": _("made-up"), "bench": _("made-up"),
    }  # fmt: skip


def _measures() -> dict[str, str]:
    return {
        "rejected": _("rejected rows"), "duplicates": _("duplicates"), "missing": _("empty values"),
        "unreachable": _("unreachable"), "optouts": _("opted out within 30 days"),
    }  # fmt: skip


def _after() -> int:
    return request.args.get("after", type=int) or 0


def _id(name: str) -> int:
    value = request.values.get(name, "")
    if not value.isdecimal() or len(value) > 12:
        abort(404)
    return int(value)
