"""Receipts reach their final state in any order, any number of times, on both databases."""

from __future__ import annotations

import random
import threading

import pytest

from core import clock, ids
from core.contract.types import Receipt
from core.db import database
from core.db.codes import State
from core.db.models import Campaign
from core.sending import accounts, applying, inbox, receipts
from tests.receiving import check_counters, gateway, messages, state_of, store


def reference(rt, message_id: int) -> str:
    return ids.References(rt.keys).of(message_id)


def log() -> list[tuple]:
    return database.query("SELECT message_id, state, note FROM receipt_log ORDER BY id")


@pytest.mark.parametrize("word", ["delivered", "undelivered", "expired", "rejected"])
@pytest.mark.parametrize("state", [State.accepted, State.submitting, State.in_doubt])
def test_a_final_receipt_moves_a_message_up(rt, word, state):
    account = gateway(rt)
    (id_,) = messages(rt, account, 1, state)
    store(rt, account, {"ref": reference(rt, id_), "id": "g-1", "status": word, "code": "E7"})
    assert receipts.apply(rt) == 1
    row = database.one(
        "SELECT state, reason, final_at, provider_id, cost_micros FROM message WHERE id = ?", (id_,)
    )
    assert State(row[0]).name == word
    assert row[1] == (None if word == "delivered" else "E7")
    assert abs(row[2] - clock.now_ms()) < 20_000
    assert row[3] == (None if state == State.accepted else "g-1")
    assert row[4] == (0 if word == "rejected" else 100)
    check_counters()
    assert database.scalar("SELECT COUNT(*) FROM inbox WHERE state = 0") == 0


def test_messages_are_found_by_the_providers_id_where_it_echoes_nothing(rt):
    account, other = gateway(rt), gateway(rt, "other")
    mine = messages(rt, account, 2, echoes=False)
    store(rt, account, {"id": f"p-{mine[0]}", "status": "delivered"})
    store(rt, other, {"id": f"p-{mine[1]}", "status": "delivered"})
    receipts.apply(rt)
    assert state_of(mine) == ["delivered", "accepted"]


def test_a_receipt_still_on_its_way_settles_a_doubt_and_changes_nothing_else(rt):
    account = gateway(rt)
    doubtful, fine, done = (
        messages(rt, account, 1, state)[0] for state in (State.in_doubt, State.accepted, State.delivered)
    )
    store(rt, account, *[{"ref": reference(rt, id_), "status": "sent"} for id_ in (doubtful, fine, done)])
    receipts.apply(rt)
    assert state_of([doubtful, fine, done]) == ["accepted", "accepted", "delivered"]
    check_counters()
    assert log() == []


def test_of_two_finals_that_disagree_the_first_stands_and_the_other_is_logged(rt):
    account = gateway(rt)
    (id_,) = messages(rt, account, 1)
    ref = reference(rt, id_)
    store(rt, account, {"ref": ref, "status": "undelivered", "code": "1"})
    store(rt, account, {"ref": ref, "status": "delivered"}, {"ref": ref, "status": "undelivered"})
    receipts.apply(rt)
    store(rt, account, {"ref": ref, "status": "expired"})
    receipts.apply(rt)
    assert state_of([id_]) == ["undelivered"]
    assert log() == [
        (id_, int(State.delivered), "another final state was first"),
        (id_, int(State.expired), "another final state was first"),
    ]
    check_counters()


@pytest.mark.parametrize("state", [State.skipped, State.cancelled, State.holdout])
def test_a_receipt_for_what_was_never_sent_is_logged(rt_sqlite, state):
    account = gateway(rt_sqlite)
    (id_,) = messages(rt_sqlite, account, 1, state)
    store(rt_sqlite, account, {"ref": reference(rt_sqlite, id_), "status": "delivered"})
    receipts.apply(rt_sqlite)
    assert state_of([id_]) == [state.name]
    assert log() == [(id_, int(State.delivered), "was never sent")]


def test_an_account_cannot_speak_for_another(rt_sqlite):
    mine, forger = gateway(rt_sqlite, "mine"), gateway(rt_sqlite, "forger")
    (id_,) = messages(rt_sqlite, mine, 1)
    store(rt_sqlite, forger, {"ref": reference(rt_sqlite, id_), "status": "delivered"})
    receipts.apply(rt_sqlite)
    assert state_of([id_]) == ["accepted"]
    assert log() == [(id_, int(State.delivered), "came through another account")]


