"""`cooee demo` makes an instance worth looking at, by the ordinary ways, and only in an empty one."""

import json
import random

from core import clock
from core.db import database
from core.db.codes import Cls, EventType, State
from core.demo import people
from core.measure import counts
from core.measure.trials import report
from core.sending import balances
from core.sending.dossiers import standing
from core.sending.otp import guard, stats
from core.sending.routes import rules


def test_the_demo_fills_an_empty_instance_and_its_books_add_up(cli):
    result = cli("demo", "--contacts", "400", "--json")
    assert result.exit_code == 0, result.stderr
    done = json.loads(result.stdout)
    assert done["contacts"] == 400
    # The others are the nine phones of the trial.
    assert database.scalar("SELECT COUNT(*) FROM contact") == 409
    sent = counts.by_state(done["sent"])
    assert sum(sent.values()) == database.scalar(
        "SELECT audience FROM campaign WHERE id = ?", (done["sent"],)
    )
    assert not {"ready", "claimed", "submitting"} & set(sent)
    # Of some 360 people 5 % are kept aside; of the few gold ones perhaps nobody.
    assert counts.by_state(done["running"])["holdout"] > 0
    assert (
        database.scalar(
            "SELECT COUNT(*) FROM message WHERE campaign_id = ? AND state = ?", (done["running"], State.ready)
        )
        > 300
    )
    _the_accounts_have_a_past()
    _notices_fit_what_people_did()
    assert cli("verify").exit_code == 0


def _the_accounts_have_a_past():
    """Each page of Providers has something to show."""
    watched = dict(
        database.query("SELECT a.name, w.state FROM account a JOIN account_watch w ON w.account_id = a.id")
    )
    assert watched == {
        "Cloud platform": "ok", "Carrier direct": "ok", "Reseller": "canary", "World gateway": "ok",
    }  # fmt: skip
    assert database.scalar("SELECT SUM(sent_count) FROM profile") == database.scalar(
        "SELECT COUNT(*) FROM message WHERE submitted_at IS NOT NULL AND state NOT IN (?, ?)",
        (State.rejected, State.submitting),
    )
    first, last, carriers = database.one(
        "SELECT MIN(hour), MAX(hour), COUNT(DISTINCT carrier) FROM arrival_cell WHERE cls = 1"
    )
    assert last - first >= 14 * 24
    assert carriers >= 6
    assert [rule.strategy for rule in rules.every()] == ["arrival", "weight", "order"]
    assert [account.name for account, _left in balances.low()] == ["Carrier direct"]
    assert database.scalar("SELECT COUNT(*) FROM provider_call WHERE accepted < n") >= 6
    assert {finding for (finding,) in database.query("SELECT DISTINCT finding FROM invoice_line")} == {
        "ok", "price", "parts", "not_ours", "not_billed", "twice",
    }  # fmt: skip
    assert [prefix for prefix, *_rest in guard.blocked()] == ["4479503"]
    codes = stats.totals(2 * clock.DAY_MS)
    assert 0.7 < codes["verified"] / codes["sent"] < 1
    papers = [paper.state for one in standing.every() for paper in one.papers]
    assert {"expiring", "expired"} <= set(papers)


def _notices_fit_what_people_did():
    """Nobody reads of a refund or an order they never had."""
    for words, kind in (
        ("refund", EventType.refund),
        ("退款", EventType.refund),
        ("订单", EventType.purchase),
    ):
        told, did = database.one(
            "SELECT COUNT(*), SUM(CASE WHEN EXISTS (SELECT 1 FROM event_stat s WHERE s.contact_id = m.contact_id "
            "AND s.type = ?) THEN 1 ELSE 0 END) FROM message m JOIN message_text t ON t.message_id = m.id "
            "WHERE m.cls = ? AND t.body LIKE ?",
            (int(kind), int(Cls.notice), f"%{words}%"),
        )
        assert told == did > 0


def test_the_demos_trial_tells_the_accounts_apart(cli_sqlite, rt_sqlite):
    cli_sqlite("demo", "--contacts", "120")
    found = report.make(rt_sqlite, 1)
    assert found.trial.state == "done"
    assert [line.verdict.verdict for line in found.lines] == ["good", "good", "limits"]
    good, _other, bad = (line.figures for line in found.lines)
    assert bad.false.k > 0 == good.false.k
    assert bad.arrival.value < good.arrival.value


def test_the_same_seed_makes_the_same_people(tmp_path):
    files = [tmp_path / f"{n}.csv" for n in range(3)]
    for file, seed in zip(files, (7, 7, 8), strict=True):
        people.write_csv(file, 120, random.Random(seed))
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_an_instance_with_data_is_left_alone(cli_sqlite):
    cli_sqlite("demo", "--contacts", "120")
    refused = cli_sqlite("demo", "--contacts", "120")
    assert refused.exit_code == 1
    assert refused.stderr.strip().endswith("fills empty ones only.")
