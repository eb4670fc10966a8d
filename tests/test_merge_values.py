"""Reading the values of a text for many contacts at once, on both databases."""

from datetime import date

import pytest

from core import hookimpl
from core.content import drafts, merge, values
from core.content.merge import NoText
from core.db import database
from core.db.models import Field, FieldChoice
from tests.campaign_kit import person
from tests.segment_people import define


@pytest.fixture
def columns(rt):
    """Columns of the fields of this small shop."""
    define("city", "choice", ("上海", "Berlin"))
    define("gender", "choice", ("女", "male"))
    define("points", "number")
    define("member", "bool")
    define("备注", "text")
    return {field.key: field.column for field in Field.select()}


@pytest.fixture
def people(rt, columns):
    """Fang has everything, Max little, the third nothing but a number."""
    fang = person(
        rt, 1, name="王芳", language="zh",
        **{columns["city"]: 1, columns["gender"]: 1, columns["points"]: 12.0, columns["member"]: 1,
           columns["备注"]: "老客户", columns["birthday"]: 7444},
    )  # fmt: skip
    max_ = person(rt, 2, name="Max Schmidt", country="DE", **{columns["gender"]: 2})
    return [fang, max_, person(rt, 3, name=None, country="")]


def test_values_come_typed_and_in_the_order_asked_for(rt, people):
    names = ("name", "city", "points", "member", "备注", "birthday", "country", "language", "first_name")
    found = values.values_for(rt, names, list(reversed(people)), "zh")
    assert found == {
        "name": [None, "Max Schmidt", "王芳"],
        "city": [None, None, "上海"],
        "points": [None, None, 12.0],
        "member": [None, None, True],
        "备注": [None, None, "老客户"],
        "birthday": [None, None, date(1990, 5, 20)],
        "country": [None, "德国", "中国"],
        "language": [None, None, "中文"],
        "first_name": [None, "Max", "王芳"],
    }


def test_honorifics_follow_the_language_of_the_text(rt, people):
    assert values.values_for(rt, ["honorific"], people, "zh")["honorific"] == [
        "尊敬的王女士",
        "尊敬的Max Schmidt先生",
        None,
    ]
    assert values.values_for(rt, ["honorific"], people, "de")["honorific"] == ["王芳", "Herr Schmidt", None]


def test_a_gender_is_said_in_the_language_of_the_text(rt, people):
    told = {
        lang: values.values_for(rt, ["gender"], people, lang)["gender"] for lang in ("zh", "de", "en", "xx")
    }
    assert [found[1] for found in told.values()] == ["男", "männlich", "male", "male"]
    assert values.values_for(rt, ["gender", "honorific"], people, "de")["honorific"][1] == "Herr Schmidt"


def test_texts_of_a_chunk_are_merged_from_columns(rt, people):
    compiled = merge.compile('{{honorific}}，{{city|default:"本地"}}门店有{{points|number}}积分', "zh")
    columns = values.Reader(rt, compiled.names, "zh")(people)
    assert compiled.render_columns(columns, len(people)) == [
        "尊敬的王女士，上海门店有12积分",
        NoText("missing_field", "points"),
        NoText("missing_field", "points"),
    ]


def test_contacts_far_apart_and_gone_ones_are_found_by_number(rt, people):
    far = [people[0], people[0] + 900_000, people[1]]
    assert values.values_for(rt, ["name"], far)["name"] == ["王芳", None, "Max Schmidt"]
    assert values.values_for(rt, ["name", "country"], far, "en")["country"] == ["China", None, "Germany"]


def test_a_choice_added_while_a_campaign_runs_is_read_again(rt, people, columns):
    reader = values.Reader(rt, ["city"], "en")
    assert reader(people)["city"] == ["上海", None, None]
    with database.write_tx():
        FieldChoice.create(field_id=Field.get(Field.key == "city").id, code=9, text="Bergen")
        database.execute(f"UPDATE profile SET {columns['city']} = 9 WHERE contact_id = ?", (people[1],))
    assert reader(people)["city"] == ["上海", "Bergen", None]


def test_an_own_field_wins_over_a_built_in_name(rt, people):
    nickname = define("first_name", "text")
    with database.write_tx():
        database.execute(
            f"UPDATE profile SET {nickname.column} = 'Fangfang' WHERE contact_id = ?", (people[0],)
        )
    assert values.values_for(rt, ["first_name"], people)["first_name"] == ["Fangfang", None, None]


def test_plugins_fill_their_own_names(rt, people):
    class Shop:
        @hookimpl
        def merge_fields(self):
            return {"shop": "The nearest shop"}

        @hookimpl
        def merge_values(self, names, contact_ids):
            assert names == ["shop"]
            return {contact_ids[0]: {"shop": "Xintiandi"}}

    rt.plugins.register(Shop(), "shops")
    assert values.known_names(rt)["shop"].title == "The nearest shop"
    found = values.values_for(rt, ["name", "shop"], people)
    assert found["shop"] == ["Xintiandi", None, None]


def test_a_failing_plugin_leaves_its_value_missing(rt, people):
    class Broken:
        @hookimpl
        def merge_fields(self):
            return {"shop": "The nearest shop"}

        @hookimpl
        def merge_values(self, names, contact_ids):
            raise RuntimeError("no shops today")

    rt.plugins.register(Broken(), "broken")
    assert values.values_for(rt, ["shop"], people)["shop"] == [None, None, None]


def test_known_names_are_the_built_in_ones_and_all_fields(rt, columns):
    known = values.known_names(rt)
    assert {"name", "first_name", "honorific", "country", "language", "email"} <= known.keys()
    assert {"city", "gender", "birthday", "points", "备注"} <= known.keys()
    assert known["points"].kind == "number"


def test_nobody_and_nothing_give_empty_columns(rt, people):
    assert values.values_for(rt, ["name"], []) == {"name": []}
    assert values.values_for(rt, [], people) == {}


def test_missing_values_are_counted_in_one_statement(rt, people):
    text = '{{name}} {{first_name}} {{points}} {{备注}} {{city|default:"x"}} {{honorific}} {{country}}'
    assert drafts.missing_counts(rt, text) == (
        3,
        {"name": 1, "first_name": 1, "points": 2, "备注": 2, "country": 1},
    )
    only = drafts.missing_counts(rt, "{{points}}", where="profile.country = ?", params=("CN",))
    assert only == (1, {"points": 0})
    assert drafts.missing_counts(rt, "{{") == (3, {})


def test_the_reader_uses_one_statement_a_chunk(rt, people, monkeypatch):
    reader = values.Reader(rt, ["name", "country", "points", "备注", "honorific"], "zh")
    reader(people)
    asked = []
    plain = database.query
    monkeypatch.setattr(database, "query", lambda sql, params=(): asked.append(sql) or plain(sql, params))
    reader(people)
    assert len(asked) == 1