def test_shuffled_and_repeated_receipts_reach_the_states_of_the_oracle(rt):
    """1,000 messages, each told of 1 to 5 times in random order over several batches, some before the answer."""
    rng = random.Random(20261121)
    account = gateway(rt)
    made = (
        messages(rt, account, 600)
        + messages(rt, account, 300, State.submitting)
        + messages(rt, account, 100, State.in_doubt)
    )
    oracle = {
        id_: rng.choice(["delivered", "delivered", "undelivered", "expired", "rejected"]) for id_ in made
    }
    calls = []
    for id_, word in oracle.items():
        for turn in range(rng.randint(1, 5)):
            way = rng.choice(["sent", word]) if turn else word
            calls.append({"ref": reference(rt, id_), "id": f"g-{id_}", "status": way})
    rng.shuffle(calls)
    bodies = []
    while calls:
        bodies.append([calls.pop() for _ in range(min(len(calls), rng.choice([1, 1, 1, 7, 40])))])
    for at in range(0, len(bodies), 250):
        store(rt, account, *bodies[at : at + 250])
        receipts.apply(rt)
    assert state_of(made) == list(oracle.values())
    assert log() == []
    check_counters()


def test_two_workers_at_once_count_once(rt):
    account = gateway(rt)
    made = messages(rt, account, 400)
    store(rt, account, *[{"ref": reference(rt, id_), "status": "delivered"} for id_ in made])
    problems = []

    def work():
        try:
            receipts.apply(rt)
        except Exception as error:
            problems.append(error)
        finally:
            database.proxy.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert set(state_of(made)) == {"delivered"}
    check_counters()


def test_what_cannot_be_understood_is_kept_with_its_reason_and_stops_nobody(rt):
    account = gateway(rt)
    made = messages(rt, account, 3)
    store(
        rt, account,
        b"{", {"status": "delivered"}, {"ref": reference(rt, made[0]), "status": "delivered"},
        [{"ref": reference(rt, made[1]), "status": "delivered"}, {"ref": "?"}],
        {"ref": reference(rt, made[2]), "status": "undelivered", "code": "a\x00b"},
    )  # fmt: skip
    receipts.apply(rt)
    assert state_of(made) == ["delivered", "delivered", "undelivered"]
    rows = database.query("SELECT state, error FROM inbox ORDER BY id")
    assert [row[0] for row in rows] == [2, 2, 1, 2, 1]
    assert "BadResponse" in rows[0][1]
    assert database.scalar("SELECT reason FROM message WHERE id = ?", (made[2],)) == "ab"


def test_an_account_that_cannot_be_opened_leaves_its_calls_marked(rt_sqlite):
    account = gateway(rt_sqlite)
    store(rt_sqlite, account, {"ref": "x", "status": "delivered"})
    rt_sqlite.plugins.disable_all({"providers.http": "off"})
    receipts.apply(rt_sqlite)
    assert "No plugin offers" in database.scalar("SELECT error FROM inbox")


def test_a_receipt_before_its_message_is_known_waits_and_is_matched_later(rt):
    from core.sending.record import ref_hash

    account = gateway(rt)
    (sent,) = messages(rt, account, 1)
    waiting = messages(rt, account, 2, State.ready)
    store(
        rt,
        account,
        {"id": "late-1", "status": "delivered"},
        {"ref": reference(rt, waiting[0]), "status": "undelivered"},
    )
    receipts.apply(rt)
    assert state_of([sent, *waiting]) == ["accepted", "ready", "ready"]
    assert database.scalar("SELECT COUNT(*) FROM pending_receipt") == 2
    with database.write_tx():
        database.execute(
            "UPDATE message SET provider_id = 'late-1', ref_hash = ? WHERE id = ?",
            (ref_hash(account.id, "late-1"), sent),
        )
    receipts.apply(rt)
    assert state_of([sent, waiting[0]]) == ["delivered", "ready"]
    with database.write_tx():
        for state in (1, 2):
            database.execute("UPDATE message SET state = ? WHERE id = ?", (state, waiting[0]))
    receipts.apply(rt)
    assert state_of([waiting[0]]) == ["undelivered"]
    assert database.scalar("SELECT COUNT(*) FROM pending_receipt") == 0


