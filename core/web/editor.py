"""The template editor as it stands in a browser: what is typed, for whom it is shown, what it would cost.

The editor is one form.  Every button posts the whole of it and gets it back changed, so it works without
JavaScript; with htmx typing refreshes only the panel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babel import Locale, UnknownLocaleError

from core import clock
from core.audience import search
from core.content import drafts, languages, merge, parts, templates, values
from core.contract.errors import Refusal
from core.contract.types import CLASSES
from core.db import database, settings
from core.db.codes import Cls
from core.db.models import Template
from core.i18n import LOCALES, _, language
from core.runtime import Runtime
from core.sending.prices import Prices
from core.web import meanwhile
from core.web.format import locale

#: Languages offered first; any other tag can be typed into the command line.
OFFERED = ("en", "zh", "zh-Hant", "de", "fr", "es", "it", "pt", "tr", "ru", "ja", "ko", "ar")
PEOPLE = 6
#: The text areas' names begin so; the language follows.
_TEXT = "text-"


@dataclass
class Editor:
    """`bodies` maps languages to what is typed; `active` is the one on screen; `contact_id` the reader."""

    template: Template | None = None
    name: str = ""
    cls: str = "mass"
    bodies: dict[str, str] = field(default_factory=dict)
    active: str = ""
    default: str = ""
    contact_id: int | None = None
    query: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    #: The language on screen has just been asked for: it has no text area yet.
    added: bool = False

    @classmethod
    def of(cls, template: Template, active: str = "") -> Editor:
        """A saved template, in a language it has."""
        bodies = {lang: text.body for lang, text in templates.texts(template.id).items()}
        shown = active if active in bodies else template.default_lang
        return cls(template, template.name, Cls(template.cls).name, bodies, shown, template.default_lang)

    @classmethod
    def fresh(cls, cls_name: str = "mass") -> Editor:
        """An empty editor in the reader's language."""
        lang = "zh" if language() == "zh_Hans" else "en"
        return cls(
            cls=cls_name if cls_name in CLASSES else "mass", bodies={lang: ""}, active=lang, default=lang
        )

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> Editor:
        """What the form holds, after the button that was pressed.  Raises `Refusal` for a bad language."""
        template_id = number(form.get("template"))
        editor = cls(
            template=templates.find_by_id(template_id) if template_id else None,
            name=form.get("name", ""),
            cls=form.get("cls", "") if form.get("cls") in CLASSES else "mass",
            active=languages.language(form.get("lang") or "en"),
            default=form.get("default", ""),
            contact_id=number(form.get("contact")),
            query=form.get("q", ""),
        )
        for key, body in form.items():
            if key.startswith(_TEXT):
                editor.bodies[languages.language(key.removeprefix(_TEXT))] = body.replace("\r\n", "\n")
        editor.bodies.setdefault(editor.active, "")
        editor._press(form)
        return editor

    def _press(self, form: Mapping[str, str]) -> None:
        if "fix" in form:
            self.bodies[self.active] = form["fix"].replace("\r\n", "\n")
        if "insert" in form:
            self.bodies[self.active] += form["insert"]
        if form.get("add"):
            self.active = languages.language(form["add"])
            self.added = self.active not in self.bodies
            self.bodies.setdefault(self.active, "")
        if form.get("move"):
            self._move(languages.language(form["move"]))
        if form.get("tab"):
            self.active = languages.language(form["tab"])
            self.bodies.setdefault(self.active, "")
        if "person" in form:
            self.contact_id = number(form["person"])
            self.query = ""
        if self.default not in self.bodies:
            self.default = next(iter(self.bodies))

    def _move(self, lang: str) -> None:
        """The text on screen is in `lang`: it stands there from now on, in the place it had."""
        if not self.bodies.get(lang):
            self.bodies.pop(lang, None)
            self.bodies = {lang if key == self.active else key: body for key, body in self.bodies.items()}
            self.active = lang

    @property
    def elsewhere(self) -> str:
        """The language the text on screen is in when it stands under another, and may move there; else ""."""
        lang = languages.written_in(self.body)
        same = self.active.split("-")[0] == lang
        return "" if same or self.bodies.get(lang) else lang

    @property
    def body(self) -> str:
        """The text on screen."""
        return self.bodies.get(self.active, "")

    def save(self, rt: Runtime, who: str) -> tuple[int, bool]:
        """Store it; (template id, whether something changed).  Raises `Refusal` naming the field."""
        if self.template is None:
            return templates.create(rt, self.name, self.cls, self.bodies, who, self.default), True
        now, typed = Editor.of(self.template).shown(), self.shown()
        # A language that is no longer on the form was taken away; one it never showed is not touched.
        typed |= {key: "" for key in now if key not in typed}
        mine = meanwhile.settle(typed, now, action="template.edit", about=f"template:{self.template.id}")
        changed = templates.edit(
            rt, self.template.id, who, name=mine.get("name"), cls=mine.get("cls"),
            bodies={key.removeprefix(_TEXT): body for key, body in mine.items() if key.startswith(_TEXT)},
            default_lang=mine.get("default") if self.bodies.get(self.default, "").strip() else None,
        )  # fmt: skip
        return self.template.id, changed

    def shown(self) -> dict[str, str]:
        """What the form holds, by the names of its fields."""
        texts = {_TEXT + lang: body for lang, body in self.bodies.items()}
        return {"name": self.name, "cls": self.cls, "default": self.default} | texts

    def seen(self, refusal: Refusal | None = None) -> str:
        """The hidden field that tells what the form showed; "" for a new template."""
        if self.template is None:
            return ""
        return meanwhile.carried(Editor.of(self.template).shown(), refusal)

    def refuse(self, refusal: Refusal) -> None:
        """Put the sentence beside its field; for a text, bring the language at fault on screen."""
        where = refusal.field if refusal.field in ("name", "cls", "text") else "text"
        self.errors[where] = str(refusal)
        if isinstance(refusal, merge.BadText):
            for lang, body in self.bodies.items():
                try:
                    merge.compile(templates.tidy_body(body), lang)
                except merge.BadText as error:
                    if str(error) == str(refusal):
                        self.active = lang
                        break


