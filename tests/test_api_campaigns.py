"""Campaigns, segments and messages by API: the same room, gates and words as pages and commands."""

from __future__ import annotations

import json

import pytest

from core.audience import suppression
from core.db import database, settings
from core.db.codes import State
from core.security import tokens
from core.sending import accounts, approval, batch, drafts, expand
from core.sending.routes import editing
from core.sending.routes.rules import Target
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem
from tests.send_kit import send_all, setup

DRAFT = {"name": "Winter", "segment": "Everyone", "templates": ["Hello"], "account": "main"}


@pytest.fixture
def caller(rt):
    for n in range(3):
        kit.person(rt, n)
    kit.segment("Everyone")
    kit.template("Hello")
    accounts.create(rt, "main", "null", {})
    return Caller(rt)


def add(caller, **more) -> int:
    answer = caller("POST", "/campaigns", DRAFT | more)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.json["id"]


def test_a_campaign_goes_all_the_way(caller, rt):
    campaign_id = add(
        caller, holdout=10, until="2099-01-01T00:00Z", budget=5, options={"rate": 50, "zone": "UTC"}
    )
    assert caller("POST", f"/campaigns/{campaign_id}/launch").json == {
        "id": campaign_id,
        "state": "expanding",
    }
    assert problem(caller("POST", f"/campaigns/{campaign_id}/launch"))[:2] == (409, "conflict")
    for verb, state in (("pause", "paused"), ("resume", "expanding"), ("cancel", "cancelled")):
        assert caller("POST", f"/campaigns/{campaign_id}/{verb}").json == {"id": campaign_id, "state": state}
        assert problem(caller("POST", f"/campaigns/{campaign_id}/{verb}"))[:2] == (409, "conflict")
    who = {
        row[0] for row in database.query("SELECT who FROM campaign_log WHERE campaign_id = ?", (campaign_id,))
    }
    assert who == {"api:shop"}


def test_a_campaign_may_name_no_account_and_goes_as_the_routes_say(caller, rt):
    other = accounts.create(rt, "other", "null", {})
    editing.add({"name": "all through the other"}, [Target(other.id)])
    answer = caller("POST", "/campaigns", {k: v for k, v in DRAFT.items() if k != "account"})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    campaign_id = answer.json["id"]
    assert drafts.get(campaign_id).account_id is None
    with database.write_tx():  # at any hour of the day
        database.execute(
            'UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (campaign_id,)
        )
    assert caller("POST", f"/campaigns/{campaign_id}/launch").json["state"] == "expanding"
    expand.run(rt, campaign_id)
    batch.send(rt, campaign_id)
    taken = database.query("SELECT DISTINCT account_id FROM message WHERE campaign_id = ?", (campaign_id,))
    assert taken == [(other.id,)]
    assert caller("GET", f"/campaigns/{campaign_id}").json["counts"]["accepted"] == 3


@pytest.fixture
def used_up(rt):
    """A campaign of 20 texts at 0.001 CNY that stopped for its budget of 0.0075."""
    campaign, _account = setup(rt, n=20, price=1_000, budget_micros=7_500, options={"window": 3})
    send_all(rt, campaign)
    assert drafts.get(campaign).state == "paused"
    return campaign


def test_a_campaign_whose_budget_is_used_up_goes_on_with_a_higher_one(rt, used_up):
    caller = Caller(rt)
    resume = f"/campaigns/{used_up}/resume"
    for budget, status in ((0.005, 422), (-1, 422), ("more", 422)):
        kind = problem(caller("POST", resume, {"budget": budget}))
        assert kind[0] == status, (budget, kind)
    assert problem(caller("POST", resume, {"amount": 5}))[0] == 422
    assert drafts.get(used_up).budget_micros == 7_500
    assert caller("POST", resume, {"budget": 0.02}).json == {"id": used_up, "state": "running"}
    assert drafts.get(used_up).budget_micros == 20_000
    told = database.query("SELECT who, detail FROM audit WHERE action = 'campaign.budget'")
    assert told == [("api:shop", "0.0075 → 0.02 CNY")]


