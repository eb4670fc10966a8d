"""Random rules over all segmenters and random lives: both databases must mean whom plain Python means."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock
from core.audience import segments
from tests.life_oracle import LIFE, iso
from tests.rule_trees import NOW_MS, matching, trees
from tests.segment_life import BOOKING, GROUPS, ITEMS, PLACES, TYPES, life_world, lives
from tests.segment_people import LABELS, add, crowd, means, world

FIXED = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@pytest.fixture
def people(rt, monkeypatch):
    """contact id → person with a life, stored."""
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    world()
    life_world(NOW_MS)
    made = {add(rt, person, i): person for i, person in enumerate(crowd(60, NOW_MS), 1)}
    for contact_id, person in made.items():
        person["id"], person["all"] = contact_id, list(made.values())
    lives(made, NOW_MS)
    return made


def leaf(segmenter, *parts, **choices):
    """A leaf of fixed choices and further parts, each a strategy of params."""
    fixed = st.fixed_dictionaries(choices)
    return st.tuples(fixed, *parts).map(
        lambda given: {"segmenter": segmenter} | {k: v for d in given for k, v in d.items()}
    )


def maybe(key, values):
    return st.one_of(st.just({}), values.map(lambda value: {key: value}))


DAYS = st.sampled_from([0, 1, 6, 7, 8, 30, 90, 200])
BACK = st.sampled_from([-200, -90, -31, -30, -8, -7, -1, 0])
SPANS = st.one_of(
    st.just({}),
    DAYS.map(lambda n: {"within_days": n}),
    DAYS.map(lambda n: {"before_days": n}),
    st.lists(DAYS, min_size=2, max_size=2, unique=True).map(
        lambda pair: {"within_days": max(pair), "before_days": min(pair)}
    ),
    BACK.map(lambda n: {"since": iso(NOW_MS, n)}),
    BACK.map(lambda n: {"until": iso(NOW_MS, n)}),
    st.lists(BACK, min_size=2, max_size=2).map(
        lambda pair: {"since": iso(NOW_MS, min(pair)), "until": iso(NOW_MS, max(pair))}
    ),
)


def bounds(values):
    """at_least, at_most, both, or exactly."""
    return st.one_of(
        values.map(lambda n: {"at_least": n}),
        values.map(lambda n: {"at_most": n}),
        values.map(lambda n: {"exactly": n}),
        st.lists(values, min_size=2, max_size=2).map(
            lambda pair: {"at_least": min(pair), "at_most": max(pair)}
        ),
    )


MONEY = st.sampled_from([-5, 0, 10, 33.333333, 66.666666, 99.9, 100, 200.0, 300])
ITEM = maybe("item", st.sampled_from([*ITEMS, "none such", list(ITEMS[:2])]))
GROUP = maybe("category", st.sampled_from([*GROUPS, list(GROUPS)]))
AMOUNT = maybe("amount_at_least", st.sampled_from([0, 33.3, 100])) | maybe(
    "amount_at_most", st.sampled_from([0, 99.9])
)
PROP = st.sampled_from(
    [{}, {"prop.size": "L"}, {"prop.size": 5}, {"prop.seats": "5"}, {"prop.seats": [2.5, 5]}, {"prop.window": "yes"},
     {"prop.window": False}, {"prop.seats": "many"}, {"prop.none": "x"}]
)  # fmt: skip
FILTERS = st.one_of(st.just({}), ITEM, GROUP, AMOUNT, PROP, maybe("place", st.sampled_from(PLACES)))
TYPE = st.sampled_from([*TYPES, BOOKING])
TIMES = st.sampled_from([0, 1, 2, 3, 4, 5, 6])

EVENTS = st.one_of(
    leaf("event", SPANS, FILTERS, type=TYPE, op=st.sampled_from(["did", "did_not", "first", "last"])),
    leaf("event", SPANS, FILTERS, bounds(TIMES), type=TYPE, op=st.just("count")),
    leaf(
        "event",
        SPANS,
        FILTERS,
        bounds(MONEY),
        type=st.sampled_from(["purchase", "refund"]),
        op=st.just("sum"),
    ),
    leaf("event", SPANS, type=TYPE),
)
SPEND = st.one_of(
    leaf("spend", SPANS, bounds(MONEY), of=st.sampled_from(["net", "gross", "average"])),
    leaf("spend", SPANS, maybe("at_least", MONEY), of=st.sampled_from(["net", "gross", "average"]),
         top_percent=st.sampled_from([1, 10, 33.3, 50, 100])),
)  # fmt: skip
CAMPAIGN = leaf(
    "campaign",
    st.one_of(st.just({}), st.sampled_from([1, 2, 3, [1, 3], [2, 3]]).map(lambda c: {"campaign": c}),
              st.sampled_from([1, 2, 9]).map(lambda n: {"last": n})),
    maybe("did_not", st.booleans()),
    maybe("match", st.sampled_from(["any", "all"])),
    maybe("within_days", st.sampled_from([0, 7, 20, 30, 101])),
    outcome=st.sampled_from(["received", "delivered", "clicked", "replied", "refused", "converted", "failed"]),
)  # fmt: skip
LINK = leaf(
    "link",
    SPANS,
    maybe("campaign", st.sampled_from([1, 2, 3])),
    maybe("link", st.sampled_from([0, 1, 5, "sale", "NEW/t", "nothing"])),
    maybe("clicked", st.booleans()),
)
SOURCES = st.sampled_from(["any", "visits", "address", "number"])
POINTS = st.sampled_from(
    [(60.39, 5.32), (31.2, 121.5), (-17.7, 180.0), (-17.7, -179.9), (90, 0), (0, 0), (60.45, 5.4)]
)
PLACE = st.one_of(
    leaf("place", SPANS, POINTS.map(lambda p: {"lat": p[0], "lon": p[1]}), maybe("source", SOURCES),
         km=st.sampled_from([0.5, 1.4, 5, 25, 500, 12_000, 20_000])),
    leaf("place", SPANS, maybe("source", st.sampled_from(["visits", "address", "number"])),
         city=st.sampled_from(["Bergen", "上海", "bergen", ["杭州", "Bund"]])),
    leaf("place", region=st.sampled_from(["广东", "广州市", ["BERG", "Bund"], "nowhere"])),
)  # fmt: skip
BIRTHDAY = st.one_of(
    leaf("birthday", month=st.integers(1, 12)),
    leaf("birthday", within_days=st.sampled_from([0, 1, 7, 8, 30, 103, 104, 200, 364, 365])),
    leaf("birthday", today=st.just(True)),
    leaf(
        "birthday",
        maybe("age_at_most", st.sampled_from([17, 30, 126])),
        age_at_least=st.sampled_from([0, 18, 30, 126]),
    ),
)
LEVELS = st.sampled_from(["new", "active", "cooling", "sleeping", "never", "untouched"])
ENGAGEMENT = leaf("engagement", level=st.one_of(LEVELS, st.lists(LEVELS, min_size=1, max_size=3)))
SAMPLE = leaf(
    "sample",
    maybe("seed", st.sampled_from(["spring", 7])),
    maybe("skip", st.sampled_from([0, 0.5, 40])),
    percent=st.sampled_from([0.01, 10, 33.3, 50, 60]),
)
OLDER = st.one_of(
    leaf("attribute", field=st.just("age"), op=st.just("gte"), value=st.sampled_from([9, 18])),
    leaf("label", label=st.sampled_from(list(LABELS))),
    leaf("label", label=st.sampled_from(list(LABELS)), min_confidence=st.just(0.6)),
    leaf("consent", **{"class": st.just("mass"), "state": st.sampled_from(["yes", "no", "unknown"])}),
    leaf("contact", field=st.just("created"), op=st.just("within_days"), value=st.sampled_from([0, 7, 8])),
    leaf(
        "contact",
        field=st.just("number_region"),
        op=st.sampled_from(["eq", "ne", "contains", "starts_with"]),
        value=st.sampled_from(["广东", "Bergen", "广东省广州市", "berg"]),
    ),
    leaf("contact", field=st.just("number_region"), op=st.sampled_from(["empty", "not_empty"])),
)
NEWER = [EVENTS, SPEND, CAMPAIGN, LINK, PLACE, BIRTHDAY, ENGAGEMENT, SAMPLE]
LEAVES = st.one_of(*NEWER, OLDER)


def test_each_segmenter_means_whom_the_oracle_means(rt, people):
    for kind in NEWER:

        @settings(max_examples=300 if kind is EVENTS else 100, **FIXED)
        @given(kind)
        def check(rule):
            expected = {cid for cid, person in people.items() if means(rule, person, NOW_MS, LIFE)}
            assert matching(rt, rule) == expected, rule
            assert matching(rt, {"not": rule}) == set(people) - expected, rule

        check()


def test_trees_over_all_segmenters_mean_whom_the_oracle_means(rt, people):
    @settings(max_examples=200, **FIXED)
    @given(trees(LEAVES, 4))
    def check(rule):
        expected = {cid for cid, person in people.items() if means(rule, person, NOW_MS, LIFE)}
        assert matching(rt, rule) == expected, rule

    check()


def test_one_contact_is_answered_like_all(rt, people):
    @settings(max_examples=120, **FIXED)
    @given(trees(LEAVES, 2), st.sampled_from(sorted(people)))
    def check(rule, contact_id):
        inside = means(rule, people[contact_id], NOW_MS, LIFE)
        assert segments.contains(rt, rule, contact_id) == inside
        explained = segments.explain(rt, rule, contact_id)
        assert explained.matches == inside
        assert segments.describe(rt, rule)

    check()
