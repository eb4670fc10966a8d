"""The pages of segments: each action works, twice, with the wrong role or method, as page and as fragment."""

import json
import re

import pytest

from core.audience.segments import store
from core.db.models import Campaign, Segment
from tests.segment_people import add, crowd, means, world

NOW_MS = 1_795_000_000_000
HX = {"HX-Request": "true"}
VIP = {"segmenter": "label", "label": "vip"}
#: A tree as the builder posts it: city is 上海, but not any of (label vip).
TREE = {
    "join-0": "all",
    "kind-0_0": "attribute", "p-0_0-field": "city", "p-0_0-was": "city", "p-0_0-op": "eq", "p-0_0-value": "上海",
    "kind-0_1": "group", "not-0_1": "1", "join-0_1": "any",
    "kind-0_1_0": "label", "p-0_1_0-label": "vip", "p-0_1_0-min_confidence": "", "p-0_1_0-within_days": "",
    "name": "Shanghai",
}  # fmt: skip
RULE = {"all": [
    {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"},
    {"not": {"any": [VIP]}},
]}  # fmt: skip


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


def test_adding_moving_and_removing_lines_works_without_javascript(client, people):
    added = client.post(
        "/segments/draft", data={"do": 'add:0:{"segmenter":"attribute","field":"age","op":"gt"}'}
    )
    assert added.status_code == 200
    assert "<html" in added.text
    assert 'name="p-0_0-value"' in added.text
    assert "unfinished" in added.text
    tree = TREE | {"kind-0_2": "consent", "p-0_2-cls": "mass", "p-0_2-state": "yes"}
    up = client.post("/segments/draft", data=tree | {"do": "up:0_2"}).text
    assert re.findall(r'name="kind-(\w+)" value="(\w+)"', up) == [
        ("0_0", "attribute"), ("0_1", "consent"), ("0_2", "group"), ("0_2_0", "label"),
    ]  # fmt: skip
    gone = client.post("/segments/draft", data=tree | {"do": "remove:0_1"}).text
    assert [kind for _at, kind in re.findall(r'name="kind-(\w+)" value="(\w+)"', gone)] == [
        "attribute",
        "consent",
    ]
    plus = client.post("/segments/draft", data=tree | {"do": "not:0_0"}).text
    assert 'name="not-0_0" value="1"' in plus
    group = client.post("/segments/draft", data={"do": "group:0"}).text
    assert 'name="kind-0_0" value="group"' in group


def test_the_tree_comes_back_as_a_fragment_with_htmx(client, people):
    answer = client.post("/segments/draft", data=TREE | {"do": "down:0_0"}, headers=HX)
    assert answer.text.lstrip().startswith("<section")
    assert "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "do", ["", "add", "add:9_9:{}", "remove:0", "remove:x", "up:0_0", "down:0_1", "nonsense:0_0", "not:0"]
)
def test_clicks_that_fit_nothing_change_nothing(client, people, do):
    page = client.post("/segments/draft", data=TREE | {"do": do})
    assert page.status_code == 200
    assert sorted(re.findall(r'name="kind-\w+" value="(\w+)"', page.text)) == [
        "attribute",
        "group",
        "label",
    ] or do in (
        "up:0_0",
        "down:0_1",
    )


@pytest.mark.parametrize(
    "do", ["add:0:{", 'add:0:{"all":[]}', 'add:0:{"segmenter":"nothing such"}', "add:0:[]"]
)
def test_forged_lines_are_refused_or_shown_as_unfinished(client, people, do):
    page = client.post("/segments/draft", data=TREE | {"do": do})
    assert page.status_code in (200, 422)
    assert "Traceback" not in page.text


def test_another_field_forgets_the_value_another_comparison_keeps_it(client, people):
    other = client.post("/segments/draft", data=TREE | {"p-0_0-field": "age", "p-0_0-op": "eq"}).text
    assert (
        "上海" not in re.search(r'<details class="seg-line" id="line-0_0".*?</details>', other, re.S).group()
    )
    kept = client.post("/segments/draft", data=TREE | {"p-0_0-op": "in"}).text
    assert re.search(r'value="上海"[^>]* checked', kept)


