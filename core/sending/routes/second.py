"""Job, each few seconds: a code or notice whose receipt does not come is sent again, another way.

It is a message of its own, with the same words, through another account, and linked to the first; both are
shown.  Once, and only for a text the provider accepted: one that is in doubt, refused, or delivered meanwhile
gets none.  An account whose receipts never came yet cannot be missing one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock, ids
from core.db import classes, database
from core.db.codes import Cls, State
from core.sending import breaker, direct, messages
from core.sending.item import Item
from core.sending.routes import awaited, decision
from core.sending.routes.choosing import Choice
from core.sending.routes.router import Router

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.routes")

#: Texts looked at in one run; the rest waits for the next.
BATCH = 500
#: What an account that sent no receipt is noted with.
NO_RECEIPT = "no_receipt"
#: No other account was free for so long: the text is left alone.
GIVE_UP_MS = clock.HOUR_MS


def send(rt: Runtime) -> int:
    """Make the second texts that are due; how many."""
    now, made = clock.now_ms(), set()
    for first_id, due_at in database.query(
        "SELECT first_id, due_at FROM second_text WHERE second_id IS NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
        (now, BATCH),
    ):
        campaign_id = _one(rt, first_id, due_at, now)
        if campaign_id:
            made.add((first_id, campaign_id))
    for campaign_id in {campaign_id for _id, campaign_id in made}:
        rt.enqueue("send", campaign_id)
    return len(made)


def _one(rt: Runtime, first_id: int, due_at: int, now: int) -> int | None:
    """The campaign that carries the second text; None when there is none."""
    row = database.one(
        "SELECT m.state, m.cls, m.contact_id, m.account_id, m.not_after, c.phone_enc, p.country, p.language "
        "FROM message m JOIN contact c ON c.id = m.contact_id JOIN profile p ON p.contact_id = c.id "
        "WHERE m.id = ?",
        (first_id,),
    )
    if row is not None and row[0] == State.submitting:
        return None
    if row is None or not _deserves(row, now) or now - due_at > GIVE_UP_MS:
        _forget(first_id)
        return None
    _state, cls, contact_id, account_id, _late, blob, country, language = row
    item = Item(
        first_id, contact_id, 0, 0, None, 0, None, rt.keys.open_number(blob), country or "", language or ""
    )
    router = Router(rt, cls, None, {account.id: account for account in breaker.load()}, now)
    if not router.active:
        _forget(first_id)
        return None
    router.decide([item], {first_id: ((account_id, decision.REFUSED, NO_RECEIPT),)})
    if not item.choice.account_id:
        return None
    text = database.scalar("SELECT body FROM message_text WHERE message_id = ?", (first_id,))
    if text is None:
        text = messages.words(rt, messages.get(rt, first_id))[0]
    campaign_id = direct.campaign(Cls(cls))
    return campaign_id if database.retry_locked(_store, first_id, campaign_id, item.choice, text) else None


def _deserves(row: tuple, now: int) -> bool:
    state, cls, _contact, account_id, not_after, *_rest = row
    return (
        state == State.accepted
        and awaited.delay_s(cls) > 0
        and (not_after is None or now < not_after)
        and database.scalar(
            "SELECT 1 FROM tally WHERE account_id = ? AND state IN (4, 5) AND n > 0 LIMIT 1", (account_id,)
        )
        is not None
    )


def _forget(first_id: int) -> None:
    with database.write_tx():
        database.execute("DELETE FROM second_text WHERE first_id = ? AND second_id IS NULL", (first_id,))


def _store(first_id: int, campaign_id: int, choice: Choice, text: str) -> bool:
    now = clock.now_ms()
    with database.write_tx():
        second_id = ids.allocate(1)
        lock = " FOR UPDATE" if database.is_postgres() else ""
        first = database.one(
            f"SELECT state, cls, contact_id, not_after FROM message WHERE id = ?{lock}", (first_id,)
        )
        if first is None or first[0] != State.accepted:
            return False
        taken = database.execute(
            "UPDATE second_text SET second_id = ? WHERE first_id = ? AND second_id IS NULL",
            (second_id, first_id),
        ).rowcount
        if not taken:
            return False
        _state, cls, contact_id, not_after = first
        late = not_after or now + classes.of(cls).latest_s * 1000
        direct.put(second_id, campaign_id, contact_id, Cls(cls), text, choice.account_id, late)
        sender_id = choice.sender.id if choice.sender else 0
        decision.store([second_id], choice.rule_id, choice.account_id, sender_id, choice.why, now)
    return True
