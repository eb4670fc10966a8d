"""What someone typed to find a person: a number in any spelling or masked, its last digits, part of a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.audience import phones
from core.audience.quality import merged
from core.db import database
from core.db.sets import among, listed
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

#: A number as this list shows it, +86138****8000; and how many with the same end are looked at.
_MASKED = re.compile(r"\+?(\d+)\*+(\d{4})")
_SAME_END = 2_000


def condition(rt: Runtime, text: str) -> tuple[Any, ...]:
    """SQL over `contact c`, and its values: an end of a number, a number, a mask of one, or part of a name."""
    digits = "".join(c for c in text if c.isdigit())
    if text.isdecimal() and len(digits) == 4:
        return "c.tail = ?", int(digits)
    if masked := _MASKED.fullmatch(text.replace(" ", "")):
        return _masked(rt, *masked.groups())
    bidx = _bidx(rt, text)
    if bidx is not None:
        kept = former(rt, text)
        return ("c.phone_bidx = ?", bidx) if kept is None else ("c.id = ?", kept)
    like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"c.name {'I' if database.is_postgres() else ''}LIKE ? ESCAPE '\\'", f"%{like}%"


def _masked(rt: Runtime, head: str, tail: str) -> tuple[Any, ...]:
    """Those of the numbers with this end whose mask is the one asked for; the head alone is not stored."""
    same = database.query("SELECT id, phone_enc FROM contact WHERE tail = ? LIMIT ?", (int(tail), _SAME_END))
    numbers = rt.keys.open_numbers([row[1] for row in same])
    shown = f"+{head}****{tail}"
    ids = [row[0] for row, number in zip(same, numbers, strict=True) if crypto.mask(number) == shown]
    return f"c.id {among()} AND c.tail = ?", listed(ids), int(tail)


def _bidx(rt: Runtime, text: str) -> bytes | None:
    """The blind index of a text that looks like a number (b"" when it is none), else None."""
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) < 5 or any(c.isalpha() for c in text):
        return None
    phone = phones.parse(text, rt.settings.default_region)
    if phone is None and not text.startswith("+"):
        phone = phones.parse("+" + digits, "")
    return rt.keys.blind_index(phone.e164) if phone else b""


def by_phone(rt: Runtime, text: str) -> int | None:
    """The id of the contact this number, in any spelling, is or was of; None when there is none."""
    phone = phones.parse(text.strip(), rt.settings.default_region)
    if phone is None:
        return None
    bidx = rt.keys.blind_index(phone.e164)
    found = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    return merged.kept_for(bidx) if found is None else found


def former(rt: Runtime, text: str) -> int | None:
    """The contact a text that is somebody's former number leads to; None for any other text."""
    bidx = _bidx(rt, text.strip())
    if not bidx or database.one("SELECT 1 FROM contact WHERE phone_bidx = ?", (bidx,)):
        return None
    return merged.kept_for(bidx)