def test_figures_count_the_whole_and_each_line(client, people):
    answer = client.post("/segments/figures", data=TREE, headers=HX).text
    total = count(people, RULE)
    assert re.search(rf'class="v">{total} <', answer)
    kept = dict(re.findall(r'id="kept-(\w+)".*?class="num">([\d,]+)<', answer, re.S))
    city = count(people, RULE["all"][0])
    assert kept == {"0_0": str(city), "0_1": str(count(people, VIP)), "0_1_0": str(count(people, VIP))}
    assert "City is 上海, but not Label “vip”" in answer
    assert "****" in answer or total == 0


def test_unfinished_lines_are_left_out_of_the_figures(client, people):
    tree = TREE | {"kind-0_2": "attribute", "p-0_2-field": "age", "p-0_2-op": "gt", "p-0_2-value": "many"}
    answer = client.post("/segments/figures", data=tree, headers=HX).text
    assert "1 unfinished line is left out" in answer
    assert re.search(rf'class="v">{count(people, RULE)} <', answer)


def test_figures_work_without_javascript(client, people):
    page = client.post("/segments/figures", data=TREE)
    assert "<html" in page.text
    assert re.search(rf'class="v">{count(people, RULE)} <', page.text)


def test_why_tells_in_or_not_line_by_line(client, people):
    for contact_id, person in people[:6]:
        answer = client.post("/segments/why", data=TREE | {"who": str(contact_id)}, headers=HX)
        assert answer.status_code == 200
        assert ("tag good" in answer.text) == means(RULE, person, NOW_MS)
        assert "City is" in answer.text
    by_number = client.post("/segments/why", data=TREE | {"who": "138 0000 0001"})
    assert "<html" in by_number.text
    assert "none of these" in by_number.text or "City is" in by_number.text


@pytest.mark.parametrize("who", ["", "999", "not a number", "+8613912345678"])
def test_why_about_nobody_is_one_sentence(client, people, who):
    answer = client.post("/segments/why", data=TREE | {"who": who}, headers=HX)
    assert answer.status_code == 422
    assert "seg-answer" in answer.text


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


ADD = {"do": 'add:0:{"segmenter": "attribute", "field": "city", "op": "eq"}'}
CITY = {
    "join-0": "all", "kind-0_0": "attribute", "p-0_0-field": "city", "p-0_0-was": "city", "p-0_0-op": "eq",
    "p-0_0-value": "", "fresh-0_0": "1",
}  # fmt: skip
MISSING, HINT = "City is compared with nothing", "Choose or type a value"


def test_a_line_just_added_hints_at_its_value_and_accuses_nobody(client, people):
    page = client.post("/segments/draft", data=ADD, headers=HX).text
    assert HINT in page and MISSING not in page
    assert 'name="fresh-0_0" value="1"' in page
    assert HINT in client.post("/segments/draft", data=ADD).text, "also without JavaScript"


def test_it_stays_a_hint_while_somebody_types_elsewhere_or_adds_another_line(client, people):
    elsewhere = client.post(
        "/segments/figures", data=CITY, headers=HX | {"HX-Trigger-Name": "p-0_0-value"}
    ).text
    assert HINT in elsewhere and MISSING not in elsewhere and 'name="fresh-0_0"' in elsewhere
    more = client.post("/segments/draft", data=CITY | ADD, headers=HX).text
    assert more.count('name="fresh-') == 2 and MISSING not in more


def test_once_the_value_was_left_the_line_says_what_is_missing(client, people):
    left = client.post("/segments/figures", data=CITY, headers=HX | {"HX-Trigger": "left-0_0"}).text
    assert MISSING in left and "fresh-0_0" not in left
    other = client.post("/segments/figures", data=CITY, headers=HX | {"HX-Trigger": "left-0_1"}).text
    assert MISSING not in other


def test_saving_and_counting_without_javascript_say_it_too(client, people):
    saved = client.post("/segments/save", data=CITY | {"name": "Town"}, headers=HX)
    assert saved.status_code == 422 and MISSING in saved.text
    assert MISSING in client.post("/segments/draft", data=CITY | {"do": "count"}).text


def test_a_line_that_was_finished_and_emptied_again_is_no_fresh_one(client, people):
    full = client.post("/segments/figures", data=CITY | {"p-0_0-value": "上海"}, headers=HX).text
    assert "fresh-0_0" not in full and HINT not in full
    assert (
        MISSING
        in client.post(
            "/segments/figures", data={k: v for k, v in CITY.items() if k[:5] != "fresh"}, headers=HX
        ).text
    )
