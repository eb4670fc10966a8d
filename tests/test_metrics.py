"""Every figure is what its definition says, counted by hand here."""

import pytest

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import State
from core.measure import counts, report, stats
from core.sending import prices
from tests.measure_kit import add, campaign, kit, messages, sent


@pytest.fixture
def autumn(rt):
    """Ten delivered (eight at once, one in an hour, one after two days), two failed, one of each other kind."""
    id_ = campaign()
    messages(
        id_,
        [sent(State.delivered, 1, cost=45_000)] * 8
        + [
            sent(State.delivered, 60, cost=45_000),
            sent(State.delivered, 60 * 48, ago_h=60, cost=90_000, parts=2),
        ]
        + [
            sent(State.undelivered, 2, reason="absent", cost=45_000),
            sent(State.expired, 90, reason="ttl", cost=45_000),
        ]
        + [
            sent(State.accepted),
            sent(State.accepted, ago_h=80),
            sent(State.rejected, reason="refused", parts=1),
        ]
        + [sent(State.in_doubt, reason="worker_died")]
        + [{"state": State.skipped, "reason": "no_consent", "parts": 0}] * 3
        + [{"state": State.holdout, "parts": 0}],
    )
    return id_


def price(account: int, currency: str) -> None:
    assert kit.account(rt=None, name=f"gw {account}") == account
    prices.put(account, [prices.Line(45_000, currency)])


def figures(rt, campaign_id):
    return report.metrics(rt, Scope(campaign_id=campaign_id))


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        ("submitted", 14, 16),
        ("delivered", 10, 12),
        ("arrived_5m", 8, 14),
        ("arrived_24h", 9, 14),
        ("failed", 2, 12),
        ("rejected", 1, 16),
        ("pending", 1, 14),
        ("unknown", 1, 14),
        ("in_doubt", 1, 16),
    ],
)
def test_a_share_has_its_numerator_denominator_and_interval(rt, autumn, name, numerator, denominator):
    found = figures(rt, autumn)[name]
    assert (found.numerator, found.denominator) == (numerator, denominator)
    assert found.value == pytest.approx(numerator / denominator)
    # One accepted text is no day old: it may be either end.
    open_ = 1 if name == "arrived_24h" else 0
    low, high = stats.wilson(numerator, denominator), stats.wilson(numerator + open_, denominator)
    assert found.interval == (low[0], high[1])


def test_states_of_a_campaign_add_up_to_everyone(rt, autumn):
    states = counts.by_state(autumn)
    assert sum(states.values()) == 20 == database.scalar("SELECT COUNT(*) FROM message")
    assert states["skipped"] == 3 and states["holdout"] == 1


def test_failures_and_refusals_come_with_their_reasons(rt, autumn):
    found = figures(rt, autumn)
    assert dict(found["failed"].detail) == {"absent": 1, "ttl": 1}
    assert dict(found["rejected"].detail) == {"refused": 1}


def test_cost_counts_parts_and_money_once(rt, autumn):
    price(1, "CNY")
    found = figures(rt, autumn)
    assert found["cost"].value == 9 * 45_000 + 90_000 + 2 * 45_000
    assert (found["parts"].value, found["parts"].denominator) == (15, 14)
    assert found["cost"].currency == "CNY"
    assert found["cost_per_delivered"].value == pytest.approx(found["cost"].value / 10)


def test_a_part_costs_its_price_whatever_was_refused_or_is_in_doubt(rt):
    id_ = campaign()
    messages(
        id_,
        [sent(State.delivered, 1, cost=160_000, parts=2)] * 3
        + [sent(State.rejected, reason="refused", parts=2)] * 4
        + [sent(State.in_doubt, reason="worker_died", cost=80_000)],
    )
    price(1, "CNY")
    found = figures(rt, id_)
    assert (found["cost"].value, found["parts"].value) == (560_000, 6)
    for name, each in (("cost_per_part", 80_000), ("cost_per_message", 160_000)):
        assert found[name].value == each == found[name].numerator / found[name].denominator
    assert found["cost_per_delivered"].value == pytest.approx(560_000 / 3)


def test_two_currencies_are_not_added_up_in_silence(rt, autumn):
    add(autumn, [sent(State.delivered, 1, cost=45_000, account=2)], 100)
    price(1, "CNY")
    price(2, "GBP")
    found = figures(rt, autumn)["cost"]
    assert (found.value, found.numerator, found.currency) == (None, None, None)


