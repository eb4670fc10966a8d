"""The breaker rests an account that fails, and tries it again with one message."""

from __future__ import annotations

from core import Ambiguous, Result, Unreachable, clock
from core.db import database
from core.sending import accounts, breaker, claim, drafts, judge, leases
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


def down(rt, tape: Tape, campaign: int, account: int, ms: int) -> None:
    """Fail as the gateway does, again and again for so long: a try each half minute."""
    tape.act = raising(Ambiguous("No complete answer came: Empty reply from server."))
    for _probe in range(ms // breaker.OPEN_MS + 1):
        send_all(rt, campaign, 1)
        later(rt, breaker.OPEN_MS)
        rested(account)
        due_now(campaign)


def later(rt, ms: int) -> None:
    """What a worker remembers of its accounts, so much longer ago."""
    for key, health in leases.current(rt).cache.items():
        if isinstance(key, tuple) and key[0] == "health":
            health._down_since -= ms
            health._opened_at -= ms


def test_a_campaign_waits_out_ten_minutes_and_pauses_after_fifteen(rt):
    tape = Tape(echoes_reference=True)
    campaign, account = setup(rt, tape, 60, options={"window": 5})
    down(rt, tape, campaign, account, 10 * clock.MINUTE_MS)
    assert drafts.get(campaign).state == "running"
    down(rt, tape, campaign, account, 6 * clock.MINUTE_MS)
    paused = drafts.get(campaign)
    assert paused.state == "paused"
    assert paused.reason.startswith(
        "Account “scripted 1” has taken nothing for 15 minutes: No complete answer"
    )
    assert len(tape.sent) < judge.PAUSE_AFTER / 2
    whole(rt)


def test_an_account_that_took_something_in_between_is_not_down(rt):
    tape, answers = Tape(echoes_reference=True), ["accepted"]

    def once(messages):
        return [Result(answers.pop() if answers else "unknown") for _m in messages]

    campaign, account = setup(rt, tape, 60, options={"window": 5})
    down(rt, tape, campaign, account, 10 * clock.MINUTE_MS)
    tape.act = once
    send_all(rt, campaign, 1)
    assert states(campaign)["accepted"] == 1
    down(rt, tape, campaign, account, 10 * clock.MINUTE_MS)
    assert drafts.get(campaign).state == "running"


def test_a_night_without_a_try_is_no_outage(rt_sqlite):
    _campaign, account = setup(rt_sqlite, Tape(), 1)
    health = breaker.Health(breaker.load(account)[0])
    assert health.note([Result("unknown")] * 5)
    health._down_since -= 8 * clock.HOUR_MS
    health._opened_at -= 8 * clock.HOUR_MS
    assert health.note([Result("unknown")])
    assert health.down_ms == 0


def test_a_campaign_with_another_account_that_works_goes_on(rt):
    tape = Tape(echoes_reference=True)
    campaign, first = setup(rt, tape, 60, options={"window": 5})
    second = accounts.create(rt, "second", "scripted", {}).id
    worker, held = leases.current(rt), breaker.load(first)[0]
    batch = claim.claim(rt, worker, campaign, 5)
    batch.account_id = None
    health = breaker.Health(held)
    health.note([Result("unknown")] * 5)
    health._down_since -= breaker.DOWN_MS
    judge.Judge(rt, worker, batch).down(held, health, "no answer")
    assert drafts.get(campaign).state == "running"
    with database.write_tx():
        database.execute("UPDATE account SET failures = 5, open_until = 1 WHERE id = ?", (second,))
    judge.Judge(rt, worker, batch).down(held, health, "no answer")
    assert drafts.get(campaign).reason.startswith("No account the campaign may use has taken anything")
    claim.give_back(worker, batch.lease)


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
