"""Figures of one-time codes over the last hours, for people: counts with their denominators, never a number."""

from __future__ import annotations

from core import clock
from core.db import database

#: How far back the page looks.
SPAN_MS = clock.DAY_MS
_SINCE = "created_at > ?"
#: A code that was followed by another before it was used does not count against its prefix.
_SETTLED = (
    "SUM(CASE WHEN verified_at IS NOT NULL OR (voided_at IS NULL AND expires_at <= ?) THEN 1 ELSE 0 END)"
)


def totals(span_ms: int = SPAN_MS) -> dict[str, int]:
    """{sent, verified, calls, refused} of the last day."""
    now = clock.now_ms()
    sent, verified, calls = database.one(
        f"SELECT COUNT(*), COUNT(verified_at), COUNT(call_id) FROM otp WHERE {_SINCE}", (now - span_ms,)
    )
    refused = database.scalar("SELECT SUM(n) FROM otp_refused WHERE hour >= ?", (_hour(now, span_ms),))
    return {"sent": sent, "verified": verified, "refused": int(refused or 0), "calls": calls}


def countries(span_ms: int = SPAN_MS) -> list[tuple[str, int, int, int]]:
    """(country, sent, verified, codes whose end is known), most sent first."""
    now = clock.now_ms()
    return database.query(
        f"SELECT country, COUNT(*), COUNT(verified_at), {_SETTLED} FROM otp WHERE {_SINCE} GROUP BY country "
        "ORDER BY 2 DESC, 1 LIMIT 50",
        (now, now - span_ms),
    )


def prefixes(span_ms: int = SPAN_MS) -> list[tuple[str, str, int, int, int]]:
    """(prefix, country, sent, verified, codes whose end is known), most sent first."""
    now = clock.now_ms()
    return database.query(
        f"SELECT prefix, MIN(country), COUNT(*), COUNT(verified_at), {_SETTLED} FROM otp WHERE {_SINCE} "
        "GROUP BY prefix ORDER BY 3 DESC, 1 LIMIT 12",
        (now, now - span_ms),
    )


def refusals(span_ms: int = SPAN_MS) -> list[tuple[str, int]]:
    """(reason, requests refused), most first."""
    rows = database.query(
        "SELECT reason, SUM(n) FROM otp_refused WHERE hour >= ? GROUP BY reason ORDER BY 2 DESC, 1",
        (_hour(clock.now_ms(), span_ms),),
    )
    return [(reason, int(n)) for reason, n in rows]


def by_hour(span_ms: int = SPAN_MS) -> list[tuple[int, int, int]]:
    """(hour as epoch ms // 3,600,000, sent, verified) of each hour, empty ones too, oldest first.

    The first and the last are parts of an hour, so that all together are the `totals`.
    """
    now = clock.now_ms()
    found = {
        hour: (sent, verified)
        for hour, sent, verified in database.query(
            f"SELECT created_at / {clock.HOUR_MS}, COUNT(*), COUNT(verified_at) FROM otp WHERE {_SINCE} GROUP BY 1",
            (now - span_ms,),
        )
    }
    return [(hour, *found.get(hour, (0, 0))) for hour in range(_hour(now, span_ms), now // clock.HOUR_MS + 1)]


def _hour(now: int, span_ms: int) -> int:
    return (now - span_ms) // clock.HOUR_MS
