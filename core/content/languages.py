"""Languages of texts: tags in one spelling, guessed from a text, chosen for a person."""

from __future__ import annotations

import re

from core.contract.errors import Refusal
from core.i18n import _
from core.i18n import pick_language as pick_language  # chosen alike where texts are sent and shown

#: Letters of a script → the language a text in it is most likely in; kana before the characters it shares.
_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("zh", "\u3400-\u9fff"),
    ("ko", "\uac00-\ud7af"),
    ("ru", "\u0400-\u04ff"),
)
_FIELD = re.compile(r"\{\{.*?\}\}", re.S)
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


def written_in(text: str) -> str:
    """The language whose script most letters of `text` are in, fields left out; "" for Latin and other letters."""
    letters = [letter for letter in _FIELD.sub("", text) if letter.isalpha()]
    for lang, script in _SCRIPTS:
        if 2 * sum(bool(re.match(f"[{script}]", letter)) for letter in letters) > len(letters):
            return lang
    return ""


def guess_language(text: str) -> str:
    """The language a text is probably in, by its script; English for Latin letters."""
    return next((lang for lang, letters in _SCRIPTS if re.search(f"[{letters}]", text)), "en")
