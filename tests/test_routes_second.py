"""A second text when no receipt comes: once, another way, and only where the class allows it."""

from __future__ import annotations

import pytest

from core import clock
from core.db import classes, database
from core.db.codes import Cls
from core.sending import direct
from core.sending.routes import awaited, second
from tests import otp_kit
from tests import routes_kit as kit
from tests.second_kit import known_for_receipts, late, switch_on
from tests.send_kit import send_all, set_state, states, whole

TO = "+8613800138000"


@pytest.fixture
def two(rt):
    """Two accounts in order; the first is known to send receipts."""
    a, b = kit.ways(rt, "one", "two")
    kit.rule(a, b)
    known_for_receipts(rt, a)
    return a, b


def sent(rt, cls: str = "notice", **given) -> dict:
    made = direct.send(rt, TO, cls, "Your parcel is here", **given)
    send_all(rt, made["campaign_id"])
    return made


def test_a_second_text_goes_another_way_and_both_know_of_each_other(rt, two):
    a, b = two
    switch_on()
    first = sent(rt)
    assert second.send(rt) == 0, "it is not time yet"
    late()
    assert second.send(rt) == 1
    _none, second_id = awaited.pair_of(first["message_id"])
    assert awaited.pair_of(second_id) == (first["message_id"], None)
    send_all(rt, first["campaign_id"])
    shown = direct.show(rt, second_id)
    assert (shown["account"], shown["state"], shown["text"]) == ("two", "accepted", "Your parcel is here")
    assert direct.show(rt, first["message_id"])["account"] == "one"
    assert [m.text for m in b.tape.sent] == ["Your parcel is here"]
    kit.once(a, b)
    late()
    assert second.send(rt) == 0, "there is no third"
    whole(rt)


def test_a_receipt_in_time_means_no_second_text(rt, two):
    switch_on()
    first = sent(rt)
    set_state(first["message_id"], 4)
    late()
    assert second.send(rt) == 0
    assert database.scalar("SELECT COUNT(*) FROM second_text") == 0


@pytest.mark.parametrize("cls", ["mass", "voice"])
def test_marketing_and_voice_never_get_one(rt, two, cls):
    with database.write_tx():
        database.execute(
            "INSERT INTO setting (key, value) VALUES (?, ?)", (f"class:{cls}", '{"second_after_s": 30}')
        )
    classes._every.cache_clear()
    assert awaited.delay_s(Cls[cls]) == 0
    campaign = kit.campaign(rt)
    send_all(rt, campaign)
    late()
    assert second.send(rt) == 0
    assert database.scalar("SELECT COUNT(*) FROM second_text") == 0


def test_a_class_that_is_not_switched_on_gets_none(rt, two):
    sent(rt)
    assert database.scalar("SELECT COUNT(*) FROM second_text") == 0


def test_one_in_doubt_or_refused_gets_none(rt, two):
    from core import Result

    a, _b = two
    switch_on()
    a.answers = lambda message: Result("unknown", code="odd")
    first = sent(rt)
    assert direct.show(rt, first["message_id"])["state"] == "in_doubt"
    late()
    assert second.send(rt) == 0
    assert states(first["campaign_id"])["in_doubt"] == 1


def test_an_account_whose_receipts_never_came_cannot_be_missing_one(rt):
    a, b = kit.ways(rt, "one", "two")
    kit.rule(a, b)
    switch_on()
    sent(rt)
    late()
    assert second.send(rt) == 0
    assert b.refs == []


def test_a_message_that_names_its_account_gets_none(rt, two):
    a, b = two
    switch_on()
    sent(rt, account_id=a.id)
    late()
    assert second.send(rt) == 0
    assert b.refs == []


def test_without_another_account_there_is_none(rt, two):
    _a, b = two
    switch_on()
    sent(rt)
    with database.write_tx():
        database.execute("UPDATE account SET halted = 'broken' WHERE id = ?", (b.id,))
    late()
    assert second.send(rt) == 0


def test_a_code_nobody_waits_for_any_more_is_not_sent_again(rt, two):
    switch_on()
    first = sent(rt)
    with database.write_tx():
        database.execute(
            "UPDATE message SET not_after = ? WHERE id = ?", (clock.now_ms(), first["message_id"])
        )
    late()
    assert second.send(rt) == 0


def test_two_workers_at_once_make_one(rt, two):
    switch_on()
    first = sent(rt)
    late()
    now = clock.now_ms()
    due = database.query("SELECT first_id, due_at FROM second_text")
    made = [second._one(rt, id_, due_at, now) for id_, due_at in [*due, *due]]
    assert sorted(bool(campaign) for campaign in made) == [False, True]
    assert awaited.pair_of(first["message_id"])[1] is not None
    whole(rt)


def test_a_code_is_sent_again_with_its_words(rt, two):
    _a, b = two
    switch_on("otp")
    direct.send(rt, TO, "otp", "Your code is 471100")
    send_all(rt, direct.campaign(Cls.otp))
    late()
    assert second.send(rt) == 1
    send_all(rt, direct.campaign(Cls.otp))
    assert [m.text for m in b.tape.sent] == ["Your code is 471100"]


def test_a_code_of_the_service_is_put_in_again_from_its_seed(rt, two):
    from core.sending.otp import service, wishes

    a, b = two
    switch_on("otp")
    otp_kit.opened()
    service.send(rt, otp_kit.APP, wishes.Wish(TO))
    send_all(rt, direct.campaign(Cls.otp))
    late()
    assert second.send(rt) == 1
    send_all(rt, direct.campaign(Cls.otp))
    assert [m.text for m in b.tape.sent] == [a.tape.sent[-1].text]
    assert any(char.isdigit() for char in b.tape.sent[0].text)
    stored = [row[0] for row in database.query("SELECT body FROM message_text")]
    assert b.tape.sent[0].text not in stored
