"""Each kind of rule labels whom plain Python says, with the same evidence and confidence, on both databases."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine

from core.audience import contacts, labels
from core.audience.labelling import preview, rulelabels, rules
from core.audience.labelling.facts import KINDS, birthdays
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db import database, settings
from tests import labelling_kit as kit
from tests.labelling_kit import did


@pytest.fixture
def people(rt):
    with time_machine.travel(kit.NOW, tick=False):
        settings.put("zone", "Asia/Shanghai")
        ids = kit.crowd(rt)
        a, b, c, d, e, _f = ids
        kit.record(
            rt,
            [
                *(did("view", a, n, category="护肤") for n in (1, 2, 3.2)),
                *(did("view", a, n, category="tea") for n in (20, 21, 22, 23, 24)),
                *(did("view", b, n, category="tea") for n in (80, 81, 82, 91)),
                *(did("view", b, n, category="shoes") for n in (81.5, 82.5, 83)),
                did("view", c, 5), did("view", c, 5.5, category="shoes"),
                *(did("click", d, n) for n in (0.3, 1.3, 2.3, 3.35, 40)),
                *(did("visit", e, n) for n in (0.1, 1.1, 2.1, 3.1, 4.1, 5.6)),
                did("purchase", a, 10, amount=600, category="护肤", item="SKU1"),
                did("purchase", a, 400, amount=900, category="tea", item="SKU2"),
                did("refund", a, 9, amount=100.5),
                did("purchase", b, 95, amount=120, category="tea"),
                did("order_item", b, 95, category="shoes", item="SKU1"),
                did("purchase", c, 2, amount=0), did("purchase", c, 3, amount=80, category="护肤", item="SKU2"),
                did("refund", c, 1, amount=200),
                did("purchase", d, 30, amount=1000), did("purchase", d, 31, amount=1000, category="tea"),
                did("purchase", e, 89.9, amount=50, category="shoes"),
                did("cart", e, 0.5), did("share", e, 60),
            ],
        )  # fmt: skip
        for who, day in zip(
            ids, ("1990-11-21", "1988-11-27", "1999-11-28", "2000-02-29", "1970-12-31"), strict=False
        ):
            contacts.edit(rt, who, {"birthday": day})
        yield ids


CASES = [
    ("top_category", {}),
    ("top_category", {"half_life": 3, "least": 1}),
    ("top_category", {"half_life": 3650, "within_days": 3650}),
    ("top_category", {"category": "护肤", "half_life": 2}),
    ("top_category", {"type": "purchase", "least": 1, "within_days": 500}),
    ("first_bought", {}),
    ("first_bought", {"of": "item"}),
    ("first_bought", {"thing": "tea"}),
    ("first_bought", {"of": "item", "thing": "SKU2"}),
    ("active_hours", {"least": 1}),
    ("active_hours", {"least": 4, "within_days": 30}),
    ("active_hours", {"least": 1, "clock": "house", "part": "morning"}),
    ("spender", {"at_least": 500}),
    ("spender", {"at_least": 0, "below": 100, "within_days": 0}),
    ("spender", {"at_least": 1000, "within_days": 0}),
    ("spender", {"at_least": 499.5, "below": 499.51, "within_days": 30}),
    ("quintile", {"quintile": "", "within_days": 0}),
    ("quintile", {"within_days": 365}),
    ("quintile", {"quintile": "1"}),
    ("counted", {"amount": 2}),
    ("counted", {"amount": 1, "within_days": 90}),
    ("counted", {"amount": 0, "op": "at_most", "within_days": 90}),
    ("counted", {"amount": 0}),
    ("counted", {"amount": 100, "measure": "sum", "op": "at_most", "within_days": 0}),
    ("counted", {"type": "refund", "amount": 100.5, "measure": "sum", "within_days": 0}),
    ("counted", {"type": "view", "amount": 4, "within_days": 21}),
    ("since", {}),
    ("since", {"days": 10, "op": "at_most"}),
    ("since", {"type": "view", "days": 80}),
    ("since", {"which": "first", "op": "at_most", "days": 30}),
    ("since", {"which": "first", "days": 90}),
    ("bought_not", {"thing": "tea", "other": "shoes", "within_days": 0}),
    ("bought_not", {"thing": "护肤", "other": "tea"}),
    ("bought_not", {"of": "item", "thing": "SKU1", "other": "SKU2", "within_days": 0}),
    ("score", {}),
    ("score", {"weights": {"purchase": 10, "refund": -8.5}, "half_life": 60, "threshold": 2.25}),
    ("score", {"weights": {"view": 1}, "half_life": 10, "threshold": 1}),
    ("birthday", {}),
    ("birthday", {"ahead_days": 0}),
    ("birthday", {"ahead_days": 40}),
]


@pytest.mark.parametrize(("kind", "params"), CASES, ids=lambda value: str(value))
def test_a_rule_labels_whom_python_says(rt, people, kind, params):
    rule = kit.make(rt, kind, **params)
    expected = {
        (who, f"mark {value}" if rule.per_value else "mark"): rest
        for who, (value, *rest) in kit.means(kind, rule.params, kit.stored(), people).items()
    }
    before = preview.preview(rt, rule)
    kit.run(rt, rule)
    found = kit.facts()
    assert found.keys() == expected.keys()
    for key, (evidence, confidence) in found.items():
        assert (evidence, confidence) == (expected[key][0], pytest.approx(expected[key][1], abs=0.011)), key
    assert (before.people, before.added, before.removed) == (len(found), len(found), 0)
    assert rule.sentence and before.exact


def test_each_kind_has_cases(rt_sqlite):
    assert {kind for kind, _params in CASES} | {"segment"} == set(KINDS)


def test_a_saved_segment_is_a_rule(rt, people):
    saved = store.save(
        rt,
        "British",
        {"all": [{"segmenter": "contact", "field": "country", "op": "eq", "value": "GB"}]},
        "test",
    )
    rule = kit.make(rt, "segment", segment="British")
    assert rule.params == {"segment": saved.id}
    kit.run(rt, rule)
    assert kit.carried() == {(people[5], "mark")}


def test_a_segment_that_asks_for_the_label_itself_is_refused(rt_sqlite):
    labels.ensure("mark")
    store.save(rt_sqlite, "not yet", {"not": {"segmenter": "label", "label": "mark"}}, "test")
    with pytest.raises(Refusal, match="asks for the label “mark” itself"):
        kit.make(rt_sqlite, "segment", segment="not yet")


def test_29_february_is_kept_on_the_28th_in_other_years():
    assert birthdays(date(2026, 2, 27), 1) == ["0227", "0228", "0229"]
    assert birthdays(date(2028, 2, 28), 0) == ["0228"]
    assert birthdays(date(2028, 2, 28), 1) == ["0228", "0229"]
    assert birthdays(date(2026, 12, 31), 1) == ["1231", "0101"]


def test_summer_time_inside_the_window_moves_the_hours(rt):
    """New York left summer time on 1 November 2026 at 06:00 UTC; 10:30 UTC is 06:30 before and 05:30 after."""
    with time_machine.travel(kit.NOW, tick=False):
        who = kit.crowd(rt)[3]
        kit.record(rt, [did("click", who, 20.73), did("click", who, 19.73), did("click", who, 18.73)])
        rule = kit.make(rt, "active_hours", least=1, within_days=60)
        expected = kit.means("active_hours", rule.params, kit.stored(), [who])
        kit.run(rt, rule)
        assert kit.facts() == {(who, f"mark {expected[who][0]}"): expected[who][1:]}


def test_only_the_first_values_get_a_label(rt, people, monkeypatch):
    monkeypatch.setattr(rulelabels, "MAX_VALUES", 1)
    rule = kit.make(rt, "first_bought")
    before = preview.preview(rt, rule)
    kit.run(rt, rule)
    assert {name for _who, name in kit.carried()} == {
        f"mark {database.scalar('SELECT name FROM category WHERE id = 1')}"
    }
    assert before.people == len(kit.carried())


REFUSED = [
    ("no such kind", {}, "There is no kind of rule"),
    ("counted", {"type": "buy"}, "“buy” is not known here. Did you mean"),
    ("counted", {"amount": "many"}, "“many” is not a number from 0"),
    ("counted", {"amount": "nan"}, "not a number"),
    ("since", {"days": 1.5}, "not a whole number from 0 to 3,650"),
    ("since", {"days": -1}, "not a whole number"),
    ("since", {"op": "about"}, "not known here"),
    ("spender", {"at_least": 10, "below": 5}, "upper bound"),
    ("bought_not", {"thing": "tea", "other": "tea"}, "choose two things"),
    ("bought_not", {"thing": "tee", "other": "shoes"}, "Did you mean 'tea'"),
    ("bought_not", {}, "Fill in “Bought”"),
    ("score", {"weights": {}}, "Fill in"),
    ("score", {"weights": {"view": 0}}, "at least one"),
    ("segment", {"segment": "nobody"}, "not known here"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "params", "words"), REFUSED, ids=lambda value: str(value))
def test_what_makes_no_sense_is_refused_in_words(rt_sqlite, kind, params, words):
    with database.write_tx():
        database.executemany("INSERT INTO category (name) VALUES (?)", [("tea",), ("shoes",)])
    with pytest.raises(Refusal) as refused:
        rules.checked(rt_sqlite, "mark", kind, params)
    assert words in str(refused.value)
