"""The catalogue: by file and by program, idempotent, with categories on the fly."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest

from core import clock
from core.audience import contacts, events
from core.audience.events import catalogue, itemfile
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


def test_every_rejected_row_is_in_a_file_that_can_be_mended_and_imported(cli, rt, tmp_path):
    file = tmp_path / "items.csv"
    rows = [f"SKU{n},=Boot {n},shoes,{'dear' if n % 2 else 5},tag" for n in range(1_000)]
    file.write_text("key,title,category,price,tags\n" + "\n".join(rows))
    done = _json(cli("item", "import", file, "--json"))
    assert (done["rejected"], len(done["rejects"])) == (500, 100)
    told = Path(done["rejects_file"])
    assert told.stat().st_mode & 0o777 == 0o600
    lines = list(csv.reader(told.read_text("utf-8-sig").splitlines()))
    assert lines[0] == ["row", "reason", "key", "title", "category", "price", "tags"] and len(lines) == 501
    assert lines[1][0] == "3" and lines[1][2:] == ["SKU1", "'=Boot 1", "shoes", "dear", "tag"]
    assert len({line[2] for line in lines[1:]}) == 500
    told.write_text(told.read_text("utf-8-sig").replace('"dear"', '"7"'), "utf-8")
    again = _json(cli("item", "import", told, "--json"))
    assert (again["created"], again["rejected"], again["rejects_file"]) == (500, 0, None)
    assert "Rejected rows with reasons: " in cli("item", "import", file).output


def test_files_of_rejected_rows_go_after_a_month(rt_sqlite, tmp_path):
    folder = rt_sqlite.settings.path("uploads")
    folder.mkdir(exist_ok=True)
    old, young = folder / f"rejects-items-{'0' * 16}.csv", folder / f"rejects-items-{'1' * 16}.csv"
    for path in (old, young):
        path.write_text("row\n")
    os.utime(old, (1, 1))
    file = tmp_path / "items.csv"
    file.write_text("key\nSKU1\n")
    itemfile.load(rt_sqlite, file, {}, "ann")
    assert not old.exists() and young.exists()


def test_the_page_gives_all_rejected_rows_as_a_file(client, login):
    rows = "\n".join(f"SKU{n},dear" for n in range(150))
    page = client.post(
        "/contacts/events/items",
        data={"file": (io.BytesIO(f"key,price\n{rows}\n".encode()), "items.csv")},
        content_type="multipart/form-data",
    ).get_data(as_text=True)
    assert "The first 100 of 150." in page
    [link] = re.findall(r"/contacts/events/items/rejects/rejects-items-[0-9a-f]{16}\.csv", page)
    answer = client.get(link)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.get_data(as_text=True).count("SKU") == 150
    assert login("viewer").get(link).status_code == 403
    for name in (f"rejects-items-{'a' * 16}.csv", "cooee.db", "..%2Fcooee.db"):
        assert client.get(f"/contacts/events/items/rejects/{name}").status_code == 404
