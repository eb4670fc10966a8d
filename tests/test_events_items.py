"""The catalogue: by file and by program, idempotent, with categories on the fly."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.audience import contacts, events
from core.audience.events import catalogue
from core.audience.events.recording import NewEvent
from core.db import database


def _json(result):
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def test_a_chinese_file_twice(cli, tmp_path):
    file = tmp_path / "items.csv"
    file.write_bytes(
        "商品编号,商品名称,商品分类,售价,标签\nSKU1,面霜,护肤,¥129.90,新品;热卖\nSKU2,口红,彩妆,89,\n"
        ",无名,彩妆,1,\nSKU3,坏价,彩妆,很贵,\n\n".encode("gb18030")
    )
    done = _json(cli("item", "import", file, "--json"))
    assert [done[k] for k in ("rows", "created", "updated", "unchanged", "rejected")] == [4, 2, 0, 0, 2]
    assert [(bad["row"], bad["field"]) for bad in done["rejects"]] == [(4, "key"), (5, "price")]
    again = _json(cli("item", "import", file, "--json"))
    assert [again[k] for k in ("created", "updated", "unchanged", "rejected")] == [0, 0, 2, 2]
    assert _json(cli("item", "list", "--search", "热卖", "--json")) == [
        {"key": "SKU1", "title": "面霜", "category": "护肤", "price": 129.9, "tags": ["新品", "热卖"]}
    ]
    assert [row["key"] for row in _json(cli("item", "list", "--category", "彩妆", "--json"))] == ["SKU2"]


def test_an_item_an_event_names_exists_and_is_described_later(rt):
    ann = contacts.create(rt, "+8613800138000")
    events.record(rt, [NewEvent("view", clock.now_ms(), contact_id=ann, item="sku1", category="shoes")])
    [item] = catalogue.search("SKU")
    assert (item.key, item.title, item.category, item.price_micros) == ("sku1", "", "", None)
    done = catalogue.upsert_items(
        rt,
        [
            {"key": "sku1", "title": "Boot", "category": "shoes", "price": 59, "tags": ["winter", "new"]},
            {"key": "sku2", "price": "0.1"},
            {"key": "sku2", "title": "Sandal"},
            {"title": "nameless"},
            {"key": "sku3", "price": -1},
        ],
    )
    assert (done.created, done.updated, done.unchanged) == (1, 1, 1)
    assert [(at, problem.field) for at, problem in done.problems] == [(3, "key"), (4, "price")]
    [boot] = catalogue.search("boot")
    assert (boot.id, boot.category, boot.price_micros, boot.tags) == (
        item.id,
        "shoes",
        59_000_000,
        ("new", "winter"),
    )
    [sandal] = catalogue.search(category="", after="sku1")
    assert (sandal.title, sandal.price_micros) == ("Sandal", 100_000)
    assert [name for _id, name in catalogue.categories()] == ["shoes"]
    assert events.of_contact(ann)[0].item_title == "Boot"


def test_what_a_row_leaves_empty_stays(rt):
    catalogue.upsert_items(rt, [{"key": "a", "title": "Old", "price": "5", "tags": "x,y"}])
    done = catalogue.upsert_items(rt, [{"key": "a", "title": "New", "price": "", "tags": []}])
    assert done.updated == 1
    [item] = catalogue.search()
    assert (item.title, item.price_micros, item.tags) == ("New", 5_000_000, ("x", "y"))


@pytest.mark.parametrize(("text", "says"), [("title,price\nx,1\n", "No column “key”"), ("", "empty")])
def test_a_file_without_keys_is_refused(cli_sqlite, tmp_path, text, says):
    file = tmp_path / "f.csv"
    file.write_text(text, "utf-8")
    refused = cli_sqlite("item", "import", file)
    assert refused.exit_code == 1 and says in refused.stderr
    assert database.scalar("SELECT COUNT(*) FROM item") == 0
