"""Files of events: chosen, looked at, imported, taken back."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flask import Blueprint, abort, redirect, request, url_for
from flask_security import current_user
from flask_wtf.file import FileField, FileRequired

from core.audience.events import eventtypes, headers, importing, rejects, undo
from core.audience.events.problems import words
from core.audience.importing.reading import MAX_UPLOAD_MB
from core.contract.errors import Refusal
from core.db.models import EventBatch
from core.i18n import _, _l
from core.web.access import allow, body_limit
from core.web.files import download, keep
from core.web.forms import Form, check_name
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("files", __name__, url_prefix="/files")
_SHOWN, _REJECTS = 30, 10
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")


class _FileForm(Form):
    file = FileField(_l("CSV or Excel file"), [FileRequired(_l("Choose a file."))])


@bp.get("")
@allow("view")
def index():
    before = request.args.get("before", 0, type=int)
    found = importing.batches(_SHOWN + 1, before)
    older = url_for(".index", before=found[_SHOWN - 1].id) if len(found) > _SHOWN else None
    newer = url_for(".index") if before else None
    return page("events/files.html", batches=found[:_SHOWN], older=older, newer=newer)


@bp.get("/new")
@allow("contacts.edit")
def new():
    return page("events/file.html", form=_FileForm(), max_mb=MAX_UPLOAD_MB)


@bp.post("/new")
@allow("contacts.edit")
@body_limit(MAX_UPLOAD_MB)
def upload():
    form = _FileForm()
    if form.validate():
        path = keep(form.file.data)
        token = path.name
        name = Path(form.file.data.filename or "file").name[:100]
        if form.attempt(importing.look, rt(), path):
            return redirect(url_for(".check", token=token, name=name), 303)
        # A file without a column we need may still be mapped by hand; one that is no table may not.
        if _readable(path):
            return redirect(url_for(".check", token=token, name=name), 303)
        path.unlink(missing_ok=True)
    return page("events/file.html", form=form, max_mb=MAX_UPLOAD_MB, status=422)


def _readable(path: Path) -> bool:
    """Is it a table at all?  An event has at least a number and a time."""
    try:
        return len(importing.titles(path)) > 1
    except Refusal:
        return False


def _path(token: str) -> Path:
    if not _TOKEN.match(token):
        abort(404)
    return rt().settings.path("uploads", token)


@bp.get("/check/<token>")
@allow("contacts.edit")
def check(token: str):
    """What the file holds, with the columns as guessed or as chosen in the form."""
    return _check(token)


def _check(token: str, error: str = "", status: int = 200):
    path, values = _path(token), request.values
    if not path.is_file():
        raise Refusal(_("This file was imported or removed; choose it again."), status=404)
    options = _options()
    try:
        seen = importing.look(rt(), path, options)
    except Refusal as refusal:
        seen, error, status = None, error or str(refusal), 422 if request.method == "POST" else status
    titles = seen["plan"]["titles"] if seen else importing.titles(path)
    columns = seen["plan"]["columns"] if seen else _chosen(titles)
    return page(
        "events/check.html", status=status, token=token, name=values.get("name", "")[:100], seen=seen, error=error,
        titles=titles, columns=columns, targets=headers.TARGETS, types=eventtypes.types(),
        options=options, before=importing.seen_before(path),
    )  # fmt: skip


def _options() -> dict:
    """The choices of the form; without a form everything is guessed."""
    values = request.values
    plain = {name: values.get(name, "").strip()[:60] for name in ("region", "zone", "type")}
    chosen = {name[3:]: text for name, text in values.items() if name.startswith("to-") and text}
    return {name: text for name, text in plain.items() if text} | {"map": chosen}


def _chosen(titles: list[str]) -> dict[str, int]:
    return {
        name: int(text[1:]) - 1
        for name, text in _options()["map"].items()
        if re.fullmatch(r"#[0-9]{1,3}", text) and int(text[1:]) <= len(titles)
    }


@bp.post("/check/<token>")
@allow("contacts.edit")
def start(token: str):
    """Look again, or import in the background."""
    if "go" not in request.form:
        return _check(token)
    path, name = _path(token), request.form.get("name", "")[:100] or "file"
    try:
        batch = importing.create(rt(), name, path, _options(), current_user.email)
    except Refusal as refusal:
        return _check(token, str(refusal), 422)
    rt().enqueue("event-import", batch.id)
    return redirect_hx(url_for(".show", batch_id=batch.id))


@bp.post("/check/<token>/discard")
@allow("contacts.edit")
def discard(token: str):
    path = _path(token)
    if EventBatch.get_or_none(EventBatch.path == str(path.resolve())) is None:
        path.unlink(missing_ok=True)
    flash(_("The file was removed; nothing was imported."))
    return redirect_hx(url_for(".index"))


@bp.get("/<int:batch_id>")
@allow("view")
def show(batch_id: int):
    batch = _batch(batch_id)
    shown = batch.state in ("done", "failed") and batch.rejected
    return page(
        "events/batch.html", fragment="events/_batch.html", batch=batch,
        reasons=rejects.by_reason(batch_id) if shown else [],
        rejected=[(row, words(reason), cells) for row, reason, cells in rejects.rows(batch_id, limit=_REJECTS)]
        if shown
        else [],
        plan=json.loads(batch.options)["plan"],
    )  # fmt: skip


def _batch(batch_id: int) -> EventBatch:
    return EventBatch.get_or_none(EventBatch.id == batch_id) or abort(404)


@bp.get("/<int:batch_id>/rejects.csv")
@allow("contacts.edit")
def rejects_csv(batch_id: int):
    """The rejected rows with reasons, as they came; formulas made harmless."""
    _batch(batch_id)
    return download(f"event-rejects-{batch_id}.csv", rejects.as_csv(batch_id))


@bp.post("/<int:batch_id>/undo")
@allow("contacts.edit")
def undo_(batch_id: int):
    batch = _batch(batch_id)
    try:
        check_name(str(batch.id), request.form.get("confirm"))
        undo.start(batch_id, who=current_user.email)
        rt().enqueue("event-import", batch_id)
    except Refusal as refusal:
        flash(str(refusal), "bad")
    return redirect_hx(url_for(".show", batch_id=batch_id))
