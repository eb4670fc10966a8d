"""The page of contact fields: what is known of people, by kind; new ones, and what they are called."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, Length

from core.audience import fields, kinds, search
from core.contract.errors import Refusal
from core.i18n import _, _l
from core.web.access import allow
from core.web.forms import Form, choices, tidy
from core.web.render import flash, page, redirect_hx

bp = Blueprint("fields", __name__, url_prefix="/fields")

KIND_WORDS = {
    "text": _l("Text: any words"),
    "choice": _l("Choice: one of a few values"),
    "number": _l("Number: amounts and counts"),
    "date": _l("Date: a day"),
    "bool": _l("Yes or no"),
}


class _Add(Form):
    title = StringField(_l("What people read"), [DataRequired(), Length(max=60)], filters=[tidy])
    key = StringField(_l("Key"), [Length(max=fields.MAX_KEY)], filters=[tidy])
    kind = SelectField(_l("Kind"), choices=choices(KIND_WORDS.items()))


@bp.get("")
@allow("view")
def index():
    return _list(_Add())


@bp.post("")
@allow("contacts.edit")
def add():
    form = _Add()

    def work() -> None:
        fields.add(form.title.data, form.kind.data, form.key.data, who=current_user.email)

    if not (form.validate_on_submit() and form.attempt(work)):
        return _list(form, status=422)
    flash(_("The field %(title)s is there.", title=form.title.data))
    return redirect_hx(url_for("contacts.fields.index"))


@bp.post("/rename")
@allow("contacts.edit")
def rename():
    """Change what people read; the key stays, because segments and templates say it."""
    fields.rename(request.form.get("key", ""), request.form.get("title", ""), who=current_user.email)
    flash(_("Renamed."))
    return redirect_hx(url_for("contacts.fields.index"))


@bp.post("/remove")
@allow("contacts.edit")
def remove():
    """Take away a field nobody has a value of and nothing uses; says what is in the way."""
    key = request.form.get("key", "")
    try:
        fields.remove(key, who=current_user.email)
        flash(_("The field %(title)s is gone.", title=key))
    except Refusal as refusal:
        flash(str(refusal), "bad")
    return redirect_hx(url_for("contacts.fields.index"))


@bp.get("/filled")
@allow("view")
def filled():
    """How many people have a value in each field; reads the profiles, so it comes by itself."""
    total = search.total()
    known = fields.all_fields()
    counts = {field.id: fields.in_use(field) for field in known}
    return page(
        "contacts/fields_filled.html",
        fragment="contacts/_filled.html",
        fields=known,
        counts=counts,
        total=total,
    )


def _list(form: _Add, *, status: int = 200):
    rows = [
        (field, len(fields.choices(field)) if field.kind == "choice" else None)
        for field in fields.all_fields()
    ]
    return page(
        "contacts/fields.html", status=status, form=form, rows=rows, words=KIND_WORDS, kinds=kinds.KINDS
    )
