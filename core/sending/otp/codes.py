"""Codes: made from a random seed with a key outside the database, compared by a keyed hash.

A row holds the seed while the code may still be sent, and the hash; neither tells the code without the key of
the instance, and once the seed is gone nothing makes it again.  Texts that carry a code are kept with
`secrecy.MASK` in its place; `revealed` puts the code in on the way to the wire, in memory only.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from core.db import database
from core.db.sets import among, listed
from core.secrecy import MASK
from core.security.crypto import Keys

DIGITS = "0123456789"
#: Letters and digits nobody takes for another: no 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V.
ALNUM = "ACDEFGHJKMNPRTWXY34679"
_ALPHABETS = {"digits": DIGITS, "alnum": ALNUM}
SEED_BYTES = 16
#: Random characters of an id: 131 bits.
ID_CHARS = 22
_ID = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: A comma makes a voice take a breath between digits.
_PAUSE = ", "


#: Whose codes texts carry, and whether a voice reads them: the text, the call, and the text sent in the place of
#: one whose receipt did not come.
_CODE = "o.seed, o.length, o.alphabet, o.lang FROM"
_SOURCES = (
    (f"SELECT o.message_id, {_CODE} otp o WHERE o.message_id", False),
    (f"SELECT o.call_id, {_CODE} otp o WHERE o.call_id", True),
    (
        f"SELECT s.second_id, {_CODE} second_text s JOIN otp o ON o.message_id = s.first_id WHERE s.second_id",
        False,
    ),
)


class Secret(NamedTuple):
    """A text with its code, and the language a voice reads it in; `text` None when the code is void."""

    text: str | None
    lang: str


def new_id() -> str:
    """An id nobody guesses."""
    return "".join(secrets.choice(_ID) for _char in range(ID_CHARS))


def new_seed() -> bytes:
    """What one code is made from."""
    return secrets.token_bytes(SEED_BYTES)


def code(keys: Keys, seed: bytes, length: int, alphabet: str) -> str:
    """The code of a seed; every code of its length is equally likely."""
    letters = _ALPHABETS[alphabet]
    # 256 bits for at most 10 characters: the bias of the remainder is below 2⁻²⁰⁰.
    number = int.from_bytes(hmac.digest(keys.otp, b"code" + bytes(seed), "sha256"))
    made = ""
    for _char in range(length):
        number, rest = divmod(number, len(letters))
        made += letters[rest]
    return made


def tidy(typed: str) -> str:
    """What somebody typed as it is compared: full-width digits, small letters, spaces and dashes are forgiven."""
    chars = (char for char in unicodedata.normalize("NFKC", typed).upper() if char.isalnum())
    return "".join(str(unicodedata.digit(char, char)) for char in chars)


def digest(keys: Keys, otp_id: str, typed: str) -> bytes:
    """The keyed hash a try is compared by; bound to the id, so equal codes have unequal hashes."""
    return hmac.digest(keys.otp, f"try:{otp_id}:{tidy(typed)}".encode(), "sha256")


def key_of(keys: Keys, kind: str, value: str) -> bytes:
    """16 bytes that stand for a number, an address or an id in a bucket."""
    return hmac.digest(keys.otp, f"{kind}:{value}".encode(), "sha256")[:16]


def spoken(text: str) -> str:
    """A code as a voice says it: "417" → "4, 1, 7"."""
    return _PAUSE.join(text)


def revealed(keys: Keys, bodies: Mapping[int, str]) -> dict[int, Secret]:
    """Of stored words by message, those that carry a code: with the code in its place.

    Read by a worker just before the wire; what is returned must not be stored.
    """
    wanted = [message_id for message_id, body in bodies.items() if MASK in body]
    if not wanted:
        return {}
    made: dict[int, Secret] = {}
    for source, aloud in _SOURCES:
        for message_id, seed, length, alphabet, lang in database.query(
            f"{source} {among()}", (listed(wanted),)
        ):
            if seed is None:
                made[message_id] = Secret(None, lang)
                continue
            plain = code(keys, seed, length, alphabet)
            said = spoken(plain) if aloud else plain
            made[message_id] = Secret(bodies[message_id].replace(MASK, said), lang)
    return made
