"""`cooee demo` makes an instance worth looking at, by the ordinary ways, and only in an empty one."""

import json
import random
import re

import pytest

from core import clock
from core.audience import intents, keywords
from core.db import database
from core.db.codes import Cls, EventType, State
from core.demo import people, replies
from core.demo.past import Past
from core.measure import counts
from core.measure.trials import report
from core.sending import balances
from core.sending.dossiers import standing
from core.sending.otp import guard, stats
from core.sending.routes import rules

#: Words of the interface's language anywhere in a name, but for those that are the same in both.
ENGLISH = re.compile(r"(?!VIP)[A-Za-z]{3,}")


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
    _balances_fall_and_are_topped_up()
    _notices_fit_what_people_did()
    _campaigns_wait_run_and_are_over()
    _everything_happened_in_its_order()
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


def _balances_fall_and_are_topped_up():
    """What an account lost between two readings is what its texts cost, unless somebody paid in."""
    for account_id in database.query("SELECT id FROM account ORDER BY id"):
        readings, _units, currency = balances.history(*account_id, 0)
        assert currency == "CNY"
        assert len(readings) > 40
        assert min(reading.amount for reading in readings) > 0
        paid_in = 0
        for before, after in zip(readings, readings[1:], strict=False):
            cost = database.scalar(
                "SELECT COALESCE(SUM(cost_micros), 0) FROM message WHERE account_id = ? "
                "AND submitted_at >= ? AND submitted_at < ?",
                (*account_id, before.at, after.at),
            )
            gained = after.amount - before.amount + int(cost)
            # What is paid in is a round sum; the edge of an interval may belong to either side.
            if gained > 50_000_000:
                assert round(gained / 1_000_000) % 100 in (99, 0, 1)
                paid_in += 1
            else:
                assert abs(gained) < 5_000_000
        assert paid_in < 8


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


def _campaigns_wait_run_and_are_over():
    """Each list of campaigns has one, and those that are over went to their segment, some of it kept aside."""
    states = dict(
        database.query("SELECT state, COUNT(*) FROM campaign WHERE segment_id IS NOT NULL GROUP BY state")
    )
    assert states == {"draft": 1, "approval": 1, "scheduled": 1, "running": 1, "done": 13}
    checked = (
        "SELECT COUNT(*) FROM campaign_check k JOIN campaign c ON c.id = k.campaign_id WHERE k.state = 'done'"
    )
    assert database.scalar(f"{checked} AND c.state IN ('draft', 'approval')") == 2
    texts = dict(
        database.query(
            "SELECT variant, COUNT(*) FROM message WHERE campaign_id = (SELECT id FROM campaign WHERE name = ?) "
            "AND submitted_at IS NOT NULL GROUP BY variant",
            ("Preview: two texts",),
        )
    )
    assert sorted(texts) == [0, 1]
    assert min(texts.values()) > 100
    arrived = {
        round(delivered / n, 3)
        for delivered, n in database.query(
            "SELECT SUM(CASE WHEN state = ? THEN 1 ELSE 0 END) * 1.0, COUNT(*) FROM message "
            "WHERE submitted_at IS NOT NULL AND campaign_id IN (SELECT id FROM campaign WHERE audience > 200) "
            "GROUP BY campaign_id",
            (int(State.delivered),),
        )
    }
    assert len(arrived) > 1
    assert database.scalar("SELECT COUNT(*) FROM event WHERE type = ?", (int(EventType.reply),)) > 0
    assert {done.rejected for done in people.ImportBatch.select()} == {2, 3}


