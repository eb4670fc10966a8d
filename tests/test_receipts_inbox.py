"""The inbox keeps receipts raw before they are answered: nothing is lost in a crash, nothing counts twice."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import clock, ids
from core.contract.types import Receipt
from core.db import database
from core.db.codes import State
from core.sending import accounts, inbox, reading, receipts
from tests.receiving import check_counters, messages, state_of, store
from tests.servers import ROOT, wait_for
from tests.smpp.kit import deliver_body, receipt_text

AT = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)

said = st.builds(
    Receipt,
    st.sampled_from(["accepted", "delivered", "undelivered"]),
    st.one_of(st.none(), st.sampled_from(["r1", "r2"])),
    st.one_of(st.none(), st.sampled_from(["p1", "p2", "p3"])),
    st.sampled_from([None, AT]),
    st.sampled_from([None, "042"]),
    st.none(),
    st.none(),
    st.sampled_from([None, 0, 45_000]),
)


@given(st.lists(said, max_size=12))
@example([Receipt("accepted", code="042"), Receipt("accepted", provider_id="p1", code="042")])
def test_what_is_packed_comes_out_again_and_that_of_one_message_in_its_order(some):
    found = inbox.unpack_receipts(inbox.pack_receipts(some))
    named = [receipt for receipt in some if receipt.ref or receipt.provider_id]
    assert sorted(map(repr, found)) == sorted(map(repr, named))
    for name in {receipt.ref or receipt.provider_id for receipt in named}:
        assert [r for r in found if (r.ref or r.provider_id) == name] == [
            r for r in named if (r.ref or r.provider_id) == name
        ]


def connection(rt) -> int:
    """An account with a connection of its own."""
    return accounts.create(rt, "smsc", "simulator", {})


def test_thousands_that_say_the_same_are_a_few_bytes_each(rt_sqlite):
    some = [Receipt("delivered", provider_id=str(n), at=AT) for n in range(5_000)]
    assert len(inbox.pack_receipts(some)) < 8 * len(some)


def test_receipts_an_older_version_stored_are_read_all_the_same(rt_sqlite):
    rt, account = rt_sqlite, connection(rt_sqlite)
    made = messages(rt, account, 2, echoes=False)
    old = b'[["delivered",null,"p-%d",null,null,null,null],["undelivered",null,"p-%d",1,"E1",null,null]]'
    with database.write_tx():
        inbox.store(rt, [(account.id, inbox.SINK, old % tuple(made))], clock.now_ms())
    receipts.apply(rt)
    assert state_of(made) == ["delivered", "undelivered"]


def test_of_one_message_in_one_call_the_first_final_stands(rt):
    account = connection(rt)
    first, second = messages(rt, account, 2, echoes=False)
    inbox.Sink(rt, account.id).put(
        [
            Receipt("delivered", provider_id=f"p-{second}"),
            Receipt("undelivered", provider_id=f"p-{first}", code="7"),
            Receipt("delivered", provider_id=f"p-{first}"),
        ]
    )
    receipts.apply(rt)
    assert state_of([first, second]) == ["undelivered", "delivered"]
    assert database.query("SELECT message_id, state FROM receipt_log") == [(first, int(State.delivered))]
    check_counters()


def test_a_doubt_that_is_settled_and_delivered_in_one_batch_is_counted_once(rt):
    account = connection(rt)
    made = messages(rt, account, 30, State.in_doubt)
    refs = [ids.References(rt.keys).of(id_) for id_ in made]
    for state, some in (("accepted", refs), ("delivered", refs[:20]), ("accepted", refs)):
        inbox.Sink(rt, account.id).put([Receipt(state, ref) for ref in some])
    receipts.apply(rt)
    assert state_of(made) == ["delivered"] * 20 + ["accepted"] * 10
    assert database.query("SELECT * FROM receipt_log") == []
    check_counters()


def test_much_that_waits_is_applied_in_transactions_that_let_others_in(rt_sqlite, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 100)
    rt, account = rt_sqlite, connection(rt_sqlite)
    made = messages(rt, account, 500, echoes=False)
    for at in range(0, 500, 50):
        inbox.Sink(rt, account.id).put(
            [Receipt("delivered", provider_id=f"p-{id_}") for id_ in made[at : at + 50]]
        )
    raw = database.query("SELECT id, account_id, kind, body_enc, received_at FROM inbox ORDER BY id")
    assert [len(batch.raw) for batch in reading.read(rt, raw)] == [2] * 5
    assert receipts.apply(rt) == 10
    assert set(state_of(made)) == {"delivered"}
    check_counters()


def again(times: int = 1) -> None:
    """As if what was applied were new: a worker died after it read, a database was restored."""
    for _time in range(times):
        with database.write_tx():
            database.execute("UPDATE inbox SET state = 0")


def everything() -> list[list[tuple]]:
    return [
        database.query("SELECT id, state, reason, final_at, cost_micros FROM message ORDER BY id"),
        database.query("SELECT * FROM tally ORDER BY 1, 2, 3, 4, 5"),
        database.query("SELECT account_id, code, n FROM error_seen ORDER BY 1, 2"),
        database.query("SELECT * FROM pending_receipt"),
    ]


def test_an_inbox_replayed_twice_changes_nothing(rt):
    account = connection(rt)
    made = messages(rt, account, 300, echoes=False)
    words = ["delivered", "undelivered", "expired", "rejected", "accepted"]
    inbox.Sink(rt, account.id).put(
        [
            Receipt(words[n % 5], provider_id=f"p-{id_}", at=AT, code="E1" if n % 5 else None)
            for n, id_ in enumerate(made)
        ]
    )
    receipts.apply(rt)
    before = everything()
    assert len({row[1] for row in before[0]}) == 5
    for _turn in range(2):
        again()
        receipts.apply(rt)
        assert everything() == before
    check_counters()


#: A connection that dies in the moment in which it would answer what it has stored.
DIES = """
import os, sys
from core.app import compose
from core.sending import inbox
from plugins.providers import smpp
from plugins.providers._smpp_inbound import Deliverer
from tests.smpp.kit import deliver_body, made, receipt_text

