"""Kinds of field values: how text becomes a typed value, and which kind a column of texts is.

text → str · choice → str (its code comes from the field's dictionary) · number → float · date → days since
1970-01-01 · bool → 0 or 1.  A text that makes no sense is None: the caller says so and goes on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

KINDS = ("text", "choice", "number", "date", "bool")
MAX_TEXT = 2_000
#: More different values than this are no list to choose from.
MAX_GUESSED_CHOICES = 60
MAX_CHOICE_LENGTH = 60

_EPOCH = date(1970, 1, 1).toordinal()
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?\Z", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[, '’\u00a0\u202f]\d{3})+(?:\.\d+)?\Z", re.ASCII)
_THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(?:[. '’\u00a0\u202f]\d{3})+(?:,\d+)?\Z", re.ASCII)
_MONEY = re.compile(r"^(?:[¥￥$€£₺]|CNY|RMB|USD|EUR|GBP|TRY)\s*|\s*(?:[¥￥$€£₺%元]|CNY|RMB|USD|EUR|GBP|TRY)$")
_YMD = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\Z"
)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})\Z", re.ASCII)
_XXY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T]+\d{1,2}:\d{2}(?::\d{2})?)?\Z")
_BREAKS = re.compile("[\t-\r\x85\u2028\u2029]+")
#: Control characters and marks of direction, which can make a text read differently from what it is.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
#: Zero-width joiner and non-joiner: they make one picture of several, and part letters where a script joins them.
JOINERS = "\u200c\u200d"
_PICTURES = "\u2190-\u2bff\U0001f000-\U0001faff"
#: Arabic to Malayalam and Sinhala, Myanmar, Khmer and Mongolian.
_JOINING = "\u0620-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af"
#: Signs that take a consonant's vowel: a joiner after one says how it is written, even at the end of a word.
_VIRAMAS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca\u1039\u17d2"
#: A joiner in its place, as group 1, or one nobody sees.
_JOINER = re.compile(
    f"((?<=[{_PICTURES}\ufe0f])\u200d(?=[{_PICTURES}])|(?<=[{_JOINING}])[{JOINERS}](?=[{_JOINING}])"
    f"|(?<=[{_VIRAMAS}])[{JOINERS}])|[{JOINERS}]"
)
_FORMULA = tuple("=+-@＝＋－＠\t\r\n")


def _words(text: str) -> list[str]:
    return text.split()


YES = frozenset(
    _words(
        "yes y true t on 1 ok agree agreed subscribed 是 有 对 同意 已同意 已订阅 愿意 允许 真 ja "
        "oui si sí evet"
    )
)
NO = frozenset(
    _words(
        "no n false f off 0 none disagree declined unsubscribed 否 无 不 不同意 未同意 未订阅 "
        "不愿意 拒绝 假 nein non hayır"
    )
)
#: Zero and one are numbers unless the column is known to hold yes or no.
_BOOL_WORDS = (YES | NO) - {"0", "1", "none", "无", "有"}

GENDERS = {
    **dict.fromkeys(_words("f female woman w weiblich frau femme féminin kadın 女 女性 女士 小姐"), "female"),
    **dict.fromkeys(_words("m male man männlich mann homme masculin erkek 男 男性 先生"), "male"),
    **dict.fromkeys(_words("x d other diverse divers diğer 其他 其它"), "other"),
}
#: Values that say there is none.
EMPTY = frozenset(
    ("", "-", "--", "—", "n/a", "na", "null", "none", "nan", "#n/a", "无", "未知", "unknown", "\\n")
)


def clean(text: str) -> str:
    """Text of a stranger's file: NFC, without control and direction marks, without the quote of exports.

    Joiners stay inside emoji and where a script needs them.

    >>> clean("'=1+1")
    '=1+1'
    """
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = _JOINER.sub(r"\1", _CONTROL.sub("", _BREAKS.sub(" ", text))).strip()
    if text.startswith("'") and text[1:2] and text[1] in _FORMULA:
        return text[1:]
    return text


def to_bool(text: str) -> int | None:
    """1, 0, or None for a word that is neither yes nor no."""
    word = text.strip().lower()
    return 1 if word in YES else 0 if word in NO else None


def to_number(text: str, style: str = ".") -> float | None:
    """A number; `style` is the decimal mark of the column, "." or ",".  Currency signs are skipped."""
    text = text.strip()
    if style == "." and _NUMBER.match(text):
        return float(text)
    text = _MONEY.sub("", unicodedata.normalize("NFKC", text)).strip()
    if (_THOUSANDS_COMMA if style == "," else _THOUSANDS).match(text):
        text = re.sub(r"[ '’\u00a0\u202f.]" if style == "," else r"[ '’\u00a0\u202f,]", "", text)
    if style == ",":
        text = text.replace(",", ".")
    return float(text) if _NUMBER.match(text) else None


def to_date(text: str, style: str = "dmy") -> int | None:
    """Days since 1970-01-01; `style` says whether 3/4/2024 is in April (dmy) or March (mdy).

    None for what is no date and for days that never were, such as 1990-02-30.
    """
    text = text.strip()
    found = _YMD.match(text) or _COMPACT.match(text)
    if found:
        year, month, day = found.groups()
    elif found := _XXY.match(text):
        month, day, year = found.groups() if style == "mdy" else (found[2], found[1], found[3])
    else:
        return None
    try:
        return date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None


def from_days(days: int) -> date:
    """The date of a stored number of days."""
    return date.fromordinal(days + _EPOCH)


def looks_like_date(text: str) -> bool:
    """Written like a date, whether or not there was such a day."""
    return bool(_YMD.match(text) or _COMPACT.match(text) or _XXY.match(text))


class Guess(NamedTuple):
    """A kind and how its values are written: "," or "." for numbers, "dmy" or "mdy" for dates."""

    kind: str
    style: str = ""


def guess(texts: Iterable[str]) -> Guess:
    """The kind of a column, from a sample of its cells.

    One cell in fifty may be junk: it becomes a note beside its row, not a column of text.
    """
    values = [t for t in (text.strip() for text in texts) if t.lower() not in EMPTY]
    if not values:
        return Guess("text")
    distinct = set(values)
    if {value.lower() for value in distinct} <= _BOOL_WORDS:
        return Guess("bool")
    enough = len(values) - len(values) // 50
    if sum(map(looks_like_date, values)) >= enough:
        return Guess("date", _date_style(distinct))
    if not any(map(_is_code, distinct)):
        for style in (".", ","):
            if sum(to_number(value, style) is not None for value in values) >= enough:
                return Guess("number", style)
    short = max(map(len, distinct)) <= MAX_CHOICE_LENGTH
    if short and len(distinct) <= MAX_GUESSED_CHOICES and len(distinct) * 2 <= len(values):
        return Guess("choice")
    return Guess("text")


def _is_code(text: str) -> bool:
    """Digits that are a name, not an amount: 007, card and phone numbers."""
    digits = text.removeprefix("+")
    return digits.isdigit() and (len(digits) > 11 or digits != text or (len(digits) > 1 and digits[0] == "0"))


def _date_style(texts: Iterable[str]) -> str:
    """Some day above 12 tells which of two numbers is the month; else the day is taken to come first."""
    parts = [found.groups() for found in map(_XXY.match, texts) if found]
    if any(int(first) <= 12 < int(second) for first, second, _year in parts):
        return "mdy"
    return "dmy" if parts else ""


def convert(kind: str, text: str, style: str = "") -> str | float | int | None:
    """The value of a text by kind; "" and the like are None, as is what makes no sense."""
    text = clean(text)
    if text.lower() in EMPTY and kind != "bool":
        return None
    match kind:
        case "number":
            return to_number(text, style or ".")
        case "date":
            return to_date(text, style or "dmy")
        case "bool":
            return to_bool(text)
        case _:
            return text if len(text) <= MAX_TEXT else None


def show(kind: str, value) -> str:
    """A stored value as text: dates as ISO, whole numbers without .0, bool as yes or no."""
    if value is None:
        return ""
    match kind:
        case "date":
            return from_days(value).isoformat()
        case "bool":
            return "yes" if value else "no"
        case "number":
            return str(int(value)) if float(value).is_integer() else repr(float(value))
        case _:
            return str(value)
