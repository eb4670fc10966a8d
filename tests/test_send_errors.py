"""What becomes of messages when a provider fails, refuses, puts off or answers nonsense."""

from __future__ import annotations

import pytest

from core import Ambiguous, BadConfig, Receipt, Result, Throttled, Unreachable, clock
from core.contract.errors import BadResponse, Refused
from core.db import database, settings
from core.db.codes import State
from core.sending import accounts, receipts, record
from core.sending.judge import PAUSE_AFTER_KEY
from tests.send_kit import Tape, awake, due_now, raising, rows, send_all, setup, states, whole


@pytest.mark.parametrize(
    ("error", "state", "tried_again"),
    [
        (Ambiguous("timeout"), "in_doubt", False),
        (BadResponse("no JSON"), "in_doubt", False),
        (RuntimeError("a bug in the plugin"), "in_doubt", False),
        (Refused("spam"), "rejected", False),
        (Unreachable("no route"), "ready", True),
        (Throttled("slow down", after_s=0.2), "ready", True),
        (BadConfig("wrong password"), "ready", True),
    ],
)
def test_each_error_of_a_call_does_what_its_contract_says(rt, error, state, tried_again):
    tape = Tape(echoes_reference=True)
    tape.act = raising(error)
    campaign, account = setup(rt, tape, 4)
    send_all(rt, campaign, 1)
    assert states(campaign) == {state: 4}
    tape.act = lambda messages: [Result("accepted") for _m in messages]
    with database.write_tx():
        database.execute("UPDATE account SET halted = ''")
        database.execute("UPDATE campaign SET state = 'running' WHERE state = 'paused'")
    awake()
    due_now(campaign)
    send_all(rt, campaign)
    assert (len(tape.refs) > 4) == tried_again
    if tried_again:
        assert states(campaign) == {"accepted": 4}
        assert {r[0] for r in rows(campaign, "attempt")} == {1}, "a try that was none does not count"
    whole(rt)


def test_a_wrong_number_of_results_is_ambiguous(rt_sqlite):
    tape = Tape()
    tape.act = lambda messages: []
    campaign, _account = setup(rt_sqlite, tape, 1)
    send_all(rt_sqlite, campaign, 1)
    assert states(campaign) == {"in_doubt": 1}


def test_an_outcome_nobody_knows_is_ambiguous(rt_sqlite):
    tape = Tape()
    tape.act = lambda messages: [Result("maybe") for _m in messages]
    campaign, _account = setup(rt_sqlite, tape, 1)
    send_all(rt_sqlite, campaign, 1)
    assert states(campaign) == {"in_doubt": 1}


def test_bad_settings_halt_the_account_and_pause_the_campaign(rt):
    tape = Tape()
    tape.act = raising(BadConfig("wrong password"))
    campaign, account = setup(rt, tape, 4)
    send_all(rt, campaign, 1)
    state, reason = database.one("SELECT state, reason FROM campaign WHERE id = ?", (campaign,))
    assert state == "paused" and "wrong password" in reason
    assert database.scalar("SELECT halted FROM account WHERE id = ?", (account,)) == "wrong password"
    log = [
        row[0] for row in database.query("SELECT what FROM campaign_log WHERE campaign_id = ?", (campaign,))
    ]
    assert log[-1] == "paused"
    assert tape.calls == 1
    whole(rt)


def test_a_receipt_that_beats_the_response_is_kept(rt):
    """The provider's own connection delivers while `send` still runs."""
    tape = Tape(echoes_reference=True)
    campaign, account = setup(rt, tape, 10, price=500)

    def act(messages):
        accounts.Sink(rt, account).put([Receipt("delivered", ref=m.ref) for m in messages])
        receipts.apply(rt)
        return [Result("accepted", provider_id=f"p-{m.ref}") for m in messages]

    tape.act = act
    send_all(rt, campaign)
    assert states(campaign) == {"delivered": 10}
    assert all(row[0] for row in rows(campaign, "provider_id"))
    assert len(tape.sent) == 10
    whole(rt)


def test_a_declined_message_is_tried_again_with_growing_pauses_and_an_end(rt):
    tape = Tape(echoes_reference=True)
    tape.act = lambda messages: [Result("retry", code="busy", after_s=5) for _m in messages]
    campaign, _account = setup(rt, tape, 1)
    waits = []
    for _try in range(record.MAX_ATTEMPTS):
        before = clock.now_ms()
        send_all(rt, campaign, 1)
        id_, state, reason, due = rows(campaign, "id, state, reason, not_before")[0]
        waits.append(due - before)
        due_now(campaign)
        awake()
    assert (State(state), reason) == (State.rejected, "busy")
    assert all(wait >= 5000 for wait in waits[:-1])
    assert tape.calls == record.MAX_ATTEMPTS
    whole(rt)


def test_pauses_are_random_within_a_growing_bound():
    for attempt in range(25):
        top = min(record.RETRY_CAP_S, record.RETRY_BASE_S * 2**attempt) * 1000
        assert all(0 <= record.pause_ms(attempt, None) <= top for _n in range(50))
        assert record.pause_ms(attempt, 7.5) >= 7500


def test_a_campaign_whose_every_message_is_rejected_pauses_itself(rt):
    settings.put(PAUSE_AFTER_KEY, 10)
    tape = Tape(echoes_reference=True)
    tape.act = lambda messages: [Result("rejected", code="30007", reason="filtered") for _m in messages]
    campaign, _account = setup(rt, tape, 50, options={"window": 5})
    send_all(rt, campaign)
    state, reason = database.one("SELECT state, reason FROM campaign WHERE id = ?", (campaign,))
    assert state == "paused" and "filtered" in reason
    assert len(tape.sent) < 50
    whole(rt)
