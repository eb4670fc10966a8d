"""Phone numbers as people write them → E.164, country and line type; valid when libphonenumber says so.

The library parses about 50,000 numbers a second, an import needs many times that.  So the usual spellings
of mobile numbers are read by one regular expression a region, built from the library's own metadata;
whatever is unusual in any way goes to the library, which always has the last word.  A property test keeps
both in agreement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from core.db.codes import LineType


class Phone(NamedTuple):
    """A valid number: E.164 with `+`, ISO 3166 country of the number, and its kind of line."""

    e164: str
    country: str
    line_type: LineType


_LINE_TYPES = {
    PhoneNumberType.MOBILE: LineType.mobile,
    PhoneNumberType.FIXED_LINE: LineType.fixed,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.mobile_or_fixed,
    PhoneNumberType.VOIP: LineType.voip,
    PhoneNumberType.TOLL_FREE: LineType.toll_free,
    PhoneNumberType.PREMIUM_RATE: LineType.premium,
    PhoneNumberType.UNKNOWN: LineType.unknown,
}

#: Types the library tests before fixed and mobile (`phonenumberutil._number_type_helper`).
_EARLIER_TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)

#: Full-width, Arabic-Indic and extended Arabic-Indic digits and the full-width plus.
_DIGITS = {
    ord(c): str(i) for row in ("０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for i, c in enumerate(row)
}
_PLAIN = str.maketrans(_DIGITS | {ord("＋"): "+"})
#: Punctuation the library skips between digits.
_STRIP = str.maketrans("", "", " -.()/\u00a0")
#: Invisible marks of direction and width that contact apps paste along with a number.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

#: The library refuses longer input; so do we, before any work.
MAX_LENGTH = 250

#: Every region of the library, ISO codes.
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


def _alternatives(meta: PhoneMetadata, names) -> str:
    patterns = [getattr(meta, name).national_number_pattern for name in names if getattr(meta, name)]
    return "|".join(f"(?:{p})" for p in patterns if p and p != "NA")


class _Region:
    """What the fast path knows of one region."""

    __slots__ = ("code", "cc", "mobile", "general", "trunk", "parsing", "transforms", "line_type", "abroad")

    def __init__(self, code: str):
        meta = PhoneMetadata.metadata_for_region(code)
        self.code = code
        self.cc = str(meta.country_code)
        self.general = re.compile(meta.general_desc.national_number_pattern)
        self.trunk = meta.national_prefix or ""
        self.parsing = (
            re.compile(meta.national_prefix_for_parsing) if meta.national_prefix_for_parsing else None
        )
        self.transforms = bool(meta.national_prefix_transform_rule)
        self.abroad = re.compile(meta.international_prefix or r"(?!)")
        same = meta.general_desc and _same_lines(meta)
        self.line_type = LineType.mobile_or_fixed if same else LineType.mobile
        self.mobile = self._pattern(meta, same)

    def _pattern(self, meta: PhoneMetadata, same: bool) -> re.Pattern | None:
        """National numbers that are surely mobile here and of no other region with this calling code."""
        mobile = meta.mobile and meta.mobile.national_number_pattern
        if not mobile or mobile == "NA" or not meta.mobile.possible_length:
            return None
        ahead = ""
        if self.parsing:
            ahead += f"(?!{_plain(self.parsing.pattern)})"
        unlike = _alternatives(meta, _EARLIER_TYPES if same else (*_EARLIER_TYPES, "fixed_line"))
        if unlike:
            ahead += rf"(?!(?:{_plain(unlike)})\Z)"
        for other in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[meta.country_code]:
            if other == self.code:
                break
            earlier = PhoneMetadata.metadata_for_region(other)
            if earlier.leading_digits:
                ahead += f"(?!{_plain(earlier.leading_digits)})"
            else:
                ahead += (
                    rf"(?!(?:{_plain(_alternatives(earlier, (*_EARLIER_TYPES, 'fixed_line', 'mobile')))})\Z)"
                )
        if meta.leading_digits:
            ahead += f"(?={_plain(meta.leading_digits)})"
        lengths = "|".join(f".{{{n}}}" for n in meta.mobile.possible_length)
        return re.compile(rf"{ahead}(?=(?:{lengths})\Z)(?:{_plain(mobile)})\Z")

    def national(self, digits: str) -> str | None:
        """The national number of digits in national form or with the bare calling code, or None."""
        if self.mobile.match(digits):
            return digits
        trunk = self.trunk
        if trunk and digits.startswith(trunk):
            rest = digits[len(trunk) :]
            found = self.parsing.match(digits) if self.parsing else None
            plain = found and found.end() == len(trunk) and not (self.transforms and found.lastindex)
            if plain and self.mobile.match(rest) and not self.general.fullmatch(digits):
                return rest
        if digits.startswith(self.cc):
            rest = digits[len(self.cc) :]
            if self.mobile.match(rest) and not self.general.fullmatch(digits):
                return rest
        return None


def _plain(pattern: str) -> str:
    """A pattern whose groups do not capture, so that several fit into one expression."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _same_lines(meta: PhoneMetadata) -> bool:
    fixed, mobile = meta.fixed_line, meta.mobile
    return bool(fixed and mobile and fixed.national_number_pattern == mobile.national_number_pattern)


