"""Pools of senders: who texts whom, how fast and how often a day, however many workers send."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.sending import direct
from core.sending.item import Item
from core.sending.routes import pools, senders
from core.sending.routes.way import Way
from tests import routes_kit as kit
from tests.routes_kit import items, router
from tests.send_kit import due_now, rows, send_all, states, whole


def pool(rt, *given: tuple[kit.Way, str], sticky: bool = True, **more):
    """A pool with these senders."""
    made = senders.put_pool("shop", sticky)
    for way, text in given:
        senders.put(rt, made.id, way.id, text, **more)
    return made


def used_by(way: kit.Way) -> Counter:
    return Counter(message.sender for message in way.tape.sent)


def test_messages_are_spread_over_the_senders_of_the_account(rt):
    a, b = kit.ways(rt, "one", "two")
    made = pool(rt, (a, "S1"), (a, "S2"), (b, "other"))
    kit.rule(a, pool_id=made.id)
    campaign = kit.campaign(rt, 200)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 200}
    assert set(used_by(a)) == {"S1", "S2"}
    assert min(used_by(a).values()) > 60
    kept = {row[3] for row in kit.decided(campaign)}
    assert kept == {each.id for each in senders.every(rt) if each.account == "one"}
    whole(rt)


def test_a_contact_keeps_the_sender_that_texted_it_last(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"), (a, "S2"), (a, "S3"))
    kit.rule(a, pool_id=made.id)
    first = kit.campaign(rt, 90)
    send_all(rt, first)
    before = dict(database.query("SELECT contact_id, sender_id FROM sender_sticky"))
    assert len(before) == 90
    senders.put(rt, made.id, a.id, "S4")
    second = kit.campaign(rt)
    send_all(rt, second)
    assert dict(database.query("SELECT contact_id, sender_id FROM sender_sticky")) == before
    by_message = {row[0]: row[3] for row in kit.decided(second)}
    contacts = dict(rows(second, "id, contact_id"))
    assert {contacts[id_]: sender for id_, sender in by_message.items()} == before


def test_a_pool_that_is_not_sticky_keeps_nobody(rt):
    (a,) = kit.ways(rt, "one")
    kit.rule(a, pool_id=pool(rt, (a, "S1"), sticky=False).id)
    send_all(rt, kit.campaign(rt, 5))
    assert used_by(a) == {"S1": 5}
    assert database.scalar("SELECT COUNT(*) FROM sender_sticky") == 0


def test_a_sender_that_is_used_up_gives_way_to_the_others_and_then_to_tomorrow(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"), (a, "S2"), cap=10)
    kit.rule(a, pool_id=made.id)
    campaign = kit.campaign(rt, 50)
    send_all(rt, campaign)
    assert used_by(a) == {"S1": 10, "S2": 10}
    assert states(campaign) == {"accepted": 20, "ready": 30}
    tomorrow = pools.Today(rt).at(clock.now_ms())[1]
    assert {row[0] for row in rows(campaign, "not_before, state") if row[1] == 0} == {tomorrow}
    assert {each.used for each in senders.every(rt)} == {10}
    with database.write_tx():
        database.execute("UPDATE sender SET day = day - 1")
    due_now(campaign)
    send_all(rt, campaign)
    assert used_by(a) == {"S1": 20, "S2": 20}
    whole(rt)


def test_the_next_account_takes_over_when_a_pool_has_no_sender_left_at_the_first(rt):
    a, b = kit.ways(rt, "one", "two")
    made = pool(rt, (a, "S1"), cap=3)
    senders.put(rt, made.id, b.id, "S2")
    kit.rule(a, b, pool_id=made.id)
    campaign = kit.campaign(rt, 10)
    send_all(rt, campaign)
    assert (used_by(a), used_by(b)) == ({"S1": 3}, {"S2": 7})
    assert any('"no_sender"' in row[4] for row in kit.decided(campaign))


def test_a_sender_for_other_countries_or_switched_off_is_not_taken(rt):
    (a,) = kit.ways(rt, "one")
    made = senders.put_pool("shop")
    senders.put(rt, made.id, a.id, "US1", only=["us"])
    off = senders.put(rt, made.id, a.id, "OFF")
    senders.switch(rt, off.id, False)
    senders.put(rt, made.id, a.id, "CN1", only=["CN", "HK"])
    kit.rule(a, pool_id=made.id)
    send_all(rt, kit.campaign(rt, 8))
    assert used_by(a) == {"CN1": 8}


def test_a_pool_without_a_sender_makes_messages_wait(rt):
    (a,) = kit.ways(rt, "one")
    kit.rule(a, pool_id=senders.put_pool("empty").id)
    campaign = kit.campaign(rt, 3)
    send_all(rt, campaign)
    assert states(campaign) == {"ready": 3}
    assert a.refs == []


def test_senders_with_a_rate_take_turns(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"), (a, "S2"), (a, "S3"), rate=40)
    kit.rule(a, pool_id=made.id)
    campaign = kit.campaign(rt, 60)
    began = clock.monotonic()
    send_all(rt, campaign)
    took = clock.monotonic() - began
    n = used_by(a)
    assert sum(n.values()) == 60
    assert all(count <= 4 + 40 * took + 1 for count in n.values())
    # None waits until another has done its share: the last to begin begins before the first is through.
    turns = [message.sender for message in a.tape.sent]
    assert max(turns.index(name) for name in n) < min(len(turns) - turns[::-1].index(name) for name in n)


# --- together -----------------------------------------------------------------------------------------


def spend_together(rt, sender_id: int, until: float, want: int) -> int:
    """Three workers mark for one sender as fast as they can; how many messages in all."""
    got, today = [], pools.Today(rt)

    def work():
        mine, way = 0, Way(1, sender_id, today)

        def once():
            with database.write_tx():
                now = clock.now_ms()
                n, _wait = way.room(want, now)
                if n:
                    way.spend(n, now)
            return n

        while clock.monotonic() < until:
            mine += database.retry_locked(once)
        got.append(mine)
        database.reopen()

    threads = [threading.Thread(target=work) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(got)


def test_workers_together_keep_the_cap_of_a_day(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"), cap=97)
    sender = senders.every(rt)[0]
    assert spend_together(rt, sender.id, clock.monotonic() + 0.7, 5) == 97
    assert senders.every(rt)[0].used == 97
    assert made.sticky


def test_workers_together_keep_the_rate_of_a_sender(rt):
    (a,) = kit.ways(rt, "one")
    pool(rt, (a, "S1"), rate=100)
    began = clock.monotonic()
    n = spend_together(rt, senders.every(rt)[0].id, began + 0.8, 5)
    took = clock.monotonic() - began
    assert n <= 10 + 100 * took + 1
    assert n >= 40


def test_a_day_ends_at_midnight_of_the_house(rt_sqlite):
    from core.db import settings

    settings.put("zone", "Asia/Shanghai")
    today = pools.Today(rt_sqlite)
    noon = 1_790_000_000_000 // clock.DAY_MS * clock.DAY_MS + 4 * clock.HOUR_MS
    day, ends = today.at(noon)
    assert ends == noon + 12 * clock.HOUR_MS
    assert today.at(ends) == (day + 1, ends + clock.DAY_MS)
    assert today.at(ends - 1)[0] == day


def test_a_repeat_goes_as_the_same_sender(rt):
    (a,) = kit.ways(rt, "one", idempotency_ttl_s=600)
    made = pool(rt, (a, "S1"), (a, "S2"), sticky=False)
    kit.rule(a, pool_id=made.id)
    made_ = direct.send(rt, "+8613800138000", "notice", "Hello")
    from core import Result
    from core.sending import doubt

    a.answers = lambda message: Result("unknown", code="odd")
    send_all(rt, made_["campaign_id"])
    a.answers = lambda message: Result("accepted")
    assert doubt.climb(rt) == 1
    send_all(rt, made_["campaign_id"])
    assert len(a.tape.sent) == 2
    assert len(set(used_by(a))) == 1
    assert len(set(a.refs)) == 1


# --- picking ------------------------------------------------------------------------------------------


def test_a_pick_follows_rates_and_counts_against_the_day(rt_sqlite):
    (a,) = kit.ways(rt_sqlite, "one")
    made = senders.put_pool("shop")
    senders.put(rt_sqlite, made.id, a.id, "fast", rate=30)
    senders.put(rt_sqlite, made.id, a.id, "slow", rate=10)
    some = items(4_000)
    one = pools.Pool(made.id, some, 0)
    n = Counter(one.pick(a.id, item).text for item in some)
    assert abs(n["fast"] - 3_000) < 120
    capped = pools.Pool(made.id, some, 0)
    for sender in capped.senders:
        sender.left = 1
    assert [capped.pick(a.id, item) is None for item in some[:3]] == [False, False, True]


def test_many_senders_cost_a_fixed_number_of_queries(rt_sqlite, monkeypatch):
    (a,) = kit.ways(rt_sqlite, "one")
    made = pool(rt_sqlite, *((a, f"S{n}") for n in range(20)))
    kit.rule(a, pool_id=made.id)
    asked = []
    query = database.query
    monkeypatch.setattr(database, "query", lambda sql, params=(): asked.append(sql) or query(sql, params))
    router(rt_sqlite).plan([*items(500), Item(1, 1, 0, 0, None, 0, None, "+86139", "CN")])
    assert len(asked) < 10


# --- editing ------------------------------------------------------------------------------------------


def test_senders_are_added_changed_and_removed(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"))
    one = senders.every(rt)[0]
    changed = senders.put(rt, made.id, a.id, "S9", sender_id=one.id, rate="2.5", cap="7", only=["de"])
    assert (changed.sender, changed.rate_per_s, changed.daily_cap, changed.countries) == (
        "S9",
        2.5,
        7,
        ("DE",),
    )
    assert senders.remove(rt, one.id, who="me").sender == "S9"
    assert senders.every(rt) == []
    kit.rule(a, pool_id=made.id)
    with pytest.raises(Refusal, match="uses the pool"):
        senders.remove_pool(made.id)
    with database.write_tx():
        database.execute("DELETE FROM route_rule")
    senders.remove_pool(made.id)
    assert senders.pools() == []
    deeds = [
        row[0] for row in database.query("SELECT action FROM audit WHERE action LIKE '%er.%' ORDER BY id")
    ]
    assert [deed for deed in deeds if deed.startswith("sender")] == [
        "sender.add",
        "sender.edit",
        "sender.remove",
    ]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": ""}, "sender"),
        ({"text": "x" * 41}, "sender"),
        ({"account": 99}, "account"),
        ({"rate": "-1"}, "rate"),
        ({"cap": "0"}, "cap"),
        ({"cap": "many"}, "cap"),
        ({"only": ["China"]}, "countries"),
    ],
)
def test_a_bad_sender_is_refused_with_its_field(rt_sqlite, given, field):
    (a,) = kit.ways(rt_sqlite, "one")
    made = senders.put_pool("shop")
    values = {"text": "S1", "account": a.id} | given
    text, account = values.pop("text"), values.pop("account")
    with pytest.raises(Refusal) as refused:
        senders.put(rt_sqlite, made.id, account, text, **values)
    assert refused.value.field == field


def test_the_same_sender_of_an_account_stands_in_a_pool_once(rt):
    (a,) = kit.ways(rt, "one")
    made = pool(rt, (a, "S1"))
    with pytest.raises(Refusal, match="already"):
        senders.put(rt, made.id, a.id, "S1")
