"""Growth: a figure a day, who joined and left between two nights, and a page that says what is to come."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock, jobs
from core.audience import labels
from core.audience.segments import growth, store
from core.db import database
from core.db.models import SegmentDay, SegmentSnapshot
from tests.segment_people import add, crowd, world

NOW_MS = 1_795_000_000_000
VIP = {"segmenter": "label", "label": "vip"}


@pytest.fixture
def day(monkeypatch):
    """`day(3)` makes it noon of the third day from now on."""

    def on(n: int) -> None:
        monkeypatch.setattr(
            clock, "now_ms", lambda: NOW_MS // clock.DAY_MS * clock.DAY_MS + n * clock.DAY_MS + 43_200_000
        )

    on(0)
    return on


def people(rt, n=6):
    world()
    return [add(rt, crowd(1, NOW_MS)[0] | {"labels": {}}, i) for i in range(1, n + 1)]


def vip(ids, on=True):
    label = labels.find("vip")
    with database.write_tx():
        (labels.put if on else labels.take)(label, ids)


def figures(row):
    first = NOW_MS // clock.DAY_MS
    return [(d.day - first, d.n, d.joined, d.gone) for d in growth.days(row.id)]


def test_two_nights_tell_who_joined_and_who_left(rt, day):
    ids = people(rt)
    row = store.save(rt, "Vips", VIP, "anna")
    vip(ids[:3])
    growth.record(rt, row.id)
    assert figures(row) == [(0, 3, None, None)]
    day(1)
    vip(ids[:1], on=False)
    vip(ids[3:])
    growth.record(rt, row.id)
    assert figures(row) == [(0, 3, None, None), (1, 5, 3, 1)]
    vip(ids, on=False)
    growth.record(rt, row.id)
    assert figures(row)[-1] == (1, 5, 3, 1), "the second run of a day changes nothing"
    day(4)
    growth.record(rt, row.id)
    assert figures(row)[-1] == (4, 0, 0, 5)


def test_a_count_on_a_page_gives_the_day_a_figure_until_the_night_does(rt, day):
    ids = people(rt)
    row = store.save(rt, "Vips", VIP, "anna")
    store.recount(rt, row)
    assert figures(row) == [(0, 0, None, None)]
    vip(ids[:2])
    store.recount(rt, row)
    assert figures(row) == [(0, 2, None, None)]
    growth.record(rt, row.id)
    day(1)
    growth.record(rt, row.id)
    vip(ids)
    store.recount(rt, row)
    assert figures(row) == [(0, 2, None, None), (1, 2, 0, 0)], (
        "the night's figure agrees with who joined and left"
    )


def test_another_rule_is_not_compared_with_the_one_before(rt, day):
    people(rt)
    row = store.save(rt, "Vips", VIP, "anna")
    growth.record(rt, row.id)
    day(1)
    row = store.save(rt, "Vips", {"all": []}, "anna", segment_id=row.id)
    growth.record(rt, row.id)
    assert figures(row) == [(0, 0, None, None), (1, 6, None, None)]
    renamed = store.rename(row, "Everyone", "anna")
    day(2)
    growth.record(rt, renamed.id)
    assert figures(renamed)[-1] == (2, 6, 0, 0)


def test_a_deleted_segment_leaves_nothing(rt, day):
    people(rt)
    row = store.save(rt, "Vips", VIP, "anna")
    growth.record(rt, row.id)
    store.delete(row, "anna")
    assert not SegmentDay.select().exists()
    assert not SegmentSnapshot.select().exists()
    growth.record(rt, row.id)
    assert not SegmentDay.select().exists()


def test_the_job_counts_every_segment_once_a_day(rt, day):
    people(rt)
    rows = [store.save(rt, name, {"all": []}, "anna") for name in ("A", "B")]
    asked: list[tuple] = []
    listening = dataclasses.replace(rt, enqueue=lambda *job: asked.append(job))
    growth.due(listening)
    assert asked == [("growth", row.id) for row in rows]
    assert all(jobs.resolve(where) for where in (jobs.JOBS["growth"], jobs.PERIODIC["growth"][1]))
    for row in rows:
        growth.record(rt, row.id)
    asked.clear()
    growth.due(listening)
    assert asked == []


def test_a_rule_that_cannot_be_read_is_left_for_tomorrow(rt, day):
    people(rt)
    row = store.save(rt, "Vips", VIP, "anna")
    growth.record(rt, row.id)
    with database.write_tx():
        database.execute(
            "UPDATE segment SET rule = ?", ('{"segmenter": "attribute", "field": "gone", "op": "eq"}',)
        )
    day(1)
    growth.record(rt, row.id)
    assert figures(row) == [(0, 0, None, None)]


@settings(derandomize=True, deadline=None)
@given(st.sets(st.integers(1, 40_000)), st.sets(st.integers(1, 40_000)))
def test_bits_compare_like_sets(before, now):
    assert growth.compared(growth.bits(before), growth.bits(now)) == (len(now - before), len(before - now))


def test_the_page_says_when_the_first_figure_comes_and_then_shows_it(app, rt_sqlite, client):
    ids = people(rt_sqlite)
    row = store.save(rt_sqlite, "Vips", VIP, "anna")
    url = f"/segments/{row.id}/growth"
    assert "The first figure comes tonight" in client.get(url).text
    answer = client.post(f"/segments/{row.id}/count", data={"growth": "1"})
    assert answer.headers["Location"].endswith(url)
    assert "One figure so far" in client.get(url).text
    today = growth.today(rt_sqlite)
    with database.write_tx():
        database.execute(
            "INSERT INTO segment_day (segment_id, day, n, joined, gone) VALUES (?, ?, 9, 4, 1)",
            (row.id, today - 2),
        )
    page = client.get(url).text
    assert "<polyline" in page or 'class="dot' in page
    assert "-9" in page.replace("−", "-"), "the change since the figure before"
    assert len(ids) == 6


def test_the_command_lists_the_days(cli, rt, day):
    people(rt)
    row = store.save(rt, "All", {"all": []}, "anna")
    growth.record(rt, row.id)
    result = cli("segment", "growth", "All", "--json")
    assert result.exit_code == 0, result.output
    assert '"n": 6, "joined": null' in result.stdout
