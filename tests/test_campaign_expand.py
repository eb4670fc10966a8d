"""Expansion: everyone once, for one reason; resumable after a kill; nothing is sendable before it is whole."""

import pytest

from core import clock
from core.db import database, tally
from core.db.codes import Cls, LineType, State
from core.db.models import Campaign, Message
from core.sending import claim, drafts, draw, expand, launch, lifecycle
from tests import campaign_kit as kit


def rows(campaign_id: int) -> dict[int, Message]:
    return {m.contact_id: m for m in Message.select().where(Message.campaign_id == campaign_id)}


def test_everyone_is_counted_once_under_the_first_reason(rt):
    good = kit.person(rt, 1)
    landline = kit.person(rt, 2, line=LineType.fixed, consent=0, blocked=kit.MASS)
    stopped = kit.person(rt, 3, blocked=kit.MASS, consent=0)
    silent = kit.person(rt, 4, consent=0)
    other_class = kit.person(rt, 5, consent=Cls.voice.bit)
    blocked_elsewhere = kit.person(rt, 6, blocked=Cls.voice.bit)
    campaign_id = kit.campaign(rt)
    kit.launched(rt, campaign_id)
    found = {contact: (State(m.state).name, m.reason) for contact, m in rows(campaign_id).items()}
    assert found == {
        good: ("ready", None),
        landline: ("skipped", "landline"),
        stopped: ("skipped", "suppressed"),
        silent: ("skipped", "no_consent"),
        other_class: ("skipped", "no_consent"),
        blocked_elsewhere: ("ready", None),
    }
    campaign = drafts.get(campaign_id)
    assert (campaign.state, campaign.audience) == ("running", 6)
    assert tally.stored(campaign_id) == tally.recount(campaign_id)


def test_a_notice_needs_no_consent_and_a_call_reaches_landlines(rt):
    silent = kit.person(rt, 1, consent=0)
    fixed = kit.person(rt, 2, line=LineType.fixed, consent=Cls.voice.bit)
    notice = kit.campaign(
        rt, name="n", templates=[(kit.template("n", Cls.notice, en="Your order is ready"), 1)]
    )
    call = kit.campaign(rt, name="v", templates=[(kit.template("v", Cls.voice), 1)])
    kit.launched(rt, notice)
    kit.launched(rt, call)
    assert rows(notice)[silent].state == State.ready
    assert rows(call)[fixed].state == State.ready
    assert rows(call)[silent].reason == "no_consent"


def test_each_worker_that_would_find_a_batch_is_called_at_once(rt, monkeypatch):
    monkeypatch.setattr(claim, "BATCH_MAX", 10)
    kit.crowd(rt, 15)
    for pid, calls in ((1, 1), (2, 2), (3, 2)):
        with database.write_tx():
            database.execute(
                "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) VALUES ('h', 'b', ?, 0, 0, 0)",
                (pid,),
            )
        campaign_id = kit.campaign(rt, name=f"{pid}", templates=[(kit.template(f"t{pid}"), 1)])
        kit.launched(rt, campaign_id)
        hints = [tuple(task.args) for task in rt.queue.huey.pending()]
        assert hints.count(("send", campaign_id)) == calls


def test_holdout_and_variants_are_the_lots_of_the_campaign(rt):
    kit.crowd(rt, 4000)
    kit.crowd(rt, 500, consent=0)
    templates = [(kit.template("a"), 1), (kit.template("b"), 1)]
    campaign_id = kit.campaign(rt, holdout_bp=1000, templates=templates)
    kit.launched(rt, campaign_id)
    salt = drafts.get(campaign_id).salt
    for contact, m in rows(campaign_id).items():
        assert m.variant == draw.pick(salt, contact, [1, 1])
        if m.reason == "no_consent":
            assert m.state == State.skipped  # nobody without consent is kept aside
        else:
            kept = draw.draw(salt, draw.HOLDOUT, contact) < 1000
            assert m.state == (State.holdout if kept else State.ready)
    counts = kit.states(campaign_id)
    assert counts["skipped"] == 500
    assert 300 < counts["holdout"] < 500
    assert sum(counts.values()) == drafts.get(campaign_id).audience == 4500


def test_messages_wait_for_the_allowed_hours_of_their_country(rt, monkeypatch):
    from datetime import datetime

    from core.timing.zones import wall_to_ms

    noon = wall_to_ms(datetime(2026, 11, 23, 12), "Asia/Shanghai")
    monkeypatch.setattr(clock, "now_ms", lambda: noon)
    here, there = kit.person(rt, 1), kit.person(rt, 2, country="FR")
    campaign_id = kit.campaign(rt, quiet_hours="on")
    kit.launched(rt, campaign_id)
    assert rows(campaign_id)[here].not_before <= noon
    assert rows(campaign_id)[there].not_before == wall_to_ms(datetime(2026, 11, 23, 8), "Europe/Paris")


