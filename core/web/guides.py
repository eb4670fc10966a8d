"""Guides: the files of docs/ as pages, in the reader's language where there is a translation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, request, send_from_directory

from core.config import ROOT
from core.contract.errors import Refusal
from core.i18n import _, _l, language
from core.web.access import allow
from core.web.markdown import Document, Section, render
from core.web.render import page

bp = Blueprint("guides", __name__, url_prefix="/guides")

#: In a wheel, too: there `core/docs` is a folder, in a checkout a link to docs/.
FOLDER = ROOT / "core" / "docs"
#: Language of the interface → folder of translated guides.
TRANSLATED = {"zh_Hans": "zh"}
#: Every guide once, in the order of the work.
GROUPS = (
    (
        _l("Reach your customers"),
        (
            "marketers", "bring-your-data", "find-the-right-people", "labels", "data-quality", "consent", "links",
            "measurement",
        ),
    ),
    (
        _l("Through providers that deliver"),
        ("choose-a-provider", "providers", "routes", "arrival", "papers", "records", "china"),
    ),
    (_l("Run it, connect it"), ("operators", "security", "sources", "otp", "api")),
    (
        _l("Extend it, look inside"),
        ("plugins", "write-a-provider", "write-a-segmenter", "design", "performance"),
    ),
)  # fmt: skip
NAMES = tuple(name for _title, names in GROUPS for name in names)
#: The guide of each area of the menu; areas below one take its guide.
FOR = (
    dict.fromkeys(("overview", "templates", "campaigns", "messages"), "marketers")
    | dict.fromkeys(("contacts", "imports", "contacts.events"), "bring-your-data")
    | dict.fromkeys(("contacts.labels", "contacts.labelrules"), "labels")
    | dict.fromkeys(("contacts.suppression", "proof", "replies", "topics", "keywords"), "consent")
    | dict.fromkeys(("providers", "trials"), "choose-a-provider")
    | dict.fromkeys(("errorkinds", "calls", "invoices", "queue"), "records")
    | dict.fromkeys(("routes", "senders"), "routes")
    | dict.fromkeys(("otp", "classes"), "otp")
    | {
        "contacts.quality": "data-quality",
        "segments": "find-the-right-people",
        "reports": "measurement",
        "arrival": "arrival",
        "dossiers": "papers",
        "vendortexts": "china",
        "sources": "sources",
        "tokens": "api",
        "plugins": "plugins",
        "people": "operators",
        "retention": "operators",
        "auditlog": "security",
    }
)
#: Places a search shows, and characters of each around the first word that was found.
_FOUND, _AROUND = 30, 80


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide as somebody reads it; `language` is the one it is written in."""

    name: str
    language: str
    document: Document


@dataclass(frozen=True, slots=True)
class Place:
    """A section in which all words of a search stand, and the text around the first of them."""

    guide: Guide
    section: Section
    around: str


@bp.get("")
@allow("view")
def index():
    words = request.args.get("q", "").strip()[:100]
    groups = [(title, [read(name) for name in names]) for title, names in GROUPS]
    return page(
        "guides/index.html", fragment="guides/_found.html", groups=groups, q=words, found=search(words)
    )


@bp.get("/<name>")
@allow("view")
def show(name: str):
    if name not in NAMES:
        raise Refusal(_("There is no guide “%(name)s”.", name=name), status=404)
    title, names = next(group for group in GROUPS if name in group[1])
    return page(
        "guides/show.html", guide=read(name), group=title, others=[read(n) for n in names if n != name]
    )


@bp.get("/img/<name>")
@allow("view")
def image(name: str):
    return send_from_directory(FOLDER / "img", name, max_age=86_400)


def here() -> str:
    """The name of the guide of the page that is asked for, or nothing; a global of the templates."""
    area = request.blueprint or ""
    while area and area not in FOR:
        area = area.rpartition(".")[0]
    return FOR.get(area, "")


def read(name: str) -> Guide:
    """A guide in the language in use, else in English."""
    folder = TRANSLATED.get(language())
    if folder and (path := FOLDER / folder / f"{name}.md").is_file():
        return Guide(name, language(), _document(path))
    return Guide(name, "en", _document(FOLDER / f"{name}.md"))


@lru_cache(maxsize=128)
def _document(path: Path) -> Document:
    return render(path.read_text("utf-8"))


def search(words: str) -> list[Place]:
    """The sections in which all these words stand; those with a word in their heading or title come first."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    found = []
    for name in NAMES:
        guide = read(name)
        for section in guide.document.sections:
            title, head, text = (t.casefold() for t in (guide.document.title, section.title, section.text))
            if all(word in title or word in head or word in text for word in wanted):
                ahead = sum(2 * (word in head) + (word in title) for word in wanted)
                found.append((-ahead, Place(guide, section, _around(section.text, wanted))))
    return [place for _rank, place in sorted(found, key=lambda item: item[0])][:_FOUND]


def _around(text: str, wanted: list[str]) -> str:
    """A piece of `text` with the first word that stands in it."""
    lower = text.casefold()
    at = min((lower.find(word) for word in wanted if word in lower), default=0)
    start, end = max(0, at - _AROUND // 2), at + _AROUND * 2
    # A cut goes between two words where there is a blank nearby; Chinese has none and needs none.
    if start:
        start = text.find(" ", start, at) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", at + _AROUND, end), at + _AROUND)
    return f"{'… ' if start else ''}{text[start:end].strip()}{' …' if end < len(text) else ''}"
