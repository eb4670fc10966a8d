"""Texts refused with a kind, at once or by receipt, and what that left behind."""

from __future__ import annotations

from core import clock
from core.audience import contacts, suppression
from core.contract.kinds import KINDS
from core.contract.types import Receipt, Result
from core.db import database
from core.sending import accounts, inbox, receipts
from tests import campaign_kit
from tests import send_kit as kit

CODES = {f"C-{kind}": kind for kind in KINDS if kind != "other"}


def told(rt, account: int, *said: Receipt, times: int = 2) -> None:
    """Receipts by the provider's own connection, each brought `times` times."""
    for _time in range(times):
        with database.write_tx():
            inbox.store(rt, [(account, inbox.SINK, inbox.pack_receipts(list(said)))], clock.now_ms())
        receipts.apply(rt)


def sent(rt, how: str, kind: str, n: int = 1, first: int | None = None):
    """(tape, campaign, account) after `n` people's texts were sent and `first` of them failed with a kind."""
    tape, first = kit.Tape(ERRORS=CODES, echoes_reference=True, window=100), n if first is None else first
    campaign, account = kit.setup(rt, tape, n=n)
    fail(rt, tape, how, kind, campaign, account, first)
    return tape, campaign, account


def fail(rt, tape, how: str, kind: str, campaign: int, account: int, first: int = 1) -> None:
    """Send a campaign whose `first` messages fail."""
    before, bad = len(tape.sent), set()

    def act(messages):
        bad.update(message.ref for message in messages if len(bad) < first)
        refuse = accounts.open_provider(rt, account).refusal
        return [
            refuse(f"C-{kind}", "no")
            if how == "result" and m.ref in bad
            else Result("accepted", f"p-{m.ref}")
            for m in messages
        ]

    tape.act = act
    kit.send_all(rt, campaign)
    if how == "receipt":
        told(
            rt,
            account,
            *(Receipt("undelivered", m.ref, code=f"C-{kind}") for m in tape.sent[before:] if m.ref in bad),
        )


def next_campaign(rt, account: int, name: str) -> int:
    made = campaign_kit.campaign(rt, name=name, account_id=account, options={"approve": "off"})
    campaign_kit.launched(rt, made)
    return made


def bidx(rt, contact: int) -> bytes:
    return contacts.get(rt, contact).phone_bidx


def held(rt, contact: int) -> list[str]:
    return [row["reason"] for row in suppression.of(bidx(rt, contact))]


def lasting() -> list[tuple]:
    return database.query("SELECT kind, tries FROM consequence ORDER BY message_id")
