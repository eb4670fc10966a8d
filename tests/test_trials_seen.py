"""What phones hand over, what their owners answer, and what follows from both."""

from __future__ import annotations

import pytest

from core import Inbound, Outgoing, clock
from core.audience import suppression
from core.contract.errors import Refusal
from core.db import database
from core.measure.trials import confirm, figures, pairs, plan, promises, report, run
from core.sending import accounts, handsets, inbound, replyevents
from core.sending.webhooks import Receiver
from plugins.providers.simulator import OTHER_SENDER, Simulator
from tests import trials_kit as kit
from tests.adapters.android_kit import KEY, event

HOUR = clock.HOUR_MS


@pytest.fixture
def trial(rt):
    """A trial of two accounts on three phones; all texts are out since an hour, without receipts."""
    of = kit.simulators(rt, 2, handset="")
    made = kit.draft(rt, of, 3, texts=6, functions=("delivery", "receipts", "inbound", "optout", "sender"))
    run.start(rt, made, "ann")
    with database.write_tx():
        database.execute(
            "UPDATE trial_text SET state = 'accepted', submitted_at = ?, message_id = id WHERE trial_id = ?",
            (clock.now_ms() - HOUR, made),
        )
    return made


def hear(rt, account: int, *texts: Inbound) -> None:
    with database.write_tx():
        done = inbound.apply(rt, account, texts)
    inbound.announce(rt, done)


def one(trial: int, kind: str = "plain") -> tuple[int, str, str, int]:
    """(id, nonce, body, account) of a text of this kind."""
    return database.one(
        "SELECT id, nonce, body, account_id FROM trial_text WHERE trial_id = ? AND kind = ? ORDER BY id LIMIT 1",
        (trial, kind),
    )


def number_of(rt, text_id: int) -> str:
    sealed = database.scalar(
        "SELECT c.phone_enc FROM trial_text t JOIN trial_number n ON n.id = t.number_id JOIN contact c "
        "ON c.id = n.contact_id WHERE t.id = ?",
        (text_id,),
    )
    return rt.keys.open_number(sealed)


def seen(text_id: int) -> tuple:
    return database.one("SELECT seen, seen_by, seen_sender, answer FROM trial_text WHERE id = ?", (text_id,))


def test_an_android_phone_hands_over_what_it_got_by_its_signed_webhook(rt, trial):
    text_id, _nonce, body, _account = one(trial)
    settings = {"username": "phone", "password": "pa55-w0rd", "signing_key": KEY}
    android = accounts.create(rt, "Shelf", "android", settings)
    at = clock.from_ms(clock.now_ms() - HOUR + 4_000).isoformat()
    call = event("sms:received", "inbound", messageId="a1", sender="10691234", recipient=number_of(rt, text_id),
                 message=body, receivedAt=at)  # fmt: skip
    for _twice in range(2):
        status, *_rest = Receiver(rt).receive(android.token, call)
        assert status == 200
    assert seen(text_id) == ("yes", "handset", "10691234", "")
    text = next(text for text in figures.read(trial) if text.id == text_id)
    assert text.came and 3_900 <= text.seen_at - text.submitted_at <= 4_100
    # It is nobody's reply: no event, no opt-out, whatever it says.
    assert database.query("SELECT intent FROM inbound") == [("test",)]
    assert replyevents.record(rt) == 0


def test_a_test_text_that_asks_for_stop_stops_nobody_when_it_comes_back(rt, trial):
    text_id, nonce, _body, account = one(trial)
    hear(rt, account, Inbound("+8613900139000", f"STOP {nonce}", id="m1"))
    assert seen(text_id)[0] == "damaged"
    assert suppression.masks([rt.keys.blind_index("+8613900139000")]) == {}


@pytest.mark.parametrize(
    "change, how",
    [
        (lambda body: body, "yes"),
        (lambda body: f" {body}\n", "yes"),
        (lambda body: body.replace(".", ""), "damaged"),
        (lambda body: body.encode("ascii", "replace").decode()[:-3], "damaged"),
    ],
)
def test_a_changed_text_is_damaged(rt_sqlite, change, how):
    of = kit.simulators(rt_sqlite, 1, handset="")
    trial = kit.draft(rt_sqlite, of, 1, texts=1, functions=("delivery",))
    run.start(rt_sqlite, trial, "ann")
    text_id, _nonce, body, account = one(trial)
    hear(rt_sqlite, account, Inbound("10691234", change(body), id="m1"))
    assert seen(text_id)[0] == how


def test_the_owners_answer_is_an_answer_and_a_reply_like_any_other(rt, trial):
    text_id, nonce, _body, account = one(trial, "reply")
    hear(rt, account, Inbound(number_of(rt, text_id), f"{nonce.lower()} ok", id="m1"))
    assert seen(text_id) == ("", "", "", "reply")
    assert replyevents.record(rt) == 1
    wanted, texts = plan.of(plan.get(trial)), [t for t in figures.read(trial) if t.account_id == account]
    found = {p.function: p for p in promises.of_account(trial, account, wanted, texts)}
    assert found["inbound"].result == "pass" and found["optout"].result == "open"


