"""Segments that name segments, on both databases: small ones work, too large ones are refused by name."""

import json

import pytest

from core import clock
from core.audience import segments
from core.audience.segments import bounds, growth, rules, store
from core.contract.errors import Refusal
from core.db.models import Segment

EVERYONE = {"all": []}
AGREED = {"segmenter": "consent", "class": "mass"}


def put(name, rule):
    """As an older version could have saved it."""
    now = clock.now_ms()
    return Segment.create(name=name, rule=json.dumps(rule), created_at=now, updated_at=now)


def within(name):
    return {"segmenter": "segment", "name": name}


def chain(n, wrap=lambda rule: rule):
    put("s1", wrap(EVERYONE))
    for i in range(2, n + 1):
        put(f"s{i}", wrap(within(f"s{i - 1}")))
    return store.get(f"s{n}")


def test_a_chain_as_long_as_is_allowed_is_counted_and_frozen(rt):
    row = chain(bounds.LINKS)
    assert segments.count(rt, within(row.name))[0] == 0
    assert segments.frozen(rt, within(row.name)) == EVERYONE


def test_the_deepest_rule_the_bounds_allow_is_no_trouble_for_the_database(rt):
    chain(4, lambda rule: {"not": {"any": [{"not": {"all": [AGREED, rule, AGREED]}}, AGREED]}})
    asked = {"not": {"not": {"not": within("s4")}}}
    assert rules.parse(segments.frozen(rt, asked), rules.WHOLE)
    assert segments.count(rt, asked)[0] == 0
    with pytest.raises(Refusal, match="The rule is too large"):
        segments.count(rt, {"not": asked})


@pytest.mark.parametrize("n", [bounds.LINKS + 1, 60, 1200])
def test_a_longer_chain_is_refused_with_a_sentence_wherever_it_is_asked_for(rt, n):
    row = chain(n + 1)
    for work in (
        lambda: segments.count(rt, store.rule_of(row)),
        lambda: segments.sample(rt, within(row.name)),
        lambda: segments.frozen(rt, within(row.name)),
        lambda: store.recount(rt, row),
        lambda: store.save(rt, "new", within(row.name), "anna"),
        lambda: segments.where_sql(rt, {"not": within(row.name)}),
    ):
        with pytest.raises(Refusal, match=r"segment “(s\d+|new)” is too large"):
            work()
    growth.record(rt, row.id)
    assert growth.days(row.id) == []


def test_segments_that_multiply_are_refused_before_they_are_written_out(rt):
    put("s1", {"any": [EVERYONE] * 40})
    for i in range(2, 9):
        put(f"s{i}", {"any": [within(f"s{i - 1}")] * 40})
    with pytest.raises(Refusal, match="“s2” is too large"):
        segments.count(rt, within("s8"))
    with pytest.raises(Refusal, match="The rule is too large"):
        segments.count(rt, {"any": [within("s1")] * 13})
