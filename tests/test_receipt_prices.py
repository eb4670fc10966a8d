"""Prices in receipts: cost, counters and spent end the same in any order, any number of times, on both databases."""

from __future__ import annotations

import itertools
import random

import pytest

from core import Receipt, Result, clock
from core.db import database, tally
from core.db.codes import State
from core.sending import accounts, batch, inbox, receipts
from tests import send_kit as kit

PRICE = 50_000
IDS = ("0A01", "0A02", "0A03")


def at(seconds: int):
    return clock.from_ms(clock.now_ms() // 1000 * 1000 - 100_000 + seconds * 1000)


def told(rt, account: int, *said: Receipt) -> None:
    """Receipts through the provider's own connection, each call applied by itself."""
    with database.write_tx():
        inbox.store(rt, [(account, inbox.SINK, inbox.pack_receipts(list(said)))], clock.now_ms())
    receipts.apply(rt)


def sent(rt, n: int, budget: int = 10_000_000, tape: kit.Tape | None = None, act=None):
    """(tape, campaign, account) of a campaign whose `n` texts are out, at PRICE each."""
    tape = tape or kit.Tape(echoes_reference=True, window=100)
    tape.act = act or tape.act
    campaign, account = kit.setup(rt, tape, n=n, price=PRICE)
    with database.write_tx():
        database.execute(
            "UPDATE campaign SET budget_micros = ?, spent_micros = 0 WHERE id = ?", (budget, campaign)
        )
    batch.send(rt, campaign)
    return tape, campaign, account


def ledger(campaign: int) -> tuple[list[int], int, int]:
    """(cost of each message, cost by the counters, spent)."""
    costs = [cost for (cost,) in kit.rows(campaign, "cost_micros")]
    counted = sum(cost for _n, _parts, cost in tally.stored(campaign).values())
    assert counted == sum(costs)
    return costs, counted, database.scalar("SELECT spent_micros FROM campaign WHERE id = ?", (campaign,))


class Oracle:
    """What one message costs in the end: the latest price told, of equally late ones the higher."""

    def __init__(self):
        self.prices: list[tuple] = []
        self.rejected = False

    def cost(self) -> int:
        return max(self.prices)[1] if self.prices else 0 if self.rejected else PRICE


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_repetition_ends_in_the_oracles_cost_tally_and_spent(rt, seed):
    n, chance = 12, random.Random(seed)
    tape, campaign, account = sent(rt, n)
    oracles, said = [], []
    instants = [at(second) for second in range(4)]
    for ref in tape.refs:
        oracle, final = Oracle(), chance.choice(["delivered", "undelivered", "rejected"])
        oracle.rejected = final == "rejected"
        for _time in range(chance.randint(1, 4)):
            when, cost = chance.choice(instants), chance.choice([None, 0, 30_000, 45_000, 80_000])
            word = final if _time == 0 else chance.choice(["accepted", final])
            said.append(Receipt(word, ref, None, when, cost_micros=cost))
            if cost is not None:
                oracle.prices.append((when, cost))
        oracles.append(oracle)
    said *= 2
    chance.shuffle(said)
    while said:
        some = [said.pop() for _one in range(min(len(said), chance.randint(1, 9)))]
        told(rt, account, *some)
    wanted = [oracle.cost() for oracle in oracles]
    costs, counted, spent = ledger(campaign)
    by_ref = dict(zip(tape.refs, wanted, strict=True))
    assert sorted(costs) == sorted(by_ref.values())
    assert (counted, spent) == (sum(wanted), sum(wanted))
    kit.whole(rt)


def test_a_price_told_again_changes_nothing(rt):
    tape, campaign, account = sent(rt, 1)
    one = Receipt("delivered", tape.refs[0], None, at(5), cost_micros=70_000)
    for _time in range(3):
        told(rt, account, one, one)
        assert ledger(campaign) == ([70_000], 70_000, 70_000)
    told(rt, account, Receipt("accepted", tape.refs[0], None, at(1), cost_micros=10_000))
    assert ledger(campaign) == ([70_000], 70_000, 70_000), "an earlier word came late"
    kit.whole(rt)


def test_what_vendors_charge_beyond_the_budget_is_counted_and_no_fault_of_the_ledger(rt):
    tape, campaign, account = sent(rt, 2, budget=2 * PRICE)
    told(rt, account, *(Receipt("delivered", ref, cost_micros=90_000) for ref in tape.refs))
    assert ledger(campaign) == ([90_000] * 2, 180_000, 180_000)
    kit.whole(rt)


def test_a_price_told_with_the_answer_is_spent_and_a_receipts_is_the_later_word(rt):
    def act(messages):
        return [Result("accepted", provider_id=f"p-{m.ref}", cost_micros=60_000) for m in messages]

    tape, campaign, account = sent(rt, 2, budget=2 * PRICE, act=act)
    assert ledger(campaign) == ([60_000] * 2, 120_000, 120_000)
    kit.whole(rt)
    first, second = tape.refs
    told(rt, account, Receipt("rejected", first, None, at(2)))
    told(rt, account, Receipt("delivered", second, None, at(2), cost_micros=55_000))
    costs, counted, spent = ledger(campaign)
    assert (sorted(costs), counted, spent) == ([55_000, 60_000], 115_000, 115_000), "what was told is charged"
    kit.whole(rt)


@pytest.mark.parametrize("order", [1, -1])
def test_a_rejected_text_costs_what_its_vendor_says_whichever_is_told_first(rt, order):
    tape, campaign, account = sent(rt, 1)
    [ref] = tape.refs
    said = [Receipt("rejected", ref, None, at(2)), Receipt("accepted", ref, None, at(1), cost_micros=7_000)]
    for one in said[::order]:
        told(rt, account, one)
    assert ledger(campaign) == ([7_000], 7_000, 7_000)
    kit.whole(rt)


@pytest.mark.parametrize("order", list(itertools.permutations(IDS))[::2])
def test_parts_priced_one_by_one_cost_their_sum_once_all_are_told(rt, order):
    tape = kit.Tape(echoes_reference=True)
    answer = [Result("accepted", " ".join(IDS), parts=3)]
    _tape, campaign, account = sent(rt, 1, tape=tape, act=lambda _messages: answer)
    for part in order:
        assert ledger(campaign)[0] == [PRICE]
        for _time in range(2):
            told(rt, account, Receipt("delivered", None, part, cost_micros=10_000 * (1 + IDS.index(part))))
    assert ledger(campaign) == ([60_000], 60_000, 60_000)
    kit.whole(rt)


def test_a_price_that_beats_the_response_waits_for_it(rt):
    """The response tells a price, too; the receipt's is the later word and must stand."""
    tape = kit.Tape(echoes_reference=True, window=100)
    campaign, account = kit.setup(rt, tape, n=1, price=PRICE)

    def act(messages):
        told(rt, account, Receipt("delivered", messages[0].ref, "p-1", cost_micros=66_000))
        assert kit.rows(campaign, "state") == [(int(State.submitting),)]
        return [Result("accepted", "p-1", cost_micros=40_000)]

    tape.act = act
    batch.send(rt, campaign)
    receipts.rematch_all(rt)
    assert kit.states(campaign)["delivered"] == 1
    assert ledger(campaign)[0] == [66_000]
    assert database.scalar("SELECT COUNT(*) FROM pending_receipt") == 0
    kit.whole(rt)


def test_a_price_by_the_providers_id_waits_for_the_response(rt):
    tape = kit.Tape(window=100)
    campaign, account = kit.setup(rt, tape, n=2, price=PRICE)

    def act(messages):
        told(rt, account, *(Receipt("delivered", None, f"p-{m.ref}", cost_micros=33_000) for m in messages))
        return [Result("accepted", f"p-{m.ref}") for m in messages]

    tape.act = act
    batch.send(rt, campaign)
    receipts.rematch_all(rt)
    assert ledger(campaign)[0] == [33_000] * 2
    kit.whole(rt)


def test_another_accounts_price_changes_nothing(rt):
    tape, campaign, _account = sent(rt, 1)
    other = accounts.create(rt, "other", "simulator", {}).id
    told(rt, other, Receipt("delivered", tape.refs[0], cost_micros=1))
    assert ledger(campaign) == ([PRICE], PRICE, PRICE)


@pytest.mark.parametrize("price", [-1, 10**13, 2**70])
def test_a_price_no_text_has_is_left_out(rt_sqlite, price):
    tape, campaign, account = sent(rt_sqlite, 1)
    told(rt_sqlite, account, Receipt("delivered", tape.refs[0], cost_micros=price))
    assert kit.states(campaign)["delivered"] == 1
    assert ledger(campaign) == ([PRICE], PRICE, PRICE)


def test_receipts_without_prices_carry_nothing_for_them(rt_sqlite):
    plain = inbox.pack_receipts([Receipt("delivered", provider_id=str(n)) for n in range(100)])
    assert (
        inbox.alike(plain)[0].costs is None and b'"alike":[["delivered",null,null,null,null,null,[' in plain
    )
    tape, _campaign, account = sent(rt_sqlite, 3)
    told(rt_sqlite, account, *(Receipt("delivered", ref) for ref in tape.refs))
    assert database.scalar("SELECT COUNT(*) FROM message_price") == 0


def test_prices_go_with_the_messages_they_are_of(rt_sqlite):
    from core.audience import ageing

    tape, campaign, account = sent(rt_sqlite, 2)
    told(rt_sqlite, account, *(Receipt("delivered", ref, cost_micros=9) for ref in tape.refs))
    assert database.scalar("SELECT COUNT(*) FROM message_price") == 2
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'done', finished_at = 1 WHERE id = ?", (campaign,))
    ageing.BY_KEY["messages"].remove(clock.now_ms())
    assert database.scalar("SELECT COUNT(*) FROM message_price") == 0
