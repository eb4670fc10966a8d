"""The wire: whatever a provider gives is either understood or a doubt, and never breaks a batch."""

from __future__ import annotations

import threading
import time

import pytest

from core import Result, clock
from core.db import database
from core.db.codes import Cls
from core.sending import batch, direct, drain, wire
from tests.send_kit import Tape, rows, send_all, setup, states, whole

ODD = [
    Result("accepted", provider_id="a\x00b"),
    Result("accepted", provider_id="lone \ud800 surrogate"),
    Result("accepted", provider_id=12345),
    Result("accepted", provider_id="x" * 10_000),
    Result("accepted", parts="two", cost_micros=-5),
    Result("accepted", parts=3, cost_micros=700),
    Result("rejected", code="bad\nline", reason="r" * 5_000),
    Result("retry", after_s=float(1 << 60)),
    Result(None),
    Result("withheld"),
    "accepted",
    None,
    {"outcome": "accepted"},
]


@pytest.mark.parametrize("answer", ODD, ids=[repr(a)[:40] for a in ODD])
def test_odd_answers_are_stored_or_doubted(rt, answer):
    tape = Tape()
    tape.act = lambda messages: [answer for _m in messages]
    campaign, _account = setup(rt, tape, 2, price=100)
    send_all(rt, campaign, 1)
    outcome = answer.outcome if isinstance(answer, Result) else None
    expected = {"accepted": "accepted", "rejected": "rejected", "retry": "rejected"}.get(outcome, "in_doubt")
    if outcome == "retry":
        assert set(states(campaign)) <= {"ready", "rejected"}
    else:
        # A window of one each: the provider can settle nothing.
        assert set(states(campaign)) == {expected}
    whole(rt)


def test_what_the_provider_reports_of_parts_and_cost_counts(rt):
    tape = Tape()
    tape.act = lambda messages: [
        Result("accepted", provider_id=m.ref, parts=3, cost_micros=999) for m in messages
    ]
    campaign, _account = setup(rt, tape, 4, price=100)
    send_all(rt, campaign)
    assert set(rows(campaign, "parts, cost_micros")) == {(3, 999)}
    whole(rt)


def test_a_window_follows_what_can_settle_a_doubt():
    def provider(**abilities):
        return Tape(**abilities).provider({})

    assert drain.window_size(None, provider()) == 1
    assert drain.window_size(None, provider(echoes_reference=True)) == 8
    assert drain.window_size(None, provider(can_look_up=True)) == 8
    assert drain.window_size(None, provider(idempotency_ttl_s=60)) == 8
    assert drain.window_size(None, provider(window=500)) == 500
    assert drain.window_size(3, provider(window=500)) == 3


def test_a_slow_wire_keeps_a_large_window_in_two_halves(rt):
    """One half is on the wire while the other is marked; together never more than the window."""
    tape = Tape(echoes_reference=True, batch_size=1000)
    seen, threads = [], set()

    def act(messages):
        threads.add(threading.current_thread().name)
        time.sleep(0.08)
        seen.append(len(messages))
        return [Result("accepted", provider_id=f"p-{m.ref}") for m in messages]

    tape.act = act
    campaign, _account = setup(rt, tape, 600, options={"window": 128})
    most = []
    real = drain.submit.turn

    def turn(*args):
        made = real(*args)
        most.append(database.scalar("SELECT COUNT(*) FROM message WHERE state = 2"))
        return made

    drain.submit.turn = turn
    try:
        send_all(rt, campaign)
    finally:
        drain.submit.turn = real
    assert states(campaign) == {"accepted": 600}
    assert len(set(tape.refs)) == len(tape.refs) == 600
    assert max(most) <= 128
    assert 64 in seen and any(name.startswith("wire") for name in threads)
    whole(rt)


