"""A trial from its plan to its end, through the ordinary send path; paused, resumed, cancelled, killed."""

from __future__ import annotations

from collections import Counter

import pytest

from core import clock
from core.audience import consent
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.measure.trials import confirm, figures, plan, report, run
from core.sending import direct, verify
from plugins.providers import simulator
from tests import trials_kit as kit


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(simulator, "RECEIPT_S", (0.01, 0.05))


def test_a_trial_through_the_real_send_path_knows_what_arrived(rt, quick):
    of = kit.simulators(
        rt,
        3,
        accept_rate=1,
        # References differ from run to run; so much goes wrong that some always does.
        deliver_rate=(1, 0.5, 0.9),
        false_receipt_rate=(0, 0, 0.4),
        damage_rate=(0, 0, 0.6),
    )
    trial = kit.draft(rt, of, 12, seed="Sim A", texts=36)
    assert run.start(rt, trial, "ann@example.com") == 36 * 3
    kit.due(trial)
    kit.send(rt, trial)
    # What only came so far says nothing: those that were lost are not known to be.
    assert report.make(rt, trial).looked == 0
    later = clock.now_ms() + clock.HOUR_MS
    confirm.close(trial, later)
    told = report.make(rt, trial, later)
    assert [line.figures.accepted.k for line in told.lines] == [36, 36, 36]
    # What the simulator did is a function of its seed and the reference: the report says exactly that.
    for line, account in zip(told.lines, of, strict=True):
        made = {
            text_id: simulator_of(rt, account).arrival(outgoing(rt, message_id))
            for text_id, message_id in database.query(
                "SELECT id, message_id FROM trial_text WHERE account_id = ?", (account,)
            )
        }
        came = [one for one in made.values() if one]
        assert line.figures.arrival == figures.Share(len(came), 36)
        assert line.figures.replaced.k == sum(one.sender != "10691234" for one in came)
        assert line.figures.damaged.k == sum(one.text.endswith("?????") for one in came)
    a, b, c = (line.figures for line in told.lines)
    assert a.arrival.value == 1 and a.false.k == a.missing.k == 0
    assert b.arrival.k < 36 and b.false.k == 0
    assert c.false.k > 0 and c.damaged.k + c.replaced.k > 0
    assert a.by_phone[0].value is not None and a.by_receipt[0].value is not None
    # What phones hand over is nobody's reply, and the ledger of messages stands.
    assert database.scalar("SELECT COUNT(*) FROM inbound WHERE intent <> 'test'") == 0
    assert verify.verify(rt) == []


def simulator_of(rt, account):
    from core.sending import accounts

    return accounts.open_provider(rt, account, connect=False)


def outgoing(rt, message_id):
    from core import Outgoing, ids

    ref = ids.References(rt.keys).of(message_id)
    body = database.scalar("SELECT body FROM message_text WHERE message_id = ?", (message_id,))
    return Outgoing(ref, "+8613800130000", body, "10691234")


def test_starting_twice_is_refused_and_nothing_doubles(rt):
    trial = kit.draft(rt, kit.simulators(rt, 2), 3, texts=6)
    run.start(rt, trial, "ann")
    with pytest.raises(Refusal, match="was started"):
        run.start(rt, trial, "ann")
    assert len(kit.texts(trial, "id")) == 12


def test_the_owners_agreement_stands_in_the_ledger(rt):
    trial = kit.draft(rt, kit.simulators(rt, 1), 2, texts=2)
    run.start(rt, trial, "ann@example.com")
    contact = database.scalar("SELECT contact_id FROM trial_number ORDER BY id LIMIT 1")
    [line] = consent.history(contact)
    assert (line["cls"], line["action"], line["source"]) == (Cls.notice, "opt_in", "trial")
    assert line["evidence"]["said_by"] == "ann@example.com"


@pytest.mark.parametrize(
    "given, says",
    [
        ({"agreed": False}, "agreed"),
        ({"accounts": ()}, "account"),
        ({"windows": ("night",)}, "night"),
    ],
)
def test_a_plan_that_lacks_something_does_not_start(rt_sqlite, given, says):
    of = kit.simulators(rt_sqlite, 1)
    trial = kit.draft(rt_sqlite, of, 2, night=False, texts=4)
    plan.change(trial, "ann", **given)
    with pytest.raises(Refusal, match=says):
        run.start(rt_sqlite, trial, "ann")


