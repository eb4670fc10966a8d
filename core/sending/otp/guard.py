"""The guard: says no to those who ask for codes to earn from them (SMS pumping), and to those who ask too often.

Every limit is a row in `otp_bucket`, counted and asked by one atomic upsert in the transaction that stores the
code, so it holds over any number of processes; a refusal rolls that transaction back, so only codes that are
sent count.  A limit counts from its first code on and starts anew when its time is over.

What it looks at (docs/otp.md): requests to one number, to one prefix of seven
digits, from one address, in all; runs of neighbouring numbers; prefixes where codes are sent but not used.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.audience.phones import Phone
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.codes import LineType
from core.i18n import _
from core.security import audit
from core.sending.otp import alarms, codes
from core.sending.otp.rules import Rules

if TYPE_CHECKING:
    from core.runtime import Runtime

PREFIX_DIGITS = 7
#: Numbers of a block of neighbours, and how near is near.
BLOCK, NEAR = 64, 20
#: How far back the share of used codes is looked at.
RATIO_MS = clock.DAY_MS
#: Kinds of numbers that never get a code: they cost more than a text, or are nobody's.
_NEVER = frozenset({LineType.premium, LineType.toll_free, LineType.unknown, LineType.other})
_HOUR_S, _DAY_S = 3_600, 86_400


class Limited(Refusal):
    """A request is over a limit.  `reason` is the limit's name, `wait_s` when to come again."""

    kind = "otp-limit"

    def __init__(self, reason: str, sentence: str, wait_s: int, field: str = "to"):
        super().__init__(sentence, field=field, status=429)
        self.reason, self.wait_s = reason, max(1, wait_s)


class Blocked(Limited):
    """A request that also blocks its prefix for a while."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the guard looks at.  `ip` is the address of the person, "" where the caller does not tell."""

    phone: Phone
    phone_bidx: bytes
    ip: str = ""

    @property
    def prefix(self) -> str:
        """The first seven digits."""
        return self.phone.e164[1 : 1 + PREFIX_DIGITS]


def check(rt: Runtime, rules: Rules, phone: Phone, channel: str) -> None:
    """Refuse what never gets a code, whoever asks and however seldom."""
    if phone.line_type in _NEVER or (channel == "sms" and phone.line_type is LineType.fixed):
        raise Refusal(_("Numbers of this kind get no codes."), field="to")
    allowed = rules.countries or (rt.settings.default_region,)
    if phone.country not in allowed:
        raise Refusal(
            _("Codes go to %(countries)s only; a person can add %(country)s under Settings, One-time codes.",
              countries=", ".join(allowed), country=phone.country or "?"), field="to",
        )  # fmt: skip