def test_a_program_cannot_raise_a_budget_above_what_needs_four_eyes(rt, used_up):
    with database.write_tx():
        settings.put(approval.COST_KEY, 1)
        settings.put(approval.WAIVER_KEY, False)
    answer = problem(Caller(rt)("POST", f"/campaigns/{used_up}/resume", {"budget": 2}))
    assert answer[0] == 403 and drafts.get(used_up).state == "paused"


@pytest.mark.parametrize(
    ("currency", "status", "said"), [("CNY", 429, "may spend 0.01 CNY a day"), ("EUR", 403, "spends CNY")]
)
def test_what_is_added_is_taken_out_of_what_the_token_may_spend(rt, used_up, currency, status, said):
    capped = Caller(rt)
    capped.token, _row = tokens.create("test", "capped", ["campaigns.write"], cap=(10_000, currency))
    for budget in (0.02, 5):
        answer = capped("POST", f"/campaigns/{used_up}/resume", {"budget": budget})
        assert answer.status_code == status and said in answer.json["detail"], answer.json
    assert drafts.get(used_up).budget_micros == 7_500


def test_the_same_launch_key_is_the_same_launch(caller):
    campaign_id = add(caller)
    first, again = (caller("POST", f"/campaigns/{campaign_id}/launch", key="go") for _ in range(2))
    assert first.status_code == again.status_code == 200 and first.data == again.data


def test_a_campaign_reads_as_the_command_shows_it(caller, cli, rt):
    campaign_id = add(caller, templates=[{"name": "Hello", "weight": 3}], at="2026-12-01T10:00+08:00")
    kit.launched(rt, add(caller, name="Now"))
    for wanted in (campaign_id, campaign_id + 1):
        shown = json.loads(cli("campaign", "show", wanted, "--json").stdout)
        assert caller("GET", f"/campaigns/{wanted}").json == shown
    assert set(shown["counts"]) == {state.name for state in State}
    assert sum(shown["counts"].values()) == shown["audience"] == 3


def test_four_eyes_hold_for_programs_too(caller, rt):
    with database.write_tx():
        settings.put(approval.RECIPIENTS_KEY, 0)
    campaign_id = add(caller)
    assert problem(caller("POST", f"/campaigns/{campaign_id}/launch"))[:2] == (403, "forbidden")
    assert caller("GET", f"/campaigns/{campaign_id}").json["state"] == "draft"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"segment": "Nobody"}, "segment"),
        ({"templates": ["none"]}, "templates"),
        ({"account": "none"}, "account"),
        ({"templates": []}, "templates"),
        ({"holdout": 91}, "holdout"),
        ({"at": "soon"}, "at"),
        ({"options": {"quiet_hours": "off"}}, "options.quiet_hours"),
        ({"options": {"zone": "Mars/Base"}}, "zone"),
        ({"name": "direct:mass"}, "name"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_and_leaves_nothing(caller, more, field):
    status, kind, found = problem(caller("POST", "/campaigns", DRAFT | more, key="x"))
    assert (status, kind) == (422, "invalid") and found == field
    assert database.scalar("SELECT COUNT(*) FROM campaign") == 0


def test_campaigns_are_read_page_by_page(caller):
    made = [add(caller, name=f"C{n}") for n in range(5)]
    seen, after = [], ""
    while after is not None:
        page = caller("GET", f"/campaigns?limit=2{after and f'&after={after}'}").json
        assert len(page["campaigns"]) <= 2
        seen += [line["id"] for line in page["campaigns"]]
        after = page["next"]
    assert seen == made[::-1]


def test_segments_are_listed_and_counted(caller):
    kit.segment("Berlin/Mitte", '{"segmenter": "attribute", "field": "city", "op": "eq", "value": "Berlin"}')
    page = caller("GET", "/segments?limit=1").json
    assert page["next"] == page["segments"][0]["name"] == "Berlin/Mitte" and page["segments"][0]["words"]
    rest = caller("GET", "/segments?limit=1&after=Berlin/Mitte").json
    assert [line["name"] for line in rest["segments"]] == ["Everyone"] and rest["next"] is None
    assert caller("GET", "/segments/Everyone/count").json["count"] == 3
    assert caller("GET", "/segments/Berlin%2FMitte/count").json["count"] == 0
    assert problem(caller("GET", "/segments/Nobody/count"))[:2] == (404, "not-found")


def test_a_message_is_sent_through_the_gates(caller, rt):
    body = {"to": "+8613800000001", "class": "notice", "text": "Hello"}
    answer = caller("POST", "/messages", body, key="m1")
    assert answer.status_code == 202
    made = answer.json
    assert made["state"] == "ready" and made["text"] == "Hello" and made["phone"] == "+8613800000001"
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, "+8613800000002")], reason="stop")
    stopped = caller("POST", "/messages", body | {"to": "+8613800000002"}).json
    batch.send(rt, made["campaign_id"])
    assert caller("GET", f"/messages/{made['message_id']}").json["state"] == "accepted"
    assert caller("GET", f"/messages/{made['client_ref']}").json["message_id"] == made["message_id"]
    after = caller("GET", f"/messages/{stopped['message_id']}").json
    assert after["state"] == "skipped" and after["reason"]


