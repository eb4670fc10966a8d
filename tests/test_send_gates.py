"""The submit mark asks everything again: whoever may not be texted by then is not, and the reason is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core import Result, clock, hookimpl
from core.audience import consent, suppression
from core.db import database, settings
from core.db.codes import Cls
from core.db.gate import Gate
from core.sending import claim, leases, lifecycle, submit
from tests.send_kit import Tape, due_now, people_of, rows, send_all, setup, states, whole


def test_a_campaign_is_sent_once_to_everyone(rt):
    tape = Tape(echoes_reference=True)
    campaign, account = setup(rt, tape, 30)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 30}
    assert len(set(tape.refs)) == len(tape.refs) == 30
    frozen = database.scalar("SELECT body FROM variant_text WHERE campaign_id = ?", (campaign,))
    assert {m.text for m in tape.sent} == {frozen}
    row = database.one("SELECT state, finished_at FROM campaign WHERE id = ?", (campaign,))
    assert row[0] == "done" and row[1]
    got = rows(campaign, "account_id, attempt, parts, provider_id, ref_hash, submitted_at")
    assert all(r[:3] == (account, 1, 1) and r[3].startswith("p-") and r[4] is None and r[5] for r in got)
    assert database.scalar("SELECT COUNT(*) FROM profile WHERE sent_count = 1 AND last_sent_at > 0") == 30
    assert database.scalar("SELECT COUNT(*) FROM lease") == 0
    whole(rt)


def test_provider_ids_are_hashed_where_receipts_do_not_carry_our_reference(rt_sqlite):
    campaign, account = setup(rt_sqlite, Tape(), 3)
    send_all(rt_sqlite, campaign)
    from core.sending.record import ref_hash

    for provider_id, stored in rows(campaign, "provider_id, ref_hash"):
        assert stored == ref_hash(account, provider_id)


def _marked_after(rt, change, n: int = 12, **given):
    """Claim, then `change` the world, then submit; (tape, campaign)."""
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, n, **given)
    real = submit.turn
    changed = []

    def turn(*args):
        if not changed:
            changed.append(True)
            change(campaign)
        return real(*args)

    submit.turn = turn
    try:
        send_all(rt, campaign, 1)
    finally:
        submit.turn = real
    return tape, campaign


def test_a_stop_after_the_claim_wins(rt):
    def stop(campaign):
        with database.write_tx():
            blob, number = database.one(
                "SELECT phone_bidx, phone_enc FROM contact WHERE id = ?", (people_of(campaign)[0],)
            )
            suppression.add(rt, [suppression.Entry(bytes(blob), bytes(number))], reason="stop")

    tape, campaign = _marked_after(rt, stop)
    assert states(campaign) == {"accepted": 11, "skipped": 1}
    assert rows(campaign)[0][2] == "suppressed"
    assert len(tape.sent) == 11
    whole(rt)


def test_consent_withdrawn_after_the_claim_wins(rt):
    def withdraw(campaign):
        consent.change(rt, people_of(campaign)[0], Cls.mass, "opt_out", source="test", who="ann")

    tape, campaign = _marked_after(rt, withdraw)
    assert rows(campaign)[0][2] == "no_consent" and len(tape.sent) == 11
    whole(rt)


def test_a_pause_after_the_claim_sends_nothing_and_resuming_sends_the_rest(rt):
    tape, campaign = _marked_after(rt, lambda c: lifecycle.pause(rt, c, "wait"))
    assert states(campaign) == {"ready": 12} and not tape.sent
    lifecycle.resume(rt, campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 12} and len(set(tape.refs)) == 12
    whole(rt)


def test_a_cancelled_campaign_sends_nothing_more(rt):
    tape, campaign = _marked_after(rt, lambda c: lifecycle.cancel(rt, c))
    assert states(campaign) == {"cancelled": 12} and not tape.sent
    whole(rt)


def test_a_message_whose_time_is_over_expires(rt):
    def late(campaign):
        with database.write_tx():
            database.execute("UPDATE message SET not_after = 1 WHERE campaign_id = ?", (campaign,))

    tape, campaign = _marked_after(rt, late)
    assert states(campaign) == {"expired": 12} and {r[2] for r in rows(campaign)} == {"expired"}
    assert not tape.sent
    whole(rt)


def test_after_a_restore_nothing_is_marked(rt):
    tape, campaign = _marked_after(rt, lambda c: settings.put("sending_off", "restored"))
    assert states(campaign) == {"ready": 12} and not tape.sent
    assert send_all(rt, campaign) == 0
    whole(rt)


def test_a_lease_that_was_taken_away_marks_nothing(rt):
    def taken(campaign):
        with database.write_tx():
            database.execute("UPDATE message SET lease = 1 WHERE campaign_id = ?", (campaign,))

    tape, campaign = _marked_after(rt, taken)
    assert not tape.sent and states(campaign) == {"claimed": 12}


def test_hours_park_a_message_until_they_open(rt, monkeypatch):
    tape = Tape(echoes_reference=True)
    settings.put("timing.hours", {"start": "08:00", "end": "21:00"})
    # A Tuesday, 22:30 in Shanghai: closed until 08:00 the next morning.
    night = 1_794_925_800_000
    real = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: night)
    campaign, _account = setup(rt, tape, 4, quiet_hours="on")
    with database.write_tx():
        database.execute("UPDATE message SET not_before = 0 WHERE campaign_id = ?", (campaign,))
    send_all(rt, campaign)
    assert not tape.sent and states(campaign) == {"ready": 4}
    opens = {row[0] for row in rows(campaign, "not_before")}
    assert opens == {night + (9 * 60 + 30) * 60_000}
    monkeypatch.setattr(clock, "now_ms", lambda: opens.copy().pop())
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 4}
    monkeypatch.setattr(clock, "now_ms", real)
    whole(rt)


def test_the_budget_is_never_exceeded_and_pauses_the_campaign(rt):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 20, price=1_000, budget_micros=7_500, options={"window": 3})
    send_all(rt, campaign)
    state, reason, spent = database.one(
        "SELECT state, reason, spent_micros FROM campaign WHERE id = ?", (campaign,)
    )
    assert (state, spent) == ("paused", 7_000) and "budget" in reason
    assert states(campaign) == {"accepted": 7, "ready": 13} and len(tape.sent) == 7
    assert sum(row[0] for row in rows(campaign, "cost_micros")) == 7_000
    whole(rt)


def test_a_rejected_message_gives_its_money_back(rt):
    tape = Tape(echoes_reference=True)
    tape.act = lambda messages: [Result("rejected", code="30006") for _m in messages]
    campaign, _account = setup(rt, tape, 4, price=1_000, budget_micros=4_000)
    send_all(rt, campaign)
    assert states(campaign) == {"rejected": 4} and {r[2] for r in rows(campaign)} == {"30006"}
    assert database.scalar("SELECT spent_micros FROM campaign WHERE id = ?", (campaign,)) == 0
    whole(rt)


@pytest.mark.parametrize("answer", ["never", "later", "raise"])
def test_a_hold_of_a_plugin_is_obeyed_and_fails_closed(rt, answer):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 6)
    first = rows(campaign)[0][0]

    @hookimpl
    def hold_messages(cls, message_ids):
        if answer == "raise":
            raise RuntimeError("cannot tell")
        until = None if answer == "never" else clock.now() + timedelta(hours=1)
        return {first: (until, "frequency")}

    rt.plugins.register(SimpleNamespace(hold_messages=hold_messages), "holder")
    send_all(rt, campaign, 1)
    if answer == "raise":
        assert not tape.sent and states(campaign) == {"ready": 6}
    else:
        assert len(tape.sent) == 5
        assert rows(campaign)[0][1:] == ((9, "frequency") if answer == "never" else (0, "frequency"))
    whole(rt)


def test_the_rate_of_an_account_holds(rt):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt, tape, 30, rate=50.0)
    started = clock.monotonic()
    send_all(rt, campaign)
    took = clock.monotonic() - started
    assert states(campaign) == {"accepted": 30}
    # A burst of five, then fifty a second.
    assert took >= (30 - 5) / 50 * 0.95


def test_the_rate_of_a_campaign_holds(rt_sqlite):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt_sqlite, tape, 12, options={"rate": "40/s"})
    assert (
        json.loads(database.scalar("SELECT options FROM campaign WHERE id = ?", (campaign,)))["rate"] == 40.0
    )
    started = clock.monotonic()
    send_all(rt_sqlite, campaign)
    assert clock.monotonic() - started >= (12 - 4) / 40 * 0.95


def test_a_field_that_is_missing_skips_the_contact(rt):
    from tests import campaign_kit as kit

    tape = Tape(echoes_reference=True)
    words = kit.template("Named", en="【Cooee】Hi {{name}}, 20% off 拒收请回复R")
    campaign, _account = setup(rt, tape, 3, templates=[(words, 1)])
    with database.write_tx():
        database.execute("UPDATE contact SET name = 'Ann' WHERE id = ?", (people_of(campaign)[0],))
    send_all(rt, campaign)
    assert [r[1:] for r in rows(campaign)] == [(3, None), (9, "missing_field"), (9, "missing_field")]
    assert [m.text for m in tape.sent] == ["【Cooee】Hi Ann, 20% off 拒收请回复R"]
    kept = database.query("SELECT body FROM message_text")
    assert kept == [("【Cooee】Hi Ann, 20% off 拒收请回复R",)]
    whole(rt)


def test_a_contact_erased_meanwhile_is_skipped(rt_sqlite):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt_sqlite, tape, 2)
    gone = people_of(campaign)[0]
    with database.write_tx():
        database.execute("DELETE FROM contact WHERE id = ?", (gone,))
        database.execute("DELETE FROM profile WHERE contact_id = ?", (gone,))
    send_all(rt_sqlite, campaign)
    assert [r[1:] for r in rows(campaign)] == [(9, "erased"), (3, None)]


def test_a_mark_is_one_statement_over_a_mixed_window(rt):
    """Different parts and prices in one window, each row charged its own."""
    from core.db import marking, tally

    campaign, account = setup(rt, Tape(), 4, price=10)
    worker = leases.current(rt)
    batch = claim.claim(rt, worker, campaign)
    for parts, item in enumerate(batch.items, 1):
        item.parts, item.cost_micros = parts, parts * 10
    gate = Gate(campaign, account, batch.lease, 4, 4, frozenset({"US"}), clock.now_ms())
    with database.write_tx():
        marked = marking.mark(
            gate, batch.ids, [i.parts for i in batch.items], [i.cost_micros for i in batch.items]
        )
    assert marked == {i.id for i in batch.items}
    assert rows(campaign, "parts, cost_micros") == [(1, 10), (2, 20), (3, 30), (4, 40)]
    assert tally.hour_of(None) == 0


def test_due_messages_wait_for_their_time(rt_sqlite):
    tape = Tape(echoes_reference=True)
    campaign, _account = setup(rt_sqlite, tape, 2)
    with database.write_tx():
        database.execute(
            "UPDATE message SET not_before = ? WHERE id = ?", (clock.now_ms() + 60_000, rows(campaign)[0][0])
        )
    send_all(rt_sqlite, campaign)
    assert states(campaign) == {"accepted": 1, "ready": 1}
    due_now(campaign)
    send_all(rt_sqlite, campaign)
    assert states(campaign) == {"accepted": 2}
