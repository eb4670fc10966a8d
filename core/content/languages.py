"""Languages of texts: tags in one spelling, guessed from a text, chosen for a person."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.contract.errors import Refusal
from core.i18n import _

#: Letters of a script → the language a text in it is most likely in; kana before the characters it shares.
_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("zh", "\u3400-\u9fff"),
    ("ko", "\uac00-\ud7af"),
    ("ru", "\u0400-\u04ff"),
)
_LANG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2,4}))?")


def language(tag: str) -> str:
    """A language tag in one spelling: "zh_hans" → "zh-Hans".  Raises `Refusal` for what is none."""
    found = _LANG.fullmatch(tag.strip())
    if not found:
        raise Refusal(
            _("“%(tag)s” is no language; write for instance en, zh or pt-BR.", tag=tag), field="lang"
        )
    base, rest = found[1].lower(), found[2] or ""
    return base if not rest else f"{base}-{rest.title() if len(rest) == 4 else rest.upper()}"


def guess_language(text: str) -> str:
    """The language a text is probably in, by its script; English for Latin letters."""
    return next((lang for lang, letters in _SCRIPTS if re.search(f"[{letters}]", text)), "en")


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
