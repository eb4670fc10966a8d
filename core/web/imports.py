"""Importing contacts in four quiet steps: file → columns → rules → result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_security import current_user
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField, TextAreaField

from core.audience import kinds, phones
from core.audience.importing import batch as imports
from core.audience.importing import columns as headers
from core.audience.importing import options as decided
from core.audience.importing import rejects, undo
from core.audience.importing.columns import STANDARD, Column
from core.audience.importing.options import Options
from core.audience.importing.plan import Plan
from core.audience.importing.reading import MAX_UPLOAD_MB
from core.contract.errors import Refusal
from core.db.codes import Cls
from core.db.models import ImportBatch
from core.i18n import _, lazy
from core.web import forms
from core.web.access import allow, body_limit
from core.web.files import download, keep
from core.web.format import locale
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("imports", __name__, url_prefix="/imports")

_SHOWN = 30
_REJECTS_SHOWN = 10


class FileForm(forms.Form):
    """Step 1."""

    file = FileField(lazy("CSV or Excel file"), validators=[FileRequired(lazy("Choose a file."))])


class RulesForm(forms.Form):
    """Step 3."""

    region = SelectField(lazy("Country of numbers written without one"))
    consent = SelectField(lazy("Consent"))
    source = StringField(lazy("Where the consent comes from"), filters=[forms.tidy])
    wording = TextAreaField(lazy("The words people agreed to"), filters=[forms.tidy])
    labels = StringField(lazy("Labels for everyone in this file"), filters=[forms.tidy])


def _batch(batch_id: int, state: str = "") -> ImportBatch:
    found = ImportBatch.get_or_none(ImportBatch.id == batch_id)
    if found is None or (state and found.state != state):
        abort(404)
    return found


def _steps(current: str, batch_id: int | None = None) -> list[tuple]:
    """The rail: key, words, url, state."""
    order = ("file", "columns", "rules", "result")
    words = {"file": _("File"), "columns": _("Columns"), "rules": _("Rules"), "result": _("Outcome")}
    urls = {"columns": "imports.columns", "rules": "imports.rules"}
    at = order.index(current)
    return [
        (
            key,
            words[key],
            url_for(urls[key], batch_id=batch_id) if key in urls and i < at < 3 else None,
            "done" if i < at else "current" if i == at else "todo",
        )
        for i, key in enumerate(order)
    ]


@bp.get("")
@allow("view")
def index():
    before = request.args.get("before", type=int)
    query = ImportBatch.select().order_by(ImportBatch.id.desc()).limit(_SHOWN + 1)
    found = list(query.where(ImportBatch.id < before) if before else query)
    older = url_for("imports.index", before=found[_SHOWN - 1].id) if len(found) > _SHOWN else None
    newer = url_for("imports.index") if before else None
    return page("imports/index.html", batches=found[:_SHOWN], older=older, newer=newer)


@bp.get("/new")
@allow("contacts.edit")
def new():
    return page("imports/file.html", form=FileForm(), steps=_steps("file"), max_mb=MAX_UPLOAD_MB)


@bp.post("/new")
@allow("contacts.edit")
@body_limit(MAX_UPLOAD_MB)
def upload():
    form = FileForm()
    if form.validate_on_submit():
        path = keep(form.file.data)
        try:
            name = Path(form.file.data.filename or "file").name
            batch_id = imports.receive(rt(), path, file_name=name, who=current_user.email)
            return redirect(url_for("imports.columns", batch_id=batch_id), 303)
        except Refusal as refusal:
            path.unlink(missing_ok=True)
            refusal.field = "file"
            form.refuse(refusal)
    return page("imports/file.html", form=form, steps=_steps("file"), max_mb=MAX_UPLOAD_MB, status=422)


@bp.get("/<int:batch_id>/columns")
@allow("contacts.edit")
def columns(batch_id: int):
    batch = _batch(batch_id, "new")
    return _columns_page(batch, imports.draft_of(batch))


@bp.post("/<int:batch_id>/columns")
@allow("contacts.edit")
def save_columns(batch_id: int):
    """Keep the mapping; "check" shows it again with its problems, "next" goes on when it is sound."""
    batch = _batch(batch_id, "new")
    draft = imports.draft_of(batch)
    plan = Plan(draft.format, tuple(_posted(column) for column in draft.columns), draft.region)
    imports.save_draft(batch_id, plan)
    if request.form.get("go") == "next":
        try:
            headers.check(plan.columns)
            _check_kinds(plan)
            return redirect(url_for("imports.rules", batch_id=batch_id), 303)
        except Refusal as refusal:
            return _columns_page(batch, plan, error=str(refusal), status=422)
    return _columns_page(batch, plan)


def _posted(column: Column) -> Column:
    """A column with the target and kind chosen in the form."""
    target = request.form.get(f"to-{column.index}", "")
    kind = request.form.get(f"kind-{column.index}", "")
    if target == "skip":
        return Column(column.index, column.header, "skip")
    if target == "field":
        kind = kind if kind in kinds.KINDS else column.kind or "text"
        key = column.key if column.to == "field" and column.key not in headers.BUILTIN else column.header
        return headers.as_column(column.index, column.header, key, (), {key: kind})
    known = imports.known_fields()
    if target.startswith("field:") and target[6:] in known:
        return headers.as_column(column.index, column.header, target[6:], (), known)
    return headers.as_column(column.index, column.header, target, (), known) if target in STANDARD else column


def _check_kinds(plan: Plan) -> None:
    known = imports.known_fields()
    for column in plan.columns:
        if column.to == "field" and known.get(column.key, column.kind) != column.kind:
            raise Refusal(
                _(
                    "Field “%(key)s” exists already and is of kind %(kind)s.",
                    key=column.key,
                    kind=known[column.key],
                )
            )


def _seen(batch: ImportBatch, plan: Plan, region: str) -> dict[str, Any]:
    """What the file holds, read so; where it cannot be read any more, another one has to be chosen."""
    try:
        return imports.look(rt(), Path(batch.path), region=region, given=[c.as_dict() for c in plan.columns])
    except Refusal as refusal:
        flash(str(refusal), "bad")
        abort(redirect(url_for("imports.new"), 303))


def _columns_page(batch: ImportBatch, plan: Plan, *, error: str = "", status: int = 200):
    seen = _seen(batch, plan, plan.region)
    known = imports.known_fields()
    seen_columns = [Column(**column) for column in seen["columns"]]
    before = imports.seen_before(batch.sha256, batch.id)
    return page(
        "imports/columns.html", fragment="imports/_columns.html", status=status, batch=batch, seen=seen,
        columns=seen_columns, error=error, steps=_steps("columns", batch.id),
        before=before, known=known, kinds=kinds.KINDS, words=rejects.words,
        standard=[key for key in STANDARD if key not in known], names=headers.TITLES,
        new_key=lambda c: c.to == "field" and c.key not in known,
    )  # fmt: skip


@bp.get("/<int:batch_id>/rules")
@allow("contacts.edit")
def rules(batch_id: int):
    batch = _batch(batch_id, "new")
    plan = imports.draft_of(batch)
    form = _rules_form(plan)
    form.region.data = request.args.get("region") or plan.region
    form.consent.data = "mass" if plan.index_of("consent") is not None else ""
    return _rules_page(batch, plan, form)


@bp.post("/<int:batch_id>/rules")
@allow("contacts.edit")
def start(batch_id: int):
    """Settle the rules and start; the import itself is a job."""
    batch = _batch(batch_id, "new")
    draft = imports.draft_of(batch)
    form = _rules_form(draft)
    if form.validate_on_submit() and form.attempt(_begin, batch, draft, form):
        return redirect_hx(url_for("imports.show", batch_id=batch_id))
    return _rules_page(batch, draft, form, status=422)


def _begin(batch: ImportBatch, draft: Plan, form: RulesForm) -> None:
    plan = Plan(draft.format, draft.columns, form.region.data)
    if form.consent.data and plan.index_of("consent") is None and not form.source.data:
        raise Refusal(
            _("Say where the consent comes from, for instance “paper form, shop Xintiandi, 3 May”."),
            field="source",
        )
    names = [name for name in form.labels.data.replace("，", ",").split(",") if name.strip()]
    made = decided.rules(
        plan, cls=form.consent.data, source=form.source.data if form.consent.data else "", wording=form.wording.data,
        labels=names, file_name=batch.file_name,
    )  # fmt: skip
    imports.begin(
        rt(),
        Options(plan, made),
        path=Path(batch.path),
        file_name=batch.file_name,
        who=current_user.email,
        batch_id=batch.id,
    )
    rt().enqueue("import", batch.id)


def _rules_form(plan: Plan) -> RulesForm:
    form = RulesForm()
    names = sorted((locale().territories.get(code, code), code) for code in phones.REGIONS)
    form.region.choices = forms.choices([(code, f"{name} ({code})") for name, code in names])
    words = {"otp": _("codes"), "notice": _("notices"), "mass": _("marketing texts"), "voice": _("voice")}
    if plan.index_of("consent") is not None:
        given = [(cls.name, _("The consent column speaks of %(what)s", what=words[cls.name])) for cls in Cls]
    else:
        given = [("", _("The file says nothing about consent"))]
        given += [
            (cls.name, _("Everyone in the file agreed to %(what)s", what=words[cls.name])) for cls in Cls
        ]
    form.consent.choices = forms.choices(given)
    return form


def _rules_page(batch: ImportBatch, plan: Plan, form: RulesForm, status: int = 200):
    seen = _seen(batch, plan, form.region.data or plan.region)
    return page(
        "imports/rules.html", fragment="imports/_check.html", status=status, batch=batch, form=form, seen=seen,
        words=rejects.words, steps=_steps("rules", batch.id), has_consent=plan.index_of("consent") is not None,
    )  # fmt: skip


@bp.get("/<int:batch_id>")
@allow("view")
def show(batch_id: int):
    batch = _batch(batch_id)
    if batch.state == "new":
        return redirect(url_for("imports.columns", batch_id=batch_id), 303)
    shown = batch.state in ("done", "failed")
    return page(
        "imports/show.html", fragment="imports/_result.html", batch=batch, steps=_steps("result"),
        options=imports.options_of(batch), share=min(1, batch.cursor / batch.total) if batch.total else 0,
        reasons=rejects.by_reason(batch_id) if shown and batch.rejected else [],
        rejected=list(rejects.rows(batch_id, limit=_REJECTS_SHOWN)) if shown else [],
        notes=list(rejects.rows(batch_id, taken=True, limit=_REJECTS_SHOWN)) if shown and batch.notes else [],
        words=rejects.words, created_now=undo.created_now(batch_id), before=imports.seen_before(batch.sha256, batch.id),
    )  # fmt: skip


@bp.get("/<int:batch_id>/rejects.csv")
@allow("contacts.edit")
def rejects_csv(batch_id: int):
    """The rejected rows with reasons, as they came; formulas made harmless."""
    _batch(batch_id)
    return download(f"rejects-{batch_id}.csv", rejects.as_csv(batch_id))


@bp.post("/<int:batch_id>/undo")
@allow("contacts.edit")
def undo_(batch_id: int):
    batch = _batch(batch_id)
    try:
        forms.check_name(str(batch.id), request.form.get("confirm"))
        undo.start(batch_id, who=current_user.email)
    except Refusal as refusal:
        flash(str(refusal), "bad")
        return redirect_hx(url_for("imports.show", batch_id=batch_id))
    rt().enqueue("import", batch_id)
    return redirect_hx(url_for("imports.show", batch_id=batch_id))


@bp.post("/<int:batch_id>/discard")
@allow("contacts.edit")
def discard(batch_id: int):
    imports.discard(rt(), _batch(batch_id, "new"))
    flash(_("The file was removed; nothing was imported."))
    return redirect_hx(url_for("imports.index"))
