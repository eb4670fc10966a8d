"""Saving, renaming, copying and deleting segments, on both databases."""

import json

import pytest

from core import clock
from core.audience import labels, segments
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Audit, Campaign, Segment
from tests import campaign_kit as kit

VIP = {"segmenter": "label", "label": "vip"}


def uses(name):
    return {"all": [{"segmenter": "segment", "name": name}]}


@pytest.fixture(autouse=True)
def vip(request):
    instance = "rt" if "rt" in request.fixturenames else "rt_sqlite"
    request.getfixturevalue(instance)
    labels.ensure("vip")


def campaign(segment_id, name="Spring"):
    values = {Campaign.name: name, Campaign.cls: 2, Campaign.segment_id: segment_id, Campaign.created_at: 1}
    with database.write_tx():
        Campaign.insert(values).execute()


def test_a_saved_rule_comes_back_as_it_was(rt):
    row = store.save(rt, "  Gold   customers ", VIP, "anna")
    assert (row.name, store.rule_of(row), row.created_by) == ("Gold customers", VIP, "anna")
    assert store.get("Gold customers").id == row.id
    assert Audit.select().where(Audit.action == "segment.add", Audit.object == "Gold customers").count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x07b"])
def test_a_bad_name_is_refused(rt_sqlite, name):
    with pytest.raises(Refusal) as refused:
        store.save(rt_sqlite, name, VIP, "anna")
    assert refused.value.field == "name"
    assert Segment.select().count() == 0


def test_a_name_is_given_once(rt):
    store.save(rt, "Gold", VIP, "anna")
    with pytest.raises(Refusal) as refused:
        store.save(rt, "Gold", VIP, "anna")
    assert refused.value.status == 409
    second = store.save(rt, "Silver", VIP, "anna")
    with pytest.raises(Refusal):
        store.rename(second, "Gold", "anna")
    with pytest.raises(Refusal):
        store.save(rt, "Gold", VIP, "anna", segment_id=second.id)
    assert {row.name for row in Segment.select()} == {"Gold", "Silver"}


def test_a_rule_that_does_not_compile_is_not_saved(rt):
    with pytest.raises(Refusal, match="Did you mean 'city'"):
        store.save(rt, "x", {"segmenter": "attribute", "field": "citi", "op": "eq", "value": "y"}, "anna")
    assert Segment.select().count() == 0


def test_an_unknown_name_is_refused_with_the_closest(rt):
    store.save(rt, "Gold", VIP, "anna")
    with pytest.raises(Refusal, match="Did you mean 'Gold'") as refused:
        store.get("gold")
    assert refused.value.status == 404


def test_changing_a_rule_forgets_its_count(rt):
    row = store.save(rt, "Gold", VIP, "anna")
    assert store.recount(rt, row)[0] == 0
    assert store.get("Gold").last_count == 0
    changed = store.save(rt, "Gold", {"all": []}, "anna", segment_id=row.id)
    assert (changed.id, changed.last_count) == (row.id, None)
    # A count of the rule before must not stand beside the new one.
    store.remember(rt, row, 17)
    assert store.get("Gold").last_count is None


def test_copies_get_free_names(rt):
    row = store.save(rt, "Gold", VIP, "anna")
    assert [store.duplicate(row, "anna").name for _ in range(3)] == ["Gold (2)", "Gold (3)", "Gold (4)"]
    assert store.rule_of(store.get("Gold (3)")) == VIP


def test_a_segment_inside_another_means_its_people(rt):
    store.save(rt, "Everyone", {"all": []}, "anna")
    store.save(rt, "Nobody", {"not": {"segmenter": "segment", "name": "Everyone"}}, "anna")
    sql, _params = segments.where_sql(rt, uses("Nobody"))
    assert "IS NOT TRUE" in sql
    assert segments.frozen(rt, uses("Nobody")) == {"all": [{"not": {"all": []}}]}


def test_renaming_reaches_the_rules_that_refer_to_it(rt):
    inner = store.save(rt, "Old", VIP, "anna")
    outer = store.save(rt, "Outer", {"all": [{"not": {"segmenter": "segment", "name": "Old"}}]}, "anna")
    store.rename(inner, "New", "anna")
    assert "Old" not in Segment.get_by_id(outer.id).rule
    assert segments.describe(rt, json.loads(Segment.get_by_id(outer.id).rule)) == "not: In segment “New”"
    segments.count(rt, uses("Outer"))


def test_a_circle_is_refused(rt):
    first = store.save(rt, "A", VIP, "anna")
    store.save(rt, "B", uses("A"), "anna")
    with pytest.raises(Refusal, match="refers to itself"):
        store.save(rt, "A", uses("B"), "anna", segment_id=first.id)
    with pytest.raises(Refusal, match="no segment 'C'"):
        store.save(rt, "C", uses("C"), "anna")
    # One that got into the database by other ways ends in a refusal, too.
    with database.write_tx():
        Segment.update(rule=json.dumps(uses("B"))).where(Segment.id == first.id).execute()
    with pytest.raises(Refusal, match="refers to itself"):
        segments.count(rt, uses("A"))


def test_what_is_used_is_not_deleted_and_says_where(rt):
    row = store.save(rt, "Gold", VIP, "anna")
    store.save(rt, "Outer", uses("Gold"), "anna")
    campaign(row.id)
    with pytest.raises(Refusal) as refused:
        store.delete(row, "anna")
    assert refused.value.status == 409
    assert "“Spring”" in str(refused.value)
    assert "“Outer”" in str(refused.value)
    assert [(kind, name) for kind, _id, name in store.used_by(row)] == [
        ("campaign", "Spring"),
        ("segment", "Outer"),
    ]
    assert store.used_counts() == {row.id: 1}
    free = store.save(rt, "Free", VIP, "anna")
    store.delete(free, "anna")
    assert Segment.get_or_none(Segment.name == "Free") is None


def test_a_frozen_rule_keeps_the_instant(rt):
    rule = {"segmenter": "contact", "field": "created", "op": "within_days", "value": 30}
    now = clock.now_ms()
    _sql, params = segments.where_sql(rt, rule, at_ms=now)
    assert params == segments.where_sql(rt, rule, at_ms=now)[1]
    assert now - 30 * 86_400_000 in params


def test_a_count_is_kept_with_how_many_there_were(rt):
    for n in range(3):
        kit.person(rt, n + 1)
    row = store.save(rt, "Everyone", {"all": []}, "anna")
    store.recount(rt, row)
    assert (Segment.get_by_id(row.id).last_count, Segment.get_by_id(row.id).last_total) == (3, 3)
