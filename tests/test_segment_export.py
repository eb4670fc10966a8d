"""The people of a segment: a list page by page, and a file with the numbers one may see."""

from __future__ import annotations

import csv
import io

import pytest

from core.audience.segments import store
from core.db import database
from core.db.models import Audit, Contact
from tests.segment_people import add, crowd, world

NOW_MS = 1_795_000_000_000
CHINA = {"segmenter": "contact", "field": "country", "op": "eq", "value": "CN"}


def people(rt, n=120):
    world()
    made = crowd(n, NOW_MS)
    return [(add(rt, person, i), person) for i, person in enumerate(made, 1)]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def audited():
    return [
        (row.who, row.object, row.detail) for row in Audit.select().where(Audit.action == "segment.export")
    ]


def test_masked_numbers_for_marketers_and_whole_ones_for_those_who_may_see_them(app, rt_sqlite, login):
    crowded = people(rt_sqlite)
    row = store.save(rt_sqlite, "China", CHINA, "anna")
    chinese = [contact_id for contact_id, person in crowded if person["country"] == "CN"]
    marketer, admin, viewer = login("marketer"), login("admin"), login("viewer")
    masked = rows_of(marketer.get(f"/segments/{row.id}/export.csv").text)
    assert len(masked) == len(chinese)
    assert all("****" in line["phone"] for line in masked)
    assert marketer.get(f"/segments/{row.id}/export.csv?numbers=full").status_code == 403
    assert viewer.get(f"/segments/{row.id}/export.csv").status_code == 403
    whole = rows_of(admin.get(f"/segments/{row.id}/export.csv?numbers=full").text)
    numbers = [rt_sqlite.keys.open_number(Contact.get_by_id(i).phone_enc) for i in chinese]
    assert [line["phone"].lstrip("'") for line in whole] == numbers
    assert audited() == [
        ("marketer@shop.example", "China", "masked"),
        ("admin@shop.example", "China", "full"),
    ]
    assert rows_of(admin.get(f"/segments/{row.id}/export.csv").text) == masked


def test_cells_of_the_file_are_no_formulas(app, rt_sqlite, client):
    people(rt_sqlite, 5)
    with database.write_tx():
        Contact.update(name='=HYPERLINK("http://evil","x")', email="@SUM(1)").execute()
    row = store.save(rt_sqlite, "All", {"all": []}, "anna")
    lines = rows_of(client.get(f"/segments/{row.id}/export.csv").text)
    assert len(lines) == 5
    for line in lines:
        assert line["name"].startswith("'=")
        assert line["email"].startswith("'@")


def test_the_command_exports_both_ways(cli, rt):
    people(rt, 30)
    store.save(rt, "China", CHINA, "anna")
    masked = cli("segment", "export", "China", "--masked")
    assert masked.exit_code == 0, masked.output
    full = cli("segment", "export", "China", "--full")
    masked_rows, full_rows = rows_of(masked.stdout), rows_of(full.stdout)
    assert len(masked_rows) == len(full_rows) > 3
    for hidden, shown in zip(masked_rows, full_rows, strict=True):
        assert "****" in hidden["phone"]
        assert shown["phone"].startswith("+86")
        assert shown["phone"][-4:] == hidden["phone"][-4:]
    assert [detail for _who, _name, detail in audited()] == ["masked", "full"]
    assert cli("segment", "export", "Chna").exit_code != 0


def test_the_list_shows_everyone_once_page_by_page(app, rt_sqlite, client):
    import re

    crowded = people(rt_sqlite)
    row = store.save(rt_sqlite, "China", {"any": [CHINA, {"not": CHINA}]}, "anna")
    url, seen = f"/segments/{row.id}/people", []
    while url:
        page = client.get(url).text
        seen += [int(found) for found in re.findall(r'<td><a href="/contacts/(\d+)"', page)]
        following = re.search(rf'href="(/segments/{row.id}/people\?after=\d+)"', page)
        url = following and following[1]
    assert seen == [contact_id for contact_id, _person in crowded]
    assert "+8613800" not in client.get(f"/segments/{row.id}/people").text
    assert client.get(f"/segments/{row.id}/people?anywhere=1").status_code == 200
    assert client.get(f"/segments/{row.id}/people?after=x").status_code == 200


@pytest.mark.parametrize(
    "tab", ["people", "crosstab", "overlap", "growth", "why", "export.csv", "crosstab.csv"]
)
def test_every_tab_of_a_segment_that_is_gone_says_so(client, rt_sqlite, tab):
    assert client.get(f"/segments/99/{tab}").status_code == 404


def test_tabs_say_whom_the_segment_means_and_what_uses_it(app, rt_sqlite, client):
    from core.db.models import LabelRule

    people(rt_sqlite, 5)
    row = store.save(rt_sqlite, "China", CHINA, "anna")
    store.save(rt_sqlite, "Not China", {"not": {"segmenter": "segment", "name": "China"}}, "anna")
    with database.write_tx():
        LabelRule.create(
            label="chinese",
            kind="segment",
            params=f'{{"segment": {row.id}}}',
            per_value=False,
            created_at=1,
            updated_at=1,
        )
    for tab in ("people", "crosstab", "overlap", "growth", "why"):
        page = client.get(f"/segments/{row.id}/{tab}").text
        assert "Country is China" in page, tab
        assert "used in 2 places" in page
    used = client.get(f"/segments/{row.id}/people").text
    assert "Not China" in used
    assert "chinese" in used and "label rule" in used
    client.post("/settings/language", data={"language": "zh_Hans", "next": "/"})
    assert "交叉分析" in client.get(f"/segments/{row.id}/crosstab").text


def test_why_takes_a_number_by_post_only(app, rt_sqlite, client):
    crowded = people(rt_sqlite, 10)
    row = store.save(rt_sqlite, "China", CHINA, "anna")
    for contact_id, person in crowded[:4]:
        page = client.post(f"/segments/{row.id}/why", data={"who": str(contact_id)}).text
        assert (">is in<" in page) is (person["country"] == "CN")
        assert (">is not in<" in page) is (person["country"] != "CN")
    assert client.post(f"/segments/{row.id}/why", data={"who": "x"}).status_code == 422
    assert ">is in<" not in client.get(f"/segments/{row.id}/why?who=1").text
