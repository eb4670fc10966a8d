"""Texts of trials that come back: from a phone of our own that hands over what it gets, or as its answer.

A test text carries a word nobody writes by chance, such as K7F2-93.  An inbound text with such a word that was
not written by the phone itself is what that phone got: it is kept as seen, and is nobody's reply.  One written
by the phone is an answer and is treated like anybody's.  Asked by `inbound`, inside its transaction.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from core.db import database

#: The intent of an inbound text that is a test text come back.
INTENT = "test"
#: Characters kept of what was read, and of the sender it was from.
BODY_MAX, SENDER_MAX = 2_000, 60
#: No letter that is read as another, or as a figure.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_NONCE = re.compile(r"(?<![A-Z0-9])([A-Z][0-9][A-Z][0-9])[-\s]?([0-9]{2})(?![0-9])", re.IGNORECASE)


class Seen(NamedTuple):
    """What became of a text as somebody saw it.

    `how`: yes, damaged or no; `by`: handset or person; `at` epoch ms, None when not known; `body` and `sender`
    as seen, '' when not told.
    """

    text_id: int
    how: str
    by: str
    at: int | None = None
    body: str = ""
    sender: str = ""
    who: str = ""


def new_nonce() -> str:
    """A word such as K7F2-93; 5 million of them."""
    a, b = secrets.choice(LETTERS), secrets.choice(LETTERS)
    return f"{a}{secrets.randbelow(10)}{b}{secrets.randbelow(10)}-{secrets.randbelow(100):02d}"


def nonces(text: str) -> list[str]:
    """The words of this form in a text, in the spelling they are stored in."""
    plain = unicodedata.normalize("NFKC", text)
    return [f"{head.upper()}-{tail}" for head, tail in _NONCE.findall(plain)]


def is_damaged(ordered: str, got: str) -> bool:
    """Was the text changed on its way?  White space and the form of composed characters do not count."""
    return _plain(ordered) != _plain(got)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def recognise(inbound_text: str, bidx: bytes, sender: str, at: int | None, now: int) -> bool:
    """Is this inbound text a test text come back?  Then it is kept as seen; an answer of the phone is kept as
    that, and False.  Inside `write_tx()`.

    `bidx`: the index of the inbound text's sender; `at`: when the phone got it, by its own clock.
    """
    words = nonces(inbound_text)
    if not words:
        return False
    row = database.one(
        "SELECT t.id, t.body, t.submitted_at, c.phone_bidx FROM trial_text t "
        "JOIN trial_number n ON n.id = t.number_id LEFT JOIN contact c ON c.id = n.contact_id "
        "WHERE t.nonce = ?",
        (words[0],),
    )
    if row is None:
        return False
    text_id, ordered, submitted, own = row
    if own is not None and bytes(own) == bytes(bidx):
        answered([text_id], "reply", now)
        return False
    # A phone whose clock is wrong says nothing of the time.
    when = at if at is not None and (submitted or 0) <= at <= now else now
    how = "damaged" if is_damaged(ordered, inbound_text) else "yes"
    keep([Seen(text_id, how, "handset", when, inbound_text, sender)])
    return True


def stopped(bidx: bytes, account_id: int, now: int) -> None:
    """A phone of a trial said STOP on this account: the text that asked for it is answered.

    Inside `write_tx()`.
    """
    rows = database.query(
        "SELECT t.id FROM contact c JOIN trial_number n ON n.contact_id = c.id JOIN trial_text t "
        "ON t.number_id = n.id WHERE c.phone_bidx = ? AND t.kind = 'stop' AND t.account_id = ? "
        "AND t.state NOT IN ('waiting', 'cancelled') AND t.answer = '' ORDER BY t.id DESC LIMIT 1",
        (bidx, account_id),
    )
    answered([row[0] for row in rows], "stop", now)


def answered(text_ids: Iterable[int], answer: str, now: int) -> None:
    """Keep the first answer of each text.  Inside `write_tx()`."""
    database.executemany(
        "UPDATE trial_text SET answer = ?, answer_at = ? WHERE id = ? AND answer = ''",
        [(answer, now, text_id) for text_id in text_ids],
    )


def keep(seen: Iterable[Seen]) -> int:
    """Keep what was seen of texts, inside `write_tx()`; returns how many changed.

    What a phone handed over stands above what a person says, and its first word above its later ones; a person
    may say another thing later.
    """
    return database.executemany(
        "UPDATE trial_text SET seen = ?, seen_by = ?, seen_at = ?, seen_body = ?, seen_sender = ?, noted_by = ? "
        "WHERE id = ? AND (seen_by <> 'handset' OR (seen = 'no' AND ? = 'handset'))",
        [
            (
                one.how,
                one.by,
                one.at,
                one.body[:BODY_MAX],
                one.sender[:SENDER_MAX],
                one.who,
                one.text_id,
                one.by,
            )
            for one in seen
        ],
    )
