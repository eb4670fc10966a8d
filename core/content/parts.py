"""How many parts a text takes on the air, and which characters make it dear.

Tables: 3GPP TS 23.038 §6.2.1 (alphabet) and §6.2.1.1 (extension); TS 23.040 §9.2.3.24.1 (header of split
texts).  Billing inside China: help.aliyun.com/document_detail/44335, read 2026-11-21.

A unit is a septet in GSM-7 (2 for an extension character) and a UTF-16 code unit in UCS-2 (2 for emoji).
A part never cuts such a pair, so a part may stay one unit short.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"

#: Encoding → units of a single part, units of each part of a split text with an 8-bit reference.
LIMITS = {"gsm7": (160, 153), "ucs2": (70, 67)}
#: Characters a text inside China may have at most (Aliyun).
CN_MAX_CHARS = 500

#: From this share of foreign letters on, a text is simply in another script.
OTHER_SCRIPT = 0.3

_FOREIGN = re.compile("[^" + re.escape(BASIC + EXTENSION) + "]")
_EXTENDED = re.compile("[" + re.escape(EXTENSION) + "]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_ASCII_BASIC = "".join(c for c in BASIC if c.isascii()).encode()
_ASCII_EXTENSION = "".join(c for c in EXTENSION if c.isascii()).encode()

#: Typographic characters and what a phone shows just as well in GSM-7.
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
        **dict.fromkeys("“”„‟″«»＂", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009", " "),
        **dict.fromkeys("\u200a\u202f\u205f\u3000\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", None),
        **dict.fromkeys("•·∙‣", "-"),
        **dict.fromkeys("\u2028\u2029\v\x85", "\n"),
        "…": "...",
        "‹": "<",
        "›": ">",
        "×": "x",
        "⁄": "/",
        **{chr(full): chr(full - 0xFEE0) for full in range(0xFF01, 0xFF5F) if full not in (0xFF02, 0xFF07)},
    }
)
#: Letters with no decomposition that still have a plain neighbour.
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "œ": "oe", "Œ": "OE"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How a text goes on the air.

    `encoding` is "gsm7" or "ucs2"; `units` counts the whole text; `breakers` are the (character, position)
    pairs that keep it out of GSM-7, empty when it is in it.
    """

    encoding: str
    units: int
    parts: int
    breakers: tuple[tuple[str, int], ...] = ()

    @property
    def dear(self) -> tuple[tuple[str, int], ...]:
        """The breakers a person could do without: none where the words themselves are in another script."""
        letters = sum(char.isalpha() for char, _at in self.breakers)
        return self.breakers if letters < OTHER_SCRIPT * self.units else ()

    @property
    def room(self) -> int:
        """Units left before one more part begins."""
        one, many = LIMITS[self.encoding]
        return (one if self.parts == 1 else many * self.parts) - self.units


def count(text: str, cn: bool = False) -> tuple[str, int]:
    """(encoding, parts) of one text; under half a microsecond for ASCII.

    `cn`: count as carriers inside China bill: every character one unit, 70 or 67 a part.
    """
    if not cn:
        units = _gsm_units(text)
        if units >= 0:
            if units <= 160:
                return "gsm7", 1
            if units == len(text):
                return "gsm7", -(-units // 153)
            return "gsm7", len(_cuts(text, "gsm7"))
    length = len(text)
    if length <= 35:
        return "ucs2", 1
    units = length if text.isascii() else _ucs_units(text)
    if units <= 70:
        return "ucs2", 1
    if units == length:
        return "ucs2", -(-units // 67)
    return "ucs2", len(_cuts(text, "ucs2"))


def count_many(texts: Iterable[str], cn: bool = False) -> list[tuple[str, int]]:
    """`count` of each text, in order; equal neighbours are counted once."""
    counted: list[tuple[str, int]] = []
    last, result = None, ("gsm7", 1)
    for text in texts:
        if text is not last:
            last, result = text, count(text, cn)
        counted.append(result)
    return counted


def plan(text: str, cn: bool = False) -> Plan:
    """All a person wants to know of one text; for pages and checks, `count` is for sending."""
    encoding, parts = count(text, cn)
    if encoding == "gsm7":
        return Plan("gsm7", _gsm_units(text), parts)
    breakers = tuple((found[0], found.start()) for found in _FOREIGN.finditer(text))
    return Plan("ucs2", _ucs_units(text), parts, breakers)


def split(text: str, ref_bits: int = 8) -> list[str]:
    """The text cut into its parts, as many as `count` says (for an 8-bit reference).

    Base and combining characters stay together wherever that needs no further part.  `ref_bits` 16 leaves
    room for the 7-byte header.
    """
    encoding, parts = count(text)
    if parts == 1:
        return [text]
    plain = _cuts(text, encoding, ref_bits)
    starts = _cuts(text, encoding, ref_bits, whole_clusters=True)
    if len(starts) > len(plain):
        starts = plain
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def to_gsm7(text: str, letters: bool = False) -> str:
    """The text with quotes, dashes, spaces and full-width forms GSM-7 lacks replaced by its own.

    `letters` also takes accents off letters outside the alphabet (ş → s).  What has no equal stays.
    """
    if not _FOREIGN.search(text):
        return text
    text = _FOREIGN.sub(lambda found: found[0].translate(_TYPOGRAPHIC), text)
    return _FOREIGN.sub(lambda found: _plain_letter(found[0]), text) if letters else text


def _plain_letter(char: str) -> str:
    base = unicodedata.normalize("NFKD", char.translate(_LETTERS))
    plain = "".join(c for c in base if not unicodedata.combining(c))
    return char if _FOREIGN.search(plain) or (not plain and not unicodedata.combining(char)) else plain


def _gsm_units(text: str) -> int:
    """Septets, or -1 when a character is outside the alphabet.  Deleting bytes beats a search here."""
    if text.isascii():
        rest = text.encode("ascii").translate(None, _ASCII_BASIC)
        if not rest:
            return len(text)
        return -1 if rest.translate(None, _ASCII_EXTENSION) else len(text) + len(rest)
    if _FOREIGN.search(text):
        return -1
    return len(text) + len(_EXTENDED.findall(text))


def _ucs_units(text: str) -> int:
    return len(text) + len(_ASTRAL.findall(text))


def _cuts(text: str, encoding: str, ref_bits: int = 8, whole_clusters: bool = False) -> Sequence[int]:
    """Where each part of a split text starts."""
    room = LIMITS[encoding][1] - (ref_bits == 16)
    wide = EXTENSION if encoding == "gsm7" else None
    starts, used, at, length = [0], 0, 0, len(text)
    while at < length:
        char = text[at]
        width = 2 if (char in wide if wide else char > "\uffff") else 1
        if used + width > room:
            if whole_clusters:
                at = _cluster_start(text, at, starts[-1])
            starts.append(at)
            used = 0
            continue
        used += width
        at += 1
    return starts


def _cluster_start(text: str, at: int, floor: int) -> int:
    """The nearest place at or before `at` that does not cut a character people see as one."""
    place = at
    while place > floor + 1 and _joins(text[place - 1], text[place]):
        place -= 1
    return at if place <= floor + 1 else place


def _joins(before: str, char: str) -> bool:
    return (
        unicodedata.combining(char) != 0
        or char in "\u200d\ufe0e\ufe0f\u20e3"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or before == "\u200d"
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= char <= "\U0001f1ff")
    )
