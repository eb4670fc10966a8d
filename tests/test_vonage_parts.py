"""A long text through Vonage: delivered when all its parts are, whatever comes first."""

from __future__ import annotations

import itertools

import pytest

from core import Receipt, Result, clock
from core.db import database
from core.sending import batch, inbox, receipts
from tests import send_kit as kit

IDS = ("0A01", "0A02", "0A03")


@pytest.fixture
def sent(rt):
    """(account, our reference, told): one long text out as three parts; `told(*receipts)` brings receipts."""
    tape = kit.Tape(echoes_reference=True)
    tape.act = lambda messages: [Result("accepted", " ".join(IDS), parts=3) for _ in messages]
    campaign, account = kit.setup(rt, tape, n=1)
    batch.send(rt, campaign)

    def told(*said: Receipt) -> str:
        with database.write_tx():
            inbox.store(rt, [(account, inbox.SINK, inbox.pack_receipts(list(said)))], clock.now_ms())
        receipts.apply(rt)
        [state] = kit.states(campaign)
        return state

    return tape.refs[0], told


def arrived(ref: str, part: str) -> tuple[Receipt, Receipt]:
    """As the provider gives one call for one part."""
    return Receipt("accepted", ref), Receipt("delivered", None, part)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[::2])
def test_it_is_delivered_with_the_last_part(rt, sent, order):
    ref, told = sent
    states = [told(*arrived(ref, IDS[n])) for n in (*order[:2], order[0], order[2])]
    assert states == ["accepted", "accepted", "accepted", "delivered"]
    kit.whole(rt)


def test_it_fails_with_the_first_part_that_fails(rt, sent):
    ref, told = sent
    assert told(*arrived(ref, IDS[0])) == "accepted"
    assert told(Receipt("undelivered", ref, IDS[1], code="err-3")) == "undelivered"
    assert told(*arrived(ref, IDS[2])) == "undelivered"
    kit.whole(rt)