def number(typed: str | None) -> int | None:
    """An id out of a form or an address; None for what no database holds."""
    return int(typed) if typed and typed.isdecimal() and len(typed) < 10 else None


def panel(rt: Runtime, editor: Editor, *, typing: bool = False) -> dict[str, Any]:
    """Everything that changes while someone types: preview, parts, cost, findings.

    `typing`: asked for at a key press, when a slow check is left out.
    """
    lang, body = editor.active, editor.body
    person = _person(rt, editor.contact_id)
    written = [key for key, text in editor.bodies.items() if text.strip() or key == lang]
    country = person.country if person else drafts.country_of(written, lang, editor.default)
    shown = drafts.preview(rt, body, lang, editor.contact_id if person else None, cls=editor.cls)
    inside_china = country == "CN"
    plan = parts.plan(shown.text, cn=inside_china)
    audience, missing = drafts.missing_counts(rt, body, lang)
    sampled = drafts.sampled()
    draft = drafts.draft(
        rt, body, editor.cls, lang, contact_id=editor.contact_id if person else None, sender=_sender(),
        countries=frozenset({country} if country else ()), missing=missing, audience=audience or None,
        sampled=sampled, template_id=editor.template.id if editor.template else None,
    )  # fmt: skip
    one, many = parts.LIMITS[plan.encoding]
    return {
        "editor": editor,
        "person": person,
        "newest_only": drafts.NEWEST if sampled else 0,
        "readers": "" if person else locale().territories.get(country, country),
        "shown": shown,
        "plan": plan,
        "limit": one if plan.parts == 1 else many * plan.parts,
        "billing_cn": inside_china,
        "breakers": _breakers(plan),
        "findings": drafts.check(rt, draft, typing=typing) if body.strip() else [],
        "language_name": language_name,
        "costs": _costs(editor.cls, country, plan.parts) if shown.text else [],
        "sender": _sender(),
    }


