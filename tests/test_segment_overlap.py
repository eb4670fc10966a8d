"""An overlap counts every region as a plain loop over the people does, and each region is a rule of its own."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.audience import segments
from core.audience.segments import store
from core.audience.segments.overlap import overlap
from core.contract.errors import Refusal
from core.web import segmentcharts
from tests.segment_people import add, crowd, means, world

NOW_MS = 1_795_000_000_000
RULES = {
    "Adults": {"segmenter": "attribute", "field": "age", "op": "gte", "value": 18},
    "China <&>": {"all": [{"segmenter": "contact", "field": "country", "op": "eq", "value": "CN"}]},
    "No vip": {"not": {"segmenter": "label", "label": "vip"}},
    "Members": {"segmenter": "attribute", "field": "member", "op": "eq", "value": True},
    "Nobody": {"any": []},
}


@pytest.fixture
def people(rt):
    return peopled(rt)


def peopled(rt):
    world()
    made = crowd(80, NOW_MS)
    for i, person in enumerate(made, 1):
        add(rt, person, i)
    for name, rule in RULES.items():
        store.save(rt, name, rule, "anna")
    return made


def regions(people, names):
    """{names someone is in: people} by the oracle."""
    found = {}
    for person in people:
        inside = tuple(name for name in names if means(RULES[name], person, NOW_MS))
        found[inside] = found.get(inside, 0) + 1
    return found


@pytest.mark.parametrize(
    "names",
    [
        ("Adults", "No vip"),
        ("Adults", "China <&>", "No vip"),
        ("Adults", "China <&>", "No vip", "Members"),
        ("Nobody", "Adults"),
    ],
)
def test_every_region_counts_like_a_loop(rt, people, names):
    made = overlap(rt, names)
    wanted = regions(people, names)
    assert len(made.regions) == 2 ** len(names) - 1
    assert {region.inside: region.n for region in made.regions if region.n} == {
        inside: n for inside, n in wanted.items() if inside
    }
    assert made.union == len(people) - wanted.get((), 0)
    assert made.sizes == tuple(segments.count(rt, RULES[name])[0] for name in names)
    for region in made.regions:
        assert segments.count(rt, region.rule)[0] == region.n, region


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(RULES)), min_size=2, max_size=4, unique=True))
def test_the_order_of_segments_changes_no_figure(rt_sqlite, names):
    from core.db.models import Segment

    if not Segment.select().exists():
        peopled(rt_sqlite)
    made, turned = overlap(rt_sqlite, names), overlap(rt_sqlite, names[::-1])
    assert {frozenset(r.inside): r.n for r in made.regions} == {
        frozenset(r.inside): r.n for r in turned.regions
    }


@pytest.mark.parametrize(
    "names",
    [(), ("Adults",), ("Adults", "Adults"), ("Adults", "Gone"), tuple(RULES)],
    ids=lambda names: len(names),
)
def test_what_cannot_be_laid_over_is_refused(rt_sqlite, names):
    peopled(rt_sqlite)
    with pytest.raises(Refusal):
        overlap(rt_sqlite, names)


def test_the_picture_says_all_figures_and_escapes_names(app, rt_sqlite):
    people = peopled(rt_sqlite)
    names = ("Adults", "China <&>", "No vip", "Members")
    with app.test_request_context():
        for n in (2, 3, 4):
            made = overlap(rt_sqlite, names[:n])
            picture = str(segmentcharts.overlap(made))
            assert "style=" not in picture
            assert "<&>" not in picture
            for inside, size in regions(people, names[:n]).items():
                assert not inside or f">{size}</text>" in picture
        empty = str(segmentcharts.overlap(overlap(rt_sqlite, ("Nobody", "Adults"))))
        assert 'role="img"' in empty


def test_the_page_leads_from_a_region_to_a_new_segment(rt_sqlite, client):
    peopled(rt_sqlite)
    ids = {name: store.get(name).id for name in RULES}
    first = client.get(f"/segments/{ids['Adults']}/overlap")
    assert "Choose one to three other segments" in first.text
    url = f"/segments/{ids['Adults']}/overlap?with={ids['China <&>']}&with={ids['No vip']}"
    page = client.get(url)
    assert page.status_code == 200
    assert page.text.count('name="rule"') == 7
    assert "<svg" in page.text
    only = {"all": [
        {"segmenter": "segment", "name": "Adults"},
        {"not": {"segmenter": "segment", "name": "No vip"}},
    ]}  # fmt: skip
    builder = client.post("/segments/new", data={"rule": json.dumps(only)})
    assert 'name="not-0_1" value="1"' in builder.text
    fragment = client.get(url, headers={"HX-Request": "true", "HX-Target": "overlap"})
    assert "<html" not in fragment.text


@pytest.mark.parametrize("given", ["x", "999999", "-1", "1" * 30, ""])
def test_segments_that_do_not_exist_are_left_out(rt_sqlite, client, given):
    peopled(rt_sqlite)
    page = client.get(f"/segments/{store.get('Adults').id}/overlap?with={given}")
    assert page.status_code == 200
    assert "Choose one to three other segments" in page.text


def test_the_command_prints_every_region(cli, rt, people):
    result = cli("segment", "overlap", "Adults", "No vip", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    wanted = regions(people, ("Adults", "No vip"))
    everywhere = [("Adults",), ("No vip",), ("Adults", "No vip")]
    assert {tuple(r["in"]): r["count"] for r in data["regions"]} == {
        inside: wanted.get(inside, 0) for inside in everywhere
    }
    assert cli("segment", "overlap", "Adults").exit_code != 0
