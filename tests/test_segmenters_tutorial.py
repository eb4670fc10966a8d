"""The example of docs/write-a-segmenter.md works as it is printed."""

import re

import pytest

from core import clock
from core.app import compose
from core.audience import segments
from core.audience.segments import draft
from core.config import ROOT
from core.contract.errors import Refusal
from core.contract.testing import check_all
from core.db import database
from tests.segment_people import add, crowd, world

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000
#: name → days ago of their purchases
PEOPLE = {
    "every ten days, last 20 days ago": [40, 30, 20],
    "every ten days, last 12 days ago": [32, 22, 12],
    "every ten days, last 16 days ago": [36, 26, 16],
    "twice only": [40, 30],
    "every hundred days": [250, 150, 50],
    "never": [],
}


@pytest.fixture
def blocks():
    """The Python of the page: the plugin, its test."""
    text = (ROOT / "docs" / "write-a-segmenter.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def rt_with(rt, blocks, monkeypatch):
    """A runtime with the plugin in its instance, on each database."""
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    (rt.settings.instance / "plugins" / "overdue.py").write_text(blocks[0], "utf-8")
    return compose()


@pytest.fixture
def named(rt_with):
    world()
    made = {}
    for i, ((name, days), person) in enumerate(
        zip(PEOPLE.items(), crowd(len(PEOPLE), NOW_MS), strict=True), 1
    ):
        contact_id = add(rt_with, person, i)
        made[contact_id] = name
        ats = sorted((NOW_MS - day * DAY_MS for day in days), reverse=True)
        if ats:
            with database.write_tx():
                database.execute(
                    "INSERT INTO event_stat VALUES (3, ?, ?, 0, ?, ?, NULL, NULL, NULL)",
                    (contact_id, len(ats), ats[-1], ats[0]),
                )
    return made


def test_it_loads_and_keeps_the_contract(rt_with):
    assert [broken for _plugin, _what, broken in check_all(rt_with.plugins, only="overdue")] == [[], []]


def test_it_means_people_who_are_later_than_usual(rt_with, named):
    def people(rule):
        sql, params = segments.where_sql(rt_with, rule)
        return {
            named[row[0]] for row in database.query(f"SELECT contact_id FROM profile WHERE {sql}", params)
        }

    rule = {"segmenter": "overdue"}
    late = {"every ten days, last 20 days ago", "every ten days, last 16 days ago"}
    assert people(rule) == late
    assert people({"not": rule}) == set(PEOPLE) - late
    assert people({**rule, "factor": 1.8}) == {"every ten days, last 20 days ago"}
    assert people({**rule, "at_least": 2}) == late | {"twice only"}
    for contact_id, name in named.items():
        assert segments.contains(rt_with, rule, contact_id) == (name in late)


def test_it_says_itself_and_its_reasons(rt_with, named):
    rule = {"segmenter": "overdue", "at_least": 3, "factor": 1.5}
    assert segments.describe(rt_with, rule) == "Purchase: at least 3 times, now 1.5 times the usual pause ago"
    first = next(iter(named))
    assert segments.explain(rt_with, rule, first).why == "Purchase: every 10 days, last 20 days ago"
    with pytest.raises(Refusal, match="one pause needs two"):
        segments.count(rt_with, {**rule, "at_least": 1})


def test_the_builder_offers_it(rt_with, named):
    entries = {
        entry.words: entry.leaf
        for _heading, group in draft.menu(segments.Context(rt_with))
        for entry in group
    }
    assert '"overdue"' in entries["Buys regularly, and is overdue"]


def test_the_test_of_the_page_passes(blocks, tmp_path, monkeypatch):
    (tmp_path / "overdue.py").write_text(blocks[0], "utf-8")
    space = {"__file__": str(tmp_path / "test_overdue.py"), "__name__": "test_overdue"}
    exec(compile(blocks[1], "docs/write-a-segmenter.md", "exec"), space)  # noqa: S102
    space["test_it_keeps_the_contract"]()
