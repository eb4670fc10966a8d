"""Leases: what becomes of messages when their owner is gone, stopped, or leaves in order."""

from __future__ import annotations

import pytest

from core import Result, clock
from core.db import database, tally
from core.db.codes import State
from core.sending import claim, leases, record, settle, submit, wire
from tests.claim_kit import marked, other_worker
from tests.send_kit import Tape, rows, send_all, setup, states, whole


@pytest.fixture
def me(rt):
    return leases.current(rt)


def test_claimed_messages_of_a_dead_worker_go_back(rt, me):
    campaign, _account = setup(rt, Tape(), 5)
    claim.claim(rt, other_worker(rt, alive=False), campaign)
    assert states(campaign) == {"claimed": 5}
    leases.reap(rt, me)
    assert states(campaign) == {"ready": 5}
    assert database.scalar("SELECT COUNT(*) FROM lease") == 0
    whole(rt)


def test_a_worker_that_died_before_the_wire_left_nothing_in_doubt(rt, me):
    campaign, _account = setup(rt, Tape(), 10)
    dead = other_worker(rt, alive=False)
    marked(rt, dead, campaign)
    assert states(campaign) == {"submitting": 8, "claimed": 2}
    leases.reap(rt, me)
    assert states(campaign) == {"ready": 10}
    assert {r[0] for r in rows(campaign, "attempt")} == {0}
    whole(rt)


def test_without_its_journal_a_dead_worker_s_window_is_in_doubt(rt, me):
    campaign, _account = setup(rt, Tape(), 10)
    dead = other_worker(rt, alive=False)
    marked(rt, dead, campaign)
    for file in rt.settings.path("journal").glob(f"*-{dead.id}-*.log"):
        file.unlink()
    leases.reap(rt, me)
    assert states(campaign) == {"in_doubt": 8, "ready": 2}
    assert {r[2] for r in rows(campaign) if r[1] == State.in_doubt} == {settle.DIED}
    whole(rt)


def test_a_window_on_the_wire_of_a_dead_worker_is_in_doubt(rt, me):
    campaign, _account = setup(rt, Tape(), 10)
    dead = other_worker(rt, alive=False)
    lane, made, _drain = marked(rt, dead, campaign)
    dead.journal.sent(lane.lease, lane.account_id, [item.id for item in made.marked])
    leases.reap(rt, me)
    assert states(campaign) == {"in_doubt": 8, "ready": 2}
    whole(rt)


def test_what_the_provider_said_to_a_dead_worker_is_recorded(rt, me):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 10)
    dead = other_worker(rt, alive=False)
    lane, made, drain = marked(rt, dead, campaign)
    wire.put(dead, drain.references, lane, made)
    assert states(campaign) == {"submitting": 8, "claimed": 2}
    leases.reap(rt, me)
    assert states(campaign) == {"accepted": 8, "ready": 2}
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 10} and len(set(tape.refs)) == len(tape.refs) == 10
    whole(rt)


def test_an_idempotent_provider_gets_the_same_reference_again(rt, me):
    tape = Tape(idempotency_ttl_s=3600)
    campaign, _account = setup(rt, tape, 6)
    dead = other_worker(rt, alive=False)
    lane, made, _drain = marked(rt, dead, campaign)
    dead.journal.sent(lane.lease, lane.account_id, [item.id for item in made.marked])
    leases.reap(rt, me)
    assert states(campaign) == {"ready": 6}
    first = dict(rows(campaign, "id, submitted_at"))
    assert all(first.values()), "the time of the first submit bounds the repeat"
    send_all(rt, campaign)
    assert dict(rows(campaign, "id, submitted_at")) == first
    assert states(campaign) == {"accepted": 6}
    whole(rt)


