"""`cooee campaign`: the commands and fields others script against."""

import csv
import io
import json
import re
from datetime import datetime

import pytest

from core.cli import campaign_more
from core.db import database, settings
from core.db.codes import State
from core.sending import approval, expand, lifecycle, messages, prices
from tests import campaign_kit as kit


@pytest.fixture
def made(rt, cli):
    """100 people (10 without consent), a segment, a template, an account, a draft with 10 % holdout."""
    kit.crowd(rt, 90)
    kit.crowd(rt, 10, consent=0)
    kit.segment("everyone")
    kit.template("hello")
    kit.account(rt, "main", price=45_000)
    answer = cli(
        "campaign", "add", "Winter", "--segment", "everyone", "--template", "hello", "--account", "main",
        "--holdout", "10", "--option", "quiet_hours=off", "--option", "rate=50/s", "--option", "window=20", "--json",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)["id"]


def shown(cli, campaign_id: int) -> dict:
    return json.loads(cli("campaign", "show", campaign_id, "--json").stdout)


def test_check_adds_up_and_says_cost_and_finish(rt, cli, made):
    said = json.loads(cli("campaign", "check", made, "--json").stdout)
    assert said["audience"] == 100
    assert said["excluded"] == {"no_consent": 10}
    assert said["messages"] + said["holdout"] == 90
    assert said["holdout"] > 0
    assert said["parts"] == said["messages"]
    assert said["cost"] == pytest.approx(said["messages"] * 0.045)
    assert said["currency"] == "CNY"
    assert said["finish_at"].endswith("+00:00")
    assert all({"level", "code", "message"} <= finding.keys() for finding in said["findings"])


@pytest.mark.parametrize("some", [False, True])
def test_a_cost_nobody_knows_is_not_nothing(rt_sqlite, cli_sqlite, some):
    kit.crowd(rt_sqlite, 3, country="DE")
    if some:
        kit.crowd(rt_sqlite, 2)
    kit.segment("everyone")
    kit.template("hello")
    account = kit.account(rt_sqlite, "main")
    if some:
        prices.put(account, [prices.Line(45_000, "CNY", "CN")])
    options = ("--account", "main", "--option", "quiet_hours=off", "--json")
    answer = cli_sqlite("campaign", "add", "W", "--segment", "everyone", "--template", "hello", *options)
    draft = json.loads(answer.stdout)["id"]
    said = json.loads(cli_sqlite("campaign", "check", draft, "--json").stdout)
    words = cli_sqlite("campaign", "check", draft).stdout
    if some:
        assert (said["cost"], said["currency"], said["costs"], said["unpriced"]) == (
            0.09,
            "CNY",
            {"CNY": 0.09},
            3,
        )
        assert "0.09 CNY, and 3 texts whose price is not known" in words
    else:
        assert (said["cost"], said["currency"], said["costs"], said["unpriced"]) == (None, None, {}, 3)
        assert re.search(r"at most +not known\n", words)


def test_launch_then_show_counts_every_state_and_adds_up(rt, cli, made):
    assert cli("campaign", "launch", made).exit_code == 0
    expand.run(rt, made)
    said = shown(cli, made)
    assert (said["state"], said["audience"], said["name"]) == ("running", 100, "Winter")
    assert sum(said["counts"].values()) == 100
    assert set(said["counts"]) == {state.name for state in State}
    assert said["counts"]["skipped"] == 10
    assert said["counts"]["holdout"] > 0
    assert said["variants"][0]["template"] == "hello"
    assert sum(said["variants"][0]["counts"].values()) == 100
    assert {"value", "numerator", "denominator", "interval"} <= next(iter(said["metrics"].values())).keys()
    again = cli("campaign", "launch", made)
    assert again.exit_code == 1
    assert "launched already" in again.stderr


