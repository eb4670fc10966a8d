"""Launch: exactly once, only what was checked and approved, at its time."""

import json
import threading
from datetime import datetime

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import Cls
from core.db.models import Campaign, TemplateText, VariantText
from core.sending import approval, direct, drafts, expand, launch, lifecycle, log
from core.timing import zones
from tests import campaign_kit as kit


def test_launch_freezes_rule_texts_and_snapshot(rt):
    kit.crowd(rt, 3)
    campaign_id = kit.campaign(rt)
    assert launch.launch(rt, campaign_id, "ann") == "expanding"
    campaign = drafts.get(campaign_id)
    assert json.loads(campaign.rule) == {"all": []}
    assert len(campaign.snapshot) == 64
    frozen = VariantText.get(VariantText.campaign_id == campaign_id)
    TemplateText.update(body="Changed later").execute()
    assert drafts.texts(campaign)[0]["en"][0] == frozen.body != "Changed later"
    assert [line[2] for line in log.lines(campaign_id)] == ["launched", "created"]


def test_twenty_launches_at_once_are_one_run(rt):
    kit.crowd(rt, 200)
    campaign_id = kit.campaign(rt)
    outcomes = []
    gate = threading.Barrier(20)

    def press():
        gate.wait()
        try:
            outcomes.append(launch.launch(rt, campaign_id, "ann"))
            expand.run(rt, campaign_id)
        except Refusal as refusal:
            outcomes.append(refusal.status)
        finally:
            database.proxy.close()

    threads = [threading.Thread(target=press) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["409"] * 19 + ["expanding"]
    assert kit.states(campaign_id) == {"ready": 200}
    assert [line[2] for line in log.lines(campaign_id)].count("launched") == 1


def test_the_same_key_is_the_same_launch_and_belongs_to_one_campaign(rt):
    kit.crowd(rt, 3)
    first, second = kit.campaign(rt, name="one"), kit.campaign(rt, name="two")
    assert launch.launch(rt, first, key="k1") == "expanding"
    assert launch.launch(rt, first, key="k1") == "expanding"
    with pytest.raises(Refusal, match="belongs to another"):
        launch.launch(rt, second, key="k1")
    assert drafts.get(second).state == "draft"


@pytest.mark.parametrize("missing", ["segment_id", "account_id", "templates"])
def test_an_incomplete_draft_is_refused_with_what_is_missing(rt_sqlite, missing):
    campaign_id = kit.campaign(rt_sqlite, **{missing: [] if missing == "templates" else None})
    with pytest.raises(Refusal, match=r"has no (audience|account|text)"):
        launch.launch(rt_sqlite, campaign_id)
    assert drafts.get(campaign_id).state == "draft"


def test_a_blocking_finding_refuses_the_launch(rt_sqlite):
    kit.crowd(rt_sqlite, 3)
    template = kit.template("no way out", en="Buy our shoes today")
    campaign_id = kit.campaign(rt_sqlite, templates=[(template, 1)])
    with pytest.raises(Refusal):
        launch.launch(rt_sqlite, campaign_id)
    assert drafts.get(campaign_id).state == "draft"


def test_a_disabled_account_is_refused(rt_sqlite):
    campaign_id = kit.campaign(rt_sqlite)
    with database.write_tx():
        database.execute("UPDATE account SET enabled = ?", (False,))
    with pytest.raises(Refusal, match="switched off"):
        launch.launch(rt_sqlite, campaign_id)


# --- four eyes ----------------------------------------------------------------------------------------


def large(rt, **given) -> int:
    settings.put(approval.RECIPIENTS_KEY, 5)
    kit.crowd(rt, 6)
    return kit.campaign(rt, **given)


def test_above_the_limit_a_second_person_must_approve(rt):
    campaign_id = large(rt)
    with pytest.raises(Refusal, match="second person") as refused:
        launch.launch(rt, campaign_id, "ann@example.com")
    assert refused.value.status == 403
    approval.ask(rt, campaign_id, "ann@example.com")
    with pytest.raises(Refusal, match="waits for approval"):
        launch.launch(rt, campaign_id, "ann@example.com")
    with pytest.raises(Refusal, match="someone else"):
        approval.approve(rt, campaign_id, "ann@example.com")
    approval.approve(rt, campaign_id, "bob@example.com")
    assert launch.launch(rt, campaign_id, "ann@example.com") == "expanding"


def test_who_changed_it_may_not_approve_it(rt_sqlite):
    campaign_id = large(rt_sqlite)
    drafts.edit(rt_sqlite, campaign_id, "bob@example.com", name="Bob's idea")
    approval.ask(rt_sqlite, campaign_id, "ann@example.com")
    with pytest.raises(Refusal, match="someone else"):
        approval.approve(rt_sqlite, campaign_id, "bob@example.com")


@pytest.mark.parametrize("change", ["text", "price", "audience"])
def test_a_change_voids_the_approval(rt, change):
    campaign_id = large(rt)
    approval.ask(rt, campaign_id, "ann")
    approval.approve(rt, campaign_id, "bob")
    with database.write_tx():
        if change == "text":
            TemplateText.update(body="【Cooee】something else 拒收请回复R").execute()
        elif change == "price":
            database.execute(
                "INSERT INTO price (account_id, country, cls, micros_per_part, currency, from_at) "
                "SELECT id, '', -1, 1, 'EUR', 0 FROM account"
            )
        else:
            database.execute(
                "UPDATE segment SET rule = ?", ('{"not": {"segmenter": "consent", "class": "voice"}}',)
            )
    with pytest.raises(Refusal, match="changed after it was approved"):
        launch.launch(rt, campaign_id, "ann")


def test_an_edit_brings_it_back_to_draft(rt_sqlite):
    campaign_id = large(rt_sqlite)
    approval.ask(rt_sqlite, campaign_id, "ann")
    approval.approve(rt_sqlite, campaign_id, "bob")
    drafts.edit(rt_sqlite, campaign_id, "ann", holdout_bp=100)
    campaign = drafts.get(campaign_id)
    assert (campaign.state, campaign.approved_by, campaign.approved_snapshot) == ("draft", "", "")


def test_what_changed_after_asking_cannot_be_approved(rt_sqlite):
    campaign_id = large(rt_sqlite)
    approval.ask(rt_sqlite, campaign_id, "ann")
    with database.write_tx():
        TemplateText.update(body="【Cooee】other words 拒收请回复R").execute()
    with pytest.raises(Refusal, match="draft again"):
        approval.approve(rt_sqlite, campaign_id, "bob")
    assert drafts.get(campaign_id).state == "draft"


def test_a_declined_campaign_is_a_draft_with_the_note(rt_sqlite):
    campaign_id = large(rt_sqlite)
    approval.ask(rt_sqlite, campaign_id, "ann")
    approval.decline(rt_sqlite, campaign_id, "bob", "wrong week")
    assert drafts.get(campaign_id).state == "draft"
    assert log.lines(campaign_id)[0][1:] == ("bob", "declined", "wrong week")


def test_approve_off_works_where_the_policy_allows_it(rt_sqlite):
    campaign_id = large(rt_sqlite, options={"approve": "off"})
    settings.put(approval.WAIVER_KEY, False)
    with pytest.raises(Refusal, match="second person"):
        launch.launch(rt_sqlite, campaign_id)
    settings.put(approval.WAIVER_KEY, True)
    assert launch.launch(rt_sqlite, campaign_id) == "expanding"


def test_above_a_cost_a_second_person_must_approve(rt_sqlite):
    settings.put(approval.COST_KEY, 100_000)
    kit.crowd(rt_sqlite, 6)
    cheap = kit.campaign(rt_sqlite, name="cheap", account_id=kit.account(rt_sqlite, "c", price=10_000))
    dear = kit.campaign(rt_sqlite, name="dear", account_id=kit.account(rt_sqlite, "d", price=45_000))
    assert launch.launch(rt_sqlite, cheap) == "expanding"
    with pytest.raises(Refusal, match="It would cost 0.27"):
        launch.launch(rt_sqlite, dear)


# --- time ---------------------------------------------------------------------------------------------


def test_a_scheduled_campaign_starts_once_when_it_is_due(rt, monkeypatch):
    kit.crowd(rt, 4)
    campaign_id = kit.campaign(rt, at="2099-07-01T10:00", options={"zone": "Asia/Shanghai"})
    assert launch.launch(rt, campaign_id, "ann") == "scheduled"
    launch.due(rt)
    assert drafts.get(campaign_id).state == "scheduled"
    kit.crowd(rt, 4)  # joined before the start: part of the audience
    start = zones.wall_to_ms(datetime(2099, 7, 1, 10), "Asia/Shanghai")
    monkeypatch.setattr(clock, "now_ms", lambda: start + 1)
    for _ in range(3):
        launch.due(rt)
    assert drafts.get(campaign_id).state == "expanding"
    expand.run(rt, campaign_id)
    assert kit.states(campaign_id) == {"ready": 8}
    assert [line[2] for line in log.lines(campaign_id)].count("launched") == 1


def test_a_start_keeps_its_wall_time_when_the_rules_of_a_zone_change(rt_sqlite):
    campaign_id = kit.campaign(rt_sqlite, at="2099-07-01T10:00", options={"zone": "Europe/Berlin"})
    campaign = drafts.get(campaign_id)
    campaign.send_at += 3_600_000  # worked out by older rules
    assert launch.planned(campaign) == zones.wall_to_ms(datetime(2099, 7, 1, 10), "Europe/Berlin")


def test_an_edit_takes_a_scheduled_campaign_off_the_schedule(rt_sqlite):
    kit.crowd(rt_sqlite, 2)
    campaign_id = kit.campaign(rt_sqlite, at="2099-07-01T10:00")
    launch.launch(rt_sqlite, campaign_id)
    drafts.edit(rt_sqlite, campaign_id, "ann", at="")
    campaign = drafts.get(campaign_id)
    assert (campaign.state, campaign.send_at, campaign.rule) == ("draft", None, "")
    assert launch.launch(rt_sqlite, campaign_id) == "expanding"


def test_an_end_before_the_start_is_refused(rt_sqlite):
    with clock.earlier(clock.HOUR_MS):
        campaign_id = kit.campaign(rt_sqlite, not_after=clock.now_ms() + clock.MINUTE_MS)
    with pytest.raises(Refusal, match="end lies before its start"):
        launch.launch(rt_sqlite, campaign_id)


# --- afterwards ---------------------------------------------------------------------------------------


def test_pause_and_resume_are_compare_and_set(rt):
    kit.crowd(rt, 3)
    campaign_id = kit.campaign(rt)
    assert not lifecycle.pause(rt, campaign_id, "too early")
    kit.launched(rt, campaign_id)
    assert lifecycle.pause(rt, campaign_id, "provider fails")
    assert not lifecycle.pause(rt, campaign_id, "again")
    assert drafts.get(campaign_id).reason == "provider fails"
    assert lifecycle.resume(rt, campaign_id, "ann")
    assert not lifecycle.resume(rt, campaign_id, "ann")
    assert (drafts.get(campaign_id).state, drafts.get(campaign_id).reason) == ("running", "")


def test_a_campaign_with_work_left_does_not_finish(rt):
    kit.crowd(rt, 2)
    campaign_id = kit.campaign(rt)
    kit.launched(rt, campaign_id)
    assert not lifecycle.finish(rt, campaign_id)
    lifecycle.cancel(rt, campaign_id)
    with pytest.raises(Refusal, match="is cancelled"):
        lifecycle.cancel(rt, campaign_id)


def test_the_id_of_a_deleted_draft_is_never_another_campaigns(rt):
    first, last = kit.campaign(rt, name="a"), kit.campaign(rt, name="b")
    drafts.delete(last)
    drafts.delete(first)
    third = drafts.add(rt, name="c")
    assert third > last and direct.campaign(Cls.notice) > third
    assert drafts.duplicate(third) > third + 1


def test_drafts_are_changed_copied_and_deleted_only_while_they_are_drafts(rt_sqlite):
    kit.crowd(rt_sqlite, 2)
    campaign_id = kit.campaign(rt_sqlite, holdout_bp=500, options={"rate": "50/s"})
    copy = drafts.get(drafts.duplicate(campaign_id, "bob"))
    assert (copy.name, copy.holdout_bp, copy.created_by) == ("Winter (2)", 500, "bob")
    assert json.loads(copy.options) == {"rate": 50.0}  # not the switched-off quiet hours
    assert copy.salt != drafts.get(campaign_id).salt
    kit.launched(rt_sqlite, campaign_id)
    for act in (
        lambda: drafts.edit(rt_sqlite, campaign_id, "ann", name="x"),
        lambda: drafts.delete(campaign_id),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.status == 409
    drafts.delete(copy.id, "bob")
    assert Campaign.get_or_none(Campaign.id == copy.id) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "  "}, "needs a name"),
        ({"holdout_bp": 9500}, "outside 0 to 90"),
        ({"segment_id": 999}, "no such segment"),
        ({"account_id": 999}, "no such account"),
        ({"templates": [(999, 1)]}, "no template 999"),
        ({"options": {"window": "0"}}, "from 1 to 5000"),
        ({"options": {"rate": "fast"}}, "messages a second"),
        ({"options": {"quiet_hours": "maybe"}}, "neither on nor off"),
        ({"options": {"colour": "red"}}, "“colour” is unknown"),
        ({"at": "soon"}, "is not a time"),
    ],
)
def test_bad_values_are_refused_with_the_value_and_the_remedy(rt_sqlite, given, sentence):
    campaign_id = kit.campaign(rt_sqlite)
    before = drafts.get(campaign_id).__data__
    with pytest.raises(Refusal, match=sentence):
        drafts.edit(rt_sqlite, campaign_id, "ann", **given)
    assert drafts.get(campaign_id).__data__ == before