def test_a_number_is_whole_only_with_its_scope_and_the_look_is_audited(caller, rt):
    made = caller("POST", "/messages", {"to": "+8613800000001", "class": "notice", "text": "Hi"}).json
    looks = "SELECT COUNT(*) FROM audit WHERE action = 'number.reveal'"
    before = database.scalar(looks)
    blind = Caller(rt, "messages.read", "messages.write", name="blind", app=caller.app)
    assert blind("GET", f"/messages/{made['message_id']}").json["phone"] == "+86138****0001"
    assert database.scalar(looks) == before
    assert caller("GET", f"/messages/{made['message_id']}").json["phone"] == "+8613800000001"
    assert database.scalar(looks) == before + 1


def test_a_message_that_makes_no_sense_is_refused(caller):
    body = {"to": "+8613800000001", "class": "notice", "text": "Hello"}
    assert problem(caller("POST", "/messages", body | {"to": "12"})) == (422, "invalid", "to")
    assert problem(caller("POST", "/messages", body | {"account": "none"}))[0] == 422
    assert problem(caller("POST", "/messages", body | {"text": "{{nothing}}"}))[0] == 422
    assert problem(caller("GET", "/messages/12"))[:2] == (404, "not-found")
    assert database.scalar("SELECT COUNT(*) FROM message") == 0


def test_a_key_survives_a_crash_between_the_message_and_its_answer(caller):
    body = {"to": "+8613800000001", "class": "notice", "text": "Hello"}
    first = caller("POST", "/messages", body, key="m1").json
    with database.write_tx():
        database.execute("DELETE FROM api_answer")
    assert caller("POST", "/messages", body, key="m1").json["message_id"] == first["message_id"]


def test_an_expanded_campaign_is_done_when_its_messages_are(caller, rt):
    campaign_id = add(caller)
    caller("POST", f"/campaigns/{campaign_id}/launch")
    expand.run(rt, campaign_id)
    assert caller("GET", f"/campaigns/{campaign_id}").json["counts"]["ready"] == 3


def test_single_messages_are_no_campaign_here_either(caller, rt):
    from core.db.codes import Cls
    from core.sending import direct

    id_ = direct.campaign(Cls.mass)
    answers = [caller("GET", f"/campaigns/{id_}")]
    answers += [caller("POST", f"/campaigns/{id_}/{act}") for act in ("launch", "pause", "resume", "cancel")]
    for answer in answers:
        assert answer.status_code == 404 and "carries single messages" in answer.json["detail"]
    assert drafts.get(id_).state == "running"
