"""The words of comparisons: a label for menus and a sentence for people, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import reduce
from typing import Any

from babel.dates import format_date

from core.audience.segments.ops import check_op, read_value
from core.i18n import LOCALES, _, _n, language

#: More values than this are counted instead of listed.
_LISTED = 4

_PLAIN = {
    "eq": ("is", "%(field)s is %(value)s"),
    "ne": ("is not", "%(field)s is not %(value)s"),
    "in": ("is one of", "%(field)s is %(value)s"),
    "not_in": ("is none of", "%(field)s is none of %(value)s"),
    "contains": ("contains", "%(field)s contains “%(value)s”"),
    "starts_with": ("starts with", "%(field)s starts with “%(value)s”"),
    "empty": ("is empty", "%(field)s is empty"),
    "not_empty": ("is filled in", "%(field)s is filled in"),
    "gt": ("is more than", "%(field)s is more than %(value)s"),
    "gte": ("is at least", "%(field)s is at least %(value)s"),
    "lt": ("is less than", "%(field)s is less than %(value)s"),
    "lte": ("is at most", "%(field)s is at most %(value)s"),
    "between": ("is between", "%(field)s is between %(low)s and %(high)s"),
}
_DAYS = _PLAIN | {
    "eq": ("is on", "%(field)s is on %(value)s"),
    "ne": ("is not on", "%(field)s is not on %(value)s"),
    "gt": ("is after", "%(field)s is after %(value)s"),
    "gte": ("is on or after", "%(field)s is on or after %(value)s"),
    "lt": ("is before", "%(field)s is before %(value)s"),
    "lte": ("is on or before", "%(field)s is on or before %(value)s"),
    "within_days": ("is within the last … days", "%(field)s is within the last %(value)s days"),
    "older_than_days": ("is more than … days ago", "%(field)s is more than %(value)s days ago"),
}
_YES_NO = _PLAIN | {
    "eq": ("is", "%(field)s: %(value)s"),
    "ne": ("is not", "%(field)s: not %(value)s"),
}
#: Subjects such as "Added" or "Last texted" are half a sentence already.
_WHEN = _DAYS | {
    "eq": ("on the day", "%(field)s on %(value)s"),
    "ne": ("not on the day", "%(field)s not on %(value)s"),
    "gt": ("after", "%(field)s after %(value)s"),
    "gte": ("on or after", "%(field)s on or after %(value)s"),
    "lt": ("before", "%(field)s before %(value)s"),
    "lte": ("on or before", "%(field)s on or before %(value)s"),
    "between": ("between", "%(field)s between %(low)s and %(high)s"),
    "within_days": ("within the last … days", "%(field)s within the last %(value)s days"),
    "older_than_days": ("more than … days ago", "%(field)s more than %(value)s days ago"),
    "empty": ("never so far", "%(field)s: never"),
    "not_empty": ("at least once", "%(field)s: at least once"),
}
#: kind → comparison → (label, sentence); sentences are translated whole, for word order differs.
WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "text": _PLAIN,
    "choice": _PLAIN,
    "number": _PLAIN,
    "bool": _YES_NO,
    "mask": _YES_NO,
    "date": _DAYS,
    "instant": _WHEN,
}


def op_label(kind: str, op: str) -> str:
    """The comparison as a menu shows it: "is at least"."""
    return _(WORDS[kind][op][0])


def sentence(title: str, kind: str, op: str, value: Any, say: Callable[[str], str] = str) -> str:
    """A comparison in plain words: "Age is at least 18".  Raises `Refusal` like `compare`.

    `say` gives the words for a stored text, e.g. the name of a country code.
    """
    read = read_value(kind, check_op(kind, op, title), value, title)
    words = WORDS[kind][op][1]
    if op == "between":
        return _(words, field=title, low=shown(read[0], say), high=shown(read[1], say))
    if op in ("in", "not_in"):
        return _(words, field=title, value=listed([shown(item, say) for item in read]))
    return _(words, field=title, value=shown(read, say))


def has(title: str, kind: str, value: Any, say: Callable[[str], str] = str) -> str:
    """What a contact has, as a reason: "City is 杭州", "City is empty", "Last texted: never"."""
    missing = value is None or value == ""
    words = WORDS[kind]["empty" if missing and kind != "mask" else "eq"][1]
    return _(words, field=title, value=shown(value, say))


def listed(texts: list[str]) -> str:
    """ "A, B or C"; a long list is cut and counted."""
    if len(texts) > _LISTED + 1:
        rest = len(texts) - _LISTED
        first = _(", ").join(texts[:_LISTED])
        return _n("%(first)s or %(n)s other", "%(first)s or %(n)s others", rest, first=first)
    if len(texts) < 2:
        return texts[0] if texts else _("nothing")
    return _("%(first)s or %(last)s", first=_(", ").join(texts[:-1]), last=texts[-1])


def shown(value: Any, say: Callable[[str], str] = str) -> str:
    """A value as people read it: 1,500 · 31 Jan 2026 · yes."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, date):
        return format_date(value, "medium", locale=LOCALES[language()])
    if isinstance(value, int | float):
        return f"{value:,.12g}"
    return "" if value is None else say(str(value))


def month_words(first: date) -> str:
    """A month as people read it: Nov 2026, 2026年11月."""
    return format_date(first, "y年M月" if language() == "zh_Hans" else "MMM y", locale=LOCALES[language()])


def clauses(parts: Iterable[str]) -> str:
    """Parts of a sentence one after the other: "at least 2 times, within the last 90 days"; empty ones drop out."""
    kept = [part for part in parts if part]
    return (
        reduce(lambda first, second: _("%(first)s, %(second)s", first=first, second=second), kept)
        if kept
        else ""
    )
