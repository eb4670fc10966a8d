"""The four steps in the browser's way: file, columns, rules, result; then undo."""

from __future__ import annotations

import io
import re
from html import unescape

import pytest

from core.audience.importing import batch
from core.db import database
from core.db.models import ImportBatch

TEXT = (
    "Mobile;Name;Birthday;City;Tier;Agreed\n"
    "+49 151 52992312;<b>Zoë</b>;1984/02/12;Berlin;gold;yes\n"
    "12345;=cmd;;Berlin;gold;no\n"
    "0151 52992313;Ng;1990-02-30;Köln;basic;no\n"
)


def _upload(client, text: str = TEXT, name: str = "people.csv"):
    data = text.encode() if isinstance(text, str) else text
    return client.post(
        "/imports/new", data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data"
    )


def _choices(page: str) -> dict[str, str]:
    """The selects of a page with their chosen values."""
    found = {}
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = unescape(chosen[1]) if chosen else ""
    return found


@pytest.fixture
def uploaded(client):
    answer = _upload(client)
    assert answer.status_code == 303
    return answer.location


def test_a_file_goes_through_four_steps(client, rt_sqlite, uploaded):
    page = client.get(uploaded).get_data(as_text=True)
    assert "&lt;b&gt;Zoë&lt;/b&gt;" in page and "<b>Zoë</b>" not in page
    assert "no such date" not in page and "taken without the marked value" in page
    chosen = _choices(page)
    assert [chosen[f"to-{n}"] for n in range(6)] == [
        "phone",
        "name",
        "field:birthday",
        "field:city",
        "field",
        "field",
    ]
    answer = client.post(uploaded, data={**chosen, "to-5": "consent", "kind-4": "text", "go": "next"})
    assert answer.status_code == 303
    rules = answer.location
    assert "The consent column speaks of marketing texts" in client.get(rules).get_data(as_text=True)
    checked = client.get(f"{rules}?region=DE", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "1 of the first 3 rows would be rejected" in checked
    answer = client.post(
        rules,
        data={
            "region": "DE",
            "consent": "mass",
            "source": "shop",
            "wording": "yes please",
            "labels": "vip，spring",
        },
    )
    assert answer.status_code == 303
    show = answer.location
    assert 'hx-trigger="every 1s"' in client.get(show, headers={"HX-Request": "true"}).get_data(as_text=True)
    batch_id = ImportBatch.get().id
    batch.run(rt_sqlite, batch_id)
    page = client.get(show).get_data(as_text=True)
    assert (
        "every 1s" not in page
        and "not a valid number (12345/DE)" in page
        and "no such date (1990-02-30)" in page
    )
    assert database.query("SELECT name FROM label ORDER BY name") == [("spring",), ("vip",)]
    assert database.query("SELECT action, source FROM consent_event ORDER BY action") == [
        ("opt_in", "shop"),
        ("opt_out", "shop"),
    ]
    assert list(rt_sqlite.settings.path("uploads").iterdir()) == []
    rejects = client.get(f"{show}/rejects.csv")
    assert rejects.headers["Content-Disposition"] == f'attachment; filename="rejects-{batch_id}.csv"'
    assert '"\'=cmd"' in rejects.get_data(as_text=True)


def test_a_mapping_without_a_phone_stays_on_the_page_with_the_reason(client, uploaded):
    chosen = _choices(client.get(uploaded).get_data(as_text=True))
    answer = client.post(uploaded, data={**chosen, "to-0": "skip", "go": "next"})
    assert answer.status_code == 422 and "No column of phone numbers" in answer.get_data(as_text=True)
    fragment = client.post(
        uploaded, data={**chosen, "to-4": "skip", "go": "check"}, headers={"HX-Request": "true"}
    )
    text = fragment.get_data(as_text=True)
    assert fragment.status_code == 200 and "<html" not in text and _choices(text)["to-4"] == "skip"


def test_consent_for_everyone_needs_a_source(client, uploaded):
    chosen = _choices(client.get(uploaded).get_data(as_text=True))
    client.post(uploaded, data={**chosen, "go": "next"})
    rules = uploaded.replace("columns", "rules")
    answer = client.post(
        rules, data={"region": "DE", "consent": "mass", "source": "", "wording": "", "labels": ""}
    )
    assert answer.status_code == 422 and "Say where the consent comes from" in answer.get_data(as_text=True)
    assert ImportBatch.get().state == "new"


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (b"", "empty.csv", "empty"),
        (b"%PDF-1.7", "x.csv", "no table"),
        (b'phone,name\n+447400180201,"Ann,Bath\n+447400180202,Bo\n', "x.csv", "Row 2: a quote is opened"),
        (b"phone,name\n,\n\n", "x.csv", "headers but no rows"),
        (b"PK\x03\x04junk", "x.xlsx", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_not_kept(client, rt_sqlite, data, name, says):
    answer = _upload(client, data, name)
    assert answer.status_code == 422 and says in answer.get_data(as_text=True)
    assert list(rt_sqlite.settings.path("uploads").iterdir()) == []
    assert ImportBatch.select().count() == 0


def test_a_row_with_too_many_cells_is_no_wrong_number(client):
    answer = _upload(client, "phone,name\n+4915152992312,Zoë\n+4915152992313,Ng,extra\n")
    page = client.get(answer.location).get_data(as_text=True)
    assert "1 of the first 2 rows has more cells than headers" in page and "not valid" not in page
    assert '<td class="nowrap bad">' not in page and "more cells than headers; a cell" in page


def test_a_large_file_may_be_uploaded(client):
    rows = "".join(f"1380013{n % 10000:04},{'x' * 60}\n" for n in range(30_000))
    assert _upload(client, "phone,note\n" + rows).status_code == 303


def test_an_undo_asks_for_the_number_and_brings_back_nothing(client, rt_sqlite, uploaded):
    chosen = _choices(client.get(uploaded).get_data(as_text=True))
    client.post(uploaded, data={**chosen, "go": "next"})
    client.post(
        uploaded.replace("columns", "rules"),
        data={"region": "DE", "consent": "", "source": "", "wording": "", "labels": ""},
    )
    made = ImportBatch.get()
    batch.run(rt_sqlite, made.id)
    assert database.scalar("SELECT COUNT(*) FROM contact") == 2
    url = f"/imports/{made.id}"
    client.post(f"{url}/undo", data={"confirm": "no"})
    assert ImportBatch.get().state == "done"
    assert client.post(f"{url}/undo", data={"confirm": str(made.id)}).status_code == 303
    assert ImportBatch.get().state == "undoing"
    batch.run(rt_sqlite, made.id)
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0
    assert "was undone" in client.get(url).get_data(as_text=True)
    assert "people.csv" in client.get("/imports").get_data(as_text=True)


def test_a_discarded_file_is_gone(client, rt_sqlite, uploaded):
    assert client.post(uploaded.replace("columns", "discard")).status_code == 303
    assert ImportBatch.select().count() == 0
    assert list(rt_sqlite.settings.path("uploads").iterdir()) == []


def test_viewers_see_results_but_import_nothing(login):
    viewer = login("viewer")
    assert viewer.get("/imports").status_code == 200
    assert viewer.get("/imports/new").status_code == 403
    assert _upload(viewer).status_code in (403, 413)
    assert viewer.get("/imports/1/rejects.csv").status_code == 403


def test_a_started_batch_cannot_be_started_twice(client, uploaded):
    chosen = _choices(client.get(uploaded).get_data(as_text=True))
    client.post(uploaded, data={**chosen, "go": "next"})
    rules = uploaded.replace("columns", "rules")
    form = {"region": "DE", "consent": "", "source": "", "wording": "", "labels": ""}
    assert client.post(rules, data=form).status_code == 303
    assert client.post(rules, data=form).status_code == 404
    assert client.get(uploaded).status_code == 404
