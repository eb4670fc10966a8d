"""Papers of vendors by API: listed with verdict and expiry, and judged."""

from __future__ import annotations

import json

import pytest

from core.sending.dossiers import standing
from tests import dossier_kit as kit
from tests.api_kit import Caller, as_documented, problem


@pytest.fixture
def caller(rt):
    return Caller(rt)


def test_dossiers_are_listed_with_verdict_and_expiry_and_read_as_the_command_shows_them(caller, rt, cli):
    first = kit.begin(rt, kit.account(rt, "one"), company="Zhang Telecom")
    second = kit.begin(rt, kit.account(rt, "two"), company="An Telecom")
    kit.passed(rt, first, kit.day(100))
    page = caller("GET", "/dossiers?limit=1").json
    rest = caller("GET", f"/dossiers?after={page['next']}").json
    for one in (page, rest):
        as_documented("listDossiers", one)
    [line], [other] = page["dossiers"], rest["dossiers"]
    assert (line["id"], line["accounts"], line["verdict"]) == (first, ["one"], "passed")
    assert line["next_expiry"] == kit.day(100) and line["in_force"] == line["required"] > 0
    assert (other["id"], other["verdict"], other["in_force"], rest["next"]) == (second, "", 0, None)

    shown = caller("GET", f"/dossiers/{first}").json
    as_documented("getDossier", shown)
    said = json.loads(cli("dossier", "show", "one", "--json").stdout)
    same = {"made_at": "", "made_by": ""}
    assert shown | same == said | same
    assert problem(caller("GET", "/dossiers/99"))[:2] == (404, "not-found")


def test_a_verdict_is_recorded_once_with_who_gave_it(caller, rt):
    made = kit.begin(rt)
    body = {"verdict": "conditions", "note": "certificate on its way", "until": kit.day(30)}
    first, again = (caller("POST", f"/dossiers/{made}/verdict", body, key="v") for _ in range(2))
    assert first.status_code == 200 and first.data == again.data
    as_documented("judgeDossier", first.json)
    assert (first.json["verdict"], first.json["until"]) == ("conditions", kit.day(30))
    verdict = standing.get(made).verdict
    assert (verdict.by, verdict.note) == ("api:shop", "certificate on its way")
    assert [e["what"] for e in caller("GET", f"/dossiers/{made}").json["history"]].count("verdict") == 1


def test_what_a_person_may_not_say_a_program_may_not_either(caller, rt):
    made = kit.begin(rt)
    path = f"/dossiers/{made}/verdict"
    assert problem(caller("POST", path, {"verdict": "passed"})) == (422, "invalid", "verdict")
    assert problem(caller("POST", path, {"verdict": "failed"})) == (422, "invalid", "note")
    late = {"verdict": "conditions", "note": "x", "until": kit.day(-1)}
    assert problem(caller("POST", path, late)) == (422, "invalid", "until")
    assert problem(caller("POST", "/dossiers/99/verdict", late | {"until": kit.day(9)}))[:2] == (
        404,
        "not-found",
    )
    assert standing.get(made).verdict.word == ""


def test_without_the_scope_papers_stay_closed(caller, rt):
    made = kit.begin(rt)
    reader = Caller(rt, "dossiers.read", name="reader", app=caller.app)
    body = {"verdict": "failed", "note": "x"}
    assert problem(reader("POST", f"/dossiers/{made}/verdict", body)) == (403, "forbidden", "dossiers.write")
    other = Caller(rt, "trials.read", name="other", app=caller.app)
    assert problem(other("GET", f"/dossiers/{made}")) == (403, "forbidden", "dossiers.read")
