"""Pages of templates: the list, the editor with its panel, versions."""

from __future__ import annotations

import difflib
import re

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.content import templates
from core.content.vendortexts import store as vendortexts
from core.contract.errors import Refusal
from core.db.codes import Cls
from core.db.models import Template
from core.i18n import _
from core.web import editor as editing
from core.web import meanwhile
from core.web.access import allow
from core.web.editor import Editor
from core.web.render import flash, htmx, page, redirect_hx, rt

bp = Blueprint("templates", __name__, url_prefix="/templates")

#: A field, a word of an alphabet, white space, or one character of anything else.
_WORD = re.compile(r"\{\{[^{}]*\}\}|[\u0041-\u024f0-9_]+|\s+|.")
#: More than these on one page help nobody; the search finds the others.
SHOWN = 200


@bp.get("")
@allow("view")
def index():
    search, archived = request.args.get("q", ""), request.args.get("archived") == "1"
    found = templates.listing(search, archived)
    rows = [(row, editing.parts_of(row)) for row in found[:SHOWN]]
    return page(
        "templates/list.html", fragment="templates/_list.html",
        rows=rows, search=search, archived=archived, classes=Cls, language_name=editing.language_name,
        more=len(found) > SHOWN, any=bool(rows) or bool(search) or archived,
    )  # fmt: skip


@bp.get("/new")
@allow("templates.edit")
def new():
    return _editor(Editor.fresh(request.args.get("class", "mass")))


@bp.post("/new")
@allow("templates.edit")
def create():
    return _save(None)


@bp.get("/<int:template_id>")
@allow("view")
def show(template_id: int):
    editor = Editor.of(templates.find_by_id(template_id), request.args.get("lang", ""))
    editor.contact_id = editing.number(request.args.get("contact"))
    return _editor(editor)


@bp.post("/<int:template_id>")
@allow("templates.edit")
def save(template_id: int):
    return _save(templates.find_by_id(template_id))


@bp.post("/check")
@allow("view")
def check():
    """The editor after a button, or with htmx only what changes around the text areas."""
    editor = Editor.typed(request.form)
    wanted = request.args.get("only", "") if htmx else ""
    if wanted == "panel":
        shown = editing.panel(rt(), editor, typing=True)
        return _part("_panel", oob=True, class_help=editing.class_help, **shown)
    if wanted == "lang":
        return _part("_turned", **editing.row(editor))
    if wanted in ("people", "person"):
        people = editing.people(rt(), editor.query)
        answer = _part("_people", people=people, editor=editor)
        if wanted == "person":
            answer.headers["HX-Trigger-After-Settle"] = "editor-refresh"
        return answer
    return _editor(editor)


@bp.get("/<int:template_id>/history")
@allow("view")
def history(template_id: int):
    template = templates.find_by_id(template_id)
    versions = templates.history(template_id)
    current = {lang: text.version for lang, text in templates.texts(template_id).items()}
    before = {(text.lang, text.version): text.body for text in versions}
    lines = [(text, _changes(before.get((text.lang, text.version - 1), ""), text.body)) for text in versions]
    return page(
        "templates/history.html", saved=template, cls=Cls(template.cls).name, lines=lines, current=current,
        language_name=editing.language_name, at_vendor=bool(vendortexts.needing(rt())),
    )  # fmt: skip


@bp.post("/<int:template_id>/restore")
@allow("templates.edit")
def restore(template_id: int):
    lang, version = request.form.get("lang", ""), editing.number(request.form.get("version")) or 0
    if templates.restore(rt(), template_id, lang, version, current_user.email):
        flash(_("Version %(version)s is the current text again, as a new version.", version=version))
    else:
        flash(_("That is the current text already."), "info")
    return redirect_hx(url_for("templates.show", template_id=template_id, lang=lang))


@bp.post("/<int:template_id>/duplicate")
@allow("templates.edit")
def duplicate(template_id: int):
    made = templates.duplicate(rt(), template_id, current_user.email)
    flash(_("This is the copy. Give it a name."))
    return redirect_hx(url_for("templates.show", template_id=made))


@bp.post("/<int:template_id>/archive")
@allow("templates.edit")
def archive(template_id: int):
    template = templates.find_by_id(template_id)
    away = request.form.get("archived", "1") == "1"
    templates.archive(template_id, current_user.email, away)
    flash(
        _("%(name)s is archived; campaigns that use it keep it.", name=template.name) if away
        else _("%(name)s is back in the list.", name=template.name)
    )  # fmt: skip
    return redirect_hx(url_for("templates.index"))


def _save(template: Template | None):
    editor = Editor.typed(request.form)
    editor.template = template
    try:
        template_id, changed = editor.save(rt(), current_user.email)
    except Refusal as refusal:
        editor.refuse(refusal)
        return _editor(editor, 409 if isinstance(refusal, meanwhile.Changed) else 422, refusal)
    if not changed:
        flash(_("Nothing was changed, so there is no new version."), "info")
    else:
        flash(
            _("Saved.")
            if template is None
            else _("Saved as a new version. Campaigns already launched keep their words.")
        )
    return redirect_hx(
        url_for("templates.show", template_id=template_id, lang=editor.active, contact=editor.contact_id)
    )


def _part(name: str, **context):
    return page(f"templates/{name}.html", fragment=f"templates/{name}.html", **context)


def _editor(editor: Editor, status: int = 200, refusal: Refusal | None = None):
    used = templates.campaigns_using(editor.template.id) if editor.template else []
    return page(
        "templates/editor.html", fragment="templates/_editor.html", status=status, used=used,
        class_help=editing.class_help, at_vendor=bool(vendortexts.needing(rt())), seen=editor.seen(refusal),
        **editing.context(rt(), editor),
    )  # fmt: skip


def _changes(old: str, new: str) -> list[tuple[str, str]]:
    """("same" | "gone" | "new", words) runs from one version to the next, whole words where there are any."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    runs: list[tuple[str, str]] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            runs.append(("same", "".join(after[k:m])))
            continue
        if old and i < j:
            runs.append(("gone", "".join(before[i:j])))
        if k < m:
            runs.append(("new" if old else "same", "".join(after[k:m])))
    return runs
