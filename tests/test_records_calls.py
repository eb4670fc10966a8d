"""Every call of a provider leaves a line, which is found again and goes after its days."""

from __future__ import annotations

import pytest

from core import Balance, Throttled, clock, housekeeping
from core.contract.errors import Refusal
from core.contract.types import Result
from core.db import database
from core.db import settings as stored
from core.sending import accounts, balances, receipts
from core.sending.calls import rows, saying, search
from tests import receiving
from tests import send_kit as kit
from tests.records_kit import lines


def test_a_send_leaves_one_row_a_window_with_its_figures(rt):
    tape = kit.Tape(window=4)
    campaign, account = kit.setup(rt, tape, n=10)
    kit.send_all(rt, campaign)
    found = lines("send")
    assert [(row.n, row.accepted, row.outcome) for row in found] == [(2, 2, "ok"), (4, 4, "ok"), (4, 4, "ok")]
    assert {(row.account_id, row.campaign_id) for row in found} == {(account, campaign)}
    assert database.scalar("SELECT COUNT(*) FROM provider_call WHERE detail IS NOT NULL") == 0
    for _id, submitted_at in kit.rows(campaign, "id, submitted_at"):
        assert search.of_message(account, submitted_at)


def test_a_window_counts_each_outcome_and_names_what_was_not_accepted(rt):
    tape = kit.Tape(window=10)
    said = [
        Result("accepted", "p-1"),
        Result("rejected", code="E1", reason="no"),
        Result("retry", code="E2"),
        Result("unknown"),
    ]
    tape.act = lambda messages: said[: len(messages)]
    campaign, _account = kit.setup(rt, tape, n=4)
    kit.send_all(rt, campaign, rounds=1)
    [row] = lines("send")
    assert (row.n, row.accepted, row.rejected, row.retried, row.unknown, row.code) == (4, 1, 1, 1, 1, "E1")
    named = rows.detail_of(search.get(row.id)[1])["messages"]
    assert [outcome for _id, outcome, _code in named] == ["rejected", "retry", "unknown"]


def test_a_call_that_raises_is_a_row_with_the_sentence(rt):
    tape = kit.Tape(window=10)

    def act(messages):
        raise Throttled("too quick for +8613800138000", after_s=30)

    tape.act = act
    campaign, _account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign, rounds=1)
    [row] = lines("send")
    assert (row.n, row.retried, row.code, row.error) == (3, 3, "Throttled", "too quick for +86138••••8000")


def test_webhooks_leave_a_row_a_batch_and_one_for_each_that_makes_no_sense(rt):
    account = receiving.gateway(rt)
    ids_ = receiving.messages(rt, account, 3)
    from core import ids

    refs = [ids.References(rt.keys).of(id_) for id_ in ids_]
    receiving.store(
        rt, account, *[{"ref": ref, "status": "delivered"} for ref in refs], b"<html>+8613912345678"
    )
    receipts.apply(rt)
    fine, bad = sorted(lines("webhook"), key=lambda row: row.unknown)
    assert (fine.n, fine.accepted, bad.n, bad.code) == (3, 3, 1, "not_understood")
    assert "13912345678" not in str(database.query("SELECT * FROM provider_call"))
    assert "13912345678" not in str(database.query("SELECT error FROM inbox"))


def test_polls_balances_and_look_ups_leave_rows(rt):
    tape = kit.Tape(can_look_up=True, settle_s=0)

    def balance(self):
        return Balance(12_000_000, "CNY")

    tape.provider.balance = balance
    tape.act = lambda messages: [Result("unknown") for _ in messages]
    campaign, id_ = kit.setup(rt, tape, n=1)
    kit.send_all(rt, campaign)
    from core.contract.types import Found
    from core.sending import doubt

    tape.found = lambda ref: Found(True, "p-9")
    doubt.climb(rt)
    balances.ask(rt, accounts.get(id_))
    assert [(row.kind, row.outcome) for row in lines()] == [
        ("balance", "ok"),
        ("look_up", "ok"),
        ("send", "unknown"),
    ]


def made(account: int, **given) -> None:
    row = rows.Call(account, 0, "send", clock.now_ms(), 5, 3, 3)._replace(**given)
    with database.write_tx():
        rows.write([row])


def test_calls_are_found_by_account_kind_time_outcome_code_and_text(rt):
    now = clock.now_ms()
    made(1)
    made(
        2, kind="poll", accepted=0, unknown=3, code="X1", error="100% Timeout_of peer", at=now - clock.DAY_MS
    )
    made(1, accepted=0, rejected=3, code="E7")
    pick = lambda **k: [row.id for row in search.page(search.Filter(**k))[0]]  # noqa: E731
    assert pick() == [3, 2, 1]
    assert pick(account_id=1) == [3, 1]
    assert pick(kind="poll") == pick(code="X1") == pick(text="timeout_OF") == pick(text="100%") == [2]
    assert pick(text="100_") == []
    assert pick(outcome="failed") == [3, 2]
    assert (pick(outcome="ok"), pick(outcome="rejected"), pick(outcome="unknown")) == ([1], [3], [2])
    assert pick(since=now - 1000) == [3, 1] and pick(until=now - 1000) == [2]
    with pytest.raises(Refusal):
        pick(kind="nonsense")


def test_pages_go_by_key_both_ways(rt):
    with database.write_tx():
        rows.write([rows.Call(1, 0, "poll", n, 1, 1, 1) for n in range(120)])
    first, newer, older = search.page(search.Filter())
    assert (len(first), newer, older) == (50, False, True)
    second, newer, older = search.page(search.Filter(), before=first[-1].id)
    assert (second[0].id, newer, older) == (first[-1].id - 1, True, True)
    back, newer, older = search.page(search.Filter(), after=second[0].id)
    assert ([row.id for row in back], newer, older) == ([row.id for row in first], False, True)


def test_housekeeping_takes_old_calls_away(rt):
    made(1, at=clock.now_ms() - 31 * clock.DAY_MS)
    made(1)
    housekeeping.run(rt)
    assert len(lines()) == 1
    stored.put(saying.DAYS_KEY, 1)
    made(1, at=clock.now_ms() - 2 * clock.DAY_MS)
    housekeeping.run(rt)
    assert len(lines()) == 1
