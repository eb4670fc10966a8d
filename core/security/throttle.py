"""Limits on tries that hold over all processes: fixed-window counters in the table `throttle`."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network

from core import clock
from core.db import database


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `n` tries in each window of `window_s` seconds."""

    n: int
    window_s: int


#: Sign-in and everything that checks a secret, by address and by account: a burst and a long run.
BY_IP = (Limit(20, 60), Limit(100, 3600))
BY_ACCOUNT = (Limit(5, 60), Limit(30, 3600))
KEEP_MS = 2 * clock.DAY_MS


def network(address: str) -> str:
    """What is counted as one source: an IPv4 address, or the /64 of an IPv6 address, which one host may have whole.

    >>> network("192.0.2.7"), network("2001:db8::7"), network("::ffff:192.0.2.7"), network("")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7', '')
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((int(ip), 64), strict=False))


def hit(kind: str, who: str, limits: tuple[Limit, ...]) -> int:
    """Count one try of `who`; returns the seconds to wait, 0 when the try is allowed.

    `who` (a `network`, an e-mail) is stored as a hash.
    """
    key, now_s, wait_s = _key(kind, who), clock.now_ms() // 1000, 0
    with database.write_tx():
        for limit in limits:
            window = now_s // limit.window_s
            n = database.scalar(
                'INSERT INTO throttle (key, "window", n) VALUES (?, ?, 1) '
                'ON CONFLICT (key, "window") DO UPDATE SET n = throttle.n + 1 RETURNING n',
                (f"{key}:{limit.window_s}", window),
            )
            if n > limit.n:
                wait_s = max(wait_s, (window + 1) * limit.window_s - now_s)
    return wait_s


def clear(kind: str, who: str) -> None:
    """Forget the tries of `who`, after one that succeeded."""
    with database.write_tx():
        database.execute("DELETE FROM throttle WHERE key LIKE ?", (_key(kind, who) + ":%",))


def once(kind: str, who: str, number: int) -> bool:
    """True the first time `number` is used for `who`, False ever after: one-time codes, on all processes."""
    with database.write_tx():
        return bool(
            database.execute(
                'INSERT INTO throttle (key, "window", n) VALUES (?, ?, 1) ON CONFLICT DO NOTHING',
                (f"once:{_key(kind, who)}", number),
            ).rowcount
        )


def purge() -> int:
    """Delete counters of windows long past; for housekeeping.  Returns the rows deleted."""
    oldest_s = (clock.now_ms() - KEEP_MS) // 1000
    with database.write_tx():
        done = 0
        for window_s in sorted({limit.window_s for limit in BY_IP + BY_ACCOUNT}):
            done += database.execute(
                'DELETE FROM throttle WHERE key LIKE ? AND "window" < ?',
                (f"%:{window_s}", oldest_s // window_s),
            ).rowcount
        done += database.execute(
            "DELETE FROM throttle WHERE key LIKE 'once:totp:%' AND \"window\" < ?", (oldest_s // 30,)
        ).rowcount
    return done


def _key(kind: str, who: str) -> str:
    return f"{kind}:{sha256(who.strip().lower().encode()).hexdigest()[:32]}"
