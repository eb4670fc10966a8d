"""Which encoding a text file is in: UTF-8, UTF-16 with or without a mark, GB18030, Windows-1252."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20
_HIGH = re.compile(rb"[\x80-\xff]+")


def encoding_of(path: Path) -> str:
    """Python's name of the encoding, by these signs in this order:

    1. a byte-order mark; 2. zeros at every other byte: UTF-16 without a mark; 3. the whole file is valid
    UTF-8; 4. bytes above 127 that come in pairs are Chinese, lone ones are Western letters.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        if wide := _wide(head[:4096]):
            return wide
        file.seek(0)
        if _is_utf8(file):
            return "utf-8"
        file.seek(0)
        chinese = _is_chinese(file)
    return "gb18030" if chinese else "cp1252"


def _wide(head: bytes) -> str | None:
    """UTF-16 shows its zeros: commas, digits and line ends are one byte and a zero."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    high, low = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if low > pairs * 0.15 and high <= low * 0.1:
        return "utf-16-le"
    if high > pairs * 0.15 and low <= high * 0.1:
        return "utf-16-be"
    return None


def _is_utf8(file) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(file) -> bool:
    """In GB18030 most characters are two high bytes; in Windows-1252 an é stands between plain letters."""
    decoder, lone, paired = codecs.getincrementaldecoder("gb18030")("strict"), 0, 0
    while block := file.read(_BLOCK):
        for run in _HIGH.finditer(block):
            size = run.end() - run.start()
            paired += size // 2
            lone += size % 2
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            # A few bad bytes do not make a Chinese file a Western one.
            decoder.reset()
            lone += 1
    return paired > lone