class Dies:
    def answer(self, data):
        os._exit(9)

rt, account = compose(), int(sys.argv[1])
session, deliverer = Dies(), Deliverer(inbox.Sink(rt, account), made(1)._receipt, 0)
for number, name in enumerate(sys.argv[2:]):
    deliverer.take(session, 5, number, deliver_body(receipt_text(name), esm_class=0x04))
deliverer.join(30)
"""


class Answers:
    """The SMSC's side of a session: what was answered, by sequence number."""

    def __init__(self):
        self.statuses: dict[int, int] = {}

    def answer(self, data: bytes) -> None:
        for at in range(0, len(data), 17):
            self.statuses[int.from_bytes(data[at + 12 : at + 16])] = int.from_bytes(data[at + 8 : at + 12])


@pytest.mark.parametrize("crashes", [1, 3])
def test_a_crash_between_the_store_and_the_answer_loses_nothing_and_counts_once(rt, crashes):
    """The SMSC, which got no answer, delivers all again, each time to a new process."""
    from plugins.providers._smpp_inbound import Deliverer
    from tests.smpp.kit import made as provider

    account = connection(rt)
    made = messages(rt, account, 3, echoes=False)
    env = os.environ | {
        "COOEE_INSTANCE": str(rt.settings.instance),
        "COOEE_DATABASE_URL": rt.settings.database_url,
    }
    run = [sys.executable, "-c", DIES, str(account.id), *(f"p-{id_}" for id_ in made)]
    for _crash in range(crashes):
        assert subprocess.run(run, env=env, cwd=ROOT, check=False, timeout=60).returncode == 9
    assert database.scalar("SELECT COUNT(*) FROM inbox") >= crashes
    receipts.apply(rt)
    session, deliverer = Answers(), Deliverer(inbox.Sink(rt, account.id), provider(1)._receipt, 0)
    for number, id_ in enumerate(made):
        deliverer.take(session, 5, number, deliver_body(receipt_text(f"p-{id_}"), esm_class=0x04))
    wait_for(lambda: session.statuses == {0: 0, 1: 0, 2: 0}, 10)
    deliverer.close()
    receipts.apply(rt)
    assert set(state_of(made)) == {"delivered"}
    assert database.query("SELECT * FROM receipt_log") == []
    check_counters()


def test_calls_of_many_accounts_and_kinds_are_applied_together(rt):
    account, gateway = (
        connection(rt),
        accounts.create(rt, "gw", "http", {"url": "https://gateway.example/", "ref_path": "ref"}),
    )
    theirs, ours = messages(rt, account, 40, echoes=False), messages(rt, gateway, 40)
    for n, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        word = "undelivered" if n % 4 == 0 else "delivered"
        inbox.Sink(rt, account.id).put([Receipt(word, provider_id=f"p-{one}", code="E9")])
        store(rt, gateway, {"ref": ids.References(rt.keys).of(other), "status": word, "code": "E8"})
    receipts.apply(rt)
    expected = ["undelivered" if n % 4 == 0 else "delivered" for n in range(40)]
    assert state_of(theirs) == state_of(ours) == expected
    seen = dict(database.query("SELECT code, n FROM error_seen"))
    assert seen == {"E8": 10, "E9": 10}
    check_counters()