def test_pause_resume_cancel_and_wait(rt, cli, made):
    assert "launch it first" in cli("campaign", "wait", made).stderr
    assert cli("campaign", "pause", made).exit_code == 1
    kit.launched(rt, made)
    assert cli("campaign", "pause", made, "--reason", "Lunch").exit_code == 0
    assert shown(cli, made)["reason"] == "Lunch"
    waited = cli("campaign", "wait", made, "--timeout", "1")
    assert (waited.exit_code, "paused: Lunch" in waited.stderr) == (1, True)
    assert cli("campaign", "resume", made).exit_code == 0
    late = cli("campaign", "wait", made, "--timeout", "0.2")
    assert (late.exit_code, "still waiting" in late.stderr) == (1, True)
    assert cli("campaign", "cancel", made).exit_code == 0
    assert cli("campaign", "wait", made, "--timeout", "5").exit_code == 0
    said = shown(cli, made)
    assert said["state"] == "cancelled"
    assert said["counts"]["ready"] == 0
    assert sum(said["counts"].values()) == said["audience"] == 100


def test_wait_returns_when_nothing_waits_and_closes_the_campaign(rt, cli, made):
    kit.launched(rt, made)
    with database.write_tx():
        database.execute("UPDATE message SET state = 9, reason = 'suppressed' WHERE state = 0")
        database.execute("UPDATE tally SET state = 9 + 1000 WHERE state = 0")
        database.execute("DELETE FROM tally WHERE state > 1000")
    assert cli("campaign", "wait", made, "--timeout", "5").exit_code == 0
    assert shown(cli, made)["state"] == "done"


def test_every_step_is_told_in_json(rt, cli, made):
    kit.launched(rt, made)
    told = [
        json.loads(cli("campaign", step, made, "--json", *more).stdout)
        for step, *more in (("pause",), ("resume",), ("cancel",), ("wait", "--timeout", "5"))
    ]
    assert told == [{"id": made, "state": state} for state in ("paused", "running", "cancelled", "cancelled")]
    copy = json.loads(cli("campaign", "duplicate", made, "--json").stdout)["id"]
    settings.put(approval.RECIPIENTS_KEY, 5)
    assert json.loads(cli("campaign", "ask", copy, "--json").stdout) == {"id": copy, "state": "approval"}
    draft = json.loads(cli("campaign", "duplicate", made, "--json").stdout)["id"]
    assert json.loads(cli("campaign", "delete", draft, "--json").stdout) == {"id": draft, "state": "deleted"}


def test_a_launch_is_told_in_json(cli, made):
    assert json.loads(cli("campaign", "launch", made, "--json").stdout) == {"id": made, "state": "expanding"}


def test_wait_says_when_a_scheduled_campaign_starts(rt_sqlite, cli_sqlite):
    kit.crowd(rt_sqlite, 3)
    campaign_id = kit.campaign(rt_sqlite, at="2099-01-01T09:00Z")
    assert cli_sqlite("campaign", "launch", campaign_id).exit_code == 0
    waited = cli_sqlite("campaign", "wait", campaign_id, "--timeout", "0")
    assert waited.exit_code == 1 and f"Campaign {campaign_id} starts at 2099-01-01T09:00:00" in waited.stderr


def test_messages_as_json_are_one_array(rt, cli, made):
    assert json.loads(cli("campaign", "messages", made, "--json").stdout) == []
    kit.launched(rt, made)
    rows = json.loads(cli("campaign", "messages", made, "--json").stdout)
    assert len(rows) == 100 and list(rows[0]) == list(messages.EXPORT_COLUMNS)


def test_counts_are_shown_without_decimals():
    parts = {"value": 23_949.0, "unit": "count", "interval": None}
    cost = {"value": 1_077_700_000.0, "unit": "micros", "interval": None, "currency": "CNY"}
    said = campaign_more._show_words(
        {"name": "Winter", "class": "mass", "state": "done", "reason": "", "audience": 23_949, "counts": {},
         "metrics": {"parts": parts, "cost": cost}}
    )  # fmt: skip
    assert [line.split()[1:] for line in said.splitlines()[2:]] == [["23,949"], ["1,077.70", "CNY"]]


