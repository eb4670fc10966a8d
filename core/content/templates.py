"""Templates: a name, a class, and one text a language; every saved text stays as a version.

The highest version of a language is the current one.  A version with an empty body says that the template
no longer speaks that language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from peewee import IntegrityError

from core import clock
from core.content import merge, values
from core.content.languages import language
from core.contract.errors import Refusal
from core.contract.types import CLASSES
from core.db import database
from core.db.codes import Cls
from core.db.models import Template, TemplateText
from core.i18n import _
from core.runtime import Runtime
from core.security import audit

MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: `texts` maps a language to its current words, `campaigns` counts its uses."""

    template: Template
    texts: Mapping[str, str]
    campaigns: int


def find(name_or_id: str | int) -> Template:
    """A template by its name or number, archived or not; raises `Refusal` (404) when there is none."""
    found = Template.get_or_none(Template.name == str(name_or_id).strip())
    if found is None and str(name_or_id).isdecimal() and len(str(name_or_id)) < 10:
        found = Template.get_or_none(Template.id == int(name_or_id))
    if found is None:
        raise Refusal(
            _("There is no template “%(name)s”; `cooee template list` shows them.", name=name_or_id),
            status=404,
        )
    return found


def texts(template_id: int) -> dict[str, TemplateText]:
    """The current text of each language, the default language first."""
    newest: dict[str, TemplateText] = {}
    query = TemplateText.select().where(TemplateText.template_id == template_id)
    for text in query.order_by(TemplateText.lang, TemplateText.version):
        newest[text.lang] = text
    default = Template.get_by_id(template_id).default_lang
    order = sorted(newest, key=lambda lang: (lang != default, lang))
    return {lang: newest[lang] for lang in order if newest[lang].body}


def history(template_id: int) -> list[TemplateText]:
    """All versions, newest first."""
    query = TemplateText.select().where(TemplateText.template_id == template_id)
    return list(query.order_by(TemplateText.created_at.desc(), TemplateText.id.desc()))


def listing(search: str = "", archived: bool = False) -> list[Row]:
    """Templates for the list, last changed first; `search` looks at names and current words."""
    found = Template.select().where(Template.archived == archived)
    rows = list(found.order_by(Template.updated_at.desc(), Template.id.desc()))
    bodies: dict[int, dict[str, str]] = {}
    for template_id, lang, body in database.query(
        "SELECT t.template_id, t.lang, t.body FROM template_text t JOIN ("
        " SELECT template_id, lang, MAX(version) AS version FROM template_text GROUP BY template_id, lang"
        ") newest ON newest.template_id = t.template_id AND newest.lang = t.lang"
        " AND newest.version = t.version WHERE t.body <> ''"
    ):
        bodies.setdefault(template_id, {})[lang] = body
    used = uses()
    words = search.casefold().split()
    lines = [Row(row, _default_first(row, bodies.get(row.id, {})), used.get(row.id, 0)) for row in rows]
    return [
        line for line in lines
        if all(word in " ".join((line.template.name, *line.texts.values())).casefold() for word in words)
    ]  # fmt: skip


def uses() -> dict[int, int]:
    """How many campaigns use each template."""
    return dict(
        database.query(
            "SELECT template_id, COUNT(DISTINCT campaign_id) FROM variant"
            " WHERE template_id IS NOT NULL GROUP BY template_id"
        )
    )


def campaigns_using(template_id: int, limit: int = 20) -> list[tuple[int, str, str]]:
    """(id, name, state) of the newest campaigns that use a template."""
    return database.query(
        "SELECT DISTINCT c.id, c.name, c.state FROM variant v JOIN campaign c ON c.id = v.campaign_id"
        " WHERE v.template_id = ? ORDER BY c.id DESC LIMIT ?",
        (template_id, limit),
    )


def create(
    rt: Runtime, name: str, cls: str, bodies: Mapping[str, str], who: str, default_lang: str = ""
) -> int:
    """A new template; `bodies` maps languages to texts.  Returns its id.

    Raises `Refusal` for a name that is taken, an unknown class, and texts that cannot be merged.
    """
    name, cls_code = _name(name), _cls(cls)
    tidy = {lang: body for lang, body in _bodies(rt, bodies).items() if body}
    if not tidy:
        raise Refusal(_("Write a text; an empty template cannot be sent."), field="text")
    default = language(default_lang) if default_lang else next(iter(tidy))
    if default not in tidy:
        raise Refusal(_("There is no text in the default language %(lang)s.", lang=default), field="lang")
    at = clock.now_ms()
    with _names_taken_once(name), database.write_tx():
        _free(name)
        # As a mapping: a keyword `cls` would be taken for the class of the model.
        template_id = Template.insert(
            {
                Template.name: name, Template.cls: cls_code, Template.default_lang: default,
                Template.created_by: who, Template.created_at: at, Template.updated_at: at,
            }
        ).execute()  # fmt: skip
        _add_versions(template_id, tidy, who, at)
        audit.record(who, "template.create", f"template:{template_id}", name)
    return template_id


