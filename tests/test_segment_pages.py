"""The pages of segments: each action works, twice, with the wrong role or method, as page and as fragment."""

import json

import pytest

from core.audience.segments import store
from core.db.models import Campaign, Segment
from tests.segment_form import HX, NOW_MS, RULE, TREE
from tests.segment_people import add, crowd, means, world


@pytest.fixture
def people(app, rt_sqlite):
    world()
    return [(add(rt_sqlite, person, i), person) for i, person in enumerate(crowd(40, NOW_MS), 1)]


@pytest.fixture
def saved(rt_sqlite, people):
    return store.save(rt_sqlite, "Shanghai", RULE, "anna@shop.example")


def count(people, rule):
    return sum(means(rule, person, NOW_MS) for _id, person in people)


def test_an_empty_list_says_what_segments_are_for(client):
    page = client.get("/segments").text
    assert "campaigns are sent to segments" in page
    assert "New segment" in page


def test_the_list_shows_words_count_and_use(client, saved, rt_sqlite):
    store.recount(rt_sqlite, saved)
    Campaign.insert(
        {Campaign.name: "Spring", Campaign.cls: 2, Campaign.segment_id: saved.id, Campaign.created_at: 1}
    ).execute()
    page = client.get("/segments").text
    assert "City is 上海, but not Label “vip”" in page
    assert "1 campaign" in page
    assert "<html" in page
    found = client.get("/segments?q=shang", headers=HX)
    assert "<html" not in found.text
    assert "Shanghai" in found.text
    assert found.headers["Vary"].find("HX-Request") >= 0
    assert "No segment is called anything like" in client.get("/segments?q=zzz").text


def test_the_list_pages_by_name(client, rt_sqlite):
    for i in range(60):
        store.save(rt_sqlite, f"Segment {i:02d}", {"all": []}, "anna")
    first = client.get("/segments").text
    assert "Segment 49" in first
    assert "Segment 50" not in first
    assert "Segment 50" in client.get("/segments?after=Segment 49").text


def test_a_saved_segment_opens_in_the_builder(client, saved):
    page = client.get(f"/segments/{saved.id}").text
    assert 'name="kind-0_1_0" value="label"' in page
    assert "but not" in page
    assert "<strong>上海</strong>" in page
    assert client.get("/segments/999").status_code == 404
    assert client.post(f"/segments/{saved.id}").status_code == 405


def test_saving_makes_a_segment_and_changes_it(client, people):
    made = client.post("/segments/save", data=TREE)
    assert made.status_code == 303
    row = Segment.get()
    assert (row.name, json.loads(row.rule)) == ("Shanghai", RULE)
    assert row.last_count == count(people, RULE)
    assert row.created_by == "admin@shop.example"
    assert "“Shanghai” is saved." in client.get(made.headers["Location"]).text
    client.post("/segments/save", data=TREE | {"segment_id": str(row.id), "name": "Renamed", "join-0": "any"})
    row = Segment.get()
    assert (row.name, "any" in json.loads(row.rule)) == ("Renamed", True)
    client.post("/segments/save", data=TREE | {"segment_id": str(row.id), "name": "Another", "as_new": "1"})
    assert {r.name for r in Segment.select()} == {"Renamed", "Another"}


def test_saving_twice_under_one_name_is_refused_beside_the_name(client, people):
    client.post("/segments/save", data=TREE)
    again = client.post("/segments/save", data=TREE)
    assert again.status_code == 422
    assert "choose another name" in again.text
    assert 'aria-invalid="true"' in again.text
    assert 'name="p-0_1_0-label"' in again.text
    assert Segment.select().count() == 1


def test_an_unfinished_line_is_not_saved(client, people):
    bad = client.post("/segments/save", data=TREE | {"p-0_0-value": ""})
    assert bad.status_code == 422
    assert "finish or remove them" in bad.text
    nameless = client.post("/segments/save", data=TREE | {"name": " "})
    assert nameless.status_code == 422
    assert Segment.select().count() == 0


def test_too_large_a_tree_is_refused(client, people):
    tree = {f"kind-0_{i}": "label" for i in range(80)} | {f"p-0_{i}-label": "vip" for i in range(80)}
    assert client.post("/segments/draft", data=tree).status_code == 422
    deep = {f"kind-0{'_0' * i}": "group" for i in range(1, 30)}
    assert client.post("/segments/draft", data=deep).status_code in (200, 422)


