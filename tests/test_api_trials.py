"""Trials by API: planned, started and read as by command, with the same words and figures."""

from __future__ import annotations

import json

import pytest

from core.db import database
from core.measure.trials import run
from tests import trials_kit as kit
from tests.api_kit import Caller, as_documented, problem

PHONES = [{"phone": f"+86138001300{n:02d}", "owner": f"Owner {n}", "night": True} for n in range(4)]
PLAN = {"name": "Spring", "accounts": ["Sim A", "Sim B"], "phones": PHONES, "hours": ["now"], "agreed": True}


@pytest.fixture
def caller(rt):
    kit.simulators(rt, 2, price=50_000, accept_rate=1)
    return Caller(rt)


def count(table: str) -> int:
    return database.scalar(f"SELECT COUNT(*) FROM {table}")


def test_a_trial_goes_all_the_way_and_reads_as_the_commands_show_it(caller, rt, cli):
    answer = caller("POST", "/trials", PLAN | {"texts": 8}, key="t1")
    assert answer.status_code == 201, answer.get_data(as_text=True)
    planned = answer.json
    as_documented("postTrial", planned)
    assert (planned["texts"], planned["texts_each"], planned["lacks"]) == (16, 8, [])
    assert {line["account"]: line["currency"] for line in planned["cost"]} == {"Sim A": "CNY", "Sim B": "CNY"}
    assert all(line["cost"] == pytest.approx(line["parts"] * 0.05) for line in planned["cost"])
    assert count("message") == 0

    trial = planned["id"]
    assert caller("POST", f"/trials/{trial}/start").json == {"id": trial, "state": "running"}
    assert problem(caller("POST", f"/trials/{trial}/start"))[:2] == (409, "conflict")
    for verb, state in (("pause", "paused"), ("resume", "running")):
        assert caller("POST", f"/trials/{trial}/{verb}").json["state"] == state
        assert problem(caller("POST", f"/trials/{trial}/{verb}"))[:2] == (409, "conflict")
    kit.due(trial)
    kit.send(rt, trial)

    shown = caller("GET", f"/trials/{trial}").json
    as_documented("getTrial", shown)
    assert shown == json.loads(cli("trial", "show", str(trial), "--json").stdout)
    assert "+8613800130001" not in json.dumps(shown), "numbers are masked"
    told = caller("GET", f"/trials/{trial}/report").json
    as_documented("getTrialReport", told)
    said = json.loads(cli("trial", "report", str(trial), "--json").stdout)
    assert {**told, "as_of": ""} == {**said, "as_of": ""}
    assert told["texts_out"] == 16 and [one["planned"] for one in told["accounts"]] == [8, 8]

    assert caller("POST", f"/trials/{trial}/cancel").json["state"] == "cancelled"
    who = {row[0] for row in database.query("SELECT who FROM audit WHERE action LIKE 'trial.%'")}
    assert who == {"api:shop"}


def test_the_same_key_plans_once(caller):
    first, again = (caller("POST", "/trials", PLAN, key="once") for _ in range(2))
    assert first.data == again.data and again.headers["Idempotent-Replayed"] == "true"
    assert count("trial") == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"accounts": ["nobody"]}, "account"),
        ({"accounts": ["Sim A", "Sim A"]}, "accounts"),
        ({"phones": []}, "phones"),
        ({"phones": [{"phone": "12"}]}, "phone"),
        ({"phones": [{"phone": "+8613800138000", "seed": "nobody"}]}, "account"),
        ({"hours": ["now", "10"]}, "hours"),
        ({"promise": 20}, "promise"),
        ({"start": "2026-02-31"}, "start"),
        ({"name": " "}, "name"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_leaves_nothing(caller, more, field):
    status, kind, found = problem(caller("POST", "/trials", PLAN | more, key="x"))
    assert (status, kind, found) == (422, "invalid", field)
    assert count("trial") == count("trial_number") == 0


def test_a_plan_that_lacks_something_says_so_and_does_not_start(caller):
    made = caller("POST", "/trials", {k: v for k, v in PLAN.items() if k != "agreed"}).json
    [lack] = made["lacks"]
    assert problem(caller("POST", f"/trials/{made['id']}/start"))[:2] == (422, "invalid")
    assert "agreed" in lack and count("trial_text") == 0


def test_nights_nobody_agreed_to_leave_nothing_to_send(caller):
    phones = [one | {"night": False} for one in PHONES]
    made = caller("POST", "/trials", PLAN | {"hours": ["night"], "phones": phones}).json
    as_documented("postTrial", made)
    assert (made["texts"], made["begins"], len(made["lacks"])) == (0, None, 1)


def test_trials_are_read_page_by_page(caller):
    made = [caller("POST", "/trials", PLAN | {"name": f"T{n}"}).json["id"] for n in range(3)]
    page = caller("GET", "/trials?limit=2").json
    as_documented("listTrials", page)
    rest = caller("GET", f"/trials?limit=2&after={page['next']}").json
    assert [one["id"] for one in page["trials"] + rest["trials"]] == made[::-1]
    assert rest["next"] is None
    assert problem(caller("GET", "/trials/999"))[:2] == (404, "not-found")


def test_without_the_scope_nothing_is_planned_or_read(caller, rt):
    reader = Caller(rt, "trials.read", name="reader", app=caller.app)
    assert problem(reader("POST", "/trials", PLAN)) == (403, "forbidden", "trials.write")
    assert reader("GET", "/trials").json["trials"] == []
    other = Caller(rt, "campaigns.read", name="other", app=caller.app)
    assert problem(other("GET", "/trials")) == (403, "forbidden", "trials.read")


def test_the_job_sends_what_a_program_started(caller, rt):
    trial = caller("POST", "/trials", PLAN | {"texts": 4}).json["id"]
    caller("POST", f"/trials/{trial}/start")
    kit.due(trial)
    run.job(rt)
    assert caller("GET", f"/trials/{trial}").json["texts"] == {"given": 8}
