"""Lengths of time in forms, shown and typed as people say them: 90 s, 5 min, 1 h 30 min, 2 d, 6 小时."""

from __future__ import annotations

import re
from typing import Any

from wtforms import Field
from wtforms.validators import InputRequired, Optional, StopValidation
from wtforms.widgets import TextInput

from core.i18n import _

#: Seconds of each unit, and the words that mean it.
_UNITS = {
    "d": (86_400, ("d", "day", "days", "天", "日")),
    "h": (3_600, ("h", "hour", "hours", "小时", "时")),
    "min": (60, ("min", "m", "minute", "minutes", "分钟", "分")),
    "s": (1, ("", "s", "sec", "second", "seconds", "秒")),
}
_SECONDS = {word: size for size, words in _UNITS.values() for word in words}
_PART = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*([a-z]+|[\u4e00-\u9fff]+)?")


def said(seconds: int | None) -> str:
    """1 h 30 min: exact, in the reader's language; "" for None."""
    if not seconds:
        return "" if seconds is None else "0"
    words = {"d": _("%(n)s d"), "h": _("%(n)s h"), "min": _("%(n)s min"), "s": _("%(n)s s")}
    parts = []
    for unit, (size, _words) in _UNITS.items():
        n, seconds = divmod(seconds, size)
        if n:
            parts.append(words[unit] % {"n": n})
    return " ".join(parts)


def heard(text: str) -> int:
    """The seconds of such words; a number alone is seconds.  Raises `ValueError` with a sentence."""
    typed = text.strip().lower()
    parts = _PART.findall(typed)
    strange = _PART.sub("", typed).strip() or any(unit not in _SECONDS for _n, unit in parts)
    if not parts or strange or (len(parts) > 1 and not all(unit for _n, unit in parts)):
        raise ValueError(
            _("“%(text)s” is no length of time; write for instance 90 s, 5 min or 6 h.", text=text[:20])
        )
    return round(sum(float(n.replace(",", ".")) * _SECONDS[unit] for n, unit in parts))


class DurationField(Field):
    """Whole seconds from `least` to `most`."""

    widget = TextInput()

    def __init__(self, label: Any, least: int, most: int, *, optional: bool = False, **more: Any):
        super().__init__(label, [Optional() if optional else InputRequired(), _between], **more)
        self.least, self.most = least, most

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else said(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed; nothing stays None."""
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = heard(valuelist[0])


def _between(_form: Any, field: DurationField) -> None:
    if field.data is not None and not field.least <= field.data <= field.most:
        low, high = said(field.least), said(field.most)
        raise StopValidation(_("Choose a time from %(low)s to %(high)s.", low=low, high=high))
