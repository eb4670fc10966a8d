"""The sample files give exactly their truth, again and shuffled too."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from core.audience.events import folding
from core.db import database

SHARED = Path(os.environ.get("COOEE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data"
real_files = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason=f"{SHARED} is not there; put the sample files there or name their folder in COOEE_SHARED",
)
COUNTS = ("rows", "stored", "duplicates", "waiting", "rejected")
PURCHASE = 3
FACTS = """
SELECT c.phone_bidx, e.key_hash, e.type, e.at, e.amount_micros, i.key, g.name, e.props FROM event e
JOIN contact c ON c.id = e.contact_id LEFT JOIN item i ON i.id = e.item_id
LEFT JOIN category g ON g.id = e.category_id ORDER BY c.phone_bidx, e.key_hash
"""
STATS = """
SELECT c.phone_bidx, s.type, s.n, s.sum_micros, s.first_at, s.at1, s.at2, s.at3, s.at4 FROM event_stat s
JOIN contact c ON c.id = s.contact_id ORDER BY c.phone_bidx, s.type
"""


def _json(result):
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def _counts(done) -> list[int]:
    assert done["rows"] == sum(done[name] for name in COUNTS[1:])
    return [done[name] for name in COUNTS]


def _people(cli, folder, rule: dict) -> int:
    """How many a segment of one line has, by command."""
    file, name = folder / "rule.json", f"segment {len(list(folder.iterdir()))}"
    file.write_text(json.dumps({"all": [rule]}))
    assert cli("segment", "add", name, "--rule", file).exit_code == 0
    done = _json(cli("segment", "count", name, "--json"))
    (folder / name).touch()
    return done["count"]


def _all() -> tuple:
    """The facts of the database, without numbers of rows, which count the order of arrival."""
    facts = [
        tuple(bytes(c) if isinstance(c, memoryview) else c for c in row) for row in database.query(FACTS)
    ]
    stats = [
        tuple(bytes(c) if isinstance(c, memoryview) else c for c in row) for row in database.query(STATS)
    ]
    return facts, stats, sorted(database.query("SELECT day, type, n, sum_micros FROM event_day"))


@real_files
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_sample_files_give_exactly_their_truth(cli, language, tmp_path):
    truth = json.loads((SHARED / f"truth_{language}.json").read_text("utf-8"))
    file, n = SHARED / f"events_{language}.csv", truth["events"]
    _json(cli("contact", "import", SHARED / f"customers_{language}.csv", "--region", "CN", "--json"))
    assert _counts(_json(cli("event", "import", file, "--json"))) == [n, n, 0, 0, 0]

    counted, buyers, twice, total = database.one(
        "SELECT SUM(n), COUNT(*), SUM(CASE WHEN n >= 2 THEN 1 ELSE 0 END), SUM(sum_micros) "
        "FROM event_stat WHERE type = ?",
        (PURCHASE,),
    )
    assert (counted, buyers, twice) == (truth["purchases"], truth["buyers"], truth["buyers_2plus"])
    assert total == round(truth["revenue"] * 1_000_000)
    bought = {"segmenter": "event", "type": "purchase"}
    assert _people(cli, tmp_path, {**bought, "op": "did"}) == truth["buyers"]
    assert _people(cli, tmp_path, {**bought, "op": "count", "at_least": 2}) == truth["buyers_2plus"]
    spent = {"segmenter": "spend", "of": "gross", "at_least": 0.01}
    assert _people(cli, tmp_path, spent) == truth["buyers"]
    assert (
        database.scalar("SELECT SUM(n) FROM event_day") == database.scalar("SELECT COUNT(*) FROM event") == n
    )
    assert database.scalar("SELECT COUNT(*) FROM item") == 400

    first = _all()
    assert _counts(_json(cli("event", "import", file, "--json"))) == [n, 0, n, 0, 0]
    header, *lines = file.read_text("utf-8-sig").splitlines(keepends=True)
    random.Random(5).shuffle(lines)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text(header + "".join(lines), "utf-8")
    assert _counts(_json(cli("event", "import", shuffled, "--json"))) == [n, 0, n, 0, 0]
    assert _all() == first

    assert _json(cli("event", "undo", "1", "--json"))["removed"] == n
    assert [database.scalar(f"SELECT COUNT(*) FROM {t}") for t in ("event", "event_stat", "event_day")] == [
        0
    ] * 3
    assert _counts(_json(cli("event", "import", shuffled, "--json"))) == [n, n, 0, 0, 0]
    assert _all() == first
    assert list(folding.check_stats()) == list(folding.check_days()) == []


@real_files
def test_events_before_their_customers_wait_and_undone_customers_leave_theirs_waiting(cli):
    truth = json.loads((SHARED / "truth_zh.json").read_text("utf-8"))
    n = truth["events"]
    assert _counts(_json(cli("event", "import", SHARED / "events_zh.csv", "--json"))) == [n, 0, 0, n, 0]
    customers = SHARED / "customers_zh.csv"
    for _again in range(2):
        batch = _json(cli("contact", "import", customers, "--region", "CN", "--json"))["batch"]
        buyers = database.scalar("SELECT COUNT(*) FROM event_stat WHERE type = ?", (PURCHASE,))
        assert buyers == truth["buyers"]
        assert database.scalar("SELECT COUNT(*) FROM event") == n
        _json(cli("contact", "undo", batch, "--json"))
        assert database.scalar("SELECT COUNT(*) FROM event_waiting") == n
        assert [
            database.scalar(f"SELECT COUNT(*) FROM {t}") for t in ("event", "event_stat", "event_day")
        ] == [0] * 3
