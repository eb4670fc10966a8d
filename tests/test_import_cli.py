"""`cooee contact import` and `undo`: the real files, dry runs, and a process killed in the middle."""

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

from core.audience import consent, fields
from core.db import database
from core.db.codes import Cls
from core.db.models import ImportBatch

SHARED = Path(os.environ.get("COOEE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data"
real_files = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason=f"{SHARED} is not there; put the sample files there or name their folder in COOEE_SHARED",
)
ZH = "手机号,姓名,国家,性别,出生日期,城市,会员等级,累计消费,首购品类,同意营销\n"
#: Rows as they stand in the sample files, cut to what each shows.
EXCERPT = ZH + (
    "15037704964,张娜伟,CN,女,,武汉,金卡,5.86,食品,否\n"
    "+86 187 3007 6460,林军洋,CN,男,1988-02-18,上海,金卡,53.82,数码,否\n"
    "＋８６１８８７７２６６０９１,马勇,CN,男,1974-12-05,广州,银卡,28.93,食品,是\n"
    "18877266091,马勇,CN,男,1990-02-30,杭州,,,,否\n"
    "008618877266091,,CN,,,,钻石,,,是\n"
    "1.38001E+10,胡强,CN,,1977/02/21,上海,银卡,343.29,家居,是\n"
    "无,=cmd,CN,,,上海,银卡,1,家居,是\n"
)
#: Beyond the rows that are looked at for the columns.
OPEN_QUOTE = "phone,name\n" + "+447400180201,Ann\n" * 20_001 + '+447400180202,"Bo,Bath\n+447400180203,Cy\n'


def _json(result):
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def _by_city(batch_id: int) -> dict[str, int]:
    city = fields.get("city")
    return dict(
        database.query(
            f"SELECT x.text, COUNT(*) FROM contact c JOIN profile p ON p.contact_id = c.id "
            f"JOIN field_choice x ON x.field_id = {city.id} AND x.code = p.{city.column} "
            "WHERE c.batch_id = ? GROUP BY x.text",
            (batch_id,),
        )
    )


@real_files
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_sample_files_give_exactly_their_truth(cli, language):
    truth = json.loads((SHARED / f"truth_{language}.json").read_text("utf-8"))
    file = SHARED / f"customers_{language}.csv"
    first = _json(cli("contact", "import", file, "--region", "CN", "--json"))
    for key in ("rows", "created", "duplicates", "rejected"):
        assert first[key] == truth[key], key
    assert first["updated"] == first["unchanged"] == 0
    yes = database.scalar("SELECT COUNT(*) FROM profile WHERE consent_bits = ?", (Cls.mass.bit,))
    assert yes == truth["consent_yes"]
    assert _by_city(first["batch"]) == truth["by_city"]
    again = _json(cli("contact", "import", file, "--region", "CN", "--json"))
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, truth["created"])
    assert again["same_as"] == first["batch"]
    assert _json(cli("contact", "undo", first["batch"], "--json"))["removed"] == truth["created"]
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0
    assert consent.check() is None


def test_an_excerpt_in_gb18030_with_rejects_to_download(cli_sqlite, tmp_path):
    file = tmp_path / "excerpt.csv"
    file.write_bytes(EXCERPT.encode("gb18030"))
    done = _json(cli_sqlite("contact", "import", file, "--json"))
    assert [done[k] for k in ("rows", "created", "duplicates", "rejected", "notes")] == [7, 3, 2, 2, 1]
    assert done["rows"] == sum(done[k] for k in ("created", "updated", "unchanged", "duplicates", "rejected"))
    with open(done["rejects_file"], encoding="utf-8-sig", newline="") as source:
        rejected = list(csv.reader(source))
    assert rejected[0] == ["row", "reason", *ZH.strip().split(",")]
    assert [(row[0], row[2], row[3]) for row in rejected[1:]] == [
        ("7", "1.38001E+10", "胡强"),
        ("8", "无", "'=cmd"),
    ]
    assert "spreadsheet" in rejected[1][1]
    assert Path(done["rejects_file"]).stat().st_mode & 0o077 == 0


