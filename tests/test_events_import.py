"""`cooee event import`: files as shops export them, rejects, undo, and a process killed in the middle."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import clock, i18n
from core.audience import contacts, erasing, events
from core.audience.events import folding, importing, rejects
from core.audience.events.recording import NewEvent
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import EventBatch

ANN, BOB = "+8613800138000", "+8613800138001"
COUNTS = ("rows", "stored", "duplicates", "waiting", "rejected")
#: A shop's export: Chinese headers, GB18030, local times, national numbers, words of its own for types.
SHOP = (
    "订单号,手机号,行为类型,支付时间,实付金额,币种,商品编号,商品分类,门店\n"
    "A1,138 0013 8000,购买,2026-05-04 08:30:00,1299.5,CNY,SKU1,护肤,徐汇店\n"
    "A2,13800138000,退款,2026/5/6 09:00,99,CNY,SKU1,护肤,\n"
    ",13800138001,加入购物车,2026年5月7日 10:11:12,,,SKU2,彩妆,\n"
    ",１３８００１３８０００,Visit,1778112000,,,,,静安店\n"
    "A3,13800138000,购买,2026-05-04 08:31:00,,CNY,SKU1,护肤,\n"
    "A4,12345,购买,2026-05-04 08:31:00,5,CNY,=cmd,护肤,\n"
    "A5,13800138000,购卖,2026-05-04 08:31:00,5,CNY,,,\n"
    "A6,13800138000,购买,2026-02-30 08:31:00,5,CNY,,,\n"
    "A7,13800138000,购买,2026-05-04,五,CNY,,,\n"
    "A8,13800138000,购买,2036-05-04,5,CNY,,,\n"
    ",,,,,,,,\n"
)
REASONS = ["needs an amount", "valid number", "no such type", "not a time", "not an amount", "future"]


def _json(result):
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def _counts(done) -> list[int]:
    assert done["rows"] == sum(done[name] for name in COUNTS[1:])
    return [done[name] for name in COUNTS]


@pytest.fixture
def ann(rt):
    return contacts.create(rt, ANN)


def test_a_shops_export_with_rejects_to_download(rt, cli, ann, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_bytes(SHOP.encode("gb18030"))
    done = _json(cli("event", "import", file, "--region", "CN", "--zone", "Asia/Shanghai", "--json"))
    assert _counts(done) == [10, 3, 0, 1, 6]
    bought = events.of_contact(ann, only=["purchase"])[0]
    assert bought.at == 1_777_854_600_000
    assert (bought.amount_micros, bought.item, bought.category) == (1_299_500_000, "SKU1", "护肤")
    assert bought.props == {"order": "A1", "place": "徐汇店"}
    assert [done.type for done in events.of_contact(ann)] == ["visit", "refund", "purchase"]
    with open(done["rejects_file"], encoding="utf-8-sig", newline="") as source:
        rejected = list(csv.reader(source))
    assert rejected[0][:4] == ["row", "reason", "订单号", "手机号"]
    assert [row[0] for row in rejected[1:]] == ["6", "7", "8", "9", "10", "11"]
    assert all(words in row[1] for words, row in zip(REASONS, rejected[1:], strict=True))
    assert rejected[2][8] == "'=cmd"
    assert Path(done["rejects_file"]).stat().st_mode & 0o077 == 0
    assert len(rejects.by_reason(done["batch"])) == 6
    with i18n.use("zh_Hans"):
        assert next(rejects.rows(done["batch"]))[1] == "no_amount"
        assert "订单号" in "".join(rejects.as_csv(done["batch"]))
    bob = contacts.create(rt, BOB)
    assert [done.type for done in events.of_contact(bob)] == ["cart"]


def test_other_columns_properties_and_corrections_by_hand(cli, ann, tmp_path):
    _json(cli("event", "type", "add", "trial", "--title", "试听课", "--property", "hours=number", "--json"))
    file = tmp_path / "f.csv"
    file.write_text(
        f"who;what;moment;prop.hours;lat;lon;remark\n{ANN};试听课;04.05.2026 10:00;1,5;31.2;121.4;x\n"
        f"{ANN};trial;05.05.2026 10:00;many;;;x\n{ANN};trial;13.05.2026 10:00;;95;;x\n",
        "utf-8",
    )
    done = _json(cli("event", "import", file, "--map", "type=what", "--map", "at=#3", "--json"))
    assert _counts(done) == [3, 0, 0, 0, 3], "1,5 is no number with a point"
    file.write_text(file.read_text("utf-8").replace("1,5", "1.5"), "utf-8")
    done = _json(cli("event", "import", file, "--map", "type=what", "--map", "at=#3", "--json"))
    assert _counts(done) == [3, 1, 0, 0, 2]
    assert events.of_contact(ann)[0].props == {"hours": 1.5, "lat": 31.2, "lon": 121.4}
    assert events.of_contact(ann)[0].at == 1_777_888_800_000
    listed = {made["key"]: made for made in _json(cli("event", "type", "list", "--json"))}
    assert listed["trial"]["events"] == 1 and listed["trial"]["properties"] == {"hours": "number"}


def test_a_file_of_one_type_needs_no_column_of_types(cli, ann, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(f"phone,date,total\n{ANN},2026-05-04,12\n{ANN},2026-05-05,8\n", "utf-8")
    assert "No column “type”" in cli("event", "import", file).stderr
    assert "no type “order”" in cli("event", "import", file, "--type", "order").stderr
    assert _counts(_json(cli("event", "import", file, "--type", "purchase", "--json"))) == [2, 2, 0, 0, 0]
    assert events.counted(ann)["purchase"].sum_micros == 20_000_000


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", (), "empty"),
        ("+8613800138000,view,2026-05-04\n", (), "first row must name the columns"),
        ("phone,type\n+8613800138000,view\n", (), "No column “at”"),
        ("phone,type,at\n", ("--zone", "Mars/Base"), "not an IANA time zone"),
        ("phone,type,at\n", ("--map", "at=When"), "no column “When”"),
        ("phone,type,at\n", ("--map", "colour=at"), "nothing an event has"),
    ],
)
def test_what_is_no_file_of_events_is_refused_in_one_sentence(cli_sqlite, tmp_path, text, options, says):
    file = tmp_path / "f.csv"
    file.write_text(text, "utf-8")
    refused = cli_sqlite("event", "import", file, *options)
    assert refused.exit_code == 1 and says in refused.stderr and refused.stderr.count("\n") == 1
    assert EventBatch.select().count() == 0


def test_missing_files_and_batches_are_refused(cli_sqlite, tmp_path):
    assert "no file" in cli_sqlite("event", "import", tmp_path / "none.csv").stderr
    assert "no import 7" in cli_sqlite("event", "undo", "7").stderr


def test_most_amounts_decide_the_house_currency_whatever_comes_first(cli, ann, tmp_path):
    rows = [f"{ANN},purchase,2026-05-04,{n},{'USD' if n == 0 else 'EUR'},k{n}\n" for n in range(5)]
    file = tmp_path / "f.csv"
    file.write_text("phone,type,at,amount,currency,key\n" + "".join(rows), "utf-8")
    done = _json(cli("event", "import", file, "--json"))
    assert events.currency() == "EUR"
    assert _counts(done) == [5, 5, 0, 0, 0], "nothing of another currency is still nothing"
    settings.put("rates", {"USD": 0.5})
    file.write_text(f"phone,type,at,amount,currency,key\n{ANN},purchase,2026-05-05,3,usd,k9\n", "utf-8")
    _json(cli("event", "import", file, "--json"))
    assert events.of_contact(ann)[0].amount_micros == 1_500_000


def test_undo_takes_what_the_file_brought_and_leaves_the_rest(rt, cli, ann, tmp_path):
    at = importing_at("2026-05-04")
    events.record(
        rt, [NewEvent("view", at, contact_id=ann, key="k1"), NewEvent("view", at, phone=BOB, key="k1")]
    )
    file = tmp_path / "f.csv"
    file.write_text(
        "phone,type,at,key\n"
        + "".join(f"{who},view,2026-05-0{n},k{n}\n" for who in (ANN, BOB) for n in (4, 5, 1)),
        "utf-8",
    )
    done = _json(cli("event", "import", file, "--json"))
    assert _counts(done) == [6, 2, 2, 2, 0]
    assert _json(cli("event", "undo", done["batch"], "--json"))["removed"] == 4
    assert events.counted(ann)["view"].n == 1
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 1
    assert "undone already" in cli("event", "undo", done["batch"]).stderr
    assert list(folding.check_stats()) == list(folding.check_days()) == []
    assert _counts(_json(cli("event", "import", file, "--json"))) == [6, 2, 2, 2, 0]


def importing_at(day: str) -> int:
    """Midnight of a day, UTC, in epoch ms."""
    return clock.to_ms(clock.datetime.fromisoformat(f"{day}T00:00:00+00:00"))


def test_an_erased_number_leaves_no_trace_in_rejected_rows(rt, cli, ann, tmp_path):
    file = tmp_path / "f.csv"
    file.write_text(
        f"phone,type,at,amount\n{ANN},dance,2026-05-04,\n{ANN},view,2026-05-04,\n{BOB},purchase,2026-05-04,\n",
        "utf-8",
    )
    first = _json(cli("event", "import", file, "--json"))
    erasing.erase(rt, ann, who="test")
    assert [cells for _row, _why, cells in rejects.rows(first["batch"])][0] == []
    again = _json(cli("event", "import", file, "--json"))
    assert _counts(again) == [3, 0, 0, 0, 3]
    assert [(why, cells) for _row, why, cells in rejects.rows(again["batch"])][1] == ("erased", [])


def test_a_page_looks_first_and_a_job_imports(rt, ann, tmp_path):
    file = tmp_path / "f.csv"
    file.write_text(f"phone,type,at\n{ANN},view,2026-05-04\n{ANN},purchase,2026-05-04\n", "utf-8")
    seen = importing.look(rt, file)
    assert (seen["checked"], seen["failing"]) == (2, 1)
    assert seen["plan"]["columns"] == {"phone": 0, "type": 1, "at": 2}
    assert [bool(row["reason"]) for row in seen["rows"]] == [False, True]
    batch = importing.create(rt, "f.csv", file, {"region": "CN"}, "ann@example.com")
    assert importing.create(rt, "f.csv", file, {"region": "CN"}, "ann@example.com").id == batch.id
    assert (batch.state, batch.total) == ("running", 2)
    importing.run(rt, batch.id)
    importing.run(rt, batch.id)
    assert importing.report(batch.id)["stored"] == 1
    assert EventBatch.get_by_id(batch.id).cursor == 2
    assert importing.seen_before(file).id == batch.id


def test_a_file_that_went_away_fails_with_the_reason(rt, ann, tmp_path):
    file = tmp_path / "f.csv"
    file.write_text(f"phone,type,at\n{ANN},view,2026-05-04\n", "utf-8")
    batch = importing.create(rt, "f.csv", file)
    file.unlink()
    with pytest.raises(Refusal, match="is gone"):
        importing.run(rt, batch.id)
    assert EventBatch.get_by_id(batch.id).state == "failed"


def test_silent_imports_are_queued_again(rt_sqlite, tmp_path):
    file = tmp_path / "f.csv"
    file.write_text(f"phone,type,at\n{ANN},view,2026-05-04\n", "utf-8")
    batch = importing.create(rt_sqlite, "f.csv", file)
    assert importing.resume(rt_sqlite) == 0
    with database.write_tx():
        EventBatch.update(beat_at=clock.now_ms() - 2 * clock.MINUTE_MS).execute()
    assert importing.resume(rt_sqlite) == 1
    assert batch.state == "running"


def test_a_killed_import_goes_on_exactly_where_it_stopped(rt, cli, instance, tmp_path):
    file, n = tmp_path / "big.csv", 110_000
    with file.open("w", encoding="utf-8") as out:
        out.write("phone,type,at,key\n")
        out.writelines(f"+861380{at % 900:07},view,2026-05-04T00:00:00Z,k{at}\n" for at in range(n))
    command = [sys.executable, "-m", "core.cli", "event", "import", str(file), "--json"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **instance},
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not database.scalar("SELECT COALESCE(MAX(cursor), 0) FROM event_batch"):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < EventBatch.get().cursor < n
    done = _json(cli("event", "import", file, "--json"))
    assert EventBatch.select().count() == 1
    assert _counts(done) == [n, 0, 0, n, 0]
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == n


def test_the_benchmark_reports_its_figures():
    from core.bench import events as bench

    found = bench.run(2_000, contacts=400, events=4_000)
    assert found["what"] == "events" and found["n"] == found["stored"] == 2_000
    assert found["again"]["duplicates"] == 2_000 and found["wrong"] == []
    assert found["events"] == 4_000
    assert set(found) >= {"seconds", "per_second", "peak_rss_mb", "cpu_us_per_item", "baseline", "ratio"}


def test_currency_and_rates_by_command(cli, ann, tmp_path):
    assert _json(cli("event", "currency", "--json")) == {"currency": "", "rates": {}}
    made = _json(cli("event", "currency", "cny", "--rate", "USD=7.2", "--rate", "EUR=7.8", "--json"))
    assert made == {"currency": "CNY", "rates": {"EUR": "7.8", "USD": "7.2"}}
    file = tmp_path / "f.csv"
    file.write_text(f"phone,type,at,amount,currency\n{ANN},purchase,2026-05-04,10,USD\n", "utf-8")
    _json(cli("event", "import", file, "--json"))
    assert events.counted(ann)["purchase"].sum_micros == 72_000_000
    assert "cannot change any more" in cli("event", "currency", "EUR").stderr
    assert "no ISO currency code" in cli("event", "currency", "RMB").stderr
    assert "no exchange rate" in cli("event", "currency", "--rate", "USD=much").stderr
    assert _json(cli("event", "currency", "--rate", "EUR=0", "--json"))["rates"] == {"USD": "7.2"}
