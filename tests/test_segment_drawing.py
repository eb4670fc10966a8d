"""The builder draws a rule line by line: added, moved, removed, counted, explained, finished or not yet."""

import re

import pytest

from tests.segment_form import HX, NOW_MS, RULE, TREE, VIP
from tests.segment_people import add, crowd, means, world


@pytest.fixture
def people(app, rt_sqlite):
    world()
    return [(add(rt_sqlite, person, i), person) for i, person in enumerate(crowd(40, NOW_MS), 1)]


def count(people, rule):
    return sum(means(rule, person, NOW_MS) for _id, person in people)


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
    # The group keeps out whoever is VIP, so it keeps all others.
    assert kept == {
        "0_0": str(city),
        "0_1": str(count(people, {"not": VIP})),
        "0_1_0": str(count(people, VIP)),
    }
    assert "City is 上海, but not Label “vip”" in answer
    assert "****" in answer or total == 0


def test_a_line_that_keeps_people_out_says_how_many_it_keeps(client, people):
    answer = client.post("/segments/figures", data=TREE | {"not-0_0": "1"}, headers=HX).text
    kept = dict(re.findall(r'id="kept-(\w+)".*?class="num">([\d,]+)<', answer, re.S))
    city = RULE["all"][0]
    assert kept["0_0"] == str(count(people, {"not": city})) != str(count(people, city))


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
