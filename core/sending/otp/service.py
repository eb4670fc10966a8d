"""Asking for a code, and trying one.

What a caller learns must not tell whether a number is known here, or an id was ever given: a request runs the
same statements for both and answers alike, and a try of an id nobody has counts and answers like a wrong code.
What people may be sent is decided on the way to the wire, by the same gates as for every message.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from core import clock, ids
from core.audience import contactids, suppression
from core.contract.errors import Refusal
from core.db import classes, database
from core.db.codes import Cls, State
from core.i18n import _
from core.security.crypto import mask
from core.security.spending import Purse
from core.sending import direct
from core.sending.otp import codes, costing, guard, rules, wishes

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Codes asked for so soon after each other are one series.
SERIES_MS = clock.HOUR_MS
_ALIVE = "verified_at IS NULL AND voided_at IS NULL AND expires_at > ?"


class Sent(NamedTuple):
    """What the caller is told."""

    id: str
    to: str
    expires_at: int
    channel: str
    resend_after_s: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        at = clock.from_ms(self.expires_at).isoformat(timespec="milliseconds")
        return self._asdict() | {"expires_at": at}


# --- asking -------------------------------------------------------------------------------------------


def send(rt: Runtime, app: str, wish: wishes.Wish, purse: Purse | None = None) -> Sent:
    """Make a code and hand it to the workers; a code of the same number and app that is still good is void.

    `app` is who asks; ids and codes of one are nothing to another.  The same `key` again gives the first
    answer again.  What it costs at most is taken out of the `purse`.  Raises `Refusal`; `guard.Limited` (429) with
    `wait_s` when it is too often.
    """
    limits = rules.of()
    made = wishes.checked(rt, limits, wish)
    campaign_id = direct.campaign(Cls.otp)
    key_hash = codes.key_of(rt.keys, "key", f"{app}\0{wish.key}") if wish.key else None
    try:
        sent, new = database.retry_locked(_store, rt, limits, app, made, campaign_id, key_hash, purse)
    except guard.Limited as limited:
        guard.note(rt, made.asked, limited)
        raise
    if new:
        rt.enqueue("send", campaign_id)
    return sent


def _store(
    rt: Runtime, limits: rules.Rules, app: str, made: wishes.Made, campaign_id: int, key_hash: bytes | None,
    purse: Purse | None,
) -> tuple[Sent, bool]:  # fmt: skip
    """One transaction: the guard counts, the older code is void, the new one and its message stand."""
    with database.write_tx():
        suppression.hold()
        if key_hash and (known := _known(app, key_hash, made, limits)):
            return known, False
        now = clock.now_ms()
        guard.take(rt, limits, made.asked, now)
        series = _void_older(app, made.asked.phone_bidx, limits, now)
        contact_id = _person(rt, made.asked, now)
        message_id, otp_id, seed = ids.allocate(1), codes.new_id(), codes.new_seed()
        plain = codes.code(rt.keys, seed, made.length, made.alphabet)
        expires_at = now + made.ttl_ms
        not_after = min(expires_at, now + classes.of(Cls.otp).latest_s * 1000)
        account_id = made.call.account_id if made.call else 0
        direct.put(message_id, campaign_id, contact_id, Cls.otp, made.body, account_id, not_after)
        if purse:
            purse.take(costing.most(rt, purse, made))
        if made.call:
            made.call.keep(message_id)
        fallback_at = None if made.fallback_ms is None else now + made.fallback_ms
        database.execute(
            "INSERT INTO otp (id, app, contact_id, phone_bidx, country, prefix, channel, lang, length, alphabet, "
            "seed, code_hash, key_hash, message_id, call_id, series, created_at, expires_at, fallback_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                otp_id, app, contact_id, made.asked.phone_bidx, made.asked.phone.country, made.asked.prefix,
                made.channel, made.lang, made.length, made.alphabet, seed, codes.digest(rt.keys, otp_id, plain),
                key_hash, message_id, message_id if made.call else None, series, now, expires_at, fallback_at,
            ),
        )  # fmt: skip
        return _sent(otp_id, made.asked.phone.e164, expires_at, made.channel, limits), True


def _sent(otp_id: str, number: str, expires_at: int, channel: str, limits: rules.Rules) -> Sent:
    first = "voice" if channel == "voice" else "sms"
    return Sent(otp_id, mask(number), expires_at, first, limits.gap_s)


def _known(app: str, key_hash: bytes, made: wishes.Made, limits: rules.Rules) -> Sent | None:
    """The first answer to a key."""
    # On PostgreSQL two calls with a key meet here: the advisory lock of `suppression.hold` lets one in.
    row = database.one(
        "SELECT id, phone_bidx, expires_at, channel FROM otp WHERE app = ? AND key_hash = ?", (app, key_hash)
    )
    if row is None:
        return None
    otp_id, bidx, expires_at, channel = row
    if bytes(bidx) != made.asked.phone_bidx or channel != made.channel:
        raise Refusal(_("This key was used for another code; take a new key."), field="key", status=409)
    return _sent(otp_id, made.asked.phone.e164, expires_at, channel, limits)


def _void_older(app: str, bidx: bytes, limits: rules.Rules, now: int) -> int:
    """Void the codes of this number and app that are still good; how many came before this one unused."""
    last = database.one(
        "SELECT series, verified_at, created_at FROM otp WHERE phone_bidx = ? AND app = ? "
        "ORDER BY created_at DESC LIMIT 1",
        (bidx, app),
    )
    database.execute(
        f"UPDATE otp SET voided_at = ?, seed = NULL, fallback_at = NULL WHERE phone_bidx = ? AND app = ? AND {_ALIVE}",
        (now, bidx, app, now),
    )
    if last is None or last[1] is not None or last[2] <= now - SERIES_MS:
        return 0
    if last[0] + 1 > limits.resends:
        wait_s = (last[2] + SERIES_MS - now) // 1000
        raise guard.Limited("resends", guard.sentence("resends"), wait_s)
    return last[0] + 1


def _person(rt: Runtime, asked: guard.Request, now: int) -> int:
    """The contact of a number.  The same statements run for a number we know and for one we never met."""
    number, bidx = asked.phone.e164, asked.phone_bidx
    database.execute(
        "INSERT INTO contact (id, phone_bidx, phone_enc, tail, source, created_at, updated_at) "
        "SELECT CAST(? AS BIGINT), CAST(? AS {blob}), CAST(? AS {blob}), CAST(? AS INTEGER), 'otp', CAST(? AS BIGINT), "
        "CAST(? AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM contact WHERE phone_bidx = ?) "
        "ON CONFLICT (phone_bidx) DO NOTHING".format(blob="BYTEA" if database.is_postgres() else "BLOB"),
        (*contactids.new(1), bidx, rt.keys.seal_number(number), int(number[-4:]), now, now, bidx),
    )
    contact_id = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    blocked = suppression.masks([bidx]).get(bidx, 0)
    database.execute(
        "INSERT INTO profile (contact_id, country, language, line_type, blocked_bits, created_at) "
        "VALUES (?, ?, '', ?, ?, ?) ON CONFLICT (contact_id) DO NOTHING",
        (contact_id, asked.phone.country, int(asked.phone.line_type), blocked, now),
    )
    return contact_id


# --- trying -------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """The answer to a try."""

    verified: bool
    attempts_left: int


def verify(rt: Runtime, app: str, otp_id: str, typed: str) -> Verdict:
    """Try a code; true once at most for an id, whoever else tries at the same time.

    An unknown id, another app's, one that is over, void or used answers like a wrong code.
    """
    return database.retry_locked(_verify, rt, app, otp_id, typed, rules.of().attempts)


def _verify(rt: Runtime, app: str, otp_id: str, typed: str, attempts: int) -> Verdict:
    with database.write_tx():
        now = clock.now_ms()
        n = guard.tries(rt, app, otp_id, now)
        stored = database.scalar("SELECT code_hash FROM otp WHERE id = ? AND app = ?", (otp_id, app))
        given = codes.digest(rt.keys, otp_id, typed)
        # Compared also when there is nothing to compare with, so that it takes as long.
        fits = hmac.compare_digest(given, bytes(stored or bytes(len(given)))) and stored is not None
        verified = bool(
            database.execute(
                f"UPDATE otp SET verified_at = ?, seed = NULL, fallback_at = NULL WHERE id = ? AND app = ? AND {_ALIVE}",
                (now, otp_id if fits and n <= attempts else "", app, now),
            ).rowcount
        )
        if n >= attempts and not verified:
            database.execute(
                f"UPDATE otp SET expires_at = ?, seed = NULL, fallback_at = NULL WHERE id = ? AND app = ? AND {_ALIVE}",
                (now, otp_id, app, now),
            )
    return Verdict(verified, max(0, attempts - n))


# --- looking ------------------------------------------------------------------------------------------


def status(app: str, otp_id: str) -> Mapping[str, Any]:
    """What became of a code, for people: never the code.  Raises `Refusal` (404)."""
    row = database.one(
        "SELECT o.country, o.prefix, o.channel, o.lang, o.created_at, o.expires_at, o.verified_at, o.voided_at, "
        "o.message_id, m.state, o.call_id, c.state FROM otp o LEFT JOIN message m ON m.id = o.message_id "
        "LEFT JOIN message c ON c.id = o.call_id WHERE o.id = ? AND (o.app = ? OR ? = '')",
        (otp_id, app, app),
    )
    if row is None:
        raise Refusal(_("There is no code %(id)s.", id=otp_id[:40]), status=404)
    country, prefix, channel, lang, created_at, expires_at, verified_at, voided_at = row[:8]
    state = "verified" if verified_at else "void" if voided_at else "sent"
    if state == "sent" and expires_at <= clock.now_ms():
        state = "expired"
    return {
        "id": otp_id, "state": state, "country": country, "prefix": f"+{prefix}", "channel": channel,
        "locale": lang, "created_at": _iso(created_at), "expires_at": _iso(expires_at),
        "verified_at": _iso(verified_at), "message_id": row[8],
        "message_state": None if row[9] is None else State(row[9]).name, "call_id": row[10],
        "call_state": None if row[11] is None else State(row[11]).name,
    }  # fmt: skip


def _iso(at: int | None) -> str | None:
    return None if at is None else clock.from_ms(at).isoformat(timespec="milliseconds")
