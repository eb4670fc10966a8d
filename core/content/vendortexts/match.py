"""Words of ours beside words of a vendor: which of its variables stands for what.

A vendor's template is fixed words with variables in between and a signature before it; ours is words with
`{{…}}` and the signature among them.  Everything here is pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.content import merge

#: A signature stands before the words or, less often, behind them.
_BEFORE, _BEHIND = re.compile(r"\s*【([^【】]*)】\s*"), re.compile(r"\s*【([^【】]*)】\s*\Z")
_TAG = re.compile(r"\{\{[^{}]*\}\}")
#: Places of our fields while texts are compared: characters nobody types.
_PRIVATE = 0xE000
#: Full-width marks of Chinese keyboards count as the plain ones; one character stays one character.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Words:
    """A vendor's words cut at its variables: one piece more than there are names."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """The words with values in place; a variable without a value stays empty."""
        parts = [self.pieces[0]]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            parts += [values.get(name, ""), piece]
        return "".join(parts)

    def values(self, text: str) -> dict[str, str] | None:
        """What each variable is when the words are this text; None when they cannot be.

        Each fixed piece is taken where it first stands: if that fails, every other choice fails, too.  Two
        variables side by side cannot be told apart, and one used twice must be the same both times.
        """
        plain = text.translate(_PLAIN)
        pieces = [piece.translate(_PLAIN) for piece in self.pieces]
        if not self.names:
            return {} if plain == pieces[0] else None
        if not plain.startswith(pieces[0]) or not plain.endswith(pieces[-1]) or "" in pieces[1:-1]:
            return None
        found: dict[str, str] = {}
        at, last = len(pieces[0]), len(text) - len(pieces[-1])
        for name, piece, final in zip(
            self.names, pieces[1:], [False] * (len(self.names) - 1) + [True], strict=True
        ):
            end = last if final else plain.find(piece, at + 1, last)
            if end <= at or found.setdefault(name, text[at:end]) != text[at:end]:
                return None
            at = end + len(piece)
        return found


def cut(words: str, variable: str) -> Words:
    """A vendor's words at its variables; `variable` is the provider's `VARIABLE`."""
    parts = re.split(variable, words)
    return Words(tuple(parts[::2]), tuple(parts[1::2]))


def signed(text: str) -> tuple[str, str]:
    """(signature without brackets, the other words); no signature is ""."""
    found = _BEFORE.match(text) or _BEHIND.search(text)
    if found is None:
        return "", text.strip()
    return found[1].strip(), (text[: found.start()] + text[found.end() :]).strip()


def as_sent(signature: str, words: str) -> str:
    """Words with the signature as phones show it."""
    return f"【{signature}】{words}" if signature else words


def propose(body: str, words: Words) -> dict[str, str] | None:
    """{variable: text with our fields} under which the vendor's words are the body; None when there is none."""
    tags: list[str] = []

    def hide(found: re.Match[str]) -> str:
        tags.append(found[0])
        return chr(_PRIVATE + len(tags) - 1)

    values = words.values(_TAG.sub(hide, signed(body)[1]))
    if values is None:
        return None
    return {name: _shown(value, tags) for name, value in values.items()}


def _shown(text: str, tags: Sequence[str]) -> str:
    return "".join(tags[at] if 0 <= (at := ord(char) - _PRIVATE) < len(tags) else char for char in text)


def same(body: str, signature: str, words: Words, params: Mapping[str, str]) -> bool:
    """Will people read our words?  Spaces, full-width marks and how a field is written make no difference."""
    ours, rest = signed(body)
    return (not ours or ours == signature) and _bare(rest) == _bare(words.fill(params))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text.translate(_PLAIN))


def likeness(body: str, words: Words) -> float:
    """How much of the fixed words is the same, 0..1: sorts what to offer."""
    ours = _bare(_TAG.sub("", signed(body)[1]))
    return difflib.SequenceMatcher(None, ours, _bare("".join(words.pieces)), autojunk=False).ratio()


def drafted(body: str, variable: Callable[[int, str], str], pattern: str) -> tuple[str, dict[str, str]]:
    """(words in the vendor's writing, {variable: our field}) of a text to be submitted for review.

    Each field becomes a variable of its own, because vendors take one only once.
    """
    taken: dict[str, str] = {}
    used: set[str] = set()

    def write(found: re.Match[str]) -> str:
        name = merge.names_in(found[0])[0]
        name = stem = name if _NAME.fullmatch(name) else "v"
        while name in used:
            name = f"{stem}{len(used) + 1}"
        used.add(name)
        written = variable(len(taken) + 1, name)
        taken[re.fullmatch(pattern, written)[1]] = found[0]
        return written

    return _TAG.sub(write, signed(body)[1]), taken
