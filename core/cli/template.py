"""`cooee template`: texts with their versions, checks and previews."""

from __future__ import annotations

import click

from core.audience import search
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.content import drafts, languages, parts, templates
from core.contract.errors import Refusal
from core.contract.types import CLASSES
from core.db.codes import Cls
from core.db.models import Template
from core.runtime import Runtime

_lang = click.option("--lang", help="Language of the text, e.g. en or zh; guessed by its script if left out.")
_file = click.option("--text-file", required=True, help="File with the text in UTF-8, - for standard input.")


@click.group()
def command() -> None:
    """Templates: one text a language, every version kept.

    Example: cooee template add spring --class mass --text-file spring.txt
    """


@command.command()
@click.argument("name")
@click.option("--class", "cls", required=True, type=click.Choice(CLASSES), help="What kind of message it is.")
@_file
@_lang
@json_option
@pass_rt
def add(rt: Runtime, name: str, cls: str, text_file: str, lang: str | None, as_json: bool) -> None:
    """Add a template, or one more language to a template of the same class.

    Example: echo 'Hi {{first_name|default:"friend"}}, 20 % off today. Reply STOP to opt out' |
    cooee template add spring --class mass --text-file -
    """
    body = _read(text_file)
    lang = languages.language(lang) if lang else languages.guess_language(body)
    known = Template.get_or_none(Template.name == name.strip())
    if known is None:
        template_id = templates.create(rt, name, cls, {lang: body}, whoami())
    else:
        if Cls(known.cls).name != cls or lang in templates.texts(known.id):
            raise Refusal(
                f"There is a template named “{known.name}” already, of class {Cls(known.cls).name} in "
                f"{', '.join(templates.texts(known.id))}; `cooee template edit` changes a text.",
                field="name",
            )
        template_id = known.id
        templates.edit(rt, template_id, whoami(), bodies={lang: body})
    _told(templates.find_by_id(template_id), as_json)


@command.command()
@click.argument("name")
@_file
@_lang
@json_option
@pass_rt
def edit(rt: Runtime, name: str, text_file: str, lang: str | None, as_json: bool) -> None:
    """Save a new version of a text.

    Example: cooee template edit spring --lang zh --text-file spring_zh.txt
    """
    template = templates.find(name)
    body = _read(text_file)
    templates.edit(rt, template.id, whoami(), bodies={lang or languages.guess_language(body): body})
    _told(templates.find_by_id(template.id), as_json)


@command.command("list")
@click.option("--archived", is_flag=True, help="Those put out of sight instead.")
@json_option
@pass_rt
def list_(rt: Runtime, archived: bool, as_json: bool) -> None:
    """All templates, last changed first.

    Example: cooee template list --json
    """
    rows = templates.listing(archived=archived)
    data = [_summary(row.template, row.texts) | {"campaigns": row.campaigns} for row in rows]
    emit(
        data,
        as_json,
        lambda found: table(
            ([d["name"], d["class"], " ".join(d["languages"]), d["campaigns"]] for d in found),
            ("name", "class", "languages", "campaigns"),
        ),
    )


@command.command()
@click.argument("name")
@json_option
@pass_rt
def show(rt: Runtime, name: str, as_json: bool) -> None:
    """A template's current texts.

    Example: cooee template show spring
    """
    template = templates.find(name)
    texts = templates.texts(template.id)
    data = _summary(template, texts) | {
        "texts": {lang: {"version": text.version, "text": text.body} for lang, text in texts.items()},
        "campaigns": [{"id": i, "name": n, "state": s} for i, n, s in templates.campaigns_using(template.id)],
    }
    human = "\n\n".join(f"[{lang}, version {text.version}]\n{text.body}" for lang, text in texts.items())
    emit(data, as_json, f"{template.name} ({data['class']})\n\n{human}")