def _everything_happened_in_its_order():
    """A later id is never an earlier time, and nothing is used before it was made."""
    for table, at in (
        ("campaign WHERE segment_id IS NOT NULL", "created_at"),
        ("audit", "at"),
        ("inbound", "received_at"),
        ("consent_seal", '"at"'),
        ("import_batch", "created_at"),
    ):
        times = [row[0] for row in database.query(f"SELECT {at} FROM {table} ORDER BY id")]  # noqa: S608
        assert times == sorted(times), table
        assert times[-1] <= clock.now_ms()
    for (campaign_id,) in database.query("SELECT id FROM campaign WHERE state = 'done'"):
        log = database.query(
            "SELECT at, what FROM campaign_log WHERE campaign_id = ? ORDER BY id", (campaign_id,)
        )
        assert [what for _at, what in log] == ["created", "launched", "running", "done"]
        assert [at for at, _what in log] == sorted(at for at, _what in log)
    unmade = (
        "SELECT COUNT(*) FROM campaign c JOIN segment s ON s.id = c.segment_id JOIN variant v ON v.campaign_id = c.id "
        "JOIN template t ON t.id = v.template_id JOIN account a ON a.id = c.account_id "
        "WHERE s.created_at > c.created_at OR s.updated_at > c.created_at OR t.created_at > c.created_at "
        "OR a.created_at > t.created_at"
    )
    assert database.scalar(unmade) == 0
    twice = (
        "SELECT COUNT(*) FROM (SELECT contact_id FROM message WHERE campaign_id IN (SELECT id FROM campaign "
        "WHERE name LIKE 'Birthdays%') GROUP BY contact_id HAVING COUNT(*) > 1) AS wished"
    )
    assert database.scalar(twice) == 0
    too_early = "SELECT COUNT(*) FROM message m JOIN contact c ON c.id = m.contact_id WHERE m.submitted_at < c.created_at"
    assert database.scalar(too_early) == 0
    # A reading each night, and people who came with the later files.
    nights, least, most = database.one(
        "SELECT COUNT(*), MIN(n), MAX(n) FROM segment_day WHERE segment_id = (SELECT id FROM segment WHERE name = ?)",
        ("Everyone who agreed",),
    )
    assert nights >= 44
    assert most > least


@pytest.mark.parametrize("asked", [True, False])
def test_a_chinese_demo_is_chinese_to_the_last_name(cli_sqlite, rt_sqlite, monkeypatch, asked):
    if not asked:
        monkeypatch.setattr(rt_sqlite.settings, "language", "zh_Hans")
    made = cli_sqlite("demo", "--contacts", "300", *(("--language", "zh_Hans") if asked else ()))
    assert made.exit_code == 0, made.stderr
    for table in (
        "segment", "template", "account", "route_rule", "sender_pool", "label", "trial",
        "campaign WHERE segment_id IS NOT NULL",
    ):  # fmt: skip
        names = [name for (name,) in database.query(f"SELECT name FROM {table}")]  # noqa: S608
        assert names, table
        assert [name for name in names if ENGLISH.search(name)] == [], table
    assert not ENGLISH.search(database.scalar("SELECT note FROM trial_account WHERE verdict = 'good'"))
    # The rules of segments mean the labels that the Chinese rules set.
    empty = [name for name, n in database.query("SELECT name, last_count FROM segment") if not n]
    assert empty == []
    # People are texted in their own language all the same.
    assert database.scalar("SELECT COUNT(*) FROM message_text WHERE body LIKE 'Kola: Mr %'") > 0


def test_the_demos_trial_tells_the_accounts_apart(cli_sqlite, rt_sqlite):
    cli_sqlite("demo", "--contacts", "120")
    found = report.make(rt_sqlite, 1)
    assert found.trial.state == "done"
    assert [line.verdict.verdict for line in found.lines] == ["good", "good", "limits"]
    good, _other, bad = (line.figures for line in found.lines)
    assert bad.false.k > 0 == good.false.k
    assert bad.arrival.value < good.arrival.value


def test_the_past_is_played_in_the_order_of_its_times(rt_sqlite):
    past, seen = Past(), []

    def note(name: str) -> None:
        seen.append((name, past.now - clock.now_ms() > clock.HOUR_MS))
        if name == "first":
            past.on(2, "9:00", note, "brought by the first")

    past.at(past.now + clock.DAY_MS, note, "tomorrow is today")
    past.on(1, "9:00", note, "last")
    past.on(3, "9:00", note, "first")
    past.play()
    assert seen == [
        ("first", True),
        ("brought by the first", True),
        ("last", True),
        ("tomorrow is today", False),
    ]


@pytest.mark.parametrize("chinese", [True, False])
def test_replies_are_read_as_they_are_meant(chinese):
    country, words = "CN" if chinese else "GB", keywords.Words.of(keywords.DEFAULTS)
    for how, meant in (("stop", "stop"), ("unsure", "held"), ("other", "")):
        for text, verdict in replies.TEXTS[chinese][how]:
            assert (words.intent(text, country) or intents.read(text).intent) == meant, text
            assert bool(verdict) is (how == "unsure")


def test_the_same_seed_makes_the_same_people(tmp_path):
    files = [tmp_path / f"{n}.csv" for n in range(3)]
    for file, seed in zip(files, (7, 7, 8), strict=True):
        people.write_csv(file, 0, 120, random.Random(seed))
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_an_instance_with_data_is_left_alone(cli_sqlite):
    cli_sqlite("demo", "--contacts", "120")
    refused = cli_sqlite("demo", "--contacts", "120")
    assert refused.exit_code == 1
    assert "fills empty ones only: make a new one with `cooee --instance FOLDER init`" in refused.stderr
