"""Claims: one owner a message, who gets how much, and moves the database allows."""

from __future__ import annotations

import threading

import pytest

from core import clock
from core.db import claiming, database, marking, tally
from core.db.codes import State
from core.sending import accounts, claim, leases, route, settle
from core.sending.breaker import load
from tests.claim_kit import other_worker
from tests.send_kit import Tape, rows, send_all, setup, states, whole


@pytest.fixture
def me(rt):
    return leases.current(rt)


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
