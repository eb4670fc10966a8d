"""A reply is something a contact did, so segments and labels can use it."""

from __future__ import annotations

from core.audience import contacts, events, timeline
from core.contract.types import Inbound
from core.db import database, settings
from core.sending import inbound, replyevents
from tests.receiving import gateway


def reply(rt, account, number: str, text: str, key: str) -> None:
    with database.write_tx():
        inbound.apply(rt, account.id, [Inbound(number, text, "10690", key)])


def replies(contact_id: int) -> int:
    return sum(done.type == "reply" for done in events.of_contact(contact_id))


def test_a_reply_becomes_one_event_however_often_it_is_looked_for(rt):
    account, who = gateway(rt), contacts.create(rt, "+8613812345678")
    reply(rt, account, "+8613812345678", "有白色的吗", "a")
    assert replyevents.record(rt) == 1
    reply(rt, account, "+8613812345678", "多少钱", "b")
    assert replyevents.record(rt) == 1
    assert replyevents.record(rt) == 0
    assert replies(who) == 2


def test_a_stop_is_no_reply(rt):
    account, who = gateway(rt), contacts.create(rt, "+8613812345678")
    reply(rt, account, "+8613812345678", "退订", "a")
    assert replyevents.record(rt) == 0
    assert replies(who) == 0


def test_a_reply_of_a_stranger_waits_for_its_number(rt):
    reply(rt, gateway(rt), "+8613812345678", "你好", "a")
    replyevents.record(rt)
    assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 1
    who = contacts.create(rt, "+8613812345678")
    events.join_waiting(rt)
    assert replies(who) == 1


def test_a_row_that_was_committed_late_is_not_missed(rt):
    account, who = gateway(rt), contacts.create(rt, "+8613812345678")
    for number in range(3):
        reply(rt, account, "+8613812345678", f"text {number}", str(number))
    with database.write_tx():
        # As if the first two had been committed after a look that saw only later ones.
        settings.put(replyevents.SETTING, 2)
    assert replyevents.record(rt) == 3
    assert replies(who) == 3


def test_a_reply_stands_in_the_story_once_and_a_remembered_one_as_an_event(rt):
    account, who = gateway(rt), contacts.create(rt, "+8613812345678")
    reply(rt, account, "+8613812345678", "有白色的吗", "a")
    replyevents.record(rt)
    events.record(rt, [events.NewEvent("reply", 1_760_000_000_000, contact_id=who)])
    lines, _more = timeline.page(who)
    assert [(line.kind, line.what) for line in lines if line.kind in ("reply", "event")] == [
        ("reply", ""),
        ("event", "reply"),
    ]
