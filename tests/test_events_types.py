"""Types of one's own are changed and removed; what uses them is named when they are not."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.audience import contacts, events
from core.audience.events import eventtypes, recording, typeuse
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Campaign, EventSource, LabelRule, Segment

RULE = json.dumps({"any": [{"not": {"segmenter": "event", "type": "trial", "op": "did", "prop.room": "4"}}]})


@pytest.fixture
def trial(rt) -> eventtypes.Type:
    return eventtypes.add(
        "trial", title="Trial lesson", properties={"hours": "number", "room": "text"}, who="ann"
    )


def did(rt, props=None, phone: str = "") -> str:
    who = {"phone": phone} if phone else {"contact_id": contacts.create(rt, "+8613800138000")}
    [outcome] = events.record(rt, [events.NewEvent("trial", clock.now_ms() - 1000, props=props or {}, **who)])
    return outcome.status


def test_title_and_properties_change_and_the_next_event_is_checked_by_them(rt, trial):
    made = eventtypes.edit(
        "trial", title="Trial hour", properties={"hours": "number", "teacher": "text"}, who="bob"
    )
    assert (made.id, made.title, dict(made.properties)) == (
        trial.id, "Trial hour", {"hours": "number", "teacher": "text"}
    )  # fmt: skip
    assert did(rt, {"teacher": "Li", "hours": 2}) == "stored"
    assert eventtypes.edit("trial", title="").title == "trial"
    assert database.query("SELECT who, action FROM audit WHERE action = 'event_type.edit'")[0] == (
        "bob", "event_type.edit",
    )  # fmt: skip


def test_while_there_are_events_a_property_keeps_its_kind_and_may_still_go_or_come(rt, trial):
    eventtypes.edit("trial", properties={"hours": "text", "room": "text"})
    assert did(rt, {"room": "4"}, phone="+8613900139000") == "waiting"
    with pytest.raises(Refusal, match="“hours” as text; add a property with another name"):
        eventtypes.edit("trial", properties={"hours": "number", "room": "text"})
    assert dict(eventtypes.edit("trial", properties={"room": "text", "day": "date"}).properties) == {
        "room": "text", "day": "date",
    }  # fmt: skip


def test_a_property_a_rule_asks_for_stays(rt, trial):
    with database.write_tx():
        Segment.create(name="Room four", rule=RULE, created_at=1, updated_at=1)
    with pytest.raises(Refusal, match="“room” is used by “Room four”"):
        eventtypes.edit("trial", properties={"hours": "number"})
    assert "hours" not in eventtypes.edit("trial", properties={"room": "text"}).properties


@pytest.mark.parametrize(
    "properties", [{"place": "text"}, {"x": "money"}, {f"p{n}": "text" for n in range(31)}]
)
def test_what_cannot_be_a_property_is_refused_and_nothing_changes(rt, trial, properties):
    with pytest.raises(Refusal):
        eventtypes.edit("trial", title="Other", properties=properties)
    assert eventtypes.get("trial") == trial


def test_a_type_nothing_uses_goes_and_its_events_are_rejected_from_then_on(rt, trial):
    eventtypes.remove("trial", who="ann")
    assert "trial" not in events.types()
    assert did(rt) == "rejected"
    with pytest.raises(Refusal, match="no event type “trial”"):
        eventtypes.remove("trial")


def test_an_event_that_was_checked_before_the_type_went_is_rejected_too(rt, trial, monkeypatch):
    read = recording.Rules.read

    def then_removed(house):
        rules = read(house)
        eventtypes.remove("trial")
        return rules

    monkeypatch.setattr(recording.Rules, "read", then_removed)
    assert did(rt) == "rejected"
    assert database.scalar("SELECT COUNT(*) FROM event") == 0


USES = {
    "segment": lambda: Segment.create(name="Used here", rule=RULE, created_at=1, updated_at=1),
    "campaign": lambda: Campaign.create(name="Used here", cls=2, state="scheduled", rule=RULE, created_at=1),
    "label": lambda: LabelRule.create(
        label="Used here", per_value=False, kind="sum", params=json.dumps({"weights": {"view": 1, "trial": 3}}),
        created_at=1, updated_at=1,
    ),
    "source": lambda: EventSource.create(
        name="Used here", kind="custom", token="t", secret_enc=b"", created_at=1,
        mapping=json.dumps({"events": [{"type": "trial", "key": "id"}]}),
    ),
    "site": lambda: EventSource.create(
        name="Used here", kind="site", token="t", secret_enc=b"", created_at=1, mapping='{"types": ["trial"]}'
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", USES)
def test_a_type_that_is_used_stays_and_the_refusal_says_where(rt, trial, kind):
    with database.write_tx():
        USES[kind]()
    with pytest.raises(Refusal, match="“trial” is used by “Used here”; change those first"):
        eventtypes.remove("trial")
    uses, n = typeuse.of("trial", trial.id)
    assert [use.kind for use in uses] == ["source" if kind == "site" else kind] and n == 0


def test_a_type_with_events_stays_be_they_waiting_or_of_a_contact(rt, trial):
    assert did(rt) == "stored" and did(rt, phone="+8613900139000") == "waiting"
    with pytest.raises(Refusal, match="There are 2 events of “trial”"):
        eventtypes.remove("trial")


def test_a_campaign_that_is_over_and_a_value_of_the_same_name_are_no_use(rt, trial):
    with database.write_tx():
        Campaign.create(name="Old", cls=2, state="done", rule=RULE, created_at=1)
        same = '{"all": [{"segmenter": "attribute", "field": "city", "op": "eq", "value": "trial"}]}'
        Segment.create(name="City", rule=same, created_at=1, updated_at=1)
    eventtypes.remove("trial")


def test_built_in_types_are_never_changed_or_removed(rt):
    for act in (eventtypes.remove, eventtypes.edit):
        with pytest.raises(Refusal, match="“purchase” is built in"):
            act("purchase")


def test_the_commands_change_and_remove(cli, rt, trial):
    done = cli("event", "type", "edit", "trial", "--title", "Hour", "--property", "teacher=text",
               "--remove-property", "room", "--json")  # fmt: skip
    assert json.loads(done.output)["properties"] == {"hours": "number", "teacher": "text"}
    assert cli("event", "type", "edit", "trial", "--remove-property", "zzz").exit_code == 1
    assert cli("event", "type", "remove", "trial").exit_code == 0
    assert cli("event", "type", "remove", "trial").exit_code == 1


def test_the_pages_show_change_refuse_and_remove(client, login, rt_sqlite):
    eventtypes.add("trial", title="Trial lesson", properties={"room": "text"})
    assert "Types of your own" in client.get("/contacts/events").get_data(as_text=True)
    path = "/contacts/events/types/trial"
    assert "room = text" in client.get(path).get_data(as_text=True)
    assert (
        client.post(path, data={"title": "Hour", "properties": "room = text\nday = date"}).status_code == 303
    )
    assert dict(eventtypes.get("trial").properties) == {"room": "text", "day": "date"}
    wrong = client.post(path, data={"title": "Hour", "properties": "room = money"})
    assert wrong.status_code == 422 and "money" in wrong.get_data(as_text=True)
    with database.write_tx():
        segment = Segment.create(name="Room <four>", rule=RULE, created_at=1, updated_at=1)
    page = client.get(path).get_data(as_text=True)
    assert (
        f"/segments/{segment.id}" in page and "Room &lt;four&gt;" in page and "Remove this type" not in page
    )
    refused = client.post(f"{path}/remove")
    assert refused.status_code == 409 and "is used by" in refused.get_data(as_text=True)
    segment.delete_instance()
    viewer = login("viewer")
    assert viewer.get(path).status_code == 200
    assert viewer.post(path).status_code == viewer.post(f"{path}/remove").status_code == 403
    assert client.post(f"{path}/remove").status_code == 303
    assert client.get(path).status_code == 404
    assert "built in" in client.get("/contacts/events/types/purchase").get_data(as_text=True)
