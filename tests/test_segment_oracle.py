"""Random rules over random people: the SQL must mean whom plain Python means, on both databases."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock
from core.audience import segments
from core.audience.segments import Context, figures, rules
from core.db import database
from tests.rule_trees import NOW_MS, matching, trees
from tests.segment_people import CITIES, LABELS, LINES, add, crowd, means, world


@pytest.fixture
def people(rt, monkeypatch):
    """contact id → person, stored."""
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    world()
    return {add(rt, person, i): person for i, person in enumerate(crowd(60, NOW_MS), 1)}


TODAY = clock.from_ms(NOW_MS).date()
DAYS = st.sampled_from([0, 1, 6, 7, 8, 30])
DATES = st.integers(-10, 3).map(lambda d: clock.from_ms(NOW_MS + d * 86_400_000).date().isoformat())
NUMBERS = st.sampled_from([-1, 0, 1, 5, 9, 17.5, 18, 30, 99.9, 100])
TEXTS = st.sampled_from(["Ann", "ann", "A", "%", "_", "0%_", "王", "Ä", "ä", "x\\", "'", "nobody"])
PLACES = st.sampled_from([*CITIES, "Atlantis", "berg", "B"])


def comparison(head, values, ordered=False, days=False, listed=True, text=False, empty=True):
    """Leaves with every comparison the kind knows."""
    made = [st.tuples(st.sampled_from(["eq", "ne"]), values)]
    if listed:
        made.append(st.tuples(st.sampled_from(["in", "not_in"]), st.lists(values, max_size=3)))
    if ordered:
        made.append(st.tuples(st.sampled_from(["gt", "gte", "lt", "lte"]), values))
        made.append(st.tuples(st.just("between"), st.lists(values, min_size=2, max_size=2)))
    if days:
        made.append(st.tuples(st.sampled_from(["within_days", "older_than_days"]), DAYS))
    if text:
        made.append(st.tuples(st.sampled_from(["contains", "starts_with"]), values))
    if empty:
        made.append(st.tuples(st.sampled_from(["empty", "not_empty"]), st.none()))
    return st.one_of(made).map(lambda t: {**head, "op": t[0]} | ({} if t[1] is None else {"value": t[1]}))


def attribute(field, *args, **kw):
    return comparison({"segmenter": "attribute", "field": field}, *args, **kw)


def contact(field, *args, **kw):
    return comparison({"segmenter": "contact", "field": field}, *args, **kw)


LEAVES = st.one_of(
    attribute("nick", TEXTS, text=True),
    attribute("city", PLACES, text=True),
    attribute("age", NUMBERS, ordered=True),
    attribute("joined", DATES, ordered=True, days=True, listed=False),
    attribute("member", st.booleans(), listed=False),
    contact("country", st.sampled_from(["CN", "NO", "SE"]), text=True),
    contact("language", st.sampled_from(["zh", "en"]), text=True),
    contact("line_type", st.sampled_from(LINES), empty=False),
    contact("created", DATES, ordered=True, days=True, listed=False),
    contact("last_sent", DATES, ordered=True, days=True, listed=False),
    contact("sent_count", st.sampled_from([0, 1, 4, 5]), ordered=True),
    contact("suppressed", st.booleans(), listed=False, empty=False),
    st.builds(
        lambda cls, state: {"segmenter": "consent", "class": cls, "state": state},
        st.sampled_from(["otp", "notice", "mass", "voice"]),
        st.sampled_from(["yes", "no", "unknown"]),
    ),
    st.builds(
        lambda label, extra: {"segmenter": "label", "label": label, **extra},
        st.sampled_from(list(LABELS)),
        st.sampled_from(
            [{}, {}, {"min_confidence": 0.6}, {"within_days": 7}, {"min_confidence": 0.5, "within_days": 0}]
        ),
    ),
)


def test_sql_means_whom_the_oracle_means(rt, people):
    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(trees(LEAVES, 4))
    def check(rule):
        expected = {cid for cid, person in people.items() if means(rule, person, NOW_MS)}
        assert matching(rt, rule) == expected
        assert matching(rt, {"not": rule}) == set(people) - expected

    check()


def test_every_leaf_and_its_complement_share_out_everybody(rt, people):
    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(LEAVES)
    def check(leaf):
        inside, outside = matching(rt, leaf), matching(rt, {"not": leaf})
        assert inside == {cid for cid, person in people.items() if means(leaf, person, NOW_MS)}
        assert inside | outside == set(people)
        assert not inside & outside
        assert matching(rt, {"not": {"not": leaf}}) == inside

    check()


def test_explain_contains_and_count_agree(rt, people):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(trees(LEAVES, 3), st.sampled_from(sorted(people)))
    def check(rule, contact_id):
        inside = segments.contains(rt, rule, contact_id)
        explained = segments.explain(rt, rule, contact_id)
        assert explained.matches == inside == means(rule, people[contact_id], NOW_MS)
        assert segments.count(rt, rule)[0] == len(matching(rt, rule))
        assert segments.describe(rt, rule)
        found = list(rules.leaves(rules.parse(rule)))
        kept, reach, everyone = figures.counts(
            rt, [segments.compile(rt, rules.dumps(leaf)) for leaf in found], segments.compile(rt, rule)
        )
        assert everyone == len(people)
        assert kept == [len(matching(rt, rules.dumps(leaf))) for leaf in found]
        assert reach.total == len(matching(rt, rule))
        assert reach.may + reach.landline + reach.suppressed + reach.no_consent == reach.total

    check()


def test_reach_says_who_may_be_texted(rt, people):
    _kept, reach, _everyone = figures.counts(rt, [], segments.compile(rt, {"all": []}))
    landline = [p for p in people.values() if p["line_type"] == "fixed"]
    out = [p for p in people.values() if p not in landline and p["blocked_bits"] & 4]
    without = [p for p in people.values() if p not in landline and p not in out and not p["consent_bits"] & 4]
    assert (reach.landline, reach.suppressed, reach.no_consent) == (len(landline), len(out), len(without))
    assert reach.may == len(people) - len(out) - len(without) - len(landline)


def test_a_day_begins_in_the_zone_of_the_instance(rt, people):
    rt.settings.zone = "Asia/Shanghai"
    # 2026-11-18 16:00 UTC is the first moment of the 19th in Shanghai.
    first = 1_795_017_600_000
    cid = next(iter(people))
    with database.write_tx():
        database.execute("UPDATE profile SET created_at = ? WHERE contact_id = ?", (first, cid))
    day = clock.from_ms(first + 8 * 3_600_000).date().isoformat()
    rule = {"segmenter": "contact", "field": "created", "op": "eq", "value": day}
    assert cid in matching(rt, rule)
    with database.write_tx():
        database.execute("UPDATE profile SET created_at = ? WHERE contact_id = ?", (first - 1, cid))
    assert cid not in matching(rt, rule)
    assert Context(rt, at_ms=first).today.isoformat() == day