def test_old_pending_receipts_are_matched_by_the_slow_job_only(rt):
    account = gateway(rt)
    (id_,) = messages(rt, account, 1, State.ready)
    store(rt, account, {"ref": reference(rt, id_), "status": "delivered"})
    receipts.apply(rt)
    with database.write_tx():
        database.execute("UPDATE pending_receipt SET received_at = received_at - ?", (receipts.FRESH_MS * 2,))
        for state in (1, 2, 3):
            database.execute("UPDATE message SET state = ? WHERE id = ?", (state, id_))
    assert receipts.rematch(rt) == 0
    receipts.rematch_all(rt)
    assert state_of([id_]) == ["delivered"]


def test_forged_receipts_leave_a_bounded_trace(rt_sqlite, monkeypatch):
    monkeypatch.setattr(applying, "PENDING_QUOTA", 10)
    account = gateway(rt_sqlite)
    store(rt_sqlite, account, [{"id": f"x{i}", "status": "delivered"} for i in range(50)])
    store(rt_sqlite, account, [{"id": f"y{i}", "status": "delivered"} for i in range(50)])
    receipts.apply(rt_sqlite)
    assert database.scalar("SELECT COUNT(*) FROM pending_receipt") == 10


@pytest.mark.parametrize(
    ("ago_ms", "at_ms", "in_5m", "in_24h"),
    [
        (60_000, None, 1, 1),
        (6 * 60_000, None, 0, 1),
        (6 * 60_000, -2 * 60_000, 1, 1),
        (25 * 3_600_000, None, 0, 0),
        (60_000, +8 * 3_600_000, 1, 1),
        (6 * 60_000, -8 * 3_600_000, 0, 1),
    ],
    ids=["soon", "late", "soon by its word", "too late", "a clock ahead", "a clock behind"],
)
def test_arrival_is_counted_by_the_providers_word_where_that_can_be(rt, ago_ms, at_ms, in_5m, in_24h):
    account = gateway(rt)
    (id_,) = messages(rt, account, 1, ago_ms=ago_ms)
    body = {"ref": reference(rt, id_), "status": "delivered"}
    if at_ms is not None:
        body["time"] = clock.now_ms() + at_ms
    store(rt, account, body)
    receipts.apply(rt)
    assert database.one("SELECT SUM(in_5m), SUM(in_24h) FROM tally WHERE state = 4") == (in_5m, in_24h)


def test_a_rejected_message_gives_its_money_back(rt):
    account = gateway(rt)
    values = {
        "name": "c",
        "cls": 2,
        "state": "running",
        "budget_micros": 1000,
        "spent_micros": 300,
        "created_at": 0,
    }
    assert Campaign.insert(values).execute() == 1
    made = messages(rt, account, 3)
    store(rt, account, *[{"ref": reference(rt, id_), "status": "rejected"} for id_ in made[:2]])
    receipts.apply(rt)
    assert Campaign.get_by_id(1).spent_micros == 100


def test_a_connection_of_a_provider_stores_before_it_returns(rt):
    account = accounts.create(rt, "sim", "simulator", {})
    made = messages(rt, account, 3)
    sink = inbox.Sink(rt, account.id)
    sink.put([Receipt("delivered", reference(rt, id_), code="ok", at=clock.now()) for id_ in made])
    assert database.scalar("SELECT COUNT(*) FROM inbox WHERE state = 0") == 1
    receipts.apply(rt)
    assert set(state_of(made)) == {"delivered"}
    check_counters()


def test_plugins_hear_of_changes_after_the_commit(rt_sqlite):
    from core import hookimpl

    heard = []

    class Listener:
        @hookimpl
        def messages_changed(self, changes):
            heard.extend((id_, name, state_of([id_])[0]) for id_, name in changes)

    rt_sqlite.plugins.register(Listener(), "listener")
    account = gateway(rt_sqlite)
    made = messages(rt_sqlite, account, 2)
    store(rt_sqlite, account, *[{"ref": reference(rt_sqlite, id_), "status": "delivered"} for id_ in made])
    receipts.apply(rt_sqlite)
    store(rt_sqlite, account, {"ref": reference(rt_sqlite, made[0]), "status": "delivered"})
    receipts.apply(rt_sqlite)
    assert heard == [(id_, "delivered", "delivered") for id_ in made]


def test_more_than_one_batch_is_applied_in_one_run(rt_sqlite, monkeypatch):
    monkeypatch.setattr(receipts, "BATCH", 50)
    account = gateway(rt_sqlite)
    made = messages(rt_sqlite, account, 130)
    store(rt_sqlite, account, *[{"ref": reference(rt_sqlite, id_), "status": "delivered"} for id_ in made])
    assert receipts.apply(rt_sqlite) == 130
    assert set(state_of(made)) == {"delivered"}
