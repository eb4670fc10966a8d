"""`cooee field` does what the page of fields does, through the same functions; on both databases."""

from __future__ import annotations

import json

import pytest

from core.audience import contacts, fields
from core.audience.segments import store
from core.db import database


def _json(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_field_is_added_listed_renamed_and_removed(rt, cli):
    made = _json(cli("field", "add", "Shoe size", "--kind", "number", "--key", "shoe", "--json"))
    assert made == {"key": "shoe", "title": "Shoe size", "kind": "number", "builtin": False, "choices": None}
    assert _json(cli("field", "rename", "shoe", "Shoes", "--json"))["title"] == "Shoes"
    contacts.edit(rt, contacts.create(rt, "+8613800138000"), {"city": "Bergen"})
    listed = {one["key"]: one for one in _json(cli("field", "list", "--json"))}
    assert (listed["shoe"]["title"], listed["shoe"]["filled"]) == ("Shoes", 0)
    assert (listed["city"]["choices"], listed["city"]["filled"], listed["city"]["builtin"]) == (
        ["Bergen"],
        1,
        True,
    )
    assert _json(cli("field", "remove", "shoe", "--json")) == {"removed": "shoe"}
    assert fields.get("shoe") is None
    done = [
        row[0] for row in database.query("SELECT action FROM audit WHERE object = 'field:shoe' ORDER BY id")
    ]
    assert done == ["field.create", "field.rename", "field.remove"]


def test_without_a_key_the_title_is_the_key(cli_sqlite):
    assert "{{Shoe size}} in templates" in cli_sqlite("field", "add", "Shoe size", "--kind", "text").stdout
    assert "Shoe size" in cli_sqlite("field", "list").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("field add City --kind choice --key city", "already a field with the key “city”"),
        ("field add Phone --kind text", "“Phone” has a meaning of its own"),
        ("field rename hat Hats", "no field “hat”"),
        ("field remove hat", "no field “hat”"),
        ("field remove city", "belongs to Cooee and stays"),
        ("field remove shoe", "1 contact has a value in “Shoe”; empty it first"),
        ("field remove sock", "“Sock” is used by “Warm”"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(cli_sqlite, rt_sqlite, words, said):
    for title in ("Shoe", "Sock"):
        fields.add(title, "text", title.lower(), who="test")
    contacts.edit(rt_sqlite, contacts.create(rt_sqlite, "+8613800138000"), {"shoe": "42"})
    store.save(
        rt_sqlite, "Warm", {"segmenter": "attribute", "field": "sock", "op": "eq", "value": "red"}, "test"
    )
    refused = cli_sqlite(*words.split())
    assert refused.exit_code == 1 and said in refused.stderr, refused.output
