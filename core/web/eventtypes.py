"""Contacts → Events → a type of one's own: what people see of it, its properties, where it is used."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask_security import current_user
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from core.audience.events import eventtypes, typeuse
from core.contract.errors import Refusal
from core.i18n import _, _l
from core.web.access import allow
from core.web.forms import Form, tidy
from core.web.render import flash, page, redirect_hx

bp = Blueprint("types", __name__, url_prefix="/types")


class EditForm(Form):
    title = StringField(_l("Title"), [Length(max=100)], filters=[tidy])
    properties = TextAreaField(
        _l("Properties"), description=_l("One a line: name = text, number, date or bool.")
    )


class AddForm(EditForm):
    key = StringField(
        _l("Key"), [DataRequired(), Length(max=40)], filters=[tidy],
        description=_l("Small letters, digits and _, for instance trial_lesson."),
    )  # fmt: skip


def pairs(form: EditForm) -> dict[str, str]:
    """The properties as they were typed."""
    lines = [line.partition("=") for line in (form.properties.data or "").splitlines() if line.strip()]
    return {name.strip(): kind.strip() for name, _sep, kind in lines}


@bp.get("/<key>")
@allow("view")
def show(key: str):
    made = eventtypes.get(key)
    return _show(made, _form(made))


def _form(made: eventtypes.Type) -> EditForm:
    lines = [f"{name} = {kind}" for name, kind in made.properties.items()]
    return EditForm(title="" if made.title == made.key else made.title, properties="\n".join(lines))


def _show(made: eventtypes.Type, form: EditForm, status: int = 200, error: str = ""):
    uses, n = typeuse.of(made.key, made.id)
    return page(
        "events/type.html", status=status, type=made, form=form, uses=uses, n=n, error=error, where=_where()
    )


def _where() -> dict[str, tuple[str, str, str]]:
    """Kind of a use → (its word, endpoint, name of the id)."""
    return {
        "segment": (_("Segment"), "segments.show", "segment_id"),
        "campaign": (_("Campaign"), "campaigns.show", "id"),
        "label": (_("Label rule"), "contacts.labelrules.show", "rule_id"),
        "source": (_("Source"), "sources.show", "source_id"),
        "file": (_("File"), "contacts.events.files.show", "batch_id"),
    }


@bp.post("/<key>")
@allow("settings.edit")
def save(key: str):
    made, form = eventtypes.get(key), EditForm()

    def work() -> None:
        eventtypes.edit(key, title=form.title.data or "", properties=pairs(form), who=current_user.email)

    if form.validate() and form.attempt(work):
        flash(_("Saved."))
        return redirect_hx(url_for("contacts.events.index"))
    return _show(made, form, 422)


@bp.post("/<key>/remove")
@allow("settings.edit")
def remove(key: str):
    made = eventtypes.get(key)
    try:
        eventtypes.remove(key, who=current_user.email)
    except Refusal as refusal:
        return _show(made, _form(made), refusal.status, str(refusal))
    flash(_("The type “%(key)s” is removed.", key=key))
    return redirect_hx(url_for("contacts.events.index"))