def address(ip: str) -> str:
    """An address as it is counted: IPv6 by its /64, which is one household.  Raises `Refusal`."""
    if not ip:
        return ""
    try:
        found = ipaddress.ip_address(ip.strip())
    except ValueError:
        raise Refusal(_("“%(ip)s” is no IP address.", ip=ip[:60]), field="ip") from None
    if found.version == 6 and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def take(rt: Runtime, rules: Rules, asked: Request, now: int) -> None:
    """Count a request inside `write_tx()`; raises `Limited`, and the caller's transaction is rolled back.

    Buckets are taken in one order, so that two requests never wait for each other in a circle; the last is
    everybody's, so what follows it runs one request at a time on PostgreSQL too.
    """
    over: Limited | None = None
    for kind, value, most, span_s, field in _limits(rules, asked):
        if most:
            key = codes.key_of(rt.keys, kind, value)
            n, since = _count(kind, key, span_s * 1000, now)
            wait_s = -(-(since + span_s * 1000 - now) // 1000)
            if n > most and (over is None or wait_s > over.wait_s):
                over = Limited(kind, sentence(kind), wait_s, field)
    if over:
        raise over
    _count("all", b"", _HOUR_S * 1000, now)
    _not_blocked(asked, now)
    _used(rules, asked, now)
    if rules.adjacent:
        _alone(rt, rules, asked, now)


def _limits(rules: Rules, asked: Request) -> list[tuple[str, str, int, int, str]]:
    """(name, whose, how many, in how many seconds, field)."""
    number = asked.phone.e164
    limits = [
        ("gap", number, 1, rules.gap_s, "to"),
        ("number_hour", number, rules.number_hour, _HOUR_S, "to"),
        ("number_day", number, rules.number_day, _DAY_S, "to"),
        ("prefix_hour", asked.prefix, rules.prefix_hour, _HOUR_S, "to"),
    ]
    if asked.ip:
        limits.append(("ip_hour", asked.ip, rules.ip_hour, _HOUR_S, "ip"))
    return [*limits, ("minute", "", rules.minute, 60, ""), ("hour", "", rules.hour, _HOUR_S, "")]


def sentence(reason: str) -> str:
    """What somebody over a limit is told."""
    return {
        "gap": _("This number was sent a code a moment ago; wait before the next one."),
        "number_hour": _("This number was sent too many codes in an hour."),
        "number_day": _("This number was sent too many codes in a day."),
        "resends": _("This number was sent too many codes one after the other without one being used."),
        "prefix_hour": _("Too many codes to numbers like this one in an hour."),
        "ip_hour": _("Too many codes for this address in an hour."),
        "minute": _("Too many codes in a minute."),
        "hour": _("Too many codes in an hour."),
        "adjacent": _("Too many neighbouring numbers asked for a code."),
        "ratio": _("Too few codes to numbers like this one are used."),
    }[reason]


def _count(kind: str, key: bytes, span_ms: int, now: int) -> tuple[int, int]:
    """Count one more; (how many since, since when)."""
    return database.one(
        "INSERT INTO otp_bucket (kind, key, since, n) VALUES (?, ?, ?, 1) ON CONFLICT (kind, key) DO UPDATE SET "
        "n = CASE WHEN otp_bucket.since <= excluded.since - ? OR otp_bucket.since > excluded.since + ? THEN 1 "
        "ELSE otp_bucket.n + 1 END, "
        "since = CASE WHEN otp_bucket.since <= excluded.since - ? OR otp_bucket.since > excluded.since + ? "
        "THEN excluded.since ELSE otp_bucket.since END RETURNING n, since",
        (kind, key, now, *[span_ms] * 4),
    )


def tries(rt: Runtime, app: str, otp_id: str, now: int) -> int:
    """Count a try of a code, known or not; how many there were.  Inside `write_tx()`."""
    return _count("try", codes.key_of(rt.keys, "try", f"{app}\0{otp_id}"), clock.DAY_MS, now)[0]


def _not_blocked(asked: Request, now: int) -> None:
    row = database.one("SELECT reason, until FROM otp_block WHERE prefix = ?", (asked.prefix,))
    if row and row[1] > now:
        raise Limited(row[0], sentence(row[0]), (row[1] - now) // 1000)


def _used(rules: Rules, asked: Request, now: int) -> None:
    """A prefix whose codes nobody uses is blocked; a code that was followed by another does not count."""
    if not rules.ratio_percent:
        return
    lifted = database.scalar("SELECT allowed_at FROM otp_block WHERE prefix = ?", (asked.prefix,)) or 0
    settled, used = database.one(
        "SELECT COUNT(*), COUNT(verified_at) FROM otp WHERE prefix = ? AND created_at > ? "
        "AND (verified_at IS NOT NULL OR expires_at <= ?) AND (voided_at IS NULL OR verified_at IS NOT NULL)",
        (asked.prefix, max(now - RATIO_MS, lifted), now),
    )
    if settled >= rules.ratio_min and used * 100 < settled * rules.ratio_percent:
        raise Blocked("ratio", sentence("ratio"), rules.block_s)


def _alone(rt: Runtime, rules: Rules, asked: Request, now: int) -> None:
    """A run of neighbours is blocked: different numbers within 20 of this one, this one counted."""
    number = int(asked.phone.e164[1:])
    block, place = divmod(number, BLOCK)
    keys = {codes.key_of(rt.keys, "near", str(block + step)): step for step in (-1, 0, 1)}
    own = next(key for key, step in keys.items() if step == 0)
    others = {
        keys[bytes(key)] * BLOCK + at
        for key, at in database.query(
            "SELECT block, place FROM otp_near WHERE block IN (?, ?, ?) AND at > ?",
            (*keys, now - rules.adjacent_s * 1000),
        )
    }
    near = {at for at in others if abs(at - place) <= NEAR} | {place}
    if len(near) >= rules.adjacent:
        raise Blocked("adjacent", sentence("adjacent"), rules.block_s)
    database.execute(
        "INSERT INTO otp_near (block, place, at) VALUES (?, ?, ?) ON CONFLICT (block, place) "
        "DO UPDATE SET at = excluded.at",
        (own, place, now),
    )


def note(rt: Runtime, asked: Request, limited: Limited) -> None:
    """Count a refusal, after its transaction was rolled back; block the prefix where it says so."""
    now = clock.now_ms()
    # A counter need not survive a power cut.
    with bulk.repeatable(), database.write_tx():
        database.execute(
            "INSERT INTO otp_refused (hour, reason, prefix, n) VALUES (?, ?, ?, 1) "
            "ON CONFLICT (hour, reason, prefix) DO UPDATE SET n = otp_refused.n + 1",
            (now // clock.HOUR_MS, limited.reason, asked.prefix),
        )
    if isinstance(limited, Blocked):
        until = now + limited.wait_s * 1000
        with database.write_tx():
            new = database.execute(
                "INSERT INTO otp_block (prefix, country, reason, at, until, allowed_at, allowed_by) "
                "VALUES (?, ?, ?, ?, ?, 0, '') ON CONFLICT (prefix) DO UPDATE SET reason = excluded.reason, "
                "at = excluded.at, until = excluded.until WHERE otp_block.until <= excluded.at",
                (asked.prefix, asked.phone.country, limited.reason, now, until),
            ).rowcount
            if new:
                audit.record("system", "otp.block", f"prefix:+{asked.prefix}", limited.reason)
        if new:
            alarms.raise_one(rt, limited.reason, asked.prefix, "")


def blocked() -> list[tuple[str, str, str, int, int]]:
    """(prefix, country, reason, since, until) of prefixes that get no codes now, newest first."""
    return database.query(
        "SELECT prefix, country, reason, at, until FROM otp_block WHERE until > ? ORDER BY at DESC LIMIT 200",
        (clock.now_ms(),),
    )


def allow(prefix: str, who: str) -> None:
    """Let a blocked prefix have codes again; its share of used ones counts from now.  Raises `Refusal`."""
    now = clock.now_ms()
    with database.write_tx():
        done = database.execute(
            "UPDATE otp_block SET until = ?, allowed_at = ?, allowed_by = ? WHERE prefix = ? AND until > ?",
            (now, now, who, prefix, now),
        ).rowcount
        if not done:
            raise Refusal(_("The prefix +%(prefix)s is not blocked.", prefix=prefix[:15]), status=404)
        # The run that blocked it is forgotten as well, or the next request would block it again.
        database.execute("DELETE FROM otp_near WHERE at <= ?", (now,))
        audit.record(who, "otp.allow", f"prefix:+{prefix}")
