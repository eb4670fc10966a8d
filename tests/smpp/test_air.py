"""A window in several parts in the air: never more than the window, and nothing lost when a turn breaks."""

from __future__ import annotations

import threading
import time

from core import Result
from core.db import database
from core.sending import air, drain, submit
from plugins.providers import _smpp_flight
from tests.send_kit import Tape, send_all, setup, states, whole


def slow(most: list[int], **abilities) -> Tape:
    """A provider that bears several calls at a time; `most` collects how many there were."""
    tape, calls, lock = Tape(echoes_reference=True, batch_size=1000, **abilities), [0], threading.Lock()

    def act(messages):
        with lock:
            calls[0] += 1
            most.append(calls[0])
        time.sleep(0.06)
        with lock:
            calls[0] -= 1
        return [Result("accepted", provider_id=f"p-{m.ref}") for m in messages]

    tape.act = act
    return tape


def test_several_parts_fly_at_once_and_are_one_window_together(rt, monkeypatch):
    most: list[int] = []
    marked: list[int] = []
    tape = slow(most, flights=3)
    campaign, _account = setup(rt, tape, 1_000, options={"window": 200})
    real = drain.submit.turn

    def turn(*args):
        made = real(*args)
        marked.append(database.scalar("SELECT COUNT(*) FROM message WHERE state = 2"))
        return made

    monkeypatch.setattr(drain.submit, "turn", turn)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 1_000}
    assert len(set(tape.refs)) == len(tape.refs) == 1_000
    assert 2 <= max(most) <= 4 and max(marked) <= 200
    whole(rt)


def test_a_provider_that_says_nothing_is_called_once_at_a_time(rt_sqlite):
    most: list[int] = []
    campaign, _account = setup(rt_sqlite, slow(most), 600, options={"window": 200})
    send_all(rt_sqlite, campaign)
    assert states(campaign) == {"accepted": 600} and max(most) == 1


def test_a_turn_that_breaks_leaves_nothing_in_the_air(rt, monkeypatch):
    tape = slow([], flights=3)
    campaign, _account = setup(rt, tape, 1_000, options={"window": 200})
    real, calls = drain.submit.turn, []

    def turn(*args):
        calls.append(1)
        if len(calls) == 6:
            raise RuntimeError("the database is away")
        return real(*args)

    monkeypatch.setattr(drain.submit, "turn", turn)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 1_000}
    assert len(set(tape.refs)) == len(tape.refs) == 1_000
    whole(rt)


def test_parts_follow_the_pace_of_the_wire():
    class Lane:
        account_id = 1

        class provider:
            flights = 3

    class Worker:
        cache: dict = {}

    def parts(pace: float, size: int = 500) -> int:
        Worker.cache = {("pace", 1): (pace, 1.0)}
        return air.Air(Worker, None, Lane, size).parts()

    assert [parts(pace) for pace in (0.0, 0.3, 0.5, 1.5, 10.0)] == [1, 1, 2, 3, 4]
    # Parts stay large enough for their commit to be worth it.
    assert (parts(10.0, 127), parts(10.0, 160)) == (1, 3)


def test_a_wire_that_computes_has_no_thread_of_its_own():
    waits, computes = submit.Turn(wire_s=0.1, wire_cpu_s=0.02), submit.Turn(wire_s=0.1, wire_cpu_s=0.03)
    assert (air.on_wire_s(waits), air.on_wire_s(computes)) == (0.1, 0.0)
    # What it waited for those before it is not its own.
    assert air.on_wire_s(submit.Turn(wire_s=0.2, flying=4)) == 0.05


def test_a_pacer_keeps_its_rate_to_the_thousandth(monkeypatch):
    """By a clock of its own: late by a fifth of a second now and then, idle for a while, a thousand a second."""
    now = [100.0]
    monkeypatch.setattr(_smpp_flight.clock, "monotonic", lambda: now[0])
    pacer, gone, most = _smpp_flight.Pacer(1000), [], 0
    while now[0] < 110.0:
        taken = pacer.take(500)
        gone += [now[0]] * taken
        most = max(most, taken)
        now[0] += 0.2 if len(gone) % 97 == 0 else 0.001
    assert abs(len(gone) / 10 / 1000 - 1) < 0.001
    # After a rest there is no burst, and what came late was caught up within a quarter of a second.
    now[0] += 5
    assert pacer.take(1) == 1
    now[0] += 5
    assert pacer.take(500) == 1 and most <= 251
