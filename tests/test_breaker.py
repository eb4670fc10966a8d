"""The breaker rests an account that fails, and tries it again with one message."""

from __future__ import annotations

from core import Result, Unreachable, clock
from core.db import database
from core.sending import accounts, breaker
from tests.send_kit import Tape, due_now, raising, rows, send_all, setup, states, whole


def rested(account: int) -> None:
    with database.write_tx():
        database.execute(
            "UPDATE account SET open_until = ?, probe_at = 0 WHERE id = ? AND open_until > 0",
            (clock.now_ms() - 1, account),
        )


def test_the_breaker_opens_after_five_failures_and_lets_one_probe_through(rt):
    tape = Tape(echoes_reference=True)
    tape.act = raising(Unreachable("no route"))
    campaign, account = setup(rt, tape, 60, options={"window": 5})
    send_all(rt, campaign, 3)
    assert tape.calls == 1, "five messages failed at once"
    open_until = database.scalar("SELECT open_until FROM account WHERE id = ?", (account,))
    assert open_until > clock.now_ms() + 25_000
    send_all(rt, campaign, 3)
    assert tape.calls == 1, "nothing goes while it is open"
    rested(account)
    due_now(campaign)
    send_all(rt, campaign, 3)
    assert tape.calls == 2 and len(tape.sent) == 6, "one message tries it again"
    tape.act = lambda messages: [Result("accepted") for _m in messages]
    rested(account)
    due_now(campaign)
    send_all(rt, campaign)
    due_now(campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 60}
    assert database.one("SELECT failures, open_until FROM account WHERE id = ?", (account,)) == (0, 0)
    whole(rt)


def test_only_one_worker_gets_the_probe(rt):
    _campaign, account = setup(rt, Tape(), 1)
    with database.write_tx():
        database.execute("UPDATE account SET failures = 5, open_until = 1 WHERE id = ?", (account,))
    found = breaker.load(account)[0]
    now = clock.now_ms()
    assert [breaker.probe(found, now), breaker.probe(found, now)] == [True, False]
    assert breaker.probe(found, now + breaker.OPEN_MS + 1), "a prober that died does not keep the place"


def test_half_of_the_last_twenty_opens_the_breaker(rt_sqlite):
    _campaign, account = setup(rt_sqlite, Tape(), 1)
    health = breaker.Health(breaker.load(account)[0])
    for _n in range(9):
        assert not health.note([Result("accepted"), Result("unknown")])
    assert health.note([Result("accepted"), Result("unknown")])


def test_refused_numbers_are_no_failure_of_the_account(rt_sqlite):
    _campaign, account = setup(rt_sqlite, Tape(), 1)
    health = breaker.Health(breaker.load(account)[0])
    assert not health.note([Result("rejected")] * 50)
    assert not health.note([Result("retry", after_s=1.0)] * 50)
    assert health.failures == 0


def test_another_account_takes_over_what_was_never_marked(rt):
    """A campaign that names no account goes on through the next one that works."""
    tape = Tape(echoes_reference=True)
    campaign, first = setup(rt, tape, 12, options={"window": 4})
    second = accounts.create(rt, "second", "scripted", {}).id
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (campaign,))
        database.execute(
            "UPDATE account SET failures = 5, open_until = ? WHERE id = ?", (clock.now_ms() + 30_000, first)
        )
    send_all(rt, campaign)
    assert {row[0] for row in rows(campaign, "account_id")} == {second}
    whole(rt)
