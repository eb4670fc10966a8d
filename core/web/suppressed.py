"""The suppression list: numbers never to text."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import FileField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from core import clock
from core.audience import blocklist, contacts, suppression
from core.audience.importing import reading
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.exporting import csv_stream
from core.i18n import _, _l
from core.security import audit
from core.web.access import allow, body_limit
from core.web.files import download
from core.web.format import day
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("suppression", __name__, url_prefix="/suppression")

#: Reasons a person may give; STOP and erasure give themselves.
GIVEN = {
    "manual": _l("asked for it"),
    "complaint": _l("complained"),
    "invalid": _l("the number does not work"),
    "import": _l("from another list"),
}
CLASS_WORDS = (
    ("otp", _l("codes")),
    ("notice", _l("notices")),
    ("mass", _l("marketing")),
    ("voice", _l("voice")),
)


class _Why(Form):
    reason = SelectField(_l("Reason"), choices=choices(GIVEN.items()))
    classes = SelectMultipleField(
        _l("Only these texts"),
        choices=choices(CLASS_WORDS),
        description=_l("Nothing chosen means all texts."),
    )
    note = StringField(_l("Note"), [Optional(), Length(max=250)], filters=[tidy])


class _Add(_Why):
    phone = StringField(_l("Phone number"), [DataRequired(), Length(max=60)], filters=[tidy])
    days = IntegerField(_l("Release after days"), [Optional(), NumberRange(1, 3650)])


class _Import(_Why):
    reason = SelectField(_l("Reason"), choices=choices(GIVEN.items()), default="import")
    file = FileField(_l("CSV or XLSX file"))


@bp.get("")
@allow("view")
def index():
    args = request.args
    reason = args.get("reason", "") if args.get("reason") in suppression.REASONS else ""
    phone = args.get("q", "").strip()[:60]
    rows, older, newer = blocklist.page(
        rt(), phone=phone, reason=reason, before=_id("before"), after=_id("after")
    )
    return page(
        "suppression/list.html",
        fragment="suppression/_table.html",
        rows=rows,
        older=older,
        newer=newer,
        phone=phone,
        reason=reason,
        reasons=suppression.REASONS,
        counts=blocklist.counts(),
        kept=suppression.KEPT,
        all_classes=len(Cls),
    )


@bp.get("/add")
@allow("contacts.edit")
def new():
    return page("suppression/add.html", form=_Add())


@bp.post("/add")
@allow("contacts.edit")
def add():
    form, done = _Add(), []

    def work() -> None:
        number = contacts.number(rt(), form.phone.data)
        until = clock.now_ms() + form.days.data * clock.DAY_MS if form.days.data else None
        entry = suppression.entry(
            rt(), number.e164, classes=_classes(form), note=form.note.data or "", expires_at=until
        )
        with database.write_tx():
            held = [row for row in suppression.of(entry.phone_bidx) if row["reason"] == form.reason.data]
            new = suppression.add(rt(), [entry], reason=form.reason.data, who=current_user.email)
            done.append(_added(new, until, held[0]["expires_at"] if held else None))
            audit.record(current_user.email, "suppression.add", form.reason.data)

    if not (form.validate_on_submit() and form.attempt(work)):
        return page("suppression/add.html", status=422, form=form)
    flash(done[0])
    return redirect_hx(url_for("contacts.suppression.index"))


@bp.get("/import")
@allow("contacts.edit")
def upload():
    return page("suppression/import.html", form=_Import(), done=None)


@bp.post("/import")
@allow("contacts.edit")
@body_limit(reading.MAX_UPLOAD_MB)
def take():
    """Take a file of numbers; the upload is gone when the answer is."""
    form, done = _Import(), []

    def work() -> None:
        if not form.file.data or not form.file.data.filename:
            raise Refusal(_("Choose a file first."), field="file")
        with tempfile.TemporaryDirectory(dir=rt().settings.path("uploads")) as folder:
            path = Path(folder) / "numbers"
            form.file.data.save(path)
            done.append(
                blocklist.import_file(
                    rt(), path, reason=form.reason.data, classes=_classes(form),
                    note=form.note.data or "", who=current_user.email,
                )
            )  # fmt: skip
        with database.write_tx():
            audit.record(
                current_user.email,
                "suppression.import",
                form.reason.data,
                f"{done[0].added} of {done[0].rows}",
            )

    if not (form.validate_on_submit() and form.attempt(work)):
        return page("suppression/import.html", status=422, form=form, done=None)
    return page("suppression/import.html", form=form, done=done[0])


@bp.post("/<int:row_id>/remove")
@allow("contacts.edit")
def remove(row_id: int):
    reason = suppression.remove_row(rt(), row_id)
    with database.write_tx():
        audit.record(current_user.email, "suppression.remove", reason, f"row {row_id}")
    flash(_("Released. Texts that need consent still need it."))
    return redirect_hx(url_for("contacts.suppression.index"))


@bp.get("/export.csv")
@allow("contacts.export")
def export():
    with database.write_tx():
        audit.record(current_user.email, "suppression.export", "all")
    return download("suppressed.csv", csv_stream(blocklist.EXPORT_HEADER, blocklist.rows_for_export(rt())))


def _added(new: int, until: int | None, before: int | None) -> str:
    """What became of a number; `until` is the end asked for, `before` the end it had (None: for ever)."""
    if new:
        return _("The number is on the list.")
    if before and not until:
        return _("The number was on the list until %(day)s; it stays for ever now.", day=day(before))
    return _("The number was on the list already.")


def _classes(form: _Why) -> list[Cls]:
    return [Cls[name] for name in form.classes.data or []]


def _id(name: str) -> int | None:
    value = request.args.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 18 else None
