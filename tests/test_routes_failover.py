"""A message that was surely not sent goes another way; nothing that may have been sent ever does."""

from __future__ import annotations

import pytest

from core import Result
from core.contract.errors import Ambiguous, BadConfig, Unreachable
from core.db import database
from core.db.codes import State
from core.sending import accounts, breaker, direct, doubt
from core.sending.routes import decision
from tests import routes_kit as kit
from tests.send_kit import awake, due_now, raising, rows, send_all, states, whole

ERRORS = {"ROUTE": "route", "BAD": "number", "SLOW": "limit"}


def refuses(code: str):
    return lambda message: Result("rejected", code=code, reason="refused")


@pytest.fixture
def two(rt):
    """Two accounts in order."""
    a, b = kit.ways(rt, "one", "two", ERRORS=ERRORS)
    kit.rule(a, b, name="in order")
    return a, b


def test_a_refused_route_is_taken_to_the_next_account_once(rt, two):
    a, b = two
    a.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 12)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 12}
    assert len(a.refs) == len(b.accepted) == 12
    kit.once(a, b)
    assert {row[0] for row in rows(campaign, "account_id")} == {b.id}
    for _id, _rule, account_id, _sender, why in kit.decided(campaign):
        assert account_id == b.id
        assert f'[{a.id},"refused","ROUTE"]' in why
    whole(rt)


def test_refusals_another_account_mends_do_not_pause_the_campaign(rt, two):
    a, b = two
    a.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 130)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 130}
    b.answers = refuses("ROUTE")
    hopeless = kit.campaign(rt, 130)
    send_all(rt, hopeless)
    assert database.scalar("SELECT state FROM campaign WHERE id = ?", (hopeless,)) == "paused"


def test_when_every_account_refuses_the_route_the_message_is_rejected(rt, two):
    for way in two:
        way.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 5)
    send_all(rt, campaign)
    assert states(campaign) == {"rejected": 5}
    assert [len(way.refs) for way in two] == [5, 5]
    assert {row[0] for row in rows(campaign, "reason")} == {"ROUTE"}
    whole(rt)


def test_a_bad_number_is_bad_on_every_route(rt, two):
    a, b = two
    a.answers = refuses("BAD")
    campaign = kit.campaign(rt, 5)
    send_all(rt, campaign)
    assert states(campaign) == {"rejected": 5}
    assert b.refs == []


def test_in_doubt_is_never_handed_on(rt, two):
    a, b = two
    a.tape.act = raising(Ambiguous("the answer was lost"))
    campaign = kit.campaign(rt, 30, options={"window": 5})
    send_all(rt, campaign)
    found = states(campaign)
    assert found["in_doubt"] == 5
    assert found["accepted"] == 25
    doubtful = {row[0] for row in rows(campaign, "id, state") if row[1] == State.in_doubt}
    assert {row[0] for row in rows(campaign, "account_id, state") if row[1] == State.in_doubt} == {a.id}
    assert not set(b.accepted) & set(a.refs)
    assert len(doubtful) == 5
    whole(rt)


def test_an_account_that_cannot_be_reached_is_passed_by(rt, two):
    a, b = two
    a.tape.act = raising(Unreachable("no connection"))
    campaign = kit.campaign(rt, 40)
    send_all(rt, campaign)
    due_now(campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 40}
    assert len(b.accepted) == 40
    assert a.accepted == []
    whole(rt)


def test_a_wrong_password_halts_the_account_and_the_others_take_its_messages(rt, two):
    a, b = two
    a.tape.act = raising(BadConfig("wrong password"))
    campaign = kit.campaign(rt, 10)
    send_all(rt, campaign)
    due_now(campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 10}
    assert len(b.accepted) == 10
    assert accounts.get("one").halted == "wrong password"
    whole(rt)


def test_an_open_breaker_does_not_hold_up_what_was_not_marked_yet(rt, two):
    a, b = two
    a.answers = lambda message: Result("unknown", code="odd")
    campaign = kit.campaign(rt, 50, options={"window": 5})
    send_all(rt, campaign)
    assert states(campaign) == {"in_doubt": 5, "accepted": 45}
    kit.once(a, b)
    whole(rt)


def test_a_message_put_off_by_one_may_be_taken_by_another(rt, two):
    a, b = two
    a.answers = lambda message: Result("retry", code="SLOW", after_s=0.0)
    campaign = kit.campaign(rt, 6)
    send_all(rt, campaign)
    assert states(campaign) == {"ready": 6}
    assert {row[0] for row in rows(campaign, "account_id")} == {0}
    accounts.switch(accounts.get("one"), False)
    due_now(campaign)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 6}
    kit.once(a, b)
    whole(rt)


def test_a_campaign_that_names_an_account_keeps_it(rt, two):
    a, b = two
    a.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 4)
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = ? WHERE id = ?", (a.id, campaign))
    send_all(rt, campaign)
    assert states(campaign) == {"rejected": 4}
    assert b.refs == []
    assert kit.decided(campaign) == []


def test_a_single_message_that_names_an_account_keeps_it(rt, two):
    a, b = two
    a.answers = refuses("ROUTE")
    made = direct.send(rt, "+8613800138000", "notice", "Hello", account_id=a.id)
    send_all(rt, made["campaign_id"])
    assert direct.show(rt, made["message_id"])["state"] == "rejected"
    assert b.refs == []
    other = direct.send(rt, "+8613800138000", "notice", "Hello again")
    send_all(rt, other["campaign_id"])
    assert direct.show(rt, other["message_id"])["account"] == "two"


def test_without_rules_a_refused_route_ends_the_message_as_before(rt):
    a, b = kit.ways(rt, "one", "two", ERRORS=ERRORS)
    a.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 4)
    send_all(rt, campaign)
    assert states(campaign) == {"rejected": 4}
    assert b.refs == []
    assert kit.decided(campaign) == []


def test_a_repeat_under_its_reference_stays_where_it_was(rt):
    """In doubt, idempotent: the repeat finds no connection, which proves nothing about the first try."""
    a, b = kit.ways(rt, "one", "two", ERRORS=ERRORS, idempotency_ttl_s=600)
    kit.rule(a, b)
    a.answers = lambda message: Result("unknown", code="odd")
    campaign = kit.campaign(rt, 1)
    send_all(rt, campaign)
    assert states(campaign) == {"in_doubt": 1}
    assert doubt.climb(rt) == 1
    assert rows(campaign, "state, account_id") == [(0, a.id)]
    awake()
    a.tape.act = raising(Unreachable("no connection"))
    send_all(rt, campaign)
    assert rows(campaign, "state, account_id") == [(0, a.id)]
    assert b.refs == []


def test_what_was_refused_is_remembered_over_batches(rt, two):
    a, b = two
    a.answers = refuses("ROUTE")
    campaign = kit.campaign(rt, 3)
    breaker.rest(b.id, 1 << 50)
    send_all(rt, campaign)
    assert states(campaign) == {"ready": 3}
    ids = [row[0] for row in rows(campaign, "id")]
    assert decision.refusals(ids) == dict.fromkeys(ids, ((a.id, "refused", "ROUTE"),))
    with database.write_tx():
        database.execute("UPDATE account SET open_until = 0")
    due_now(campaign)
    send_all(rt, campaign)
    assert len(a.refs) == 3, "it is not asked twice"
    assert states(campaign) == {"accepted": 3}