def test_rename_duplicate_count_and_delete(client, saved, people):
    assert client.post(f"/segments/{saved.id}/rename", data={"name": "Renamed"}).status_code == 303
    assert Segment.get_by_id(saved.id).name == "Renamed"
    client.post(f"/segments/{saved.id}/duplicate")
    assert {row.name for row in Segment.select()} == {"Renamed", "Renamed (2)"}
    client.post(f"/segments/{saved.id}/count")
    assert Segment.get_by_id(saved.id).last_count == count(people, RULE)
    client.post(f"/segments/{saved.id}/delete", data={"confirm": "something else"})
    assert Segment.select().count() == 2
    gone = client.post(f"/segments/{saved.id}/delete", data={"confirm": "Renamed"})
    assert gone.headers["Location"] == "/segments"
    assert client.post(f"/segments/{saved.id}/delete", data={"confirm": "Renamed"}).status_code == 404
    assert client.get(f"/segments/{saved.id}/delete").status_code == 405


def test_a_used_segment_stays_and_says_where(client, saved):
    Campaign.insert(
        {Campaign.name: "Spring", Campaign.cls: 2, Campaign.segment_id: saved.id, Campaign.created_at: 1}
    ).execute()
    answer = client.post(f"/segments/{saved.id}/delete", data={"confirm": "Shanghai"}, follow_redirects=True)
    assert "“Spring”" in answer.text
    assert Segment.select().count() == 1


@pytest.mark.parametrize("path", ["save", "{}/rename", "{}/duplicate", "{}/delete"])
def test_a_viewer_looks_but_changes_nothing(login, saved, path):
    viewer = login("viewer")
    assert viewer.get("/segments").status_code == 200
    assert viewer.get(f"/segments/{saved.id}").status_code == 200
    answer = viewer.post(
        f"/segments/{path.format(saved.id)}", data=TREE | {"confirm": "Shanghai", "name": "x"}
    )
    assert answer.status_code == 403
    assert [row.name for row in Segment.select()] == ["Shanghai"]


def test_strangers_are_sent_to_sign_in(app, saved):
    stranger = app.test_client()
    for path in ("/segments", "/segments/new", f"/segments/{saved.id}"):
        assert stranger.get(path).status_code in (302, 303)


def test_foreign_text_is_escaped(client, rt_sqlite, people):
    evil = '<img src=x onerror="alert(1)">'
    row = store.save(
        rt_sqlite, evil, {"segmenter": "attribute", "field": "nick", "op": "eq", "value": evil}, "anna"
    )
    for path in ("/segments", f"/segments/{row.id}"):
        assert "<img" not in client.get(path).text
    posted = {
        "kind-0_0": "attribute",
        "p-0_0-field": evil,
        "p-0_0-op": evil,
        "p-0_0-value": evil,
        "name": evil,
    }
    for path in ("draft", "figures", "why", "save"):
        assert "<img" not in client.post(f"/segments/{path}", data=posted | {"who": evil}).text
        assert "<img" not in client.post(f"/segments/{path}", data=posted | {"who": evil}, headers=HX).text


def test_a_rule_whose_field_is_gone_still_opens(client, rt_sqlite, saved):
    rule = {"segmenter": "attribute", "field": "gone", "op": "eq", "value": "x"}
    Segment.update(rule=json.dumps(rule)).where(Segment.id == saved.id).execute()
    assert "no field" in client.get("/segments").text
    page = client.get(f"/segments/{saved.id}")
    assert page.status_code == 200
    assert "unfinished" in page.text


def test_the_builder_speaks_chinese(client, saved):
    client.set_cookie("cooee_language", "zh_Hans")
    page = client.get(f"/segments/{saved.id}").text
    assert "满足以下" in page
    assert "但不满足" in page


def test_the_share_of_everyone_is_of_those_who_were_counted(client, rt_sqlite, people):
    everyone = store.save(rt_sqlite, "Everyone", {"all": []}, "anna")
    store.recount(rt_sqlite, everyone)
    for i, person in enumerate(crowd(10, NOW_MS), 1):
        add(rt_sqlite, person, 100 + i)
    assert "100.0 %" in client.get("/segments").text
