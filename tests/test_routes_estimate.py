"""What a campaign by the routes may cost: per country, the dearest account that could take its texts."""

from __future__ import annotations

import pytest

from core import clock
from core.db.codes import Cls
from core.sending import drafts, dryrun, prices
from core.sending.routes import editing, estimate
from tests import campaign_kit
from tests import routes_kit as kit

CLS = int(Cls.mass)


@pytest.fixture
def three(rt):
    """Accounts at 10, 20 and 90 a part, in CNY."""
    made = kit.ways(rt, "cheap", "middle", "dear")
    for way, micros in zip(made, (10, 20, 90), strict=True):
        prices.put(way.id, [prices.Line(micros, "CNY")])
    return made


def dearest(country: str, currency: str = "") -> int:
    return estimate.Dearest(CLS, clock.now_ms(), currency).micros(country)


def test_a_country_is_priced_by_the_rule_that_takes_it(three):
    cheap, middle, dear = three
    kit.rule(dear, name="China", countries=("CN",))
    kit.rule(cheap, name="Türkiye", countries=("TR",))
    kit.rule(middle, name="the others")
    assert [dearest(country) for country in ("CN", "TR", "US", "")] == [90, 10, 20, 20]


def test_a_rule_that_takes_only_some_leaves_the_next_ones_in_the_sum(three):
    cheap, middle, dear = three
    for more in ({"prefixes": ("+9053",)}, {"carriers": ("turkcell",)}, {"share_bp": 5_000}):
        rule = kit.rule(cheap, name="some", countries=("TR",), **more)
        last = kit.rule(dear, name="the others")
        assert dearest("TR") == 90, more
        for one in (rule, last):
            editing.remove(one.id)


def test_a_prefix_of_another_country_does_not_count(three):
    cheap, _middle, dear = three
    kit.rule(dear, name="China Mobile", prefixes=("+86138",))
    kit.rule(cheap, name="the others")
    assert (dearest("TR"), dearest("CN"), dearest("")) == (10, 90, 90)


def test_where_no_rule_fits_whoever_may_carry_the_class_counts(three):
    cheap, _middle, _dear = three
    kit.rule(cheap, name="Türkiye", countries=("TR",))
    assert (dearest("TR"), dearest("US")) == (10, 90)
    assert estimate.account_ids(CLS) == sorted(way.id for way in three)


def test_what_a_launch_and_a_program_rest_on_holds_every_account_of_the_sum(three):
    cheap, middle, dear = three
    prices.remove(dear.id, "", prices.ANY, 0)
    prices.put(dear.id, [prices.Line(5, "USD")])
    kit.rule(cheap, name="Türkiye", countries=("TR",))
    kit.rule(middle, name="the others")
    assert estimate.account_ids(CLS) == [cheap.id, middle.id]
    assert estimate.currencies(CLS) == ["CNY"]
    assert {row[0] for row in estimate.snapshot(CLS)} == {cheap.id, middle.id}
    kit.rule(dear, name="never reached", countries=("CN",))
    assert estimate.currencies(CLS) == ["CNY", "USD"] and dearest("CN", "USD") == 0


def test_without_a_rule_there_is_nothing_to_reckon_with(three):
    assert (estimate.account_ids(CLS), dearest("TR", "CNY")) == ([], 0)


def test_a_dry_run_tells_the_price_of_the_rule_that_fits(rt, three):

    cheap, _middle, dear = three
    kit.crowd(rt, 5)
    draft = campaign_kit.campaign(rt, account_id=cheap.id)
    drafts.edit(rt, draft, "me", account_id=None)
    kit.rule(cheap, name="China", countries=("CN",))
    kit.rule(dear, name="the others")
    report = dryrun.run(rt, draft)
    assert set(report.countries) == {"CN"} and report.cost_micros == 10 * report.parts > 0
