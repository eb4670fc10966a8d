"""A message of several parts: delivered when all are, failed when one fails, whatever the order."""

from __future__ import annotations

import itertools

import pytest

from core import Receipt, Result, clock, housekeeping
from core.db import database
from core.sending import inbox, receipts, record
from tests.send_kit import Tape, rows, send_all, setup, states, whole


def sent(rt, n: int = 1, parts: int = 3, **abilities):
    """(campaign, account) of messages the provider took as so many parts: ids "<n>a <n>b …"."""
    tape, count = Tape(**abilities), itertools.count()

    def act(messages):
        return [
            Result("accepted", " ".join(f"{at}{'abcdefgh'[part]}" for part in range(parts)))
            for at in (next(count) for _m in messages)
        ]

    tape.act = act
    campaign, account = setup(rt, tape, n)
    send_all(rt, campaign)
    return campaign, account


def told(rt, account: int, *said: tuple[str, str], code: str | None = None) -> None:
    """Receipts of a connection of its own, applied one after another."""
    for state, id_ in said:
        inbox.Sink(rt, account).put([Receipt(state, provider_id=id_, code=code)])
        receipts.apply(rt)


@pytest.mark.parametrize("order", list(itertools.permutations("abc")), ids="".join)
def test_it_is_delivered_when_the_last_part_is(rt_sqlite, order):
    campaign, account = sent(rt_sqlite)
    for at, part in enumerate(order, 1):
        told(rt_sqlite, account, ("delivered", f"0{part}"))
        assert states(campaign) == {"delivered" if at == 3 else "accepted": 1}
    whole(rt_sqlite)


@pytest.mark.parametrize("state", ["undelivered", "expired", "rejected"])
def test_it_fails_with_the_first_part_that_fails(rt, state):
    campaign, account = sent(rt)
    told(rt, account, ("delivered", "0c"), ("accepted", "0a"))
    told(rt, account, (state, "0b"), code="E7")
    assert rows(campaign, "reason") == [("E7",)]
    told(rt, account, ("delivered", "0a"), ("delivered", "0b"), ("delivered", "0c"))
    assert states(campaign) == {state: 1}
    whole(rt)


def test_receipts_of_many_messages_come_twice_in_one_call_and_mixed(rt):
    campaign, account = sent(rt, 20, 2)
    ids = [f"{n}{part}" for part in "ba" for n in range(20)]
    both = [Receipt("delivered", provider_id=id_) for id_ in [*ids[:30], *ids[:30]]]
    inbox.Sink(rt, account).put([*both, Receipt("delivered", provider_id="nobody's")])
    receipts.apply(rt)
    assert states(campaign) == {"delivered": 10, "accepted": 10}
    inbox.Sink(rt, account).put([Receipt("delivered", provider_id=id_) for id_ in ids])
    receipts.apply(rt)
    assert states(campaign) == {"delivered": 20}
    whole(rt)


def test_receipts_that_beat_the_answer_wait_for_it(rt):
    tape = Tape()
    campaign, account = setup(rt, tape, 1)

    def act(messages):
        told(rt, account, ("delivered", "y"), ("delivered", "x"))
        return [Result("accepted", "x y z")]

    tape.act = act
    send_all(rt, campaign)
    receipts.rematch(rt)
    assert states(campaign) == {"accepted": 1}
    told(rt, account, ("delivered", "z"))
    assert states(campaign) == {"delivered": 1}
    assert database.scalar("SELECT COUNT(*) FROM pending_receipt") == 0
    whole(rt)


def test_another_accounts_parts_are_another_s(rt_sqlite):
    campaign, account = sent(rt_sqlite)
    for part in "abc":
        told(rt_sqlite, account + 1, ("delivered", f"0{part}"))
    assert states(campaign) == {"accepted": 1}


def test_recording_twice_forgets_nothing(rt):
    campaign, account = sent(rt)
    told(rt, account, ("delivered", "0a"), ("delivered", "0b"))
    (message,) = rows(campaign, "id")[0]
    with database.write_tx():
        record._note_parts(account, [message], ["0a 0b 0c"])
    told(rt, account, ("delivered", "0c"))
    assert states(campaign) == {"delivered": 1}


def test_old_parts_are_thrown_away(rt, monkeypatch):
    sent(rt, 2)
    housekeeping.run(rt)
    assert database.scalar("SELECT COUNT(*) FROM message_part") == 6
    now = clock.now_ms() + 15 * clock.DAY_MS
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    housekeeping.run(rt)
    assert database.scalar("SELECT COUNT(*) FROM message_part") == 0
