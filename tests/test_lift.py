"""What the text itself changed: the groups as the lot drew them, judged once, by hand and by simulation."""

import json
import math
import random

import pytest

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import EventType, State
from core.measure import lift, report, stats
from tests.measure_kit import campaign, messages, purchases, sent

H = clock.HOUR_MS
YUAN = 1_000_000


def autumn(started_h: float = 200, holdout_bp: int = 4_000) -> int:
    """60 people the lot gave the text (50 arrived, 6 failed, 4 opted out before it left) and 40 kept aside, after 10
    who were left out beforehand.  People 1–60 are the first, 61–100 the second group, 101–110 the others."""
    at = clock.now_ms() - int(started_h * H)
    id_ = campaign(launched_at=at, started_at=at, holdout_bp=holdout_bp)
    late = {"state": State.skipped, "reason": "suppressed", "parts": 0, "final": at + H}
    rows = [sent(State.delivered, 1, ago_h=started_h - 1)] * 50 + [sent(State.undelivered, 1, reason="x")] * 6
    rows += [late] * 4 + [{"state": State.holdout, "parts": 0}] * 40
    rows += [{"state": State.skipped, "reason": "no_consent", "parts": 0}] * 10
    messages(id_, [row | {"contact": n} for n, row in enumerate(rows, 1)])
    return id_


def bought(
    people: range, after_h: float, micros: int = 10 * YUAN, started_h: float = 200, kind: str = "purchase"
):
    at = clock.now_ms() - int((started_h - after_h) * H)
    purchases([(who, at, micros, EventType[kind]) for who in people])


def figures(rt, id_):
    return report.metrics(rt, Scope(campaign_id=id_))


def test_orders_by_hand(rt):
    id_ = autumn()
    bought(range(1, 19), 5)  # of the first group, arrived or not
    bought(range(51, 61), 71)  # 6 whose text failed, 4 who were skipped: the lot gave them the text
    bought(range(61, 66), 5)  # of those kept aside
    bought(range(40, 45), 73)  # too late for an order
    bought(range(30, 35), -1)  # before the start
    bought(range(101, 111), 5)  # left out before the lot
    found = figures(rt, id_)["incremental_orders"]
    assert (found.detail["texted"], found.detail["texted_bought"]) == (60, 28)
    assert (found.detail["kept"], found.detail["kept_bought"]) == (40, 5)
    # 28/60 − 5/40 = 34.17 points; Newcombe 16.0 to 48.2 of them
    assert found.value == pytest.approx(60 * (28 / 60 - 5 / 40)) == pytest.approx(20.5)
    assert found.interval == pytest.approx([60 * end for end in stats.newcombe(28, 60, 5, 40)])
    assert found.detail["verdict"] == "more" and found.interval[0] > 0
    assert figures(rt, id_)["lift"].value == pytest.approx((28 / 60) / (5 / 40) - 1)


def test_nothing_is_judged_before_the_window_is_over(rt):
    id_ = autumn(started_h=70)
    bought(range(1, 40), 5, started_h=70)
    found = figures(rt, id_)["incremental_orders"]
    assert (found.value, found.interval, found.detail["verdict"]) == (None, None, "early")
    assert found.numerator == 39


@pytest.mark.parametrize(
    ("first", "second", "verdict"), [(20, 13, "none"), (3, 20, "fewer"), (0, 0, "silent"), (30, 3, "more")]
)
def test_the_verdict_is_that_of_the_interval(first, second, verdict):
    groups = lift.Group(60, first), lift.Group(40, second)
    assert lift.judged(*groups, 4_000, 0, lift.ORDERS_MS).verdict == verdict
    assert lift.judged(*groups, 4_000, 0, lift.ORDERS_MS - 1).verdict == "early"


def test_few_people_and_a_lot_gone_wrong_are_not_compared():
    assert lift.judged(lift.Group(60, 9), lift.Group(29, 1), 4_000, 0, lift.ORDERS_MS).verdict == "few"
    found = lift.judged(lift.Group(9_000, 90), lift.Group(2_000, 9), 1_000, 0, lift.ORDERS_MS)
    assert (found.verdict, found.orders) == ("uneven", None)


def test_money_is_what_the_groups_left_within_seven_days_less_refunds(rt):
    id_ = autumn()
    bought(range(1, 41), 5, 10 * YUAN)
    bought(range(1, 5), 30, 4 * YUAN, kind="refund")
    bought(range(61, 92), 100, 8 * YUAN)
    bought(range(1, 41), 24 * 7 + 1, 99 * YUAN)
    found = figures(rt, id_)["incremental_revenue"]
    # 36 × 10 + 4 × 6 of 60 people, 31 × 8 of 40
    assert found.value == pytest.approx(60 * (384 / 60 - 248 / 40) * YUAN)
    assert found.interval[0] < found.value < found.interval[1] and found.unit == "micros"


