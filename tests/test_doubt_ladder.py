"""Messages in doubt: never sent again by themselves, and every way out of doubt."""

from __future__ import annotations

import pytest

from core import Found, Receipt, Result, clock
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import Cls
from core.sending import accounts, doubt, receipts, sweep
from core.sending.judge import PAUSE_AFTER_KEY
from tests.send_kit import Tape, awake, due_now, rows, send_all, setup, states, whole


def in_doubt(rt, n: int = 6, cls: Cls | None = None, **abilities):
    """(tape, campaign) whose messages are all in doubt."""
    tape = Tape(**abilities)
    tape.act = lambda messages: [Result("unknown") for _m in messages]
    campaign, _account = setup(rt, tape, n)
    settings.put(PAUSE_AFTER_KEY, 10_000)
    for _round in range(n):
        awake()
        due_now(campaign)
        send_all(rt, campaign, 1)
        if "ready" not in states(campaign):
            break
    assert states(campaign) == {"in_doubt": n}
    return tape, campaign


def age(campaign: int, ms: int) -> None:
    """Make submits look older, counters and all."""
    with database.write_tx():
        hours = ms // clock.HOUR_MS
        database.execute(
            "UPDATE message SET submitted_at = submitted_at - ? WHERE campaign_id = ?",
            (hours * clock.HOUR_MS, campaign),
        )
        database.execute(
            "UPDATE tally SET hour = hour - ? WHERE campaign_id = ? AND hour > 0", (hours, campaign)
        )


def test_no_answer_is_a_doubt_and_never_a_second_send(rt):
    tape, campaign = in_doubt(rt)
    sent = len(tape.sent)
    tape.act = lambda messages: [Result("accepted") for _m in messages]
    for _round in range(3):
        sweep.sweep(rt)
        send_all(rt, campaign)
    assert len(tape.sent) == sent and states(campaign) == {"in_doubt": 6}
    assert doubt.reasons(campaign) == {"no_answer": 6}
    assert database.scalar("SELECT COUNT(*) FROM profile WHERE sent_count = 1") == 6
    whole(rt)


def test_a_look_up_brings_every_doubt_to_an_end(rt):
    tape, campaign = in_doubt(rt, 6, can_look_up=True, settle_s=120)
    known = set(tape.refs[:2])
    asked = []

    def found(ref):
        asked.append(ref)
        return Found(True, f"found-{ref}") if ref in known else Found(False)

    tape.found = found
    sweep.sweep(rt)
    assert not asked, "the answer is not definitive before the provider has settled"
    age(campaign, clock.HOUR_MS)
    awake()
    sweep.sweep(rt)
    assert states(campaign) == {"accepted": 2, "ready": 4}
    tape.act = lambda messages: [Result("accepted") for _m in messages]
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 6}
    assert all(tape.refs.count(ref) == 1 for ref in known)
    whole(rt)


def test_a_look_up_waits_while_a_worker_may_still_send(rt):
    tape, campaign = in_doubt(rt, 2, can_look_up=True, settle_s=0)
    tape.found = lambda ref: Found(False)
    first = rows(campaign, "id, lease")[0]
    with database.write_tx():
        database.execute(
            "INSERT INTO lease (id, worker_id, campaign_id, account_id, lo, hi, taken_at) VALUES (?, 9999, ?, 0, ?, ?, 0)",
            (first[1], campaign, first[0], first[0]),
        )
        same = database.scalar("SELECT COUNT(*) FROM message WHERE lease = ?", (first[1],))
    doubt.climb(rt)
    assert states(campaign).get("in_doubt", 0) == same


def test_a_look_up_that_cannot_tell_asks_again_later(rt_sqlite):
    tape, campaign = in_doubt(rt_sqlite, 2, can_look_up=True, settle_s=0)
    tape.found = lambda ref: Found(None)
    doubt.climb(rt_sqlite)
    assert states(campaign) == {"in_doubt": 2} and doubt.reasons(campaign) == {"no_answer": 2}


def test_an_idempotent_provider_is_asked_again_under_the_same_reference(rt):
    tape, campaign = in_doubt(rt, 4, idempotency_ttl_s=3600)
    awake()
    assert doubt.climb(rt) == 4
    tape.act = lambda messages: [Result("accepted") for _m in messages]
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 4} and len(set(tape.refs)) == 4
    whole(rt)


@pytest.mark.parametrize(
    ("cls", "reason"), [(Cls.mass, "assumed_sent"), (Cls.otp, "voided"), (Cls.notice, "ask")]
)
def test_without_proof_the_class_decides(rt, cls, reason):
    tape, campaign = in_doubt(rt, 2)
    with database.write_tx():
        database.execute("UPDATE message SET cls = ? WHERE campaign_id = ?", (int(cls), campaign))
    doubt.climb(rt)
    assert doubt.reasons(campaign) == {"no_answer": 2}
    age(campaign, clock.HOUR_MS)
    doubt.climb(rt)
    assert doubt.reasons(campaign) == {reason: 2} and states(campaign) == {"in_doubt": 2}
    assert doubt.climb(rt) == 0
    whole(rt)


@pytest.mark.parametrize(
    ("answer", "state"), [("sent", "accepted"), ("not_sent", "rejected"), ("resend", "ready")]
)
def test_a_person_may_decide(rt, answer, state):
    tape, campaign = in_doubt(rt, 3)
    ids = [row[0] for row in rows(campaign)]
    assert doubt.resolve(rt, ids[:2], answer, "ann") == 2
    assert states(campaign) == {state: 2, "in_doubt": 1}
    assert doubt.resolve(rt, ids[:2], answer, "ann") == 0
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = ?", (f"doubt.{answer}",)) == 1
    if answer == "resend":
        tape.act = lambda messages: [Result("accepted") for _m in messages]
        awake()
        send_all(rt, campaign)
        assert states(campaign) == {"accepted": 2, "in_doubt": 1}
    whole(rt)


def test_a_code_is_never_sent_again(rt_sqlite):
    tape, campaign = in_doubt(rt_sqlite, 1)
    with database.write_tx():
        database.execute("UPDATE message SET cls = 0")
    with pytest.raises(Refusal, match="code"):
        doubt.resolve(rt_sqlite, [rows(campaign)[0][0]], "resend", "ann")
    with pytest.raises(Refusal, match="maybe"):
        doubt.resolve(rt_sqlite, [], "maybe", "ann")


def test_a_receipt_settles_a_doubt(rt):
    tape, campaign = in_doubt(rt, 3, echoes_reference=True)
    account = database.scalar("SELECT id FROM account ORDER BY id LIMIT 1")
    accounts.Sink(rt, account).put([Receipt("delivered", ref=ref) for ref in tape.refs])
    receipts.apply(rt)
    assert states(campaign) == {"delivered": 3}
    whole(rt)