def test_a_killed_expansion_goes_on_where_it_stood(rt, monkeypatch):
    """Killed after each chunk in turn, inside and after its transaction: nobody twice, nobody missing."""
    kit.crowd(rt, 950)
    monkeypatch.setattr(expand, "CHUNK", 100)
    campaign_id = kit.campaign(rt, holdout_bp=500)
    launch.launch(rt, campaign_id)
    moves = {"n": 0}
    real = tally.move

    class Killed(BaseException):
        pass

    def dying(deltas):
        moves["n"] += 1
        if moves["n"] % 2:
            raise Killed
        real(deltas)

    monkeypatch.setattr(tally, "move", dying)
    for _try in range(40):
        try:
            expand.run(rt, campaign_id)
            break
        except Killed:
            stored = database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign_id,))
            assert stored == drafts.get(campaign_id).cursor  # whole chunks only
            assert drafts.get(campaign_id).state == "expanding"
    monkeypatch.undo()
    assert drafts.get(campaign_id).state == "running"
    assert moves["n"] == 20
    assert sum(kit.states(campaign_id).values()) == 950
    assert tally.stored(campaign_id) == tally.recount(campaign_id)


def test_expanding_twice_changes_nothing(rt):
    kit.crowd(rt, 50)
    campaign_id = kit.campaign(rt)
    kit.launched(rt, campaign_id)
    before = {m.id for m in rows(campaign_id).values()}
    expand.run(rt, campaign_id)
    Campaign.update(state="expanding").where(Campaign.id == campaign_id).execute()
    expand.run(rt, campaign_id)
    assert {m.id for m in rows(campaign_id).values()} == before


def test_contacts_that_came_after_the_launch_are_not_part_of_it(rt):
    kit.crowd(rt, 10)
    campaign_id = kit.campaign(rt)
    launch.launch(rt, campaign_id)
    kit.crowd(rt, 10)
    expand.run(rt, campaign_id)
    assert drafts.get(campaign_id).audience == 10


def test_a_rule_that_no_longer_compiles_pauses_with_the_reason(rt):
    kit.crowd(rt, 5)
    campaign_id = kit.campaign(rt)
    launch.launch(rt, campaign_id)
    Campaign.update(rule='{"segmenter": "gone"}').where(Campaign.id == campaign_id).execute()
    expand.run(rt, campaign_id)
    campaign = drafts.get(campaign_id)
    assert campaign.state == "paused"
    assert "gone" in campaign.reason


def test_pause_and_resume_while_it_expands(rt, monkeypatch):
    kit.crowd(rt, 300)
    monkeypatch.setattr(expand, "CHUNK", 100)
    campaign_id = kit.campaign(rt)
    launch.launch(rt, campaign_id)
    real = expand._chunk

    def then_pause(campaign, *args):
        cursor = real(campaign, *args)
        lifecycle.pause(rt, campaign_id, "stop", "ann")
        return cursor

    monkeypatch.setattr(expand, "_chunk", then_pause)
    expand.run(rt, campaign_id)
    assert drafts.get(campaign_id).state == "paused"
    assert sum(kit.states(campaign_id).values()) == 100
    monkeypatch.setattr(expand, "_chunk", real)
    lifecycle.resume(rt, campaign_id, "ann")
    assert drafts.get(campaign_id).state == "expanding"
    expand.run(rt, campaign_id)
    assert sum(kit.states(campaign_id).values()) == 300


def test_an_audience_without_anyone_to_text_is_done_at_once(rt):
    kit.crowd(rt, 5, consent=0)
    campaign_id = kit.campaign(rt)
    kit.launched(rt, campaign_id)
    campaign = drafts.get(campaign_id)
    assert (campaign.state, campaign.audience, campaign.reason) == ("done", 5, "")


@pytest.mark.parametrize("at", ["expanding", "running", "paused"])
def test_cancel_ends_what_waits_and_the_counts_still_add_up(rt, at, monkeypatch):
    kit.crowd(rt, 300)
    kit.crowd(rt, 20, consent=0)
    campaign_id = kit.campaign(rt, holdout_bp=1000)
    launch.launch(rt, campaign_id)
    if at != "expanding":
        expand.run(rt, campaign_id)
    if at == "paused":
        lifecycle.pause(rt, campaign_id, "wait")
    monkeypatch.setattr(lifecycle, "CHUNK", 70)
    waiting = kit.states(campaign_id).get("ready", 0)
    lifecycle.cancel(rt, campaign_id, "ann")
    counts = kit.states(campaign_id)
    assert counts.get("ready", 0) == 0
    assert counts.get("cancelled", 0) == waiting
    assert sum(counts.values()) == drafts.get(campaign_id).audience
    assert drafts.get(campaign_id).state == "cancelled"
    assert tally.stored(campaign_id) == tally.recount(campaign_id)
    expand.run(rt, campaign_id)
    assert kit.states(campaign_id) == counts