def test_an_error_on_one_half_leaves_nothing_on_the_wire(rt, monkeypatch):
    tape = Tape(echoes_reference=True, batch_size=1000)

    def act(messages):
        time.sleep(0.05)
        return [Result("accepted", provider_id=f"p-{m.ref}") for m in messages]

    tape.act = act
    campaign, _account = setup(rt, tape, 800, options={"window": 128})
    real, calls = drain.submit.turn, []

    def turn(*args):
        calls.append(1)
        if len(calls) == 5:
            raise RuntimeError("the database is away")
        return real(*args)

    monkeypatch.setattr(drain.submit, "turn", turn)
    send_all(rt, campaign, 1)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 800}
    assert len(set(tape.refs)) == len(tape.refs) == 800
    whole(rt)


def test_a_code_does_not_wait_behind_a_mass_campaign(rt, monkeypatch):
    tape = Tape(echoes_reference=True)
    order = []

    def act(messages):
        order.extend(m.cls for m in messages)
        time.sleep(0.03)
        return [Result("accepted") for _m in messages]

    tape.act = act
    campaign, _account = setup(rt, tape, 200, options={"window": 4})
    monkeypatch.setattr(drain, "PEEK_S", 0.0)
    code = []
    real = drain.submit.turn

    def turn(*args):
        if not code and len(order) >= 20:
            code.append(direct.send(rt, "+8613912345678", Cls.otp, "Your code is 1234"))
        return real(*args)

    monkeypatch.setattr(drain.submit, "turn", turn)
    batch.send(rt, campaign)
    assert direct.show(rt, code[0]["message_id"])["state"] == "accepted"
    assert order.index("otp") < 40
    whole(rt)


def test_a_slice_of_time_ends_and_asks_for_another(rt_sqlite, monkeypatch):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt_sqlite, tape, 60, options={"window": 4})
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    def act(messages):
        now[0] += 3
        return [Result("accepted") for _m in messages]

    tape.act = act
    rt_sqlite.queue.huey.flush()
    sent = batch.send(rt_sqlite, campaign)
    assert sent and 0 < states(campaign)["accepted"] < 60
    from core.sending import sweep

    assert sweep.queued(rt_sqlite, "send", campaign)


def test_every_error_of_a_call_has_its_verdict():
    from core import Ambiguous, BadConfig, Throttled, Unreachable
    from core.contract.errors import Refused

    assert wire.verdict(Ambiguous("x")).outcome == "unknown"
    assert wire.verdict(KeyError("x")).outcome == "unknown"
    assert wire.verdict(Refused("x")).outcome == "rejected"
    for error in (BadConfig("x"), Unreachable("x"), Throttled("x")):
        assert wire.verdict(error).outcome == wire.WITHHELD


def test_numbers_in_what_a_provider_says_reach_neither_the_journal_nor_the_message(rt):
    tape = Tape(window=10)
    told = [
        Result("rejected", code="blocked 8613800138001", reason="blacklisted: +86 138-0013-8001"),
        Result("accepted", provider_id="p-8613800138001"),
        Result("rejected", code="21610", reason="no"),
    ]
    tape.act = lambda messages: told[: len(messages)]
    campaign, _account = setup(rt, tape, 3)
    send_all(rt, campaign, 1)
    [journal] = rt.settings.path("journal").glob("*.log")
    for text in (journal.read_text(), str(rows(campaign, "reason"))):
        assert "86138••••8001" in text and "21610" in text
        assert "13800138001" not in text.replace("p-8613800138001", "")
    # Its receipts name it by this id.
    assert "p-8613800138001" in str(rows(campaign, "provider_id"))


def test_a_code_the_account_knows_is_told_as_it_is(rt):
    from core.contract.errors import Refused
    from core.sending.item import Lane

    lane = Lane.__new__(Lane)
    object.__setattr__(lane, "errors", {"100000123": "content"})
    known = Result("rejected", code="100000123")
    assert wire._private(lane, known) is known
    assert wire._private(lane, Result("rejected", code="100000124")).code == "1••••0124"
    assert wire.verdict(Refused("no route to +8613800138001")).reason == "no route to +86138••••8001"
