"""Alarms over one-time codes: too many, too few that arrive or are used, a sudden growth, a blocked prefix.

Each is raised once an hour: a line in the log and the audit, a line on the Overview until somebody saw it, and
a mail to the administrators.  Thresholds are those Aliyun sets by default (facts, 2026-11-21).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock, mail
from core.db import database
from core.db.codes import State
from core.i18n import _
from core.security import audit
from core.sending.otp import rules

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.otp")

#: Below so many codes an hour a share or a growth says nothing.
FEW = 50
#: A text has had time to arrive after this.
SETTLED_MS = 5 * clock.MINUTE_MS
#: How long an alarm stays on the Overview when nobody looked.
SHOWN_MS = clock.DAY_MS
_ARRIVED = int(State.delivered)
_FAILED = tuple(int(state) for state in (State.undelivered, State.expired, State.rejected))


def words(kind: str) -> str:
    """An alarm in words."""
    return {
        "volume": _("Many one-time codes in an hour"),
        "success": _("Few one-time codes arrive or are used"),
        "growth": _("One-time codes grow suddenly"),
        "adjacent": _("Neighbouring numbers ask for codes; their prefix is blocked"),
        "ratio": _("Codes to a prefix are not used; it is blocked"),
    }.get(kind, kind)


def watch(rt: Runtime) -> None:
    """Compare the last hour with the thresholds; called each minute."""
    limits, now = rules.of(), clock.now_ms()
    asked = _asked(now - clock.HOUR_MS, now)
    if limits.alarm_hour and asked >= limits.alarm_hour:
        raise_one(rt, "volume", "", str(asked))
    before = _asked(now - 2 * clock.HOUR_MS, now - clock.HOUR_MS)
    if limits.alarm_growth and before >= FEW and asked * 100 > before * (100 + limits.alarm_growth):
        raise_one(rt, "growth", "", f"{before} → {asked}")
    settled, good = _success(now - clock.HOUR_MS, now - SETTLED_MS)
    if limits.alarm_success and settled >= FEW and good * 100 < settled * limits.alarm_success:
        raise_one(rt, "success", "", f"{good} / {settled}")


def _asked(since: int, until: int) -> int:
    return database.scalar(
        "SELECT COUNT(*) FROM otp WHERE created_at > ? AND created_at <= ?", (since, until)
    )


def _success(since: int, until: int) -> tuple[int, int]:
    """(codes whose end is known, those used or delivered)."""
    known = database.in_list(len(_FAILED))
    settled, good = database.one(
        "SELECT COUNT(*), SUM(CASE WHEN o.verified_at IS NOT NULL OR m.state = ? THEN 1 ELSE 0 END) FROM otp o "
        "JOIN message m ON m.id = o.message_id WHERE o.created_at > ? AND o.created_at <= ? "
        f"AND (o.verified_at IS NOT NULL OR m.state = ? OR m.state IN ({known}))",
        (_ARRIVED, since, until, _ARRIVED, *_FAILED),
    )
    return settled, int(good or 0)


def raise_one(rt: Runtime, kind: str, prefix: str, detail: str) -> bool:
    """Raise an alarm unless it stands for this hour; True when it is new."""
    now = clock.now_ms()
    with database.write_tx():
        new = database.execute(
            "INSERT INTO otp_alarm (kind, prefix, hour, at, detail) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (kind, prefix, now // clock.HOUR_MS, now, detail),
        ).rowcount
        if new:
            audit.record("system", "otp.alarm", kind, f"+{prefix}" if prefix else detail)
    if not new:
        return False
    log.warning("one-time codes: alarm %s %s %s", kind, f"+{prefix}" if prefix else "", detail)
    if mail.configured(rt):
        about = " ".join(filter(None, (words(kind), f"+{prefix}" if prefix else "", detail)))
        text = f"{about}.\n\n{rt.settings.public_url}/settings/otp\n"
        for to in _admins():
            mail.send_later(rt, to, f"Cooee: {about}", text)
    return True


def _admins() -> list[str]:
    return [
        row[0]
        for row in database.query(
            "SELECT u.email FROM user_account u JOIN user_role ur ON ur.user_id = u.id JOIN role r ON r.id = ur.role_id "
            "WHERE r.name = 'admin' AND u.active = ?",
            (True,),
        )
    ]


def unseen() -> list[tuple[int, str, str, str, int]]:
    """(id, kind, prefix, detail, at) of alarms of the last day nobody has seen, newest first."""
    return database.query(
        "SELECT id, kind, prefix, detail, at FROM otp_alarm WHERE seen_at IS NULL AND at > ? ORDER BY id DESC LIMIT 20",
        (clock.now_ms() - SHOWN_MS,),
    )


def seen(who: str) -> int:
    """Take all alarms off the Overview; how many there were."""
    now = clock.now_ms()
    with database.write_tx():
        n = database.execute("UPDATE otp_alarm SET seen_at = ? WHERE seen_at IS NULL", (now,)).rowcount
        if n:
            audit.record(who, "otp.alarms_seen", "otp", str(n))
    return n