def test_a_campaign_without_messages_has_no_values_rather_than_zeros(rt):
    found = figures(rt, campaign())
    assert {name: value.value for name, value in found.items()} == dict.fromkeys(found)


def test_a_metric_that_raises_leaves_the_others_standing(rt, autumn, monkeypatch):
    monkeypatch.setattr(type(rt.plugins.metrics["cost"]), "values", lambda self, scope: 1 / 0)
    found = figures(rt, autumn)
    assert "delivered" in found and "cost" not in found


def stop(contact: int, at: int, batch: int | None = None) -> None:
    with database.write_tx():
        for cls in (2, 3):
            database.copy_rows(
                "consent_event",
                (
                    "contact_id",
                    "phone_bidx",
                    "cls",
                    "action",
                    "source",
                    "wording",
                    "evidence",
                    "who",
                    "batch_id",
                    "at",
                ),
                [(contact, b"x", cls, "opt_out", "keyword", "", "", "", batch, at)],
            )


def optouts(rt, campaign_id):
    return figures(rt, campaign_id)["optouts"].numerator


def test_a_person_who_says_stop_within_72_hours_counts_once(rt):
    id_ = campaign()
    messages(id_, [sent(State.delivered, 1, contact=1), sent(State.delivered, 1, contact=2)])
    stop(1, clock.now_ms())
    assert optouts(rt, id_) == 1
    assert figures(rt, id_)["optouts"].value == 0.5


def test_a_stop_blames_only_the_last_message_before_it(rt):
    first, second = campaign("first", launched_at=clock.now_ms() - 9 * clock.DAY_MS), campaign("second")
    messages(first, [sent(State.delivered, 1, ago_h=20, contact=1)])
    messages(second, [sent(State.delivered, 1, ago_h=2, contact=1)])
    stop(1, clock.now_ms())
    assert (optouts(rt, first), optouts(rt, second)) == (0, 1)


def test_a_late_stop_and_an_imported_no_blame_nobody(rt):
    id_ = campaign(launched_at=clock.now_ms() - 9 * clock.DAY_MS)
    messages(id_, [sent(State.delivered, 1, ago_h=80, contact=1), sent(State.delivered, 1, contact=2)])
    stop(1, clock.now_ms())
    stop(2, clock.now_ms(), batch=7)
    assert optouts(rt, id_) == 0


def test_a_span_of_time_and_a_variant_narrow_the_figures(rt):
    id_ = campaign()
    messages(
        id_, [sent(State.delivered, 1, variant=0)] * 3 + [sent(State.delivered, 1, variant=1, ago_h=30)] * 2
    )
    assert counts.read(Scope(campaign_id=id_, variant=1)).delivered == 2
    assert counts.read(Scope(since=clock.from_ms(clock.now_ms() - 5 * clock.HOUR_MS))).delivered == 3
    assert counts.read(Scope(until=clock.from_ms(clock.now_ms() - 5 * clock.HOUR_MS))).delivered == 2
    assert sum(c.delivered for _day, c in counts.by_day(Scope())) == 5
    assert [submitted for _hour, submitted, _d in counts.by_hour(Scope())] == [2, 3]


def test_who_says_stop_has_got_the_text_whatever_the_receipts_say(rt):
    id_ = campaign()
    messages(id_, [sent(State.delivered, 1)] * 2 + [sent(State.accepted)] * 5)
    for contact in range(1, 6):
        stop(contact, clock.now_ms())
    found = figures(rt, id_)["optouts"]
    assert (found.numerator, found.denominator, found.value) == (5, 5, 1.0)
    assert found.detail == {"without_receipt": 3} and found.interval == stats.wilson(5, 5)


def test_without_any_receipt_nobody_knows_how_many_a_text_reached(rt):
    id_ = campaign()
    messages(id_, [sent(State.accepted)] * 40)
    stop(1, clock.now_ms())
    found = figures(rt, id_)["optouts"]
    assert (found.value, found.interval, found.numerator) == (None, None, 1)


def test_a_share_is_never_above_one_in_a_span_of_time_either(rt):
    id_ = campaign(launched_at=clock.now_ms() - 3 * clock.DAY_MS)
    messages(id_, [sent(State.delivered, 1, ago_h=30)] * 3 + [sent(State.delivered, 1, ago_h=1, contact=9)])
    for contact in (1, 2, 3, 9):
        stop(contact, clock.now_ms())
    found = report.metrics(rt, Scope(since=clock.from_ms(clock.now_ms() - 5 * clock.HOUR_MS)))["optouts"]
    assert (found.numerator, found.denominator, found.value) == (4, 4, 1.0)
