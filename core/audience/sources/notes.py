"""What a call of a shop was answered: codes as they are stored, and the sentences people read.

A note is lines of "code" or "code:value"; a line that is no code is shown as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.audience.events import problems
from core.i18n import lazy

#: What there is to say of one call.
MOST = 250
_WORDS = {
    "forged": lazy("the signature does not fit the secret"),
    "nothing": lazy("nothing to record"),
    "number": lazy("No usable number"),
    "path": lazy("The payload does not have this value"),
    "time": lazy("not a time; write it like 2026-05-24T12:01:08Z"),
    "amount": lazy("not an amount"),
}


def code(name: str, value: str = "") -> str:
    """One line of a note."""
    tidy = " ".join(value.split())[:80]
    return f"{name}:{tidy}" if tidy else name


def note(lines: Iterable[str]) -> str:
    """Lines as they are stored, each once."""
    return "\n".join(dict.fromkeys(lines))[:MOST]


def words(stored: str) -> str:
    """A note in the reader's language."""
    return "; ".join(_line(line) for line in stored.split("\n"))


def _line(line: str) -> str:
    name, _colon, value = line.partition(":")
    known = _WORDS.get(name)
    if known is None:
        return problems.words(line)
    return f"{known} ({value})" if value else str(known)