@lru_cache(maxsize=512)
def _region(code: str) -> _Region | None:
    region = _Region(code) if code in REGIONS else None
    return region if region and region.mobile else None


@lru_cache(maxsize=1024)
def _main_region(digits: str) -> _Region | None:
    """The main region of the calling code that these first three digits begin with."""
    for size in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:size]))
        if regions:
            return _region(regions[0])
    return None


def _quick(raw: str, region: str) -> Phone | None:
    """The usual spellings of a mobile number; None sends the caller to the library."""
    digits = raw if raw.isascii() else raw.translate(_PLAIN)
    if not (digits.isdigit() or digits[1:].isdigit()):
        digits = digits.translate(_STRIP)
    if digits.isdigit() and digits.isascii():
        home = _region(region)
        if not home:
            return None
        if not digits.startswith("00"):
            national = home.national(digits)
            return Phone(f"+{home.cc}{national}", home.code, home.line_type) if national else None
        dialled = home.abroad.match(digits)
        if not dialled or dialled.end() != 2:
            return None
        digits = digits[2:]
    else:
        home = _region(region) if region else None
        digits = digits[1:] if digits.startswith("+") else ""
        if not (digits.isdigit() and digits.isascii()):
            return None
    if len(digits) < 7 or digits[0] == "0":
        return None
    if home and digits.startswith(home.cc) and home.mobile.match(digits, len(home.cc)):
        found = home
    else:
        found = _main_region(digits[:3])
        if not found or not digits.startswith(found.cc) or not found.mobile.match(digits, len(found.cc)):
            return None
    return Phone(f"+{digits}", found.code, found.line_type)


class Plain(NamedTuple):
    """What recognises the two plainest spellings of a region's mobile numbers, "+" and the calling code ahead
    or not, and what such a number is.  For columns of numbers: what `match` refuses is for `parse`."""

    match: Callable[[str], re.Match | None]
    calling_code: str
    line_type: LineType


@lru_cache(maxsize=512)
def plain(region: str) -> Plain | None:
    """The plain spellings of `region`, None when there are none to be sure of."""
    home = _region(region)
    if home is None:
        return None
    pattern = re.compile(rf"(?:\+{home.cc})?{home.mobile.pattern}", re.ASCII)
    return Plain(pattern.match, home.cc, home.line_type)


def parse_slow(raw: str, region: str = "") -> Phone | None:
    """The same as `parse`, by libphonenumber alone."""
    if len(raw) > MAX_LENGTH:
        return None
    try:
        number = phonenumbers.parse(_INVISIBLE.sub("", raw), region or None)
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(number)
    if not country or not phonenumbers.is_valid_number(number):
        return None
    kind = _LINE_TYPES.get(phonenumbers.number_type(number), LineType.other)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164, country, kind)


def parse(raw: str, region: str = "") -> Phone | None:
    """Read a number as it stands in a file or a form; `region` is the ISO country of national numbers.

    Takes spaces, dashes, 00 or +, full-width and Arabic digits.  Returns None when libphonenumber does not
    call it valid.
    """
    return _quick(raw, region) or parse_slow(raw, region)