def test_a_dry_run_counts_and_changes_nothing(cli, tmp_path):
    file = tmp_path / "excerpt.csv"
    file.write_bytes(EXCERPT.encode("gb18030"))
    dry = _json(cli("contact", "import", file, "--dry-run", "--json"))
    assert (dry["batch"], dry["rows"], dry["created"]) == (None, 7, 3)
    tables = ("contact", "profile", "field_choice", "import_batch", "consent_event")
    assert [database.scalar(f"SELECT COUNT(*) FROM {table}") for table in tables] == [0] * 5
    assert {f.key for f in fields.all_fields()} == {"gender", "birthday", "city"}
    done = _json(cli("contact", "import", file, "--json"))
    assert all(
        done[key] == dry[key]
        for key in ("rows", "created", "updated", "unchanged", "duplicates", "rejected", "notes")
    )
    dry = _json(cli("contact", "import", file, "--dry-run", "--label", "new", "--json"))
    assert dry["unchanged"] == 3


def test_columns_are_mapped_by_hand(cli_sqlite, tmp_path):
    file = tmp_path / "f.csv"
    file.write_text("a;Ort;b\n13800138000;Köln;x\n", "utf-8")
    done = _json(
        cli_sqlite(
            "contact", "import", file, "--map", "phone=a", "--map", "level=b", "--label", "vip", "--json"
        )
    )
    assert done["created"] == 1
    assert fields.get("level") is not None
    refused = cli_sqlite("contact", "import", file, "--map", "phone=zzz")
    assert refused.exit_code == 1 and "no column “zzz”" in refused.stderr
    assert cli_sqlite("contact", "import", file, "--map", "phone").exit_code == 2


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("name\nAnn\n", (), "No column of phone numbers"),
        ("phone\n13800138000\n", ("--consent", "spam"), "“spam” is not one of"),
        ("phone\n13800138000\n", ("--consent-source", "x"), "needs a class"),
        ("", (), "empty"),
        (OPEN_QUOTE, (), "Row 20003: a quote is opened"),
        (OPEN_QUOTE, ("--dry-run",), "Row 20003: a quote is opened"),
    ],
    ids=["no numbers", "class", "source", "empty", "quote", "quote, dry run"],
)
def test_what_cannot_be_imported_is_refused_in_one_sentence(cli_sqlite, tmp_path, text, options, says):
    file = tmp_path / "f.csv"
    file.write_text(text, "utf-8")
    refused = cli_sqlite("contact", "import", file, *options)
    assert refused.exit_code == 1 and says in refused.stderr and refused.stderr.count("\n") == 1
    assert database.scalar("SELECT COUNT(*) FROM import_batch") == 0
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0


def test_missing_files_and_batches_are_refused(cli_sqlite, tmp_path):
    assert "no file" in cli_sqlite("contact", "import", tmp_path / "none.csv").stderr
    assert "no import 7" in cli_sqlite("contact", "undo", "7").stderr


def _big_file(path: Path, n: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("phone,name,city,consent\n")
        for at in range(n):
            number = "12345" if at % 100 == 0 else f"+861380{at % (n * 9 // 10):07}"
            file.write(f"{number},Customer {at},City {at % 300},{'yes' if at % 3 else 'no'}\n")


def test_a_killed_import_goes_on_exactly_where_it_stopped(rt, cli, instance, tmp_path):
    file, n = tmp_path / "big.csv", 60_000
    _big_file(file, n)
    command = [sys.executable, "-m", "core.cli", "contact", "import", str(file), "--json"]
    kills = 0
    for _ in range(6):
        before = database.scalar("SELECT COALESCE(MAX(cursor), 0) FROM import_batch")
        process = subprocess.Popen(
            command,
            env={**os.environ, **instance},
            cwd=Path(__file__).resolve().parents[1],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while (
            process.poll() is None
            and database.scalar("SELECT COALESCE(MAX(cursor), 0) FROM import_batch") <= before
        ):
            time.sleep(0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if kills == 3:
            break
    assert kills == 3
    assert 0 < ImportBatch.get().cursor < n
    done = _json(cli("contact", "import", file, "--json"))
    assert ImportBatch.select().count() == 1
    rejected = n // 100
    valid = {at % (n * 9 // 10) for at in range(n) if at % 100}
    assert [done[k] for k in ("rows", "created", "updated", "unchanged", "duplicates", "rejected")] == [
        n, len(valid), 0, 0, n - rejected - len(valid), rejected,
    ]  # fmt: skip
    for table in ("contact", "profile", "consent_event"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == len(valid)
    assert consent.check() is None


def test_the_benchmark_reports_its_figures():
    from core.bench import importing

    found = importing.run(3_000)
    assert found["what"] == "import" and found["n"] == 3_000
    assert found["created"] + found["duplicates"] + found["rejected"] == 3_000
    assert found["again"]["unchanged"] == found["created"]
    assert set(found) >= {"seconds", "per_second", "peak_rss_mb", "cpu_us_per_item", "baseline", "ratio"}