def test_a_stop_of_a_phone_that_was_asked_keeps_the_promise_and_stops(rt, trial):
    text_id, _nonce, _body, account = one(trial, "stop")
    number = number_of(rt, text_id)
    other = next(id_ for id_ in plan.accounts(trial) if id_ != account)
    hear(rt, other, Inbound(number, "STOP", id="m0"))
    assert seen(text_id)[3] == ""  # it came in through another account
    hear(rt, account, Inbound(number, "STOP", id="m1"))
    assert seen(text_id)[3] == "stop"
    assert suppression.masks([rt.keys.blind_index(number)])


def test_a_word_nobody_sent_is_an_ordinary_text(rt, trial):
    hear(rt, 1, Inbound("+8613900139000", "see you at K7F2-93", id="m1"))
    assert database.query("SELECT intent FROM inbound") == [("",)]


def test_a_phone_stands_above_a_person_and_late_above_lost(rt, trial):
    text_id, _nonce, body, account = one(trial)
    number = database.scalar("SELECT number_id FROM trial_text WHERE id = ?", (text_id,))
    confirm.say(trial, number, {text_id: confirm.Said("no")}, "ann")
    assert seen(text_id)[:2] == ("no", "person")
    hear(rt, account, Inbound("10691234", body, id="m1"))
    assert seen(text_id)[:2] == ("yes", "handset")
    confirm.say(trial, number, {text_id: confirm.Said("no")}, "ann")
    assert seen(text_id)[:2] == ("yes", "handset")


def test_a_phone_that_hands_over_nothing_is_told_and_not_counted(rt, trial):
    with database.write_tx():
        database.execute("UPDATE trial_number SET seed_account_id = 1")
    assert confirm.close(trial) == 0
    assert confirm.silent(rt, trial) == ["Owner 1", "Owner 2", "Owner 3"]
    text_id, _nonce, body, account = one(trial)
    hear(rt, account, Inbound("10691234", body, id="m1"))
    number = database.scalar("SELECT number_id FROM trial_text WHERE id = ?", (text_id,))
    sent = database.scalar("SELECT COUNT(*) FROM trial_text WHERE number_id = ?", (number,))
    assert confirm.close(trial) == sent - 1
    assert len(confirm.silent(rt, trial)) == 2


@pytest.mark.parametrize("how", ["maybe", ""])
def test_what_a_person_says_is_one_of_three_words(rt_sqlite, how):
    of = kit.simulators(rt_sqlite, 1, handset="")
    trial = kit.draft(rt_sqlite, of, 1, texts=1)
    run.start(rt_sqlite, trial, "ann")
    with database.write_tx():
        database.execute("UPDATE trial_text SET state = 'accepted', submitted_at = 1")
    number, text_id = database.one("SELECT number_id, id FROM trial_text LIMIT 1")
    with pytest.raises(Refusal, match="is not one of"):
        confirm.say(trial, number, {text_id: confirm.Said(how)}, "ann")
    with pytest.raises(Refusal, match="did not go to this phone"):
        confirm.say(trial, number + 1, {text_id: confirm.Said("yes")}, "ann")


def test_pairs_count_only_rounds_both_were_looked_for_in(rt, trial):
    a, b = plan.accounts(trial)
    with database.write_tx():
        database.execute(
            "UPDATE trial_text SET seen = CASE WHEN account_id = ? OR round = 0 THEN 'yes' ELSE 'no' END, "
            "seen_by = 'person' WHERE kind <> 'stop'",
            (a,),
        )
        database.execute("UPDATE trial_text SET seen = '' WHERE account_id = ? AND round = 1 AND number_id = "
                         "(SELECT MAX(id) FROM trial_number)", (b,))  # fmt: skip
    [found] = pairs.of(figures.read(trial), [a, b])
    assert (found.seen, found.n, found.both, found.only_first, found.only_second) == (True, 5, 3, 2, 0)
    assert found.better is None and found.missing == 25


def test_few_texts_are_counts_and_never_a_share(rt, trial):
    told = report.make(rt, trial).plain()
    assert told["accounts"][0]["arrival"]["value"] is None
    assert told["accounts"][0]["sentence"].startswith("Too early")
    assert all(pair["difference"] is None for pair in told["pairs"])


def test_the_interval_of_a_quantile_lies_between_two_of_the_sample():
    hundred = figures.quantile(list(range(1, 101)), 0.5)
    assert (hundred.value, hundred.low, hundred.high) == (50, 40, 61)
    assert figures.quantile([3.0], 0.95) == figures.Quantile(1, 3.0, None, None)
    assert figures.quantile([], 0.5).value is None


def test_the_simulator_lies_and_damages_as_often_as_it_is_told():
    given = {"seed": "5", "deliver_rate": "0.9", "false_receipt_rate": "0.2", "damage_rate": "0.3"}
    made = Simulator(accounts.checked(Simulator, given))
    messages = [Outgoing(f"R{i:015d}", f"+86138{i:08d}", "a test text", "1069") for i in range(4_000)]
    claimed = [m for m, r in zip(messages, made.poll([(m.ref, None) for m in messages]), strict=False) if r]
    got = [one for one in map(made.arrival, messages) if one]
    delivered = sum(r.state == "delivered" for r in made.poll([(m.ref, None) for m in messages]))
    assert abs(1 - len(got) / delivered - 0.2) < 0.02 and len(claimed) > 3_900
    damaged = sum(one.text != "a test text" for one in got)
    replaced = sum(one.sender == OTHER_SENDER for one in got)
    assert abs((damaged + replaced) / len(got) - 0.3) < 0.03 and min(damaged, replaced) > 300
    assert handsets.is_damaged("a test text", "a test?????")
