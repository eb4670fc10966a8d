"""What is wrong around Cooee rather than in it, in one sentence: a database that is away, a disk, odd bytes."""

from __future__ import annotations

import sqlite3
import sys

from core import disk

#: Words of SQLite about a mistake of ours, not about the file.
_OURS = ("no such", "syntax error", "has no column", "binding", "ambiguous")
_DAMAGED = ("not a database", "malformed")


def sentence(error: Exception) -> str | None:
    """The sentence with the remedy; None for a mistake in the program, which shows where it is."""
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return "What was typed holds bytes that are no text in UTF-8; type it again, or set the terminal to UTF-8."
    if disk.is_full(error):
        return disk.full_words(getattr(error, "filename", None) or "")
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename and error.strerror else f"{error}."
    return _of_database(error)


def _of_database(error: Exception) -> str | None:
    import peewee

    psycopg = sys.modules.get("psycopg")
    away = [peewee.OperationalError, peewee.InterfaceError, sqlite3.OperationalError, sqlite3.InterfaceError]
    away += [psycopg.OperationalError, psycopg.InterfaceError] if psycopg else []
    said = str(error).strip().partition("\n")[0].rstrip(".")
    if isinstance(error, peewee.DatabaseError | sqlite3.DatabaseError) and any(w in said for w in _DAMAGED):
        return (
            f"The database is damaged ({said}); stop Cooee, move cooee.db away, run `cooee init`, "
            "then `cooee restore` with the last backup."
        )
    if not isinstance(error, tuple(away)) or any(word in said for word in _OURS):
        return None
    if "disk i/o error" in said.lower():
        return f"The disk of the database fails or is full ({said}); make room on it, or look at it, then try again."
    if "readonly" in said or "read-only" in said:
        return f"The database may not be written by this user ({said}); `cooee doctor` says what to do."
    if "locked" in said:
        return f"Another program keeps the database busy ({said}); try again."
    return f"The database cannot be used ({said}); see that it runs and that COOEE_DATABASE_URL is right."