def test_a_repeat_whose_time_is_over_does_not_go_out(rt, me):
    tape = Tape(idempotency_ttl_s=60)
    campaign, _account = setup(rt, tape, 3)
    dead = other_worker(rt, alive=False)
    lane, made, _drain = marked(rt, dead, campaign)
    dead.journal.sent(lane.lease, lane.account_id, [item.id for item in made.marked])
    leases.reap(rt, me)
    hour_ago = clock.now_ms() - clock.HOUR_MS
    with database.write_tx():
        old = tally.stored(campaign)
        database.execute("UPDATE message SET submitted_at = ? WHERE campaign_id = ?", (hour_ago, campaign))
        deltas = tally.Deltas()
        for key, (n, _parts, _cost) in old.items():
            deltas.add(key, -n)
            deltas.add((*key[:3], tally.hour_of(hour_ago), key[4]), n)
        tally.move(deltas)
    send_all(rt, campaign, 1)
    assert not tape.sent
    assert {r[1:] for r in rows(campaign)} == {(State.in_doubt, "repeat_too_late")}
    whole(rt)


def test_a_live_worker_is_left_alone(rt, me):
    campaign, _account = setup(rt, Tape(), 4)
    alive = other_worker(rt, alive=True)
    claim.claim(rt, alive, campaign)
    assert leases.reap(rt, me) == []
    assert states(campaign) == {"claimed": 4}
    alive.cache["process"].kill()
    alive.cache["process"].wait()
    assert leases.reap(rt, me) == [alive.id]


def test_a_stopped_worker_loses_its_lease_after_the_time_of_the_observer(rt, me, monkeypatch):
    campaign, _account = setup(rt, Tape(), 10)
    stopped = other_worker(rt, alive=True)
    lane, made, drain = marked(rt, stopped, campaign)
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    leases.reap(rt, me)
    now[0] += leases.LEASE_S - 1
    assert leases.reap(rt, me) == []
    now[0] += 2
    assert leases.reap(rt, me) == [stopped.id]
    # It may still wake: what it marked is in doubt although its journal names nothing.
    assert states(campaign) == {"in_doubt": 8, "ready": 2}
    assert database.scalar("SELECT COUNT(*) FROM lease WHERE worker_id = ?", (stopped.id,)) == 1
    # It wakes: too late for the wire, so it gives the window back and nobody was texted.
    results = wire.put(stopped, drain.references, lane, made).results
    assert {r.outcome for r in results} == {record.WITHHELD}
    submit.turn(rt, lane, submit.Done(made.marked, results), [], {})
    assert states(campaign) == {"ready": 10}
    stopped.cache["process"].kill()
    stopped.cache["process"].wait()
    leases.reap(rt, me)
    whole(rt)


def test_a_stopped_worker_s_late_answer_settles_the_doubt(rt, me, monkeypatch):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 8)
    stopped = other_worker(rt, alive=True)
    lane, made, drain = marked(rt, stopped, campaign)
    stopped.journal.sent(lane.lease, lane.account_id, [item.id for item in made.marked])
    results = [Result("accepted", provider_id=f"late-{item.id}") for item in made.marked]
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    leases.reap(rt, me)
    now[0] += leases.LEASE_S + 1
    leases.reap(rt, me)
    assert states(campaign) == {"in_doubt": 8}
    submit.turn(rt, lane, submit.Done(made.marked, results), [], {})
    assert states(campaign) == {"accepted": 8}
    assert {r[0] for r in rows(campaign, "provider_id")} == {r.provider_id for r in results}
    stopped.cache["process"].kill()
    stopped.cache["process"].wait()
    leases.reap(rt, me)
    whole(rt)


def test_an_error_in_the_middle_of_a_batch_settles_it_by_the_journal(rt, monkeypatch):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 20)
    real, calls = record.apply, []

    def breaks(*args):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the second window cannot be recorded")
        return real(*args)

    monkeypatch.setattr(record, "apply", breaks)
    send_all(rt, campaign, 1)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 20}
    assert len(set(tape.refs)) == len(tape.refs) == 20
    whole(rt)


def test_leaving_in_order_leaves_no_lease(rt):
    campaign, _account = setup(rt, Tape(), 4)
    worker = leases.start(rt)
    claim.claim(rt, worker, campaign)
    leases.end(rt, worker)
    assert states(campaign) == {"ready": 4}
    assert database.scalar("SELECT ended_at FROM worker WHERE id = ?", (worker.id,))
    whole(rt)


def test_a_worker_declared_gone_becomes_another_one(rt):
    worker = leases.start(rt, beating=False)
    worker.lost.set()
    assert leases.current(rt).id != worker.id
    leases.end(rt, leases.current(rt))
