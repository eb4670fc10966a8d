"""Which rule fits, which account it takes, and that every message gets exactly one decision."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import hookimpl
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Segment
from core.sending.item import Item
from core.sending.routes import editing
from core.sending.routes.rules import Target, every
from tests import campaign_kit
from tests import routes_kit as kit
from tests.routes_kit import chosen, items, known, router
from tests.send_kit import send_all, states, whole

COUNTRIES = ("CN", "US", "GB", "DE")
CARRIERS = ("中国移动", "中国联通", "")


# --- conditions ---------------------------------------------------------------------------------------


@pytest.fixture
def three(rt_sqlite):
    return kit.ways(rt_sqlite, "one", "two", "three")


def test_the_first_rule_that_fits_decides(rt_sqlite, three):
    a, b, c = three
    first = kit.rule(b, name="China", countries=["cn"])
    second = kit.rule(c, name="all")
    assert chosen(rt_sqlite, items(2)) == [(first.id, b.id)] * 2
    assert chosen(rt_sqlite, items(2, "US")) == [(second.id, c.id)] * 2
    editing.move(second.id, -1)
    assert chosen(rt_sqlite, items(2)) == [(second.id, c.id)] * 2
    editing.switch(second.id, False)
    assert chosen(rt_sqlite, items(2, "US")) == [(0, a.id)] * 2


def test_a_rule_of_a_class_leaves_other_classes_alone(rt_sqlite, three):
    a, b, _c = three
    made = kit.rule(b, cls=Cls.otp)
    assert chosen(rt_sqlite, items(1), Cls.otp) == [(made.id, b.id)]
    assert chosen(rt_sqlite, items(1), Cls.mass) == [(0, a.id)]


def test_carriers_by_name_and_by_prefix(rt_sqlite, three):
    a, b, c = three
    known({1: "中国移动", 2: "中国联通", 3: "China MOBILE"})
    by_name = kit.rule(b, name="name", carriers=["中国移动", "china mobile"])
    by_prefix = kit.rule(c, name="prefix", prefixes=["+86 139 0000 0004"])
    assert chosen(rt_sqlite, items(5)) == [
        (by_name.id, b.id), (0, a.id), (by_name.id, b.id), (by_prefix.id, c.id), (0, a.id),
    ]  # fmt: skip


def test_a_saved_segment(rt_sqlite, three):
    a, b, _c = three
    people = [campaign_kit.person(rt_sqlite, n, country="CN" if n % 2 else "US") for n in range(6)]
    with database.write_tx():
        rule = json.dumps({"segmenter": "contact", "field": "country", "op": "eq", "value": "US"})
        segment = Segment.create(name="Abroad", rule=rule, created_at=0, updated_at=0).id
    made = kit.rule(b, segment_id=segment)
    some = [Item(i, i, 0, 0, None, 0, None, "+86", "CN") for i in people]
    assert chosen(rt_sqlite, some) == [(made.id, b.id), (0, a.id)] * 3
    with database.write_tx():
        database.execute("DELETE FROM segment")
    assert {
        rule for rule, _account in chosen(rt_sqlite, [Item(i, i, 0, 0, None, 0, None) for i in people])
    } == {0}


def test_carriers_and_segments_of_a_batch_are_one_query_each(rt_sqlite, three, monkeypatch):
    a, b, _c = three
    known(dict.fromkeys(range(1, 500), "中国移动"))
    for n in range(3):
        kit.rule(b, name=f"rule {n}", carriers=[f"carrier {n}"])
    asked = []
    query = database.query
    monkeypatch.setattr(database, "query", lambda sql, params=(): asked.append(sql) or query(sql, params))
    chosen(rt_sqlite, items(400))
    assert sum("number_info" in sql for sql in asked) == 1
    assert len(asked) < 10


# --- the hook, and a whole campaign -------------------------------------------------------------------


def test_where_no_rule_fits_the_hook_still_picks(rt_sqlite, three):
    a, b, c = three
    kit.rule(b, countries=["US"])

    class Hook:
        @hookimpl
        def choose_account(self, cls, country, accounts):
            return next(one for one in accounts if one["name"] == "three")

    rt_sqlite.plugins.register(Hook(), "hook")
    some = items(1)
    assert chosen(rt_sqlite, some) == [(0, c.id)]
    assert json.loads(some[0].choice.why)["how"] == "hook"


def test_a_campaign_is_sent_as_decided_and_each_message_has_one_decision(rt):
    a, b = kit.ways(rt, "one", "two")
    made = kit.rule((a, 1), (b, 1), strategy="weight")
    campaign = kit.campaign(rt, 300)
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 300}
    kept = kit.decided(campaign)
    assert len(kept) == 300
    assert {row[1] for row in kept} == {made.id}
    assert Counter(row[2] for row in kept) == {a.id: len(a.accepted), b.id: len(b.accepted)}
    assert abs(len(a.accepted) - 150) < 4 * math.sqrt(75)
    kit.once(a, b)
    whole(rt)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_message_gets_exactly_one_decision(tmp_path_factory, data):
    rt = _shared(tmp_path_factory)
    ids = [row[0] for row in database.query("SELECT id FROM account ORDER BY id")]
    with database.write_tx():
        database.execute("DELETE FROM route_rule")
        database.execute("DELETE FROM route_target")
    for n in range(data.draw(st.integers(0, 4))):
        picked = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
        editing.add(
            {
                "name": f"r{n}",
                "countries": data.draw(st.lists(st.sampled_from(COUNTRIES), max_size=2, unique=True)),
                "carriers": data.draw(st.lists(st.sampled_from(CARRIERS[:2]), max_size=1)),
                "share_bp": data.draw(st.sampled_from([10_000, 5_000, 100])),
                "strategy": data.draw(st.sampled_from(["order", "weight", "cheapest", "arrival"])),
            },
            [Target(id_, data.draw(st.integers(1, 9))) for id_ in picked],
        )
    some = [
        Item(n + 1, n + 1, 0, 0, None, 0, None, "+861", country)
        for n, country in enumerate(data.draw(st.lists(st.sampled_from(COUNTRIES), min_size=1, max_size=60)))
    ]
    plan = router(rt).plan(some)
    placed = [item.id for lane in plan.lanes.values() for item in lane] + [
        item.id for item, _at in plan.parked
    ]
    assert sorted(placed) == [item.id for item in some]
    rules = {rule.id: rule for rule in every()}
    for (account_id, _sender), lane in plan.lanes.items():
        for item in lane:
            if not rules:
                assert item.choice is None, "without rules nothing is decided here, or kept"
                continue
            assert item.choice.account_id == account_id
            rule = rules.get(item.choice.rule_id)
            if rule is not None:
                assert account_id in {target.account_id for target in rule.targets}
                assert not rule.countries or item.country in rule.countries


_KEPT: dict[str, object] = {}


def _shared(factory):
    """One instance for all examples."""
    if "rt" not in _KEPT:
        from core import instance
        from core.app import compose

        folder = factory.mktemp("routes") / "instance"
        instance.create(folder)
        _KEPT["rt"] = compose(str(folder))
        kit.ways(_KEPT["rt"], "one", "two", "three", "four")
        known({n: CARRIERS[n % 3] for n in range(1, 61)})
    return _KEPT["rt"]


# --- editing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"name": ""}, "name"),
        ({"strategy": "luck"}, "strategy"),
        ({"countries": ["China"]}, "countries"),
        ({"prefixes": ["86-x"]}, "prefixes"),
        ({"share_bp": 0}, "share"),
        ({"cls": 9}, "cls"),
        ({"segment_id": 77}, "segment_id"),
        ({"pool_id": 77}, "pool_id"),
    ],
)
def test_a_bad_rule_is_refused_with_its_field(rt_sqlite, three, given_, field):
    with pytest.raises(Refusal) as refused:
        kit.rule(three[0], **given_)
    assert refused.value.field == field
    assert every() == []


def test_a_rule_needs_accounts_that_are_there_once_each(rt_sqlite, three):
    for targets in ([], [Target(99)], [Target(three[0].id), Target(three[0].id)], [Target(three[0].id, 0)]):
        with pytest.raises(Refusal) as refused:
            editing.add({"name": "x"}, targets)
        assert refused.value.field == "targets"


def test_rules_are_kept_in_order_edited_and_removed(rt):
    a, b = kit.ways(rt, "one", "two")
    first, second, third = (kit.rule(a, name=name) for name in ("1", "2", "3"))
    editing.move(third.id, -1)
    editing.move(first.id, -1)
    assert [rule.name for rule in every()] == ["1", "3", "2"]
    editing.edit(second.id, {"countries": ["de"], "strategy": "weight"}, [Target(b.id, 5), Target(a.id)])
    back = editing.remove(second.id, who="me")
    assert [rule.name for rule in every()] == ["1", "3"]
    assert (back.countries, back.strategy, back.targets) == (
        ("DE",),
        "weight",
        (Target(b.id, 5), Target(a.id)),
    )
    deeds = [
        row[0] for row in database.query("SELECT action FROM audit WHERE action LIKE 'route.%' ORDER BY id")
    ]
    assert deeds == ["route.add"] * 3 + ["route.move", "route.edit", "route.remove"]
    with pytest.raises(Refusal):
        editing.get(second.id)
