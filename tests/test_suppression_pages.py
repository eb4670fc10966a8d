"""Pages of the suppression list: numbers listed, imported and released."""

from __future__ import annotations

import io

import pytest

from core.audience import contacts, suppression
from core.audience.suppression import Entry
from core.db import database
from tests.contacts_kit import EVIL, PHONE, evil
from tests.pages import text


@pytest.fixture
def one(rt_sqlite, app):
    return evil(rt_sqlite)


def test_a_number_is_added_with_its_classes_and_end(client, rt_sqlite, one):
    form = {"phone": PHONE, "reason": "complaint", "classes": ["mass", "voice"], "note": EVIL, "days": "30"}
    assert client.post("/contacts/suppression/add", data=form).status_code == 303
    assert contacts.get(rt_sqlite, one).blocked_bits == 12
    row = suppression.of(contacts.get(rt_sqlite, one).phone_bidx)[0]
    assert (row["reason"], row["expires_at"] > row["created_at"]) == ("complaint", True)
    listed = text(client.get("/contacts/suppression"))
    assert "+86138****8000" in listed
    assert "<img src=x" not in listed
    for wrong in (
        {"phone": "1"},
        {"reason": "erased"},
        {"reason": "stop"},
        {"days": "0"},
        {"classes": ["sms"]},
    ):
        assert client.post("/contacts/suppression/add", data={**form, **wrong}).status_code == 422


def test_a_number_that_had_an_end_is_told_when_it_is_listed_for_ever(client, one):
    def said(**more) -> str:
        form = {"phone": PHONE, "reason": "manual"} | more
        return text(client.post("/contacts/suppression/add", data=form, follow_redirects=True))

    assert "The number is on the list." in said(days="30")
    assert "it stays for ever now" in said()
    assert "was on the list already" in said(days="30")


def test_a_file_of_numbers_is_taken_and_told(client, rt_sqlite, one):
    file = (io.BytesIO("手机\n13800138000\nnobody\n".encode("gb18030")), "名单.csv")
    told = text(client.post("/contacts/suppression/import", data={"file": file, "reason": "import"}))
    assert "2 rows: 1 added, 0 known already, 1 not taken" in told
    assert "nobody" in told
    assert contacts.get(rt_sqlite, one).blocked_bits == 15
    assert list(rt_sqlite.settings.path("uploads").iterdir()) == []
    assert "Choose a file first" in text(
        client.post("/contacts/suppression/import", data={"reason": "import"}), 422
    )
    empty = (io.BytesIO(b"a,b\nc,d\n"), "x.csv")
    assert "holds phone numbers" in text(
        client.post("/contacts/suppression/import", data={"file": empty, "reason": "import"}), 422
    )


def test_a_row_is_released_once_and_erased_ones_never(client, rt_sqlite, one):
    bidx = contacts.get(rt_sqlite, one).phone_bidx
    with database.write_tx():
        suppression.add(rt_sqlite, [Entry(bidx)], reason="manual")
        suppression.add(rt_sqlite, [Entry(bidx)], reason="erased")
    manual, erased = (row["id"] for row in suppression.of(bidx))
    assert client.post(f"/contacts/suppression/{manual}/remove").status_code == 303
    assert client.post(f"/contacts/suppression/{manual}/remove").status_code == 404
    assert client.post(f"/contacts/suppression/{erased}/remove").status_code == 422
    assert [row["reason"] for row in suppression.of(bidx)] == ["erased"]