@command.command()
@click.argument("name")
@click.option("--sender", default="", help="The brand or sender name the text should hold.")
@click.option("--country", "countries", multiple=True, help="ISO country it goes to. Repeatable.")
@json_option
@pass_rt
def check(rt: Runtime, name: str, sender: str, countries: tuple[str, ...], as_json: bool) -> None:
    """Run all content checks on every language; exit status 1 when one blocks.

    Example: cooee template check spring --country CN --json
    """
    template = templates.find(name)
    data = []
    for lang, text in templates.texts(template.id).items():
        audience, missing = drafts.missing_counts(rt, text.body, lang)
        draft = drafts.draft(
            rt, text.body, Cls(template.cls).name, lang, sender=sender, missing=missing, audience=audience,
            sampled=drafts.sampled(), countries=frozenset(country.upper() for country in countries),
            template_id=template.id,
        )  # fmt: skip
        data += [
            {
                "lang": lang,
                "level": f.level,
                "code": f.code,
                "message": f.message,
                "span": f.span,
                "fix": f.fix,
            }
            for f in drafts.check(rt, draft)
        ]
    emit(
        data, as_json, lambda found: "\n".join(f"{f['lang']}  {f['level']:5}  {f['message']}" for f in found)
    )
    if any(finding["level"] == "block" for finding in data):
        raise Refusal("The text would not be launched as it is; see the findings that block.")


@command.command()
@click.argument("name")
@click.option("--as", "phone", help="The number of a contact; without it a made-up person.")
@click.option("--lang", help="The language; the contact's own if left out.")
@json_option
@pass_rt
def preview(rt: Runtime, name: str, phone: str | None, lang: str | None, as_json: bool) -> None:
    """The text as one contact would read it, with its parts.

    Example: cooee template preview spring --as +8613800138000
    """
    template = templates.find(name)
    texts = templates.texts(template.id)
    contact_id = search.by_phone(rt, phone) if phone else None
    if phone and contact_id is None:
        raise Refusal(f"There is no contact with the number {phone}.", field="phone")
    wanted = languages.language(lang) if lang else drafts.language_of(contact_id)
    if lang and wanted not in texts:
        raise Refusal(f"“{template.name}” has no text in {wanted}, only in {', '.join(texts)}.", field="lang")
    lang = languages.pick_language(texts, wanted, template.default_lang)
    shown = drafts.preview(rt, texts[lang].body, lang, contact_id)
    if shown.problem:
        raise Refusal(shown.problem)
    plan = parts.plan(shown.text)
    data = {
        "lang": lang,
        "text": shown.text,
        "encoding": plan.encoding,
        "units": plan.units,
        "parts": plan.parts,
    }
    emit(data, as_json, shown.text)


@command.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Bring it back.")
@json_option
@pass_rt
def archive(rt: Runtime, name: str, undo: bool, as_json: bool) -> None:
    """Put a template out of sight; campaigns keep theirs.

    Example: cooee template archive spring
    """
    template = templates.find(name)
    changed = templates.archive(template.id, whoami(), not undo)
    done = "back in the list" if undo else "archived"
    emit(
        _summary(templates.find_by_id(template.id), templates.texts(template.id)) | {"changed": changed},
        as_json,
        f"“{template.name}” is {done if changed else done + ' already'}.",
    )


def _read(text_file: str) -> str:
    """A file's text.  Raises `Refusal` for what cannot be read as UTF-8."""
    try:
        with click.open_file(text_file, "rb") as source:
            return source.read().decode("utf-8-sig")
    except OSError as error:
        raise Refusal(f"{text_file} cannot be read: {error.strerror}.", field="text_file") from None
    except UnicodeDecodeError:
        raise Refusal(
            f"{text_file} is not UTF-8; save it as UTF-8 and try again.", field="text_file"
        ) from None


def _summary(template: Template, texts) -> dict:
    return {
        "id": template.id,
        "name": template.name,
        "class": Cls(template.cls).name,
        "languages": list(texts),
        "archived": bool(template.archived),
    }


def _told(template: Template, as_json: bool) -> None:
    texts = templates.texts(template.id)
    data = _summary(template, texts) | {"versions": {lang: text.version for lang, text in texts.items()}}
    said = ", ".join(f"{lang} version {version}" for lang, version in data["versions"].items())
    emit(data, as_json, f"{template.name}: {said}")