def test_messages_as_csv_have_a_row_for_everyone(rt, cli, made):
    kit.launched(rt, made)
    answer = cli("campaign", "messages", made, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert len(rows) == 100
    assert list(rows[0]) == list(messages.EXPORT_COLUMNS)
    assert ",".join(messages.EXPORT_COLUMNS) == (
        "message_id,client_ref,phone,variant,state,reason,account,provider_message_id,parts,cost,"
        "submitted_at,final_at"
    )
    assert {row["state"] for row in rows} == {"ready", "skipped", "holdout"}
    assert all(row["phone"] == "+8613800138000" for row in rows)
    assert len({row["client_ref"] for row in rows}) == 100
    assert {row["reason"] for row in rows if row["state"] == "skipped"} == {"no_consent"}


def test_a_suppressed_number_is_skipped_with_that_reason(rt, cli, made):
    kit.person(rt, 7, blocked=15)
    kit.launched(rt, made)
    rows = list(csv.DictReader(io.StringIO(cli("campaign", "messages", made).stdout)))
    assert [row["reason"] for row in rows if row["phone"] == "+8613800000007"] == ["suppressed"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--segment", "nobody"), 1, "nobody"),
        (("--template", "gone"), 1, "gone"),
        (("--account", "gone"), 1, "gone"),
        (("--option", "colour=red"), 1, "“colour” is unknown"),
        (("--option", "window"), 1, "not KEY=VALUE"),
        (("--at", "soon"), 1, "is not a time"),
        (("--holdout", "95"), 2, "95"),
        (("--until", "2020-01-01T00:00Z"), 1, "end has passed; choose a later one"),
        (("--until", "2099-01-01T00:00Z", "--at", "2099-01-02T00:00Z"), 1, "end lies before its start"),
        (("--weight", "1", "--weight", "2"), 2, "one for each"),
    ],
)
def test_bad_values_are_one_sentence_on_standard_error(rt_sqlite, cli_sqlite, args, code, words):
    kit.segment("everyone")
    kit.template("hello")
    kit.account(rt_sqlite, "main")
    usual = {"--segment": "everyone", "--template": "hello", "--account": "main"}
    usual = {key: value for key, value in usual.items() if key != args[0]}
    answer = cli_sqlite("campaign", "add", "X", *[word for pair in usual.items() for word in pair], *args)
    assert answer.exit_code == code
    assert words in answer.stderr
    assert answer.stdout == ""


def test_an_unknown_campaign_is_refused_by_every_command(cli_sqlite):
    for word in (
        "check",
        "launch",
        "pause",
        "resume",
        "cancel",
        "wait",
        "show",
        "messages",
        "log",
        "duplicate",
    ):
        answer = cli_sqlite("campaign", word, "999")
        assert answer.exit_code == 1, word
        assert "no campaign 999" in answer.stderr


def test_four_eyes_on_the_command_line(rt_sqlite, cli_sqlite):
    settings.put(approval.RECIPIENTS_KEY, 5)
    kit.crowd(rt_sqlite, 6)
    campaign_id = kit.campaign(rt_sqlite, who="ann@shop.example")
    assert "second person" in cli_sqlite("campaign", "launch", campaign_id).stderr
    assert cli_sqlite("campaign", "ask", campaign_id).exit_code == 0
    assert cli_sqlite("campaign", "approve", campaign_id).exit_code == 0
    assert cli_sqlite("campaign", "launch", campaign_id).exit_code == 0


def test_list_duplicate_delete_and_log(rt_sqlite, cli_sqlite):
    campaign_id = kit.campaign(rt_sqlite)
    copy = json.loads(cli_sqlite("campaign", "duplicate", campaign_id, "--json").stdout)["id"]
    rows = json.loads(cli_sqlite("campaign", "list", "--json").stdout)
    assert [row["id"] for row in rows] == [copy, campaign_id]
    assert datetime.fromisoformat(rows[0]["created_at"]).tzinfo
    assert cli_sqlite("campaign", "delete", copy).exit_code == 0
    assert [
        line["what"] for line in json.loads(cli_sqlite("campaign", "log", campaign_id, "--json").stdout)
    ] == ["created"]
    kit.crowd(rt_sqlite, 2)
    kit.launched(rt_sqlite, campaign_id)
    assert "only drafts" in cli_sqlite("campaign", "delete", campaign_id).stderr
    assert lifecycle.waiting(campaign_id) == 2
