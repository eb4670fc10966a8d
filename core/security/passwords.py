"""Passwords: hashing, and which are too easy.

argon2id with 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet): about 40 ms a try; more would
let a few sign-in tries at once starve a small server.  There are no composition rules: length and not being
among the ten thousand most common is what helps (NIST SP 800-63B §5.1.1.2).
"""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher

from core.contract.errors import Refusal
from core.i18n import _

MIN_LENGTH, MAX_LENGTH = 8, 128
#: Fewer guesses than this (by zxcvbn's estimate) is as good as a common password.
MIN_GUESSES = 10_000
ARGON2 = {"time_cost": 2, "memory_cost": 19_456, "parallelism": 1}


def normalize(password: str) -> str:
    """One spelling of one password, however the keyboard composed it; the form Flask-Security uses."""
    return unicodedata.normalize("NFKD", password)


def trouble(password: str, *words: str) -> str | None:
    """What is wrong with a new password in one sentence, or None.  `words` are the person's own."""
    if len(password) < MIN_LENGTH:
        return _("The password is too short: use at least %(n)s characters, better 15.", n=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        return _("The password is too long: use at most %(n)s characters.", n=MAX_LENGTH)
    from zxcvbn import zxcvbn  # its word lists take 50 ms to load; most processes never need them

    own = [part for word in ("cooee", *words) for part in (word, *word.replace("@", " ").split()) if part]
    if zxcvbn(password[:72], user_inputs=own)["guesses"] < MIN_GUESSES:
        return _("This password is among the first that are tried. A few words in a row make a good one.")
    return None


def hash_new(password: str, *words: str) -> str:
    """The hash to store of a new password; raises `Refusal` for one that is too easy."""
    wrong = trouble(password, *words)
    if wrong:
        raise Refusal(wrong, field="password")
    return _hashed(normalize(password))


def unusable() -> str:
    """The hash of a password nobody knows, for people who have not chosen one yet."""
    return _hashed(secrets.token_urlsafe(32))


def _hashed(password: str) -> str:
    return PasswordHasher(**ARGON2).hash(password)
