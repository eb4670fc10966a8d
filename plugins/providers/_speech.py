"""Reading a message to a person: the language of the voice, and codes digit by digit (the voice providers)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core import Outgoing

#: A word with a digit in it that may be a code; \b does not part it from Chinese characters.
_CODE = re.compile(r"(?<![0-9A-Za-z])(?=[0-9A-Za-z]*\d)[0-9A-Za-z]{4,12}(?![0-9A-Za-z])")
#: What XML 1.0 cannot hold.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Scripts that tell the language of words nobody named one for; Kana before the characters Japanese shares.
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)
#: Times a one-time code is read.
OTP_TIMES = 2


def words(message: Outgoing) -> tuple[str, int]:
    """(what is said, how often): one-time codes with a pause after each character, twice; others as they are."""
    text = _UNSPEAKABLE.sub(" ", message.text)
    if message.cls != "otp":
        return text, 1
    return _CODE.sub(lambda found: ", ".join(found[0]), text), OTP_TIMES


def voice_of(message: Outgoing, languages: Mapping[str, str], usual: str) -> str:
    """The vendor's name of the language of a message: as it is said, by its script, or the usual one.

    `languages` has names by language ("zh") and by language and place ("zh-tw").
    """
    said = message.lang.replace("_", "-").lower()
    guess = next((name for name, script in _SCRIPTS if script.search(message.text)), "")
    for name in (said, said.split("-")[0], guess):
        if name in languages:
            return languages[name]
    return usual