def context(rt: Runtime, editor: Editor) -> dict[str, Any]:
    """The panel and what the rest of the page needs."""
    known = values.known_names(rt)
    groups = {
        "person": [name for name in known.values() if name.group == "person"],
        "link": [name for name in known.values() if name.group == "link"],
        "field": [name for name in known.values() if name.group == "field"],
        "plugin": [name for name in known.values() if name.group == "plugin"],
    }
    return panel(rt, editor) | {
        "names": groups,
        "classes": CLASSES,
        "help": _help(),
        **row(editor),
        "people": people(rt, editor.query) if editor.query.strip() else None,
    }


def row(editor: Editor) -> dict[str, Any]:
    """What the row of languages and a text area need."""
    return {
        "editor": editor,
        "placeholder": _("Write the text. {{first_name}} becomes the person’s first name."),
        "language_name": language_name,
        "offered": [lang for lang in OFFERED if lang not in editor.bodies],
    }


def parts_of(row: templates.Row) -> int:
    """Parts of a template's text in its default language, as the made-up person would get it."""
    lang, body = next(iter(row.texts.items()), ("en", ""))
    compiled = merge.compile(body, lang)
    text = compiled.render(drafts.sample_values(compiled.names, lang))
    return parts.count(text)[1] if isinstance(text, str) else 0


def people(rt: Runtime, query: str) -> list[search.Row]:
    """Contacts to choose the reader from: by number, last four digits or name."""
    return search.find(rt, search.Filter(text=query), size=PEOPLE).rows if query.strip() else []


def language_name(tag: str) -> str:
    """The name of a text's language in the reader's."""
    try:
        return Locale.parse(tag.replace("-", "_")).get_display_name(LOCALES[language()]) or tag
    except (ValueError, UnknownLocaleError):
        return tag


def _person(rt: Runtime, contact_id: int | None) -> search.Row | None:
    found = search.rows(rt, [contact_id]) if contact_id else []
    return found[0] if found else None


def _sender() -> str:
    """The name texts should hold: the brand of the settings, else the first account's sender."""
    brand = settings.get("brand", "")
    return brand or database.scalar("SELECT sender FROM account WHERE sender <> '' ORDER BY id LIMIT 1") or ""


def _breakers(plan: parts.Plan) -> list[tuple[str, int]]:
    """Characters that cost, with how often; none for a text that is in another script anyway."""
    often = Counter(char for char, _at in plan.dear).most_common(12)
    return [
        (char if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}", n) for char, n in often
    ]


def _costs(cls: str, country: str, n_parts: int) -> list[tuple[str, int, str]]:
    """(account, micros for 1,000 people, currency) of accounts with a price."""
    rows = database.query(
        "SELECT a.id, a.name, MIN(p.currency) FROM account a JOIN price p ON p.account_id = a.id"
        " GROUP BY a.id, a.name ORDER BY a.id"
    )
    costs = []
    for account_id, name, currency in rows:
        micros = Prices(account_id, Cls[cls], clock.now_ms()).micros(country)
        if micros:
            costs.append((name, micros * n_parts * 1000, currency))
    return costs


def _help() -> list[tuple[str, str]]:
    """What may stand in a text, with a few words each."""
    return [
        ('{{first_name|default:"friend"}}', _("with words for people who have no value")),
        ('{{birthday|date:"long"}}', _("a date: short, medium, long or full")),
        ("{{points|number:2}}", _("a number with so many decimals")),
        ('{{spent|money:"CNY"}}', _("an amount in a currency")),
        ("{{name|upper}}", _("upper, lower, title: the case of letters")),
        ('{{name|first}} {{name|trim:"8"}}', _("the first word; at most so many characters")),
    ]


def class_help(cls: str) -> str:
    """One line on what a class means for the person who chooses."""
    return {
        "otp": _("A code someone asked for. Goes first, needs no consent."),
        "notice": _("About an order, a parcel, an appointment. Needs no consent."),
        "mass": _("Offers and news. Only to people who agreed, with a way out."),
        "voice": _("Read aloud in a call. Only to people who agreed."),
    }[cls]
