"""A provider without a passed dossier may not send mass texts, where the house says so."""

from __future__ import annotations

import json

import pytest

from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Campaign
from core.sending import breaker, claim, direct, findings, launch, lifecycle, route
from core.sending.dossiers import barring, standing, store
from core.sending.routes import editing
from core.sending.routes.router import Router
from core.sending.routes.rules import Target
from tests import campaign_kit, send_kit
from tests import dossier_kit as kit
from tests.dossier_kit import WHO


def reason(campaign: int) -> tuple[str, str]:
    return database.one("SELECT state, reason FROM campaign WHERE id = ?", (campaign,))


def mass(account_id: int | None) -> list[int]:
    return [one.id for one in route.candidates(breaker.load(), account_id, Cls.mass)]


def test_off_by_default(rt):
    account = kit.account(rt)
    assert barring.barred(Cls.mass) == frozenset()
    assert account in mass(None)


def test_only_mass_texts_are_left_out_and_only_of_vendors(rt):
    vendor = kit.account(rt)
    simulator, null = kit.account(rt, "sim", "simulator"), kit.account(rt, "nothing", "null")
    kit.ask_for_papers()
    assert mass(None) == [simulator, null]
    for cls in (Cls.otp, Cls.notice, Cls.voice):
        assert vendor in [one.id for one in route.candidates(breaker.load(), None, cls)]


def test_a_passed_dossier_lets_every_account_of_the_company_in(rt):
    first, second = kit.account(rt, "one"), kit.account(rt, "two")
    kit.ask_for_papers()
    made = kit.begin(rt, first)
    store.share(second, made, WHO)
    assert mass(None) == []
    papers = kit.passed(rt, made)
    assert mass(None) == [first, second]
    store.take_back(made, papers["CN/vats"], WHO)
    assert mass(None) == []


def test_launch_is_blocked_and_names_the_account_and_what_is_missing(rt):
    account = kit.account(rt, "Hangzhou")
    kit.begin(rt, account)
    campaign_kit.person(rt, 1)
    campaign = campaign_kit.campaign(rt, account_id=account, options={"approve": "off"})
    kit.ask_for_papers()
    with pytest.raises(Refusal, match="“Hangzhou”.*Business licence") as refused:
        launch.launch(rt, campaign)
    assert refused.value.status == 422
    assert reason(campaign)[0] == "draft"
    kit.passed(rt, standing.of_account(account).id)
    assert launch.launch(rt, campaign) == "expanding"


def test_without_an_account_of_its_own_a_campaign_is_blocked_only_when_none_is_left(rt):
    bad, good = kit.account(rt, "bad"), kit.account(rt, "good")
    kit.passed(rt, kit.begin(rt, good))
    kit.ask_for_papers()
    campaign = Campaign(account_id=None, cls=Cls.mass)
    assert [(f.level, f.code) for f in findings.of_papers(campaign)] == [("warn", "papers.missing")]
    store.leave(good, WHO)
    found = findings.of_papers(campaign)
    assert {f.level for f in found} == {"block"}
    assert {name for name in ("bad", "good") if any(f"“{name}”" in f.message for f in found)} == {
        "bad",
        "good",
    }
    assert findings.of_papers(Campaign(account_id=bad, cls=Cls.notice)) == []


def test_a_running_campaign_pauses_with_the_reason_when_the_verdict_falls(rt, monkeypatch):
    monkeypatch.setattr(claim, "BATCH_MAX", 2)
    tape = send_kit.Tape()
    campaign, account = send_kit.setup(rt, tape, n=8)
    made = kit.begin(rt, account)
    papers = kit.passed(rt, made)
    kit.ask_for_papers()
    answer = tape.act

    def act(messages):
        if tape.calls == 1:
            store.take_back(made, papers["CN/licence"], WHO)
        return answer(messages)

    tape.act = act
    for _round in range(3):
        send_kit.send_all(rt, campaign)
        send_kit.due_now(campaign)
    state, why = reason(campaign)
    assert state == "paused"
    assert "Business licence" in why and "scripted" in why
    assert 0 < len(tape.sent) <= 4, "the batch on the wire, and one that was on its way"

    kit.passed(rt, made)
    assert lifecycle.resume(rt, campaign, WHO)
    send_kit.send_all(rt, campaign)
    assert len(set(tape.refs)) == len(tape.refs) == 8, "everybody once"
    send_kit.whole(rt)


def test_bound_messages_wait_too(rt):
    account = kit.account(rt)
    kit.ask_for_papers()
    every = {one.id: one for one in breaker.load()}
    router = Router(rt, Cls.mass, None, every, 0)
    assert not router.every[account].usable(0)
    assert every[account].usable(0), "what others see of it is as it was"
    assert Router(rt, Cls.notice, None, every, 0).every[account].usable(0)


def test_a_single_mass_text_is_refused_and_a_notice_goes(rt):
    account = kit.account(rt, "Hangzhou")
    kit.ask_for_papers()
    for asked in (account, None):
        with pytest.raises(Refusal, match="Hangzhou"):
            direct.send(rt, "+8613800138000", Cls.mass, "hello", asked)
    assert direct.send(rt, "+8613800138000", Cls.notice, "hello", account)["message_id"]


def test_testing_a_number_says_that_papers_are_what_an_account_lacks(rt, cli):
    bad, good = kit.account(rt, "bad"), kit.account(rt, "good")
    kit.passed(rt, kit.begin(rt, good))
    kit.ask_for_papers()
    editing.add({"name": "both"}, [Target(bad), Target(good)])

    def tested(cls: Cls) -> list[dict]:
        answer = json.loads(cli("route", "test", "+8613800138000", "--class", cls.name, "--json").output)
        return [
            {c["account"]: (c["state"], c["reason"], c["taken"]) for c in one["candidates"]}
            for one in answer["rules"]
        ]

    rule, otherwise = tested(Cls.mass)
    assert rule == otherwise == {"bad": ("papers", "papers", False), "good": ("on", "", True)}
    rule, _otherwise = tested(Cls.notice)
    assert rule == {"bad": ("on", "", True), "good": ("on", "later", False)}


def test_the_page_says_it_in_words(rt_sqlite, client):
    kit.account(rt_sqlite, "bad")
    kit.ask_for_papers()
    page = client.post("/providers/routes/test", data={"to": "+8613800138000", "cls": "mass"})
    assert "without papers for marketing" in page.get_data(as_text=True)
