"""A saved segment that cannot be compiled any more answers with its sentence on every page, never with an error."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.db.models import Segment
from tests import campaign_kit as kit
from tests.segment_form import posted

GONE = {"all": [{"not": {"segmenter": "label", "label": "gone"}}]}


def put(name, rule):
    now = clock.now_ms()
    return Segment.create(name=name, rule=json.dumps(rule), created_at=now, updated_at=now)


@pytest.fixture(params=["There is no label", "is too large"])
def broken(request, rt_sqlite):
    """(the segment, the words of its sentence)"""
    kit.person(rt_sqlite, 1)
    if request.param == "There is no label":
        return put("broken", GONE), request.param
    put("s1", {"all": []})
    for i in range(2, 60):
        put(f"s{i}", {"all": [{"segmenter": "segment", "name": f"s{i - 1}"}]})
    return Segment.get(Segment.name == "s59"), request.param


@pytest.mark.parametrize("page", ["", "/people", "/crosstab", "/overlap", "/growth", "/why?who=1"])
def test_each_page_of_it_opens(client, broken, page):
    answer = client.get(f"/segments/{broken[0].id}{page}")
    assert answer.status_code in (200, 422), page


def test_figures_count_save_and_the_wizard_say_the_sentence(client, broken):
    row, words = broken
    form = posted(client.get(f"/segments/{row.id}").text)
    htmx = {"HX-Request": "true"}
    assert words in client.post("/segments/figures", data=form, headers=htmx).text
    assert words in client.post("/segments/save", data=form).text
    assert words in client.post(f"/segments/{row.id}/count", follow_redirects=True).text
    assert words in client.get(f"/campaigns/reach?segment={row.id}", headers=htmx).text
    assert client.get("/segments").status_code == 200


@pytest.mark.parametrize("command", ["count", "show", "sample"])
def test_a_command_says_it_as_well(cli_sqlite, broken, command):
    answer = cli_sqlite("segment", command, broken[0].name)
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    if command != "show":
        assert broken[1] in answer.output
