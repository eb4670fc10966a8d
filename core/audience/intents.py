"""Opt-outs in free text: what a reply means that is no keyword.

47 CFR 64.1200(a)(10) takes any reasonable means as revocation: what a person would understand must be
obeyed.  So a text is cut into clauses, and each clause is compared with the patterns below, anchored at both
ends: a clause that says nothing else is a sure opt-out.  A clause that holds such words among others is held:
a person reads it, and the number gets no texts meanwhile (`held`).  Guards go first: "don't stop", "won't
unsubscribe" and 别忘了发 are the opposite of what their words look like.

The patterns are data in `intentwords`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from core.audience import intentwords as words
from core.audience.intentwords import AS_OF

__all__ = ["AS_OF", "MAX_CHARS", "Reading", "read"]

#: More than this nobody writes to be left alone; the rest is not looked at.
MAX_CHARS = 1_000


class Reading(NamedTuple):
    """`intent` is stop (sure), held (a person must read it) or ""; `pattern` names the line that said so."""

    intent: str
    pattern: str = ""


def _compiled(patterns: Mapping[str, str]) -> tuple[tuple[str, re.Pattern], ...]:
    return tuple((name, re.compile(pattern)) for name, pattern in patterns.items())


_SURE_EN, _HELD_EN, _SURE_ZH, _HELD_ZH = map(
    _compiled, (words.SURE_EN, words.HELD_EN, words.SURE_ZH, words.HELD_ZH)
)
_NOT_EN, _NOT_ZH = re.compile("|".join(words.GUARDS_EN)), re.compile("|".join(words.GUARDS_ZH))


def read(text: str) -> Reading:
    """What a reply means that is no keyword: the surest reading of any of its clauses."""
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARS]).casefold()
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    best = Reading("")
    for reading in (*_english(plain), *_chinese(plain)):
        if reading.intent == "stop":
            return reading
        best = best if best.intent else reading
    return best


def _english(plain: str) -> list[Reading]:
    plain = re.sub(r"['’‘`´]", "", plain)
    for short, long in (
        ("pls", "please"),
        ("plz", "please"),
        ("u", "you"),
        ("ur", "your"),
        ("txts?", "texts"),
        ("msgs", "messages"),
    ):
        plain = re.sub(rf"\b{short}\b", long, plain)
    pleased = bool(words.PLEASED.search(plain))
    found = []
    for part in words.SPLIT_EN.split(plain):
        clause = " ".join(re.sub(r"[^\w ]", " ", part).split())
        clause = words.AFTER_EN.sub("", words.POLITE_EN.sub("", f"{clause} ").strip())
        if not re.search(r"[a-z]", clause):
            continue
        why = clause.startswith(("why wont you stop", "why dont you stop", "why cant you stop"))
        if _NOT_EN.search(clause) and not why:
            continue
        found += _match(clause, _SURE_EN, _HELD_EN, pleased)
    return found


def _chinese(plain: str) -> list[Reading]:
    found = []
    for part in words.SPLIT_ZH.split(plain):
        clause = "".join(part.split())
        if not re.search(r"[\u4e00-\u9fff]", clause) or _NOT_ZH.search(clause):
            continue
        found += _match(words.POLITE_ZH.sub("", clause), _SURE_ZH, _HELD_ZH, False)
    return found


def _match(
    clause: str,
    sure: tuple[tuple[str, re.Pattern], ...],
    held: tuple[tuple[str, re.Pattern], ...],
    pleased: bool,
) -> list[Reading]:
    for name, pattern in sure:
        if pattern.fullmatch(clause):
            # "Omg stop, I love these!"
            return [] if pleased and name == "en.word" else [Reading("stop", name)]
    return [Reading("held", name) for name, pattern in held if pattern.search(clause) and not pleased][:1]
