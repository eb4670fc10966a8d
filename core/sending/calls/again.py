"""Doing one failed call again, on a person's word.

Of a send only what is proven not sent: a message the provider put off goes now, one it rejected is sent as a
new message with the same words through the ordinary path, where every gate is asked again.  What is in doubt
is never touched here, and a one-time code never sent again.  A poll or a balance is asked again; a webhook
nobody understood is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.sets import among, listed
from core.i18n import _
from core.security import audit
from core.sending import direct, messages
from core.sending.calls import search
from core.sending.calls.rows import detail_of

if TYPE_CHECKING:
    from core.runtime import Runtime


class Again(NamedTuple):
    """What would be done, or was: new messages, messages hurried up, and those left alone."""

    new: int = 0
    sooner: int = 0
    left: int = 0


class _Message(NamedTuple):
    id: int
    campaign_id: int
    contact_id: int
    cls: int
    state: int
    account_id: int
    not_before: int
    phone_enc: bytes | None


def what(call_id: int) -> Again:
    """What `again` would do to the messages of a send."""
    row, detail = search.get(call_id)
    if row.kind != "send":
        return Again()
    rejected, waiting, left = _sorted(row.account_id, detail)
    return Again(len(rejected), len(waiting), left)


def again(rt: Runtime, call_id: int, who: str) -> Again:
    """Do a call again; what was done.  Raises `Refusal` (409) when there is nothing to do."""
    row, detail = search.get(call_id)
    if row.kind == "send":
        done = _send(rt, row, detail)
    elif row.kind == "webhook":
        done = _read_again(rt, detail)
    elif row.kind == "poll":
        rt.enqueue("poll", row.account_id)
        done = Again()
    elif row.kind == "balance":
        from core.sending import accounts, balances

        balances.ask(rt, accounts.get(row.account_id))
        done = Again()
    else:
        raise Refusal(_("Messages in doubt are looked up again by themselves."), status=409)
    with database.write_tx():
        audit.record(
            who, "call.again", f"call {call_id}", f"{row.kind}: {done.new} new, {done.sooner} sooner"
        )
    return done


def _send(rt: Runtime, row: search.Row, detail: str | None) -> Again:
    rejected, waiting, left = _sorted(row.account_id, detail)
    if not rejected and not waiting:
        raise Refusal(_("Nothing of this call is proven not sent and still open."), status=409)
    made = 0
    for message in rejected:
        text, _final = messages.words(rt, messages.get(rt, message.id))
        if not text:
            left += 1
            continue
        direct.send(
            rt, rt.keys.open_number(message.phone_enc), Cls(message.cls), text, row.account_id,
            f"again:{message.id}", "",
        )  # fmt: skip
        made += 1
    sooner = _hurry([message.id for message in waiting])
    for campaign_id in sorted({message.campaign_id for message in waiting}):
        rt.enqueue("send", campaign_id)
    return Again(made, sooner, left)


def _sorted(account_id: int, detail: str | None) -> tuple[list[_Message], list[_Message], int]:
    """(rejected for good, put off, how many are left alone) of the messages a call names."""
    named = {id_: outcome for id_, outcome, _code in detail_of(detail).get("messages", [])}
    rows = [
        _Message(*row)
        for row in database.query(
            "SELECT m.id, m.campaign_id, m.contact_id, m.cls, m.state, m.account_id, m.not_before, c.phone_enc "
            f"FROM message m LEFT JOIN contact c ON c.id = m.contact_id WHERE m.id {among()} ORDER BY m.id",
            (listed(named),),
        )
    ]
    rejected = [
        m for m in rows
        if named[m.id] == "rejected" and m.state == State.rejected and m.cls != Cls.otp and m.phone_enc
        and m.account_id == account_id and not _sent_anew(m)
    ]  # fmt: skip
    now = clock.now_ms()
    waiting = [
        m
        for m in rows
        if named[m.id] in ("retry", "withheld") and m.state == State.ready and m.not_before > now
    ]
    return rejected, waiting, len(named) - len(rejected) - len(waiting)


def _sent_anew(message: _Message) -> bool:
    return (
        database.scalar(
            "SELECT 1 FROM message WHERE campaign_id = ? AND contact_id = ? AND dedupe = ?",
            (direct.campaign(Cls(message.cls)), message.contact_id, direct.dedupe_of(f"again:{message.id}")),
        )
        is not None
    )


def _hurry(message_ids: list[int]) -> int:
    with database.write_tx():
        return database.execute(
            f"UPDATE message SET not_before = ? WHERE id {among()} AND state = 0 AND not_before > ?",
            (clock.now_ms(), listed(message_ids), clock.now_ms()),
        ).rowcount


def _read_again(rt: Runtime, detail: str | None) -> Again:
    inbox = detail_of(detail).get("inbox")
    with database.write_tx():
        n = database.execute(
            "UPDATE inbox SET state = 0, error = '' WHERE id = ? AND state = 2", (inbox or 0,)
        ).rowcount
    if not n:
        raise Refusal(_("This call was understood in the meantime, or is no longer kept."), status=409)
    rt.enqueue("receipts")
    return Again(sooner=1)
