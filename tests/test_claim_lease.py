"""Claims and leases: one owner a message, and what becomes of it when the owner is gone."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from core import Result, clock
from core.db import claiming, database, marking, tally
from core.db.codes import State
from core.sending import accounts, claim, journal, leases, record, route, settle, submit, wire
from core.sending.breaker import load
from core.sending.drain import Drain
from tests.send_kit import Tape, rows, send_all, setup, states, whole


@pytest.fixture
def me(rt):
    return leases.current(rt)


def other_worker(rt, *, alive: bool) -> leases.Worker:
    """Another worker of this machine: a process that runs, or one that is over."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = leases.pid_start(process.pid)
    if not alive:
        process.kill()
        process.wait()
    now = clock.now_ms()
    with database.write_tx():
        worker_id = database.scalar(
            "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) VALUES (?, ?, ?, ?, 0, ?) "
            "RETURNING id",
            (leases._host(), leases._boot_id(), process.pid, started, now),
        )
    made = leases.Worker(worker_id, now, journal.Journal(rt.settings.path("journal"), worker_id, now))
    made.cache["process"] = process
    return made


def marked(rt, worker, campaign: int, window: int = 8, cause: str = ""):
    """Let a worker claim everything and mark one window; (lane, turn)."""
    taken = claim.claim(rt, worker, campaign)
    drain = Drain(rt, worker, taken, clock.monotonic() + 10)
    items = drain.rendered(taken.items)
    account = next(account for account in load() if account.id == taken.account_id)
    lane = drain.lane(account, accounts.open_provider(rt, account.id))
    return lane, submit.turn(rt, lane, None, items[:window], {}), drain


def test_two_workers_never_claim_the_same_message(rt):
    campaign, _account = setup(rt, Tape(), 400)
    taken, errors = [], []

    def work():
        try:
            worker = other_worker(rt, alive=True)
            worker.cache["process"].kill()
            while (got := claim.claim(rt, worker, campaign, 7)) is not None:
                taken.extend(item.id for item in got.items)
        except Exception as error:
            errors.append(error)
        finally:
            database.reopen()

    threads = [threading.Thread(target=work) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(taken) == len(set(taken)) == 400
    assert states(campaign) == {"claimed": 400}


def test_only_running_campaigns_are_claimed(rt, me):
    campaign, _account = setup(rt, Tape(), 3)
    with database.write_tx():
        database.execute("UPDATE campaign SET state = 'paused' WHERE id = ?", (campaign,))
    assert claim.claim(rt, me, campaign) is None
    assert states(campaign) == {"ready": 3} and not me.busy


def test_a_batch_holds_about_two_seconds_of_work():
    assert claim.limit_for(None) == claim.BATCH_MAX
    assert claim.limit_for(5.0, None) == 10
    assert claim.limit_for(0.1) == 1
    assert claim.limit_for(100_000.0) == claim.BATCH_MAX


def test_workers_share_the_end_of_a_campaign(rt, me, monkeypatch):
    monkeypatch.setattr(claim, "BATCH_LEAST", 10)
    campaign, _account = setup(rt, Tape(), 200)
    assert len(claim.claim(rt, me, campaign).items) == 200
    settle.all_of(rt, me.id, me.started_at, proven=True)
    other = other_worker(rt, alive=True)
    other.cache["process"].kill()
    taken = []
    while (batch := claim.claim(rt, me if len(taken) % 2 else other, campaign)) is not None:
        taken.append(len(batch.items))
    # A quarter of what is left each time: two workers, each with a batch in hand and one ahead.
    assert taken[:3] == [50, 37, 28] and taken[-3:-1] == [10, 10]
    assert sum(taken) == 200 and states(campaign) == {"claimed": 200}


def test_a_batch_that_cannot_go_out_is_given_back(rt, me, monkeypatch):
    campaign, _account = setup(rt, Tape(), 5)
    monkeypatch.setattr(leases, "draining", threading.Event())
    leases.draining.set()
    assert send_all(rt, campaign) == 0
    leases.draining.clear()
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 5}
    whole(rt)


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


def test_the_database_refuses_every_edge_that_is_not_listed(rt):
    from peewee import DatabaseError

    from core.db.codes import EDGES
    from tests.send_kit import set_state

    campaign, _account = setup(rt, Tape(), 1)
    message_id = rows(campaign)[0][0]
    path = {
        State.ready: [],
        State.claimed: [State.claimed],
        State.submitting: [State.claimed, State.submitting],
        State.accepted: [State.claimed, State.submitting, State.accepted],
        State.in_doubt: [State.claimed, State.submitting, State.in_doubt],
        State.delivered: [State.claimed, State.submitting, State.delivered],
        State.skipped: [State.skipped],
        State.cancelled: [State.cancelled],
    }
    back = database.query("SELECT * FROM message WHERE id = ?", (message_id,))[0]
    columns = [c[0] for c in database.execute("SELECT * FROM message LIMIT 1").description]
    for old, steps in path.items():
        for new in State:
            with database.write_tx():
                database.execute("DELETE FROM message WHERE id = ?", (message_id,))
                database.copy_rows("message", columns, [back])
            set_state(message_id, *steps)
            allowed = new == old or new in EDGES.get(old, frozenset())
            try:
                set_state(message_id, new)
            except DatabaseError as error:
                assert "refused" in str(error) and not allowed, f"{old.name} → {new.name}"
            else:
                assert allowed, f"{old.name} → {new.name} was taken"


def test_the_account_is_kept_once_a_message_was_marked_on_it(rt):
    from core.sending.item import Item

    _campaign, first = setup(rt, Tape(), 1)
    second = accounts.create(rt, "second", "scripted", {}).id
    every = {a.id: a for a in load()}
    bound, free = Item(1, 1, 0, second, None, 1, None), Item(2, 1, 0, 0, None, 0, None)
    lanes, parked = route.assign(rt, 2, [bound, free], list(every.values()), every, clock.now_ms())
    assert lanes == {second: [bound], first: [free]} and not parked


def test_urgent_campaigns_are_found_first(rt):
    from core.db.codes import Cls

    setup(rt, Tape(), 2)
    from core.sending import direct

    made = direct.send(rt, "+8613800000000", Cls.otp, "Your code is 1234")
    due = claiming.due_campaigns(clock.now_ms())
    assert [cls for _id, cls in due] == [Cls.otp, Cls.mass]
    assert claiming.due_urgent(clock.now_ms()) == [(made["campaign_id"], Cls.otp)]


def test_the_counters_of_a_move_are_those_of_the_rows(rt):
    campaign, _account = setup(rt, Tape(), 3)
    deltas = tally.Deltas()
    with database.write_tx():
        moved = marking.move(
            [r[0] for r in rows(campaign)], State.ready, State.skipped, deltas, reason="test", final_at=1
        )
        tally.move(deltas)
    assert len(moved) == 3
    whole(rt)
