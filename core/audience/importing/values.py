"""Converters of cells, one a column.

A converter is a dictionary that fills itself: most columns hold few different texts, and a look-up takes a
tenth of what typing a cell does.  What makes no sense is `BAD`; the row is taken without that value and says
so in a note.  So it does of a name that is taken only in part (`Cut`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from core.audience import birthdays, kinds
from core.audience.importing import places
from core.audience.importing.columns import Column

#: Texts remembered a column; a column of names has more and gains little from more.
_REMEMBERED = 50_000
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}\Z")
_PLAIN = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?\Z", re.ASCII).match
MAX_NAME = 200


class _Bad:
    """A cell that has no meaning in its column."""

    __slots__ = ()


BAD = _Bad()


class Cut(str):
    """The beginning of a cell that was too long."""

    __slots__ = ()


class Memo(dict):
    """Cell text → value, worked out once a text."""

    #: Was any cell senseless or too long so far?  Only then is a column worth searching for `BAD` and `Cut`.
    senseless = False

    def __missing__(self, text: str):
        value = self.work_out(text)
        if value is BAD or type(value) is Cut:
            self.senseless = True
        if len(self) < _REMEMBERED:
            self[text] = value
        return value

    def column(self, texts: Sequence[str]) -> list:
        """The values of many cells."""
        return list(map(self.__getitem__, texts))

    def work_out(self, text: str):
        """The value of a cell that was not seen before: None when empty, `BAD` when senseless."""
        raise NotImplementedError


class _Typed(Memo):
    """Fields: text, number, date, bool."""

    def __init__(self, kind: str, style: str):
        super().__init__({"": None})
        self._kind, self._style = kind, style

    def work_out(self, text: str):
        cleaned = kinds.clean(text)
        if self._kind == "text":
            return None if not cleaned else cleaned if len(cleaned) <= kinds.MAX_TEXT else BAD
        if cleaned.lower() in kinds.EMPTY and not (
            self._kind == "bool" and kinds.to_bool(cleaned) is not None
        ):
            return None
        value = kinds.convert(self._kind, cleaned, self._style)
        return BAD if value is None else value


class _Birthday(_Typed):
    """Days somebody can have been born on."""

    def work_out(self, text: str):
        day = super().work_out(text)
        return BAD if isinstance(day, int) and not birthdays.possible(day) else day


class _Numbers(_Typed):
    """Numbers differ from row to row: the plain ones are worked out without remembering."""

    def column(self, texts: Sequence[str]) -> list:
        if self._style == ",":
            return super().column(texts)
        return [float(text) if _PLAIN(text) else self[text] for text in texts]


class _Name(Memo):
    """Names differ too: a column of clean texts needs only a look at the ends of each."""

    def column(self, texts: Sequence[str]) -> list:
        # No part of a text in NFC is out of NFC, and no part of a printable text has odd spaces.
        joined = ",".join(texts)
        if not joined.isprintable() or not unicodedata.is_normalized("NFC", joined):
            return super().column(texts)
        return [
            text if text[:1] not in " '" and text[-1] != " " and len(text) <= MAX_NAME else self[text]
            for text in texts
        ]

    def work_out(self, text: str):
        cleaned = kinds.clean(text)
        return Cut(cleaned[:MAX_NAME]) if len(cleaned) > MAX_NAME else cleaned or None


class _Email(Memo):
    def work_out(self, text: str):
        cleaned = kinds.clean(text)
        if cleaned.lower() in kinds.EMPTY:
            return None
        return cleaned if _EMAIL.match(cleaned) else BAD


class _Language(Memo):
    def work_out(self, text: str):
        return (places.language(text) or BAD) if text.strip() else None


class _Consent(Memo):
    def work_out(self, text: str):
        if not text.strip():
            return None
        value = kinds.to_bool(text)
        return BAD if value is None else value


class _Choice(Memo):
    """Text → code.  The survey gave every text a code, so an unknown one had too many companions."""

    def __init__(self, codes: Mapping[str, int], key: str):
        super().__init__({"": None})
        self._codes, self._key = codes, key

    def work_out(self, text: str):
        cleaned = choice_text(self._key, text)
        return None if cleaned is None else self._codes.get(cleaned, BAD)


def choice_text(key: str, text: str) -> str | None:
    """The text of a choice as the dictionary holds it; genders are the same word in every language."""
    cleaned = kinds.clean(text)
    if cleaned.lower() in kinds.EMPTY:
        return None
    if key == "gender":
        return kinds.GENDERS.get(cleaned.lower(), cleaned)
    return cleaned if len(cleaned) <= kinds.MAX_TEXT else None


def converter(column: Column, codes: Mapping[str, int] | None = None) -> Memo:
    """The converter of a column that carries values; `codes` are those of a choice field."""
    match column.to, column.kind:
        case "name", _:
            return _Name({"": None})
        case "email", _:
            return _Email({"": None})
        case "language", _:
            return _Language({"": None})
        case "consent", _:
            return _Consent({"": None})
        case _, "choice":
            return _Choice(codes or {}, column.key)
        case _, "number":
            return _Numbers("number", column.style)
        case _, "date" if column.key == birthdays.KEY:
            return _Birthday("date", column.style)
        case _, kind:
            return _Typed(kind, column.style)


def says_why(bad: Sequence[Column], row: Sequence[str]) -> str:
    """The note of a row: which cells were left out or cut, as "bad_date:1990-02-30;…"."""
    return ";".join(f"bad_{column.kind or column.to}:{row[column.index].strip()[:40]}" for column in bad)
