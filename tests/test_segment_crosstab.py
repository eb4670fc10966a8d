"""A cross-tab counts what a plain loop over the people counts, and each cell is a rule of its own."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest

from core.audience import segments
from core.audience.segments import Context, dimensions, store
from core.audience.segments.bands import MOST
from core.audience.segments.crosstab import crosstab
from core.contract.errors import Refusal
from core.db import database
from core.db.models import ContactLabel, Label, Profile
from tests.segment_people import CITIES, add, crowd, define, world

NOW_MS = 1_795_000_000_000
TODAY = date(2026, 11, 18)
EVERYONE = {"all": []}
ADULTS = {"segmenter": "attribute", "field": "age", "op": "gte", "value": 18}


def people(rt, n=120):
    world()
    made = crowd(n, NOW_MS)
    for i, person in enumerate(made, 1):
        add(rt, person, i)
    return made


def counted(made):
    """{(row, column): people} of a table, by the words it shows."""
    return {
        (row.words, column.words): n
        for row, cells in zip(made.rows, made.cells, strict=True)
        for column, n in zip(made.columns, cells, strict=True)
        if n
    }


def city(person):
    return person["fields"]["city"] or "no value"


def member(person):
    return {True: "yes", False: "no", None: "no value"}[person["fields"]["member"]]


def test_two_fields_count_like_a_loop(rt):
    crowded = people(rt)
    made = crosstab(rt, EVERYONE, ("city", "member"))
    assert counted(made) == Counter((city(p), member(p)) for p in crowded)
    assert made.total == len(crowded)
    assert {line.words: line.total for line in made.rows} == Counter(map(city, crowded))
    assert {line.words: line.total for line in made.columns} == Counter(map(member, crowded))
    shares = [made.row_share(0, c) for c in range(len(made.columns))]
    assert sum(shares) == pytest.approx(1)
    assert made.column_share(0, 0) == made.cells[0][0] / made.columns[0].total


def test_people_are_counted_once_whatever_the_ranges_of_the_scan(rt, monkeypatch):
    crowded = people(rt, 40)
    for size in (1, 7, 40):
        monkeypatch.setattr("core.audience.segments.crosstab._RANGE", size)
        made = crosstab(rt, EVERYONE, ("city", "member"))
        assert counted(made) == Counter((city(p), member(p)) for p in crowded)


def test_only_people_of_the_segment_count(rt):
    crowded = [p for p in people(rt) if (p["fields"]["age"] or -9) >= 18]
    made = crosstab(rt, ADULTS, ("country", "language"))
    says = {"CN": "China", "NO": "Norway", "": "none", "zh": "Chinese", "en": "English"}
    assert counted(made) == Counter((says[p["country"]], says[p["language"]]) for p in crowded)


def test_every_cell_is_a_rule_that_means_its_people(rt):
    people(rt)
    keys = [key for _heading, entries in dimensions.menu(Context(rt)) for key, _title in entries]
    assert {"city", "member", "age", "joined", "country", "created", "labels", "label:vip"} <= set(keys)
    for key in keys:
        made = crosstab(rt, ADULTS, (key, "city" if key != "city" else "country"))
        assert made.total
        for row, cells in zip(made.rows, made.cells, strict=True):
            assert segments.count(rt, {"all": [ADULTS, row.rule]})[0] == row.total, (key, row.words)
            for column, n in zip(made.columns, cells, strict=True):
                rule = {"all": [ADULTS, row.rule, column.rule]}
                assert segments.count(rt, rule)[0] == n, (key, row.words, column.words)


def test_people_with_several_labels_count_at_each(rt):
    crowded = people(rt)
    made = crosstab(rt, EVERYONE, ("labels", "labels"))
    has = [[name for name in ("vip", "quiet") if name in p["labels"]] or ["none of these"] for p in crowded]
    assert made.several
    assert counted(made) == Counter((a, b) for names in has for a in names for b in names)
    assert made.total == len(crowded)


def test_numbers_fall_into_about_equal_bands(rt):
    world()
    for i in range(100):
        person = crowd(1, NOW_MS)[0]
        person["fields"]["age"] = float(i)
        add(rt, person, i + 1)
    made = crosstab(rt, EVERYONE, ("age", "country"))
    assert [(line.words, line.total) for line in made.rows] == [
        ("under 20", 20), ("20 to under 40", 20), ("40 to under 60", 20), ("60 to under 80", 20), ("80 or more", 20),
    ]  # fmt: skip


def test_birthdays_become_ages(rt):
    world()
    born = define("birthday", "date")
    days = {
        date(TODAY.year - 18, TODAY.month, TODAY.day + 1): "under 18",
        date(TODAY.year - 18, TODAY.month, TODAY.day): "18–24",
        date(TODAY.year - 25, TODAY.month, TODAY.day + 1): "18–24",
        date(TODAY.year - 64, TODAY.month, TODAY.day): "55–64",
        date(TODAY.year - 65, TODAY.month, TODAY.day): "65 or more",
        None: "no value",
    }
    for i, day in enumerate(days, 1):
        contact_id = add(rt, crowd(1, NOW_MS)[0], i)
        with database.write_tx():
            stored = None if day is None else (day - date(1970, 1, 1)).days
            database.execute(
                f"UPDATE profile SET {born.column} = ? WHERE contact_id = ?", (stored, contact_id)
            )
    made = crosstab(rt, EVERYONE, ("birthday", "country"), ctx=Context(rt, at_ms=NOW_MS))
    assert {line.words: line.total for line in made.rows} == Counter(days.values())
    assert [line.words for line in made.rows] == ["under 18", "18–24", "55–64", "65 or more", "no value"]
    for line in made.rows:
        assert segments.count(rt, line.rule)[0] == line.total


def test_months_begin_at_midnight_of_the_instances_zone(rt):
    world()
    from core.db import settings

    settings.put("zone", "Asia/Shanghai")
    for i, at in enumerate(("2026-10-31T15:59:59", "2026-10-31T16:00:00"), 1):
        from datetime import UTC, datetime

        created = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
        add(rt, crowd(1, NOW_MS)[0] | {"created_at": created}, i)
    made = crosstab(rt, EVERYONE, ("created", "country"), ctx=Context(rt, at_ms=NOW_MS))
    assert [(line.words, line.total) for line in made.rows] == [("Oct 2026", 1), ("Nov 2026", 1)]


def test_small_values_are_put_together(rt):
    world()
    towns = define("town", "choice", tuple(f"town {i:02d}" for i in range(30)))
    n = 0
    for i in range(30):
        for _again in range(31 - i):
            n += 1
            contact_id = add(rt, crowd(1, NOW_MS, seed=n)[0], n)
            with database.write_tx():
                database.execute(
                    f"UPDATE profile SET {towns.column} = ? WHERE contact_id = ?",
                    (None if i == 29 else i + 1, contact_id),
                )
    made = crosstab(rt, EVERYONE, ("town", "city"))
    assert len(made.rows) == MOST
    assert [line.words for line in made.rows] == [f"town {i:02d}" for i in range(10)] + ["others", "no value"]
    assert made.rows[10].total == sum(31 - i for i in range(10, 29))
    for line, cells in zip(made.rows, made.cells, strict=True):
        assert sum(cells) == line.total
        assert segments.count(rt, line.rule)[0] == line.total


@pytest.mark.parametrize(
    "by", [("city", "city"), ("citty", "country"), ("nick", "city"), ("label:gone", "city")]
)
def test_what_cannot_be_told_apart_is_refused(rt_sqlite, by):
    people(rt_sqlite, 3)
    with pytest.raises(Refusal):
        crosstab(rt_sqlite, EVERYONE, by)


def test_nobody_makes_an_empty_table(rt_sqlite):
    people(rt_sqlite, 3)
    made = crosstab(rt_sqlite, {"any": []}, ("age", "labels"))
    assert (made.total, made.rows, made.columns, made.cells) == (0, [], [], [])


def test_the_page_leads_from_a_cell_to_a_new_segment(app, rt_sqlite, client):
    crowded = people(rt_sqlite)
    row = store.save(rt_sqlite, "Adults", ADULTS, "anna")
    page = client.get(f"/segments/{row.id}/crosstab?rows=city&columns=member")
    assert page.status_code == 200
    assert "style=" not in page.text
    wanted = {"all": [
        {"segmenter": "segment", "name": "Adults"},
        {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"},
        {"segmenter": "attribute", "field": "member", "op": "eq", "value": True},
    ]}  # fmt: skip
    from markupsafe import escape

    assert str(escape(json.dumps(wanted, ensure_ascii=False))) in page.text
    builder = client.post("/segments/new", data={"rule": json.dumps(wanted)})
    assert builder.status_code == 200
    for place, kind in (("0_0", "segment"), ("0_1", "attribute"), ("0_2", "attribute")):
        assert f'name="kind-{place}" value="{kind}"' in builder.text
    assert "In segment “Adults” and City is 上海" in builder.text.replace(",", "")
    n = sum(
        1 for p in crowded if (p["fields"]["age"] or 0) >= 18 and city(p) == CITIES[0] and member(p) == "yes"
    )
    assert segments.count(rt_sqlite, wanted)[0] == n


def test_the_table_comes_as_a_file_without_formulas(app, rt_sqlite, login):
    world()
    with database.write_tx():
        label = Label.create(name="=cmd|' /C calc'!A0", bit=5, created_at=1)
    contact_id = add(rt_sqlite, crowd(1, NOW_MS)[0], 1)
    with database.write_tx():
        Profile.update(label_bits=32).where(Profile.contact_id == contact_id).execute()
        ContactLabel.create(label_id=label.id, contact_id=contact_id, source="person", since_at=1)
    row = store.save(rt_sqlite, "All", EVERYONE, "anna")
    file = login("marketer").get(f"/segments/{row.id}/crosstab.csv?rows=labels&columns=country")
    assert file.status_code == 200
    assert "\"'=cmd" in file.text
    assert login("viewer").get(f"/segments/{row.id}/crosstab.csv").status_code == 403


def test_the_command_prints_the_table(cli, rt):
    crowded = people(rt)
    store.save(rt, "Adults", ADULTS, "anna")
    result = cli("segment", "crosstab", "Adults", "--by", "city", "--by", "member", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    adults = [p for p in crowded if (p["fields"]["age"] or 0) >= 18]
    assert data["total"] == len(adults)
    assert {row["value"]: row["total"] for row in data["rows"]} == Counter(map(city, adults))
    assert cli("segment", "crosstab", "Adults", "--by", "city").exit_code != 0
