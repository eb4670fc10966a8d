"""The same key is the same call: it acts once, and its answer is given again byte for byte.

1. The first call inserts (token, key) and so holds it; every other finds the row.
2. It acts and stores its answer; work that is one transaction stores it in that transaction.
3. Others with the key wait for the answer, and are told 409 when it takes long.  A call whose process died
   holds its key for `HELD_MS`; the next one then acts in its place.
4. A crash inside the work (5xx) gives the key back, so that a repeat tries again; so does a limit that says when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from core import clock
from core.api import problems
from core.api.problems import Problem
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _
from core.security.crypto import Keys

KEY_MAX = 200
#: How long a repeat waits for the first call, and looks again.
WAIT_S, LOOK_S = 10.0, 0.03
#: Longer than any call takes.
HELD_MS = 5 * clock.MINUTE_MS


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire.  `replayed`: it was given before; `wait_s`: come again after so long."""

    status: int
    content_type: str
    body: bytes
    replayed: bool = False
    wait_s: int = 0


def once(
    keys: Keys, token_id: int, key: str, request: bytes, work: Callable[[], Answer], *, atomic: bool = False
) -> Answer:
    """The answer of `work`, which runs once for a token's key; a `Refusal` of it is an answer, too.

    `request` is all that makes two calls the same.  Raises `Problem`: 422 when the key came with another
    request, 409 while the first call is still at work.
    """
    place = _Place(keys, token_id, keys.blind_index(key))
    request_hash = keys.blind_index(sha256(request).hexdigest())
    until = clock.monotonic() + WAIT_S
    while True:
        held_at = clock.now_ms()
        found = place.look()
        if found is None:
            if database.retry_locked(place.hold, request_hash, held_at):
                return _act(place, held_at, work, atomic)
            continue
        known, answer, since = found
        if known != request_hash:
            raise Problem(
                "key-reused", _("This Idempotency-Key came with another request before; take a new one.")
            )
        if answer:
            return answer
        if since < held_at - HELD_MS and database.retry_locked(place.take_over, since, held_at):
            return _act(place, held_at, work, atomic)
        if clock.monotonic() > until:
            raise Problem(
                "conflict", _("A call with this Idempotency-Key is still at work; repeat it later."), wait_s=5
            )
        clock.sleep(LOOK_S)


def answered(work: Callable[[], Answer]) -> Answer:
    """The answer of `work`; a refusal is one."""
    try:
        return work()
    except Refusal as refusal:
        return refused(refusal)


def refused(refusal: Refusal) -> Answer:
    """A refusal as an answer."""
    wait_s = getattr(refusal, "wait_s", 0)
    return Answer(refusal.status, problems.CONTENT_TYPE, problems.of(refusal), wait_s=wait_s)


def _act(place: _Place, held_at: int, work: Callable[[], Answer], atomic: bool) -> Answer:
    try:
        if atomic:
            try:
                return database.retry_locked(_in_one, place, held_at, work)
            except Refusal as refusal:
                # The transaction is rolled back; the refusal is kept by itself.
                answer = refused(refusal)
        else:
            answer = answered(work)
        if answer.status < 500 and not answer.wait_s:
            database.retry_locked(place.keep, held_at, answer)
        else:
            # "Try again later" must not be the answer to that later try.
            place.give_back(held_at)
        return answer
    except Exception:
        place.give_back(held_at)
        raise


def _in_one(place: _Place, held_at: int, work: Callable[[], Answer]) -> Answer:
    with database.write_tx():
        answer = work()
        place.keep(held_at, answer)
    return answer


class _Place:
    """The row of one token's key.  Answers name people, so they are kept encrypted, and requests as a keyed
    hash."""

    _MINE = "token_id = ? AND key_hash = ?"

    def __init__(self, keys: Keys, token_id: int, key_hash: bytes):
        self._keys, self._row = keys, (token_id, key_hash)
        self._aad = b"api_answer:body:%d:%s" % (token_id, key_hash)

    def look(self) -> tuple[bytes, Answer | None, int] | None:
        """(hash of the request, its answer or None while at work, held since), None without a row."""
        found = database.one(
            f"SELECT request_hash, status, content_type, body, held_at FROM api_answer WHERE {self._MINE}",
            self._row,
        )
        if found is None:
            return None
        known, status, content_type, body, since = found
        answer = None
        if status:
            answer = Answer(status, content_type, self._keys.decrypt(body, self._aad), replayed=True)
        return bytes(known), answer, since

    def hold(self, request_hash: bytes, now: int) -> bool:
        """Take the key; False when another call was first."""
        # A power cut that takes this row takes all that came after it, too: the log is written in order.
        with bulk.repeatable(), database.write_tx():
            return bool(
                database.execute(
                    "INSERT INTO api_answer (token_id, key_hash, request_hash, status, content_type, held_at, "
                    "created_at) VALUES (?, ?, ?, 0, '', ?, ?) ON CONFLICT (token_id, key_hash) DO NOTHING",
                    (*self._row, request_hash, now, now),
                ).rowcount
            )

    def take_over(self, since: int, now: int) -> bool:
        """Take the key of a call whose process died; False when another call was first."""
        with database.write_tx():
            return bool(
                database.execute(
                    f"UPDATE api_answer SET held_at = ? WHERE {self._MINE} AND status = 0 AND held_at = ?",
                    (now, *self._row, since),
                ).rowcount
            )

    def keep(self, held_at: int, answer: Answer) -> None:
        """Store the answer for those who repeat the call."""
        body = self._keys.encrypt(answer.body, self._aad)
        with database.write_tx():
            database.execute(
                "UPDATE api_answer SET status = ?, content_type = ?, body = ? "
                f"WHERE {self._MINE} AND status = 0 AND held_at = ?",
                (answer.status, answer.content_type, body, *self._row, held_at),
            )

    def give_back(self, held_at: int) -> None:
        """Free the key after a crash, so that a repeat tries again."""
        with database.write_tx():
            database.execute(
                f"DELETE FROM api_answer WHERE {self._MINE} AND status = 0 AND held_at = ?",
                (*self._row, held_at),
            )