def test_money_needs_thirty_payers_in_each_group(rt):
    id_ = autumn()
    bought(range(1, 41), 5)
    bought(range(61, 90), 5)
    assert "incremental_revenue" not in figures(rt, id_)


def test_a_campaign_that_kept_nobody_aside_has_no_such_figure(rt):
    assert "incremental_orders" not in figures(rt, autumn(holdout_bp=0))


def test_evidence_of_an_uneven_lot_is_that_of_the_published_examples():
    for n1, n2, share, weight, evidence in (
        (120, 80, 0.5, 200, 5.2655), (540, 460, 0.5, 200, 5.8941), (930, 70, 0.9, 200, 42.6256),
        (60, 2, 0.9, 200, 1.4001), (30, 10, 0.5, 200, 2.1094),
    ):  # fmt: skip
        assert stats.uneven(n1, n2, share, weight) == pytest.approx(evidence, abs=1e-3)


def every(n: int, share: float) -> list[tuple[int, float]]:
    """(how many of n bought, how likely that is), but for what never happens."""
    middle, spread = n * share, math.sqrt(n * share * (1 - share))
    return [
        (k, math.exp(
            math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(share)
            + (n - k) * math.log(1 - share)
        ))
        for k in range(max(0, int(middle - 6 * spread)), int(middle + 6 * spread) + 1)
    ]  # fmt: skip


def outcomes(p1: float, p2: float):
    """(what is said, how likely) over all that may happen with 9,000 texted and 1,000 kept aside."""
    for x1, often1 in every(9_000, p1):
        for x2, often2 in every(1_000, p2):
            groups = lift.Group(9_000, x1), lift.Group(1_000, x2)
            yield lift.judged(*groups, 1_000, 0, lift.ORDERS_MS), often1 * often2


@pytest.mark.parametrize(("p1", "p2"), [(0.024, 0.02), (0.006, 0.005), (0.03, 0.03)])
def test_the_interval_of_orders_covers_the_truth_with_a_tenth_kept_aside(p1, p2):
    truth = 9_000 * (p1 - p2)
    covered = sum(often for found, often in outcomes(p1, p2) if found.orders[0] <= truth <= found.orders[2])
    assert 0.945 < covered < 0.965


def test_without_an_effect_more_is_said_in_a_fortieth_of_cases():
    said = {"more": 0.0, "fewer": 0.0, "none": 0.0}
    for found, often in outcomes(0.03, 0.03):
        said[found.verdict] += often
    assert sum(said.values()) == pytest.approx(1) and said["more"] < 0.031 and said["fewer"] < 0.031


def test_the_interval_of_money_covers_what_people_pay():
    chance, hit, runs = random.Random(7), 0, 300
    for _run in range(runs):
        texted, kept = (
            lift.Group(n, 1, [int(chance.lognormvariate(18, 1)) for _p in range(n) if chance.random() < 0.1])
            for n in (4_000, 1_000)
        )
        low, _value, high = lift.judged(texted, kept, 2_000, 0, lift.MONEY_MS).money
        hit += low <= 0 <= high
    assert 0.92 < hit / runs < 0.985


def test_the_page_says_what_was_bought_because_of_it(client):
    id_ = autumn()
    assert (
        f'hx-get="/campaigns/{id_}/result/lift" hx-trigger="load"'
        in client.get(f"/campaigns/{id_}/result").text
    )
    assert "No purchase of these people is known" in client.get(f"/campaigns/{id_}/result/lift").text
    bought(range(1, 41), 5)
    bought(range(61, 66), 5)
    page = client.get(f"/campaigns/{id_}/result/lift").text
    assert "More bought because of the text, 95 % sure." in page and "32.5" in page
    early = client.get(f"/campaigns/{autumn(started_h=10)}/result/lift").text
    assert "Too early: this is judged once" in early


def test_the_same_stands_in_the_json(cli, rt):
    id_ = autumn()
    bought(range(1, 41), 5)
    found = json.loads(cli("campaign", "show", str(id_), "--json").stdout)["metrics"]["incremental_orders"]
    assert (found["numerator"], found["denominator"], found["detail"]["kept_bought"]) == (40, 60, 0)
    assert found["detail"]["verdict"] == "more"
    assert database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (id_,)) == 110
