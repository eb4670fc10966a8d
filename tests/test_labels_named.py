"""A label by another name, or gone, never turns a rule around, on both databases."""

import json

import pytest

from core import clock
from core.audience import labels
from core.audience import segments as audience
from core.audience.labelling import rules as labelrules
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import Campaign, LabelRule, Segment
from core.sending import approval, drafts, expand, launch
from tests import campaign_kit as kit

KEEP_OFF = {"not": {"segmenter": "label", "label": "do-not-text"}}


@pytest.fixture
def others(rt):
    return _others(rt)


def _others(rt):
    """Three people, two of whom carry the label; the segment of the third."""
    people = [kit.person(rt, n) for n in range(1, 4)]
    with database.write_tx():
        labels.put(labels.ensure("do-not-text"), people[:2])
    return store.save(rt, "others", KEEP_OFF, "ann")


def planned(rt, segment_id, **given):
    """A campaign that waits for tomorrow."""
    at = clock.from_ms(clock.now_ms() + clock.DAY_MS).isoformat()
    return kit.campaign(rt, segment_id=segment_id, at=at, **given)


def begin(rt, campaign_id):
    with database.write_tx():
        Campaign.update(send_at=1, options='{"quiet_hours": "off"}').where(
            Campaign.id == campaign_id
        ).execute()
    launch.due(rt)
    expand.run(rt, campaign_id)


def texted(campaign_id):
    return kit.states(campaign_id).get("ready", 0)


def test_a_renamed_label_means_the_same_people_everywhere(rt, others):
    scheduled = planned(rt, others.id)
    assert launch.launch(rt, scheduled, "ann") == "scheduled"
    labels.rename(labels.find("do-not-text").id, "请勿打扰")
    assert audience.count(rt, store.rule_of(Segment.get_by_id(others.id)))[0] == 1
    assert json.loads(drafts.get(scheduled).rule) == {"not": {"segmenter": "label", "label": "请勿打扰"}}
    begin(rt, scheduled)
    assert texted(scheduled) == 1


def test_an_approval_outlives_the_new_name_but_not_another_label(rt, others):
    settings.put(approval.RECIPIENTS_KEY, 0)
    approved, swapped = (kit.campaign(rt, segment_id=others.id, name=name) for name in ("one", "two"))
    for campaign_id in (approved, swapped):
        approval.ask(rt, campaign_id, "ann")
        approval.approve(rt, campaign_id, "ben")
    label = labels.find("do-not-text")
    labels.rename(label.id, "no texts")
    assert launch.launch(rt, approved, "ann") == "expanding"
    expand.run(rt, approved)
    assert texted(approved) == 1
    # Another label of that name is another audience.
    labels.rename(label.id, "aside")
    labels.create("no texts")
    store.save(
        rt, "others", {"not": {"segmenter": "label", "label": "no texts"}}, "ann", segment_id=others.id
    )
    with pytest.raises(Refusal, match="changed after it was approved"):
        launch.launch(rt, swapped, "ann")


def test_the_rule_that_sets_a_label_goes_by_its_new_name(rt, others):
    made = labelrules.checked(rt, "kept", "segment", {"segment": "others"})
    rule = labelrules.create(rt, made, "ann")
    labels.rename(labels.find("kept").id, "kept off")
    assert labelrules.find("kept off").id == rule.id
    assert LabelRule.get_by_id(rule.id).label == "kept off"


def test_a_label_that_is_asked_for_is_not_deleted_and_the_sentence_says_by_what(rt, others):
    scheduled = planned(rt, others.id, name="Spring")
    launch.launch(rt, scheduled, "ann")
    label = labels.find("do-not-text")
    with pytest.raises(Refusal, match="used by “others”, “Spring”") as refused:
        labels.delete(label)
    assert refused.value.status == 409
    store.save(rt, "others", {"all": []}, "ann", segment_id=others.id)
    with pytest.raises(Refusal, match="used by “Spring”"):
        labels.delete(label)
    assert labels.counts()[label.id] == 2
    with database.write_tx():
        Campaign.update(state="cancelled").where(Campaign.id == scheduled).execute()
    assert labels.delete(label) == 2


def test_the_command_refuses_as_well(cli, rt, others):
    answer = cli("label", "delete", "do-not-text", "--yes")
    assert answer.exit_code != 0
    assert "used by “others”" in answer.output


def test_the_page_offers_no_deletion_and_says_that_rules_follow(client, rt_sqlite):
    _others(rt_sqlite)
    label = labels.find("do-not-text")
    page = client.get(f"/contacts/labels/{label.id}").text
    assert "find nobody" not in page
    assert f"/contacts/labels/{label.id}/delete" not in page
    client.post(f"/contacts/labels/{label.id}/delete", data={"confirm": "do-not-text"})
    assert "used by “others”" in client.get(f"/contacts/labels/{label.id}").text
    client.post(f"/contacts/labels/{label.id}/rename", data={"name": "quiet"})
    assert store.rule_of(store.get("others"))["not"]["label"] == "quiet"


def test_a_slip_of_the_pen_is_no_segment(rt, others):
    with pytest.raises(Refusal, match="There is no label 'do-not-txt'. Did you mean 'do-not-text'"):
        store.save(rt, "typo", {"not": {"segmenter": "label", "label": "do-not-txt"}}, "ann")


def test_a_campaign_whose_label_is_gone_texts_nobody(rt, others):
    """However it went: a restored database, a statement by hand."""
    scheduled, drafted = (
        planned(rt, others.id, name="Spring"),
        kit.campaign(rt, segment_id=others.id, name="Now"),
    )
    launch.launch(rt, scheduled, "ann")
    with database.write_tx():
        database.execute("DELETE FROM label WHERE name = 'do-not-text'")
    begin(rt, scheduled)
    campaign = drafts.get(scheduled)
    assert campaign.state == "paused"
    assert "There is no label 'do-not-text'" in campaign.reason
    assert kit.states(scheduled) == {}
    with pytest.raises(Refusal, match="There is no label"):
        launch.launch(rt, drafted, "ann")


def test_the_id_of_a_deleted_label_is_not_given_again(rt):
    gone = labels.create("spring")
    labels.delete(gone)
    assert labels.create("autumn").id > gone.id


def test_a_large_frozen_rule_is_followed_as_it_was_launched(rt):
    kit.person(rt, 1)
    inner = {"any": [{"all": [{"not": {"any": [{"all": []}]}}]}, {"all": []}]}
    store.save(rt, "inner", inner, "ann")
    outer = store.save(rt, "outer", {"all": [{"any": [{"segmenter": "segment", "name": "inner"}]}]}, "ann")
    campaign_id = kit.campaign(rt, segment_id=outer.id)
    launch.launch(rt, campaign_id, "ann")
    expand.run(rt, campaign_id)
    assert texted(campaign_id) == 1
