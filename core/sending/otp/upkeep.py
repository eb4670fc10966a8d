"""What is done about codes every few seconds: calls where the text did not arrive, and forgetting.

A call says the same code as the text it follows: both reach the same person, and whichever comes first works.
A text in doubt is not followed by a call and never sent again; its owner asks for a new code, which voids it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock, ids, secrecy
from core.db import classes, database, settings
from core.db.codes import Cls, State
from core.sending import direct, doubt
from core.sending.otp import alarms, calling, wording

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.otp")

CHUNK = 2_000
#: Where `forget_words` has come to.
CURSOR_KEY = "otp.words_forgotten"
#: The text will not arrive any more: a call need not wait.
_FAILED = tuple(int(state) for state in (State.undelivered, State.expired, State.rejected))
#: Reasons by which a person, or the house, wants no message of this class at all.
_UNWANTED = frozenset({"opted_out", "suppressed", "no_consent", "cap", "erased", doubt.VOIDED})


def run(rt: Runtime) -> None:
    """Every two seconds, on one worker at a time; safe on several."""
    fall_back(rt)
    forget_seeds()


def watch(rt: Runtime) -> None:
    """Every minute."""
    alarms.watch(rt)
    forget_words()


def fall_back(rt: Runtime) -> int:
    """Call where a text was refused or has no receipt in time; how many calls were made."""
    now = clock.now_ms()
    due = database.query(
        "SELECT o.id, o.fallback_at, o.contact_id, o.lang, o.expires_at, m.state, m.reason, o.message_id, "
        "o.country, c.phone_enc FROM otp o JOIN message m ON m.id = o.message_id "
        "JOIN contact c ON c.id = o.contact_id WHERE o.fallback_at IS NOT NULL "
        f"AND (o.fallback_at <= ? OR m.state IN ({database.in_list(len(_FAILED))})) "
        "ORDER BY o.fallback_at LIMIT ?",
        (now, *_FAILED, CHUNK),
    )
    if not due:
        return 0
    wanted = [
        row
        for row in due
        if row[5] not in (State.delivered, State.in_doubt, State.skipped, State.cancelled)
        and row[6] not in _UNWANTED
        and row[4] > now
    ]
    numbers = rt.keys.open_numbers([row[9] for row in wanted])
    people = [
        calling.Person(row[7], row[2], number, row[8]) for row, number in zip(wanted, numbers, strict=True)
    ]
    calls = dict(zip((row[0] for row in wanted), calling.choose(rt, people), strict=True))
    campaign_id, made = direct.campaign(Cls.otp), 0
    for otp_id, fallback_at, contact_id, lang, expires_at, *_rest in due:
        call = calls.get(otp_id)
        if otp_id in calls and call is None:
            log.warning("one-time codes: no account can call; a code was not repeated")
        made += database.retry_locked(
            _call, otp_id, fallback_at, contact_id, lang, expires_at, call, campaign_id
        )
    if made:
        rt.enqueue("send", campaign_id)
    return made


def _call(
    otp_id: str, fallback_at: int, contact_id: int, lang: str, expires_at: int, call: calling.Call | None,
    campaign_id: int,
) -> bool:  # fmt: skip
    """Take a code off the list by compare-and-set; with a call, store the message that says it."""
    with database.write_tx():
        message_id = ids.allocate(1) if call else None
        taken = database.execute(
            "UPDATE otp SET fallback_at = NULL, call_id = ? WHERE id = ? AND fallback_at = ? AND seed IS NOT NULL",
            (message_id, otp_id, fallback_at),
        ).rowcount
        if not (taken and message_id and call):
            return False
        brand = settings.get("brand", "")
        minutes = str(max(1, round((expires_at - clock.now_ms()) / clock.MINUTE_MS)))
        said = wording.fill(wording.texts()[lang][1], {"minutes": minutes, "brand": brand})
        direct.put(message_id, campaign_id, contact_id, Cls.otp, said, call.account_id, expires_at)
        call.keep(message_id)
    return True


def forget_seeds() -> int:
    """Codes that are over cannot be made again."""
    now, total = clock.now_ms(), 0
    while True:
        late = [
            row[0]
            for row in database.query(
                "SELECT id FROM otp WHERE seed IS NOT NULL AND expires_at <= ? LIMIT ?", (now, CHUNK)
            )
        ]
        if late:
            with database.write_tx():
                total += database.execute(
                    f"UPDATE otp SET seed = NULL, fallback_at = NULL WHERE id IN ({database.in_list(len(late))})",
                    late,
                ).rowcount
        if len(late) < CHUNK:
            return total


def forget_words() -> int:
    """Mask the codes in single messages of class otp whose time is over; those of this service never had one."""
    edge = (clock.now_ms() - classes.of(Cls.otp).latest_s * 1000) << 20
    cursor, total = settings.get(CURSOR_KEY, 0), 0
    while True:
        rows = database.query(
            "SELECT t.message_id, CASE WHEN m.cls = 0 THEN t.body END FROM message_text t "
            "JOIN message m ON m.id = t.message_id WHERE t.message_id > ? AND t.message_id < ? "
            "ORDER BY t.message_id LIMIT ?",
            (cursor, edge, CHUNK),
        )
        if not rows:
            return total
        masked = [
            (words, id_) for id_, body in rows if body and (words := secrecy.shown(Cls.otp, body)) != body
        ]
        cursor = rows[-1][0]
        with database.write_tx():
            database.executemany("UPDATE message_text SET body = ? WHERE message_id = ?", masked)
            settings.put(CURSOR_KEY, cursor)
        total += len(masked)
