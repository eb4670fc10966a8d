"""Which account of a rule takes a message: order, weights, prices, measured arrival, canaries."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest

from core import clock
from core.sending import accounts, breaker
from core.sending.routes import dice, health
from tests import routes_kit as kit
from tests.routes_kit import arrival, chosen, items, known, price, router, watch


@pytest.fixture
def three(rt_sqlite):
    return kit.ways(rt_sqlite, "one", "two", "three")


# --- strategies ---------------------------------------------------------------------------------------


def test_in_order_the_next_stands_in_for_one_that_does_not_work(rt_sqlite, three):
    a, b, c = three
    kit.rule(a, b, c)
    assert chosen(rt_sqlite, items(1))[0][1] == a.id
    accounts.switch(accounts.get("one"), False)
    breaker.rest(b.id, clock.now_ms() + 60_000)
    some = items(1)
    router(rt_sqlite).decide(some)
    assert some[0].choice.account_id == c.id
    assert json.loads(some[0].choice.why) == {
        "how": "order", "not": [[a.id, "off", None], [b.id, "rests", None]],
    }  # fmt: skip
    assert some[0].choice.others == {b.id}


def test_the_cheapest_by_country_and_one_without_a_price_last(rt_sqlite, three):
    a, b, c = three
    price(b.id, 60_000)
    price(b.id, 20_000, "US")
    price(c.id, 40_000)
    kit.rule(a, b, c, strategy="cheapest")
    assert chosen(rt_sqlite, items(1))[0][1] == c.id
    some = items(1, "US")
    assert chosen(rt_sqlite, some)[0][1] == b.id
    why = json.loads(some[0].choice.why)
    assert why["value"] == 20_000
    assert [c.id, "dearer", 40_000] in why["not"]


def test_the_best_measured_arrival_by_country_and_carrier(rt_sqlite, three):
    a, b, c = three
    known({1: "中国移动", 2: "中国联通"})
    arrival(a.id, 0.90)
    arrival(b.id, 0.80)
    arrival(b.id, 0.95, "CN", "中国移动")
    kit.rule(c, a, b, strategy="arrival")
    assert [account for _rule, account in chosen(rt_sqlite, items(2))] == [b.id, a.id]


def test_weights_split_within_binomial_bounds_and_repeat_themselves(rt_sqlite, three):
    a, b, _c = three
    kit.rule((a, 3), (b, 1), strategy="weight")
    got = chosen(rt_sqlite, items(8_000))
    n = Counter(account for _rule, account in got)
    assert abs(n[a.id] - 6_000) < 4 * math.sqrt(8_000 * 0.75 * 0.25)
    assert chosen(rt_sqlite, items(8_000)) == got


@pytest.mark.parametrize("share", [1, 250, 3_000, 9_900])
def test_a_share_takes_its_part_of_the_messages(rt_sqlite, three, share):
    a, b, _c = three
    made = kit.rule(b, share_bp=share)
    got = Counter(rule for rule, _account in chosen(rt_sqlite, items(20_000)))
    p = share / 10_000
    assert abs(got[made.id] - 20_000 * p) < 4 * math.sqrt(20_000 * p * (1 - p)) + 1


def test_dice_are_even_and_independent():
    throws = [dice.throw(n, 7) for n in range(50_000)]
    cells = Counter(throw // 500 for throw in throws)
    assert sum((n - 2_500) ** 2 / 2_500 for n in cells.values()) < 45, "χ² of 20 cells"
    other = [dice.throw(n, 8) for n in range(50_000)]
    both = sum(x < 5_000 and y < 5_000 for x, y in zip(throws, other, strict=True))
    assert abs(both - 12_500) < 500


# --- canaries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["order", "cheapest", "arrival", "weight"])
def test_an_account_on_canary_gets_only_its_share(rt_sqlite, three, strategy):
    a, b, _c = three
    price(a.id, 1)
    price(b.id, 2)
    arrival(a.id, 0.99)
    kit.rule(a, b, strategy=strategy)
    watch(a.id, 500)
    got = Counter(account for _rule, account in chosen(rt_sqlite, items(10_000)))
    expected = 10_000 * (0.05 / 1.05 if strategy == "weight" else 0.05)
    assert abs(got[a.id] - expected) < 4 * math.sqrt(expected)
    assert got[a.id] + got[b.id] == 10_000


def test_when_all_are_on_canary_the_texts_go_all_the_same(rt_sqlite, three):
    a, b, _c = three
    kit.rule(a, b)
    watch(a.id, 0)
    watch(b.id, 0)
    assert {account for _rule, account in chosen(rt_sqlite, items(100))} == {a.id}


def test_a_canary_counts_without_rules_too(rt_sqlite, three):
    a, b, _c = three
    watch(a.id, 0)
    assert {account for _rule, account in chosen(rt_sqlite, items(100))} == {b.id}


def test_weights_recover_in_steps():
    step = health.STEP_MS
    shares = [health.recovering(100, at) for at in (0, step - 1, step, 2 * step, 9 * step)]
    assert shares == [1_000, 1_000, 5_000, 10_000, 10_000]
    assert health.recovering(10_000, 0) == 10_000


def test_an_account_that_is_well_again_climbs(rt_sqlite, three):
    now = clock.now_ms()
    watch(three[0].id, 100, "ok", now - health.STEP_MS - 1)
    assert health.watched(now)[three[0].id].share_bp == 5_000
    watch(three[0].id, 10_000, "ok", now)
    assert health.watched(now) == {}


def test_a_rule_never_sends_texts_to_an_account_that_only_calls_nor_past_its_class(rt_sqlite):
    from core.db import classes

    caller, texter, other = kit.ways(rt_sqlite, "caller", "texter", "other")
    caller.tape.provider.channels = ("voice",)
    kit.rule(caller, texter, other)
    assert chosen(rt_sqlite, items(1))[0][1] == texter.id
    classes.save("mass", {"accounts": [other.id]}, "me")
    classes._every.cache_clear()
    some = items(1)
    assert chosen(rt_sqlite, some)[0][1] == other.id
    assert [texter.id, "class", None] in json.loads(some[0].choice.why)["not"]
