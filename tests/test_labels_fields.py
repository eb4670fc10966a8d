"""Pages of labels and fields: made, renamed, and removed where nothing needs them."""

from __future__ import annotations

import pytest

from core.audience import contacts, fields, labels
from core.db import database
from tests.contacts_kit import evil
from tests.pages import text


@pytest.fixture
def one(rt_sqlite, app):
    return evil(rt_sqlite)


def test_a_label_is_made_renamed_and_deleted_by_name(client, rt_sqlite, one):
    client.post("/contacts/labels", data={"name": "spring"})
    assert "already a label" in text(client.post("/contacts/labels", data={"name": "spring"}), 422)
    label = labels.find("spring")
    with database.write_tx():
        labels.put(label, [one])
    client.post(f"/contacts/labels/{label.id}/rename", data={"name": "summer"})
    assert "summer" in text(client.get("/contacts/labels"))
    client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "spring"})
    assert labels.find("summer") is not None
    assert client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "summer"}).status_code == 303
    assert labels.all_labels() == []
    assert client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "summer"}).status_code == 404


def test_a_field_is_defined_once_and_renamed(client):
    form = {"title": "Shoe size", "key": "shoe", "kind": "number"}
    assert client.post("/contacts/fields", data=form).status_code == 303
    assert "already a field" in text(client.post("/contacts/fields", data=form), 422)
    assert "meaning of its own" in text(client.post("/contacts/fields", data={**form, "key": "phone"}), 422)
    assert client.post("/contacts/fields", data={**form, "key": "x", "kind": "blob"}).status_code == 422
    client.post("/contacts/fields/rename", data={"key": "shoe", "title": "Shoes"})
    assert fields.get("shoe").title == "Shoes"
    assert "{{shoe}}" in text(client.get("/contacts/fields"))
    assert client.post("/contacts/fields/rename", data={"key": "no", "title": "x"}).status_code == 404


def test_an_empty_field_is_removed_and_one_in_use_stays_with_the_reason(client, rt_sqlite, one):
    for key in ("shoe", "hat"):
        client.post("/contacts/fields", data={"title": key.title(), "key": key, "kind": "choice"})
    contacts.edit(rt_sqlite, one, {"hat": "blue"})

    def remove(key: str) -> str:
        return text(client.post("/contacts/fields/remove", data={"key": key}, follow_redirects=True))

    assert "The field shoe is gone." in remove("shoe") and fields.get("shoe") is None
    assert "1 contact has a value in “Hat”" in remove("hat") and fields.get("hat")
    assert "belongs to Cooee" in remove("city") and fields.get("city")
    assert "There is no field" in remove("shoe")