def edit(
    rt: Runtime, template_id: int, who: str, *, bodies: Mapping[str, str] | None = None,
    name: str | None = None, cls: str | None = None, default_lang: str | None = None,
) -> bool:  # fmt: skip
    """Change what is given; each changed text becomes a new version.  True when something changed.

    An empty body takes a language away; the last one cannot go.  Campaigns that were launched keep the
    words they were launched with.
    """
    tidy = _bodies(rt, bodies or {})
    template = find_by_id(template_id)
    changes: dict[Any, Any] = {}
    with _names_taken_once(name), database.write_tx():
        # Two people who save at once wait for each other here, so that both become versions.
        database.execute("UPDATE template SET id = id WHERE id = ?", (template_id,))
        current = {lang: text.body for lang, text in texts(template_id).items()}
        fresh = {lang: body for lang, body in tidy.items() if current.get(lang, "") != body}
        left = {lang for lang, body in (current | fresh).items() if body}
        if not left:
            raise Refusal(_("Write a text; an empty template cannot be sent."), field="text")
        if name is not None and _name(name) != template.name:
            _free(_name(name))
            changes[Template.name] = _name(name)
        if cls is not None and _cls(cls) != template.cls:
            changes[Template.cls] = _cls(cls)
        default = language(default_lang) if default_lang else template.default_lang
        if default not in left:
            default = min(left)
        if default != template.default_lang:
            changes[Template.default_lang] = default
        if not fresh and not changes:
            return False
        at = clock.now_ms()
        _add_versions(template_id, fresh, who, at)
        Template.update(changes | {Template.updated_at: at}).where(Template.id == template_id).execute()
        what = [f"{lang} text" for lang in fresh] + [field.name for field in changes]
        audit.record(who, "template.edit", f"template:{template_id}", ", ".join(what))
    return True


def restore(rt: Runtime, template_id: int, lang: str, version: int, who: str) -> bool:
    """Make an old version the current one, as a new version; False when it already is."""
    old = TemplateText.get_or_none(
        (TemplateText.template_id == template_id)
        & (TemplateText.lang == lang)
        & (TemplateText.version == version)
    )
    if old is None:
        raise Refusal(
            _("Version %(version)s of the %(lang)s text does not exist.", version=version, lang=lang),
            status=404,
        )
    return edit(rt, template_id, who, bodies={lang: old.body})


def duplicate(rt: Runtime, template_id: int, who: str) -> int:
    """A copy with the current texts under a free name; returns its id."""
    source = find_by_id(template_id)
    stem, n = source.name[: MAX_NAME - 12], 2
    name = _("%(name)s (copy)", name=stem)
    while Template.select().where(Template.name == name).exists():
        name, n = _("%(name)s (copy %(n)s)", name=stem, n=n), n + 1
    bodies = {lang: text.body for lang, text in texts(template_id).items()}
    return create(rt, name, Cls(source.cls).name, bodies, who, source.default_lang)


def archive(template_id: int, who: str, archived: bool = True) -> bool:
    """Put a template out of sight, or back; campaigns that use it keep it.  False when it already was."""
    with database.write_tx():
        changed = (
            Template.update(archived=archived)
            .where((Template.id == template_id) & (Template.archived != archived))
            .execute()
        )
        if changed:
            audit.record(
                who, "template.archive" if archived else "template.unarchive", f"template:{template_id}"
            )
    return bool(changed)


def find_by_id(template_id: int) -> Template:
    """A template by number; raises `Refusal` (404)."""
    # Larger numbers would be an error of the database, not an answer.
    found = Template.get_or_none(Template.id == template_id) if template_id < 2**31 else None
    if found is None:
        raise Refusal(_("There is no such template."), status=404)
    return found


def tidy_body(body: str) -> str:
    """A text as it is kept: one kind of line end, no blank ends, no byte order mark."""
    return body.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff \t\n")


def _bodies(rt: Runtime, bodies: Mapping[str, str]) -> dict[str, str]:
    """Languages and texts in one spelling, each compiled once so that nothing unusable is kept."""
    known = values.known_names(rt)
    tidy: dict[str, str] = {}
    for tag, raw in bodies.items():
        lang, body = language(tag), tidy_body(raw)
        if lang in tidy:
            raise Refusal(_("The language %(lang)s is given twice.", lang=lang), field="lang")
        merge.compile(body, lang, known)
        tidy[lang] = body
    return tidy


def _add_versions(template_id: int, bodies: Mapping[str, str], who: str, at: int) -> None:
    for lang, body in bodies.items():
        database.execute(
            "INSERT INTO template_text (template_id, lang, version, body, created_by, created_at)"
            " SELECT CAST(? AS INTEGER), ?, COALESCE(MAX(version), 0) + 1, ?, ?, ? FROM template_text"
            " WHERE template_id = ? AND lang = ?",
            (template_id, lang, body, who, at, template_id, lang),
        )


def _default_first(template: Template, bodies: Mapping[str, str]) -> dict[str, str]:
    return {
        lang: bodies[lang] for lang in sorted(bodies, key=lambda lang: (lang != template.default_lang, lang))
    }


def _name(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > MAX_NAME or not tidy.isprintable():
        raise Refusal(
            _(
                "A template needs a name of 1 to %(max)s characters, not “%(name)s”.",
                max=MAX_NAME,
                name=tidy[:60],
            ),
            field="name",
        )
    return tidy


def _cls(cls: str) -> int:
    if cls not in CLASSES:
        raise Refusal(
            _("There is no class “%(cls)s”; choose one of %(all)s.", cls=cls, all=", ".join(CLASSES)),
            field="cls",
        )
    return Cls[cls].value


def _free(name: str) -> None:
    if Template.select().where(Template.name == name).exists():
        raise _taken(name)


def _taken(name: str) -> Refusal:
    return Refusal(
        _("There is a template named “%(name)s” already; choose another name.", name=name), field="name"
    )


@contextmanager
def _names_taken_once(name: str | None) -> Iterator[None]:
    """The unique index has the last word when two people choose one name in the same moment."""
    try:
        yield
    except IntegrityError:
        raise _taken(name or "") from None
