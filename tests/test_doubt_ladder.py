"""Messages in doubt: never sent again by themselves, and every way out of doubt."""

from __future__ import annotations

import pytest

from core import Ambiguous, BadConfig, Found, Result, Throttled, Unreachable, clock
from core.contract.errors import BadResponse, Refusal, Refused
from core.db import database, settings
from core.db.codes import Cls, State
from core.sending import breaker, direct, doubt, leases, record, sweep
from core.sending.judge import PAUSE_AFTER_KEY
from tests.send_kit import Tape, due_now, rows, send_all, setup, states, whole


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


def awake() -> None:
    """Close all breakers."""
    with database.write_tx():
        database.execute("UPDATE account SET failures = 0, open_until = 0, probe_at = 0")


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

    def act(messages):
        raise error

    tape.act = act
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

    def act(messages):
        raise BadConfig("wrong password")

    tape.act = act
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


def test_a_receipt_that_beats_the_response_is_kept(rt):
    """The provider's own connection delivers while `send` still runs."""
    from core.contract.types import Receipt
    from core.sending import accounts, receipts

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


def test_a_receipt_settles_a_doubt(rt):
    from core.contract.types import Receipt
    from core.sending import accounts, receipts

    tape, campaign = in_doubt(rt, 3, echoes_reference=True)
    account = database.scalar("SELECT id FROM account ORDER BY id LIMIT 1")
    accounts.Sink(rt, account).put([Receipt("delivered", ref=ref) for ref in tape.refs])
    receipts.apply(rt)
    assert states(campaign) == {"delivered": 3}
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


def test_the_breaker_opens_after_five_failures_and_lets_one_probe_through(rt):
    tape = Tape(echoes_reference=True)

    def down(messages):
        raise Unreachable("no route")

    tape.act = down
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


def rested(account: int) -> None:
    with database.write_tx():
        database.execute(
            "UPDATE account SET open_until = ?, probe_at = 0 WHERE id = ? AND open_until > 0",
            (clock.now_ms() - 1, account),
        )


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


def test_another_account_takes_over_what_was_never_marked(rt):
    """A campaign that names no account goes on through the next one that works."""
    tape = Tape(echoes_reference=True)
    campaign, first = setup(rt, tape, 12, options={"window": 4})
    from core.sending import accounts

    second = accounts.create(rt, "second", "scripted", {}).id
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (campaign,))
        database.execute(
            "UPDATE account SET failures = 5, open_until = ? WHERE id = ?", (clock.now_ms() + 30_000, first)
        )
    send_all(rt, campaign)
    assert {row[0] for row in rows(campaign, "account_id")} == {second}
    whole(rt)


def test_a_single_message_takes_the_same_path(rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    made = direct.send(rt, "+8613912345678", "notice", "Your parcel is here", key="order-1", who="test")
    assert made["state"] == "ready" and made["phone"].startswith("+86")
    again = direct.send(rt, "+86 139 1234 5678", "notice", "Your parcel is here", key="order-1", who="test")
    assert again["message_id"] == made["message_id"]
    with pytest.raises(Refusal) as refused:
        direct.send(rt, "+8613912345678", "notice", "Other words", key="order-1", who="test")
    assert refused.value.status == 409
    send_all(rt, made["campaign_id"])
    shown = direct.show(rt, made["client_ref"])
    assert (shown["state"], shown["parts"], shown["text"]) == ("accepted", 1, "Your parcel is here")
    assert [m.text for m in tape.sent if m.to == "+8613912345678"] == ["Your parcel is here"]
    leases.reap(rt, leases.current(rt))
    whole(rt)


def test_a_marketing_text_to_somebody_without_consent_is_skipped(rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    made = direct.send(rt, "+8613912345678", Cls.mass, "Sale! 拒收请回复R", who="test")
    with database.write_tx():
        database.execute(
            'UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (made["campaign_id"],)
        )
    send_all(rt, made["campaign_id"])
    shown = direct.show(rt, made["message_id"])
    assert (shown["state"], shown["reason"]) == ("skipped", "no_consent") and not tape.sent


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"to": "123"}, "phone"),
        ({"cls": "spam"}, "class"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 1601}, "text"),
        ({"account_id": 99}, "account"),
        ({"key": ""}, "key"),
    ],
)
def test_a_bad_single_message_is_refused_with_the_field(rt_sqlite, given, field):
    setup(rt_sqlite, Tape(), 1)
    usual = {"to": "+8613912345678", "cls": "notice", "text": "Hello"}
    with pytest.raises(Refusal) as refused:
        direct.send(rt_sqlite, **(usual | given))
    assert refused.value.field == field
