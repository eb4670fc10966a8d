"""Server-side records of sessions: a cookie alone opens nothing.

The cookie holds a random token, the table its hash.  A record dies on sign-out, password or role change,
after `IDLE_MS` without a request, and `LIFE_MS` after the sign-in; people see and end theirs on the
account page.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from core import clock
from core.db import database
from core.db.models import SessionRecord

#: OWASP ASVS 5.0 V7.3: an idle and an absolute end.
IDLE_MS = 30 * clock.MINUTE_MS
LIFE_MS = 12 * clock.HOUR_MS
#: `seen_at` is written at most this often, so that a page costs no write.
TOUCH_MS = clock.MINUTE_MS


def start(user_id: int, ip: str, agent: str) -> str:
    """Record a session that begins now; returns the token for the cookie."""
    token, now = secrets.token_urlsafe(24), clock.now_ms()
    with database.write_tx():
        SessionRecord.create(
            user_id=user_id, token_hash=_hash(token), created_at=now, seen_at=now, ip=ip, agent=agent[:250]
        )
        database.execute("UPDATE user_account SET last_seen_at = ? WHERE id = ?", (now, user_id))
    return token


def alive(user_id: int, token: str | None) -> bool:
    """Is this the token of a living session of this person?  Notes that it was seen."""
    if not token:
        return False
    now, key = clock.now_ms(), _hash(token)
    row = database.one(
        "SELECT seen_at FROM session_record "
        "WHERE token_hash = ? AND user_id = ? AND seen_at > ? AND created_at > ?",
        (key, user_id, now - IDLE_MS, now - LIFE_MS),
    )
    if row is None:
        return False
    if row[0] < now - TOUCH_MS:
        with database.write_tx():
            database.execute("UPDATE session_record SET seen_at = ? WHERE token_hash = ?", (now, key))
            database.execute("UPDATE user_account SET last_seen_at = ? WHERE id = ?", (now, user_id))
    return True


def end(token: str | None) -> None:
    """End one session by its token."""
    if token:
        with database.write_tx():
            SessionRecord.delete().where(SessionRecord.token_hash == _hash(token)).execute()


def end_all(user_id: int, but: str | None = None) -> int:
    """End all sessions of a person, but the one of token `but`; returns how many ended."""
    with database.write_tx():
        which = SessionRecord.user_id == user_id
        if but:
            which &= SessionRecord.token_hash != _hash(but)
        return SessionRecord.delete().where(which).execute()


def of(user_id: int, token: str | None) -> list[dict]:
    """The living sessions of a person, latest first; `current` marks the one of `token`."""
    now = clock.now_ms()
    rows = (
        SessionRecord.select()
        .where(
            (SessionRecord.user_id == user_id)
            & (SessionRecord.seen_at > now - IDLE_MS)
            & (SessionRecord.created_at > now - LIFE_MS)
        )
        .order_by(SessionRecord.seen_at.desc())
    )
    mine = _hash(token or "")
    return [
        {
            "id": row.id,
            "ip": row.ip,
            "agent": row.agent,
            "created_at": row.created_at,
            "seen_at": row.seen_at,
            "current": row.token_hash == mine,
        }
        for row in rows
    ]


def revoke(user_id: int, record_id: int) -> bool:
    """End one session of a person by its id; False when it is not theirs or gone."""
    with database.write_tx():
        which = (SessionRecord.id == record_id) & (SessionRecord.user_id == user_id)
        return bool(SessionRecord.delete().where(which).execute())


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
