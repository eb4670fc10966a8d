"""Words on the air: alphabets, cutting long texts, joining them again, the text of a receipt.

Sources: 3GPP TS 23.038 §6.2.1 (alphabet, one octet a septet as SMPP carries it), TS 23.040 §9.2.3.24.1
(header of split texts), SMPP 3.4 appendix B (receipts).  core/content/parts.py counts; this cuts alike.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from core.content.parts import BASIC, EXTENSION
from plugins.providers import _smpp_pdu as p

GSM7, IA5, LATIN1, UCS2 = 0x00, 0x01, 0x03, 0x08
_ESCAPE = 0x1B
#: BASIC leaves out the escape, which is no character.
_ALPHABET = BASIC[:_ESCAPE] + "\x1b" + BASIC[_ESCAPE:]
_EXTENDED = dict(
    zip(EXTENSION, bytes((0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65)), strict=True)
)
_ENCODE: dict[int, bytes] = {ord(char): bytes((at,)) for at, char in enumerate(_ALPHABET) if char != "\x1b"}
_ENCODE |= {ord(char): bytes((_ESCAPE, octet)) for char, octet in _EXTENDED.items()}
_DECODE = _ALPHABET + "\N{REPLACEMENT CHARACTER}" * 128
_ESCAPED = {bytes((octet,)): char for char, octet in _EXTENDED.items()}
#: Characters with the same number in ASCII and GSM-7: most texts need no table at all.
_SAME = bytes(octet for octet in range(128) if _ALPHABET[octet] == chr(octet) and octet != _ESCAPE)
#: Octets of a single text, and of each part of a split one.
ROOM = {GSM7: (160, 153), IA5: (160, 153), LATIN1: (160, 153), UCS2: (140, 134)}
_CHARSETS = {"1": (IA5, "ascii"), "3": (LATIN1, "latin-1")}

_DECIMAL, _HEXADECIMAL = re.compile(r"[0-9]{1,64}"), re.compile(r"[0-9a-fA-F]{1,64}")
#: Ids as we spell them, a line each.
_SPELT = re.compile(r"[1-9a-f][0-9a-f]{0,63}(?:\n[1-9a-f][0-9a-f]{0,63})*")
#: Receipts as the appendix has them, and any field wherever it stands: ten times slower.
_USUAL = re.compile(r"id:(\S*) sub:\S* dlvrd:\S* submit date:\S* done date:(\S*) stat:(\S*) err:(\S*)")
_FIELD = re.compile(r"(id|stat|err|done date):\s*(\S*)", re.IGNORECASE)
#: Concatenation in the user data header: 8-bit and 16-bit reference.
_JOIN_8, _JOIN_16 = 0x00, 0x08


def gsm_encode(text: str) -> bytes | None:
    """GSM-7, an octet a septet; None when a character is outside the alphabet."""
    if text.isascii():
        octets = text.encode("ascii")
        if not octets.translate(None, _SAME):
            return octets
    try:
        return codecs.charmap_encode(text, "strict", _ENCODE)[0]
    except UnicodeEncodeError:
        return None


def gsm_decode(octets: bytes) -> str:
    """The text again; an unknown escape shows the character of the basic table, as the standard says."""
    head, *escaped = octets.split(b"\x1b")
    made = [_plain(head)]
    for piece in escaped:
        char = _ESCAPED.get(piece[:1])
        made.append(_plain(piece) if char is None else char + _plain(piece[1:]))
    return "".join(made)


def _plain(octets: bytes) -> str:
    return codecs.charmap_decode(octets, "strict", _DECODE)[0]


def encode(text: str, encoding: str, coding: str) -> tuple[int, bytes]:
    """(data_coding, octets) of a text.

    `encoding` is what core counted ("gsm7" or "ucs2"), `coding` the account's setting: 0 the SMSC's default
    alphabet is GSM-7, 1 or 3 it takes ASCII or Latin-1 and makes GSM-7 of it, 8 everything is UCS-2.  What
    does not fit goes as UCS-2.  The octets of 1 and 3 are GSM-7 here, because that is how they are cut.
    """
    if encoding == "gsm7" and coding != "8":
        octets = gsm_encode(text)
        if octets is not None and coding == "0":
            return GSM7, octets
        number, charset = _CHARSETS.get(coding, (0, ""))
        if octets is not None and charset:
            with suppress(UnicodeEncodeError):
                text.encode(charset)
                return number, octets
    return UCS2, text.encode("utf-16-be", "replace")


def decode(octets: bytes, data_coding: int) -> str:
    """The words of an inbound text (data_coding: SMPP 3.4 §5.2.19, groups of TS 23.038 §4)."""
    group = data_coding & 0x0C if data_coding >= 0x10 and data_coding < 0xF0 else data_coding
    if group == UCS2:
        return octets.decode("utf-16-be", "replace")
    if group == GSM7 or data_coding & 0xF4 == 0xF0:
        return gsm_decode(octets)
    return octets.decode("latin-1")


def cut(octets: bytes, coding: int) -> list[bytes]:
    """The parts of a text, as many as core/content/parts.py counts; no pair of octets or units is cut."""
    single, room = ROOM[coding]
    if len(octets) <= single:
        return [octets]
    parts, at, length = [], 0, len(octets)
    while at < length:
        end = min(at + room, length)
        if end < length and _cuts_pair(octets, at, end, coding):
            end -= 2 if coding == UCS2 else 1
        parts.append(octets[at:end])
        at = end
    return parts


def _cuts_pair(octets: bytes, at: int, end: int, coding: int) -> bool:
    if coding == UCS2:
        return 0xD8 <= octets[end - 2] <= 0xDB
    return octets[end - 1] == _ESCAPE


def tails(
    octets: bytes, coding: int, how: str, ref: int, validity: str, receipt: int, tlvs: bytes = b""
) -> list[bytes]:
    """What follows the destination in the submit_sm of each part; `how` is udh, sar or payload.

    `ref` tells the parts of one text from those of another on the same phone.
    """
    parts = [octets] if how == "payload" else cut(octets, coding)
    payload = how == "payload" and len(octets) > ROOM[coding][0]
    if coding in (IA5, LATIN1):
        parts = [gsm_decode(part).encode("latin-1") for part in parts]
    if len(parts) == 1:
        return [
            p.submit_tail(parts[0], coding, validity=validity, receipt=receipt, tlvs=tlvs, payload=payload)
        ]
    total, made = len(parts), []
    for number, part in enumerate(parts, 1):
        if how == "sar":
            sar = p.tlv(p.SAR_REF, (ref & 0xFFFF).to_bytes(2)) + p.tlv(p.SAR_TOTAL, bytes((total,)))
            sar += p.tlv(p.SAR_SEQUENCE, bytes((number,)))
            made.append(p.submit_tail(part, coding, validity=validity, receipt=receipt, tlvs=sar + tlvs))
        else:
            udh = bytes((5, _JOIN_8, 3, ref & 0xFF, total, number))
            made.append(
                p.submit_tail(
                    udh + part, coding, esm_class=p.UDHI, validity=validity, receipt=receipt, tlvs=tlvs
                )
            )
    return made


class Piece(NamedTuple):
    """An inbound text, or one part of it: `total` parts under one `ref`, this one is `number`."""

    text: str
    ref: int = 0
    total: int = 1
    number: int = 1


def read_piece(came: p.Deliver) -> Piece:
    """Words and place of an inbound text, by its header or by SAR parameters."""
    octets = came.text
    if came.esm_class & p.UDHI and octets and octets[0] < len(octets):
        header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
        for kind, value in _elements(header):
            if kind == _JOIN_8 and len(value) == 3:
                return _piece(octets, came.data_coding, value[0], value[1], value[2])
            if kind == _JOIN_16 and len(value) == 4:
                return _piece(octets, came.data_coding, int.from_bytes(value[:2]), value[2], value[3])
    sar = [came.tlvs.get(tag, b"") for tag in (p.SAR_REF, p.SAR_TOTAL, p.SAR_SEQUENCE)]
    if all(sar):
        return _piece(octets, came.data_coding, *map(int.from_bytes, sar))
    return Piece(decode(octets, came.data_coding))


def _piece(octets: bytes, data_coding: int, ref: int, total: int, number: int) -> Piece:
    text = decode(octets, data_coding)
    return Piece(text, ref, total, number) if 1 <= number <= total <= 255 else Piece(text)


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        yield kind, header[at + 2 : at + 2 + length]
        at += 2 + length


def receipt_fields(text: str) -> dict[str, str]:
    """`id`, `stat`, `err`, `done date` of a receipt's text; the first of each, because the text of the
    message itself stands at the end."""
    usual = _USUAL.match(text)
    if usual is not None:
        return dict(zip(("id", "done date", "stat", "err"), usual.groups(), strict=True))
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        found.setdefault(name.lower(), value)
    return found


@lru_cache(maxsize=1024)
def receipt_date(digits: str) -> datetime | None:
    """YYMMDDhhmm[ss] as UTC; SMSCs name no zone, so core believes it only when it can be true.

    Thousands of receipts have the same minute, and `strptime` costs as much as all the rest of one.
    """
    with suppress(ValueError):
        return datetime.strptime(digits[:12], "%y%m%d%H%M%S" if len(digits) >= 12 else "%y%m%d%H%M").replace(
            tzinfo=UTC
        )
    return None


def same_ids(given: list[str], base: int = 0) -> list[str]:
    """`same_id` of many; most SMSCs spell all of them as we do, which one look at them together tells."""
    text = "\n".join(given)
    if base != 10 and text.count("\n") == len(given) - 1 and _SPELT.fullmatch(text):
        return given
    return [same_id(one, base) for one in given]


def same_id(given: str, base: int = 0) -> str:
    """A message id in one spelling: hexadecimal, no leading zeros, where it is a number; else as it came.

    `base` is 10 or 16 where the account says how the SMSC writes it, 0 where both sides write it alike.
    No spaces: core takes those to stand between the ids of parts.
    """
    given = "_".join(given.split())
    if base == 10 and _DECIMAL.fullmatch(given):
        return f"{int(given):x}"
    if base != 10 and _HEXADECIMAL.fullmatch(given):
        return given.lstrip("0").lower() or "0"
    return given
