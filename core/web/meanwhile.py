"""Forms that were opened before somebody else saved: nobody overwrites a change they have not seen.

A form carries a short hash of each value it showed, as the hidden field `seen`.  On saving,

1. a value the person left as it was is not written;
2. a value that both changed is refused with 409 and who changed it when; what was typed stays in the form;
3. that form carries the new hash of such a value, so that a second Save decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask import request

from core.clock import now_ms
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.web.format import when

FIELD = "seen"
#: When the form was opened, among the hashes.
_AT = "@"


class Changed(Refusal):
    """Somebody else changed what was typed; `seen` is for the form that asks again."""

    def __init__(self, sentence: str, seen: str):
        super().__init__(sentence, field=FIELD, status=409)
        self.seen = seen


def seen(values: Mapping[str, Any]) -> str:
    """The hidden field of a form that shows these values from now on."""
    return _written({_AT: now_ms()} | {key: _hash(value) for key, value in values.items()})


def carried(values: Mapping[str, Any], refusal: Refusal | None = None) -> str:
    """The hidden field of a form that is drawn anew: as it came, renewed where a second Save decides."""
    if isinstance(refusal, Changed):
        return refusal.seen
    return request.form.get(FIELD) or seen(values)


def settle(typed: Mapping[str, Any], now: Mapping[str, Any], *, action: str, about: str) -> dict[str, Any]:
    """What the person changed, of `typed`; both in the spelling the form had, `now` as it is kept.

    What the form did not show counts as shown empty, so that leaving it out takes nothing away.  `action` and
    `about` are action and object of such a change in the audit log.  Raises `Changed`.  A form without the field
    is taken at its word.
    """
    known = _posted()
    if known is None:
        return {key: value for key, value in typed.items() if _hash(value) != _hash(now.get(key))}
    mine = {key: value for key, value in typed.items() if _hash(value) != known.get(key, _EMPTY)}
    both = {
        key: _hash(now.get(key))
        for key, value in mine.items()
        if _hash(now.get(key)) not in (known.get(key, _EMPTY), _hash(value))
    }
    if both:
        raise Changed(_sentence(action, about, known.get(_AT)), _written(known | both))
    return mine


def _written(known: dict[str, Any]) -> str:
    return json.dumps(known, separators=(",", ":"))


def _posted() -> dict[str, Any] | None:
    try:
        found = json.loads(request.form.get(FIELD, ""))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _sentence(action: str, about: str, since_ms: Any) -> str:
    last = database.one(
        "SELECT who, at FROM audit WHERE at >= ? AND action = ? AND object = ? ORDER BY id DESC LIMIT 1",
        (since_ms if isinstance(since_ms, int) and 0 <= since_ms < 2**53 else now_ms(), action, about),
    )
    if last is None:
        return _("Changed meanwhile by somebody else. What you typed is still here; save again to keep it.")
    return _(
        "Changed meanwhile by %(who)s (%(when)s). What you typed is still here; save again to keep it.",
        who=last[0],
        when=when(last[1]),
    )


def _hash(value: Any) -> str:
    text = "" if value is None or value is False else str(value).replace("\r\n", "\n").strip()
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


_EMPTY = _hash("")