def test_a_job_that_died_between_sending_and_writing_down_sends_nothing_twice(rt):
    trial = kit.draft(rt, kit.simulators(rt, 2), 2, texts=4)
    run.start(rt, trial, "ann")
    kit.due(trial)
    run.give(rt, trial)
    with database.write_tx():  # as if the second half had never happened
        database.execute(
            "UPDATE trial_text SET state = 'waiting', message_id = NULL WHERE trial_id = ?", (trial,)
        )
    run.give(rt, trial)
    messages = [row[0] for row in kit.texts(trial, "message_id")]
    assert len(set(messages)) == 8 == database.scalar("SELECT COUNT(*) FROM message")


def test_a_paused_trial_gives_nothing_and_goes_on_where_it_stood(rt):
    trial = kit.draft(rt, kit.simulators(rt, 2), 2, texts=4)
    run.start(rt, trial, "ann")
    kit.due(trial)
    run.pause(trial, "ann")
    run.job(rt)
    assert Counter(row[0] for row in kit.texts(trial, "state")) == {"waiting": 8}
    run.resume(rt, trial, "ann")
    run.job(rt)
    assert Counter(row[0] for row in kit.texts(trial, "state")) == {"given": 8}
    with pytest.raises(Refusal, match="cannot be done now"):
        run.resume(rt, trial, "ann")


def test_a_cancelled_trial_gives_nothing_more(rt):
    trial = kit.draft(rt, kit.simulators(rt, 1), 2, texts=4)
    run.start(rt, trial, "ann")
    run.cancel(trial, "ann")
    kit.due(trial)
    run.job(rt)
    assert {row[0] for row in kit.texts(trial, "state")} == {"cancelled"}
    assert plan.get(trial).state == "cancelled"


def test_texts_whose_hours_passed_go_into_the_next_such_hours_not_outside(rt):
    trial = kit.draft(rt, kit.simulators(rt, 2), 3, windows=("15", "19"), texts=6, night=False)
    run.start(rt, trial, "ann")
    past = clock.now_ms() - 30 * clock.DAY_MS
    with database.write_tx():
        database.execute("UPDATE trial_text SET due_at = ?, until_at = ?", (past, past + 1))
    assert run.give(rt, trial) == 0
    assert run.postpone(rt, trial) == 12
    for hours, due_at, until_at in kit.texts(trial, "hours, due_at, until_at"):
        assert clock.now_ms() - 1000 <= due_at < until_at
        assert (
            local_minutes(due_at) >= plan.WINDOWS[hours][0]
            and local_minutes(until_at) <= plan.WINDOWS[hours][1]
        )


def local_minutes(ms: int) -> int:
    from zoneinfo import ZoneInfo

    at = clock.from_ms(ms).astimezone(ZoneInfo("Asia/Shanghai"))
    return at.hour * 60 + at.minute


def test_a_message_ends_with_its_hours(rt):
    trial = kit.draft(rt, kit.simulators(rt, 1), 1, texts=1)
    run.start(rt, trial, "ann")
    kit.due(trial)
    run.give(rt, trial)
    [(message, until)] = kit.texts(trial, "message_id, until_at")
    assert database.scalar("SELECT not_after FROM message WHERE id = ?", (message,)) == until
    with database.write_tx():
        database.execute("UPDATE message SET not_after = ? WHERE id = ?", (clock.now_ms() - 1, message))
    from core.sending import batch

    batch.send(rt, direct.campaign(Cls.notice))
    run.collect(trial)
    assert kit.texts(trial, "state, submitted_at") == [("skipped", None)]
    assert figures.of(figures.read(trial)).arrival.n == 0


def test_a_trial_ends_when_all_is_known(rt, quick):
    trial = kit.draft(rt, kit.simulators(rt, 1, accept_rate=1, deliver_rate=1), 2, seed="Sim A", texts=4)
    run.start(rt, trial, "ann")
    kit.due(trial)
    kit.send(rt, trial)
    run.job(rt)
    assert plan.get(trial).state == "done"
    run.job(rt)


def test_a_text_that_cannot_be_given_says_why(rt):
    trial = kit.draft(rt, kit.simulators(rt, 1), 2, texts=2)
    run.start(rt, trial, "ann")
    kit.due(trial)
    with database.write_tx():
        database.execute("DELETE FROM account")
    run.give(rt, trial)
    for state, reason in kit.texts(trial, "state, reason"):
        assert state == "refused" and "There is no account" in reason
