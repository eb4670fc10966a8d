"""Conditions on text that both databases answer alike.

LIKE ignores ASCII case on SQLite, nothing on PostgreSQL, and ILIKE follows the server's locale there; so both
sides are put in small ASCII letters here and compared byte for byte.
"""

from __future__ import annotations

import string

from peewee import fn

from core.db.database import is_postgres

_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def small(text: str) -> str:
    """ASCII letters in lower case, everything else as it is."""
    return text.translate(_SMALL)


def contains(column, text: str):
    """The column holds `text` somewhere; ASCII case is ignored."""
    find = fn.STRPOS if is_postgres() else fn.INSTR
    return find(_small_column(column), small(text)) > 0


def starts_with(column, text: str):
    """The column begins with `text`; ASCII case is ignored."""
    return fn.SUBSTR(_small_column(column), 1, len(text)) == small(text)


def _small_column(column):
    return fn.LOWER(column.collate('"C"') if is_postgres() else column)
