"""Words on screen in the reader's language: one catalogue out of all PO files, usable outside requests.

The English sentence is the key.  Translations are `core/translations/<language>/<area>.po` and
`<plugin folder>/translations/<language>/*.po`; an earlier folder wins, so a plugin cannot reword the core.
Nothing is read before somebody asks for a language other than English.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from babel.support import LazyProxy

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parent / "plugins"

#: Languages of the interface: code → its own name.
LANGUAGES = {"en": "English", "zh_Hans": "简体中文"}
#: Locale of Babel for dates, numbers and the messages of libraries.
LOCALES = {"en": "en", "zh_Hans": "zh_Hans_CN"}


class Words(str):
    """English words with their translations beside them, for a plugin that brings no PO file.

    `Words("Quiet on Sundays", zh_Hans="周日不发")` is that English text wherever a text is expected, and in the
    reader's language wherever it is shown: in titles, labels and `ABOUT`, and through `_` or `_l`.
    """

    __slots__ = ("others",)
    others: dict[str, str]

    def __new__(cls, english: str, **others: str) -> Words:
        made = super().__new__(cls, english)
        made.others = others
        return made

    def __str__(self) -> str:
        return self.others.get(_language.get()) or super().__str__()


_language: ContextVar[str] = ContextVar("cooee_language", default="en")


def language() -> str:
    """The language in use: the reader's in a request, English elsewhere unless `use` says otherwise."""
    return _language.get()


def set_language(code: str) -> None:
    """Choose the language of the current request or command; an unknown code means English."""
    _language.set(code if code in LANGUAGES else "en")


@contextmanager
def use(code: str) -> Iterator[None]:
    """Speak a language for a while, e.g. while a mail is written."""
    token = _language.set(code if code in LANGUAGES else "en")
    try:
        yield
    finally:
        _language.reset(token)


def best_language(accept: Iterable[str], default: str = "en") -> str:
    """The language for a browser's wishes ("zh-CN", "en-GB" …), best first."""
    for wish in accept:
        match wish.replace("_", "-").lower().split("-")[0]:
            case "zh":
                return "zh_Hans"
            case "en":
                return "en"
    return default if default in LANGUAGES else "en"


def pick_language(available: Iterable[str], wanted: str | None, default: str) -> str:
    """The language of the text someone gets: theirs, a cousin of it (zh for zh-Hant), else the default."""
    offered = list(available)
    if wanted:
        wanted = wanted.replace("_", "-")
        if wanted in offered:
            return wanted
        base = wanted.split("-")[0].lower()
        if cousin := next((lang for lang in offered if lang.split("-")[0].lower() == base), None):
            return cousin
    return default if default in offered else offered[0]


def folders() -> list[Path]:
    """Where translations live: the core first, then the plugins of the checkout."""
    return [HERE / "translations", *sorted(PLUGINS.glob("**/translations"))]


@cache
def catalogue(code: str) -> dict[str, str | tuple[str, ...]]:
    """All translated messages of a language: sentence → translation, or → plural forms."""
    found: dict[str, str | tuple[str, ...]] = {}
    if code == "en":
        return found
    for folder in folders():
        for file in sorted((folder / code).glob("*.po")):
            with file.open("rb") as source:
                for message in read_po(source, locale=LOCALES[code]):
                    key = message.id[0] if isinstance(message.id, tuple) else message.id
                    if key and message.string and not message.fuzzy:
                        found.setdefault(key, message.string)
    return found


def gettext(message: str, **values: Any) -> str:
    """Translate a sentence and fill in its `%(name)s` values."""
    own = message.others.get(_language.get()) if isinstance(message, Words) else None
    found = own or catalogue(_language.get()).get(message, message)
    text = found[0] if isinstance(found, tuple) else found
    return text % values if values else text


def ngettext(singular: str, plural: str, n: int, /, **values: Any) -> str:
    """Translate a sentence that depends on a number; the number is `%(n)s`."""
    found = catalogue(_language.get()).get(singular)
    if found is None:
        text = singular if n == 1 else plural
    else:
        text = found if isinstance(found, str) else found[0]
    return text % {"n": n, "num": n, **values}


def lazy(message: str, **values: Any) -> LazyProxy:
    """A sentence translated when it is shown; for labels of forms and other module-level words."""
    return LazyProxy(gettext, message, enable_cache=False, **values)


_ = gettext
_n = ngettext
_l = lazy
