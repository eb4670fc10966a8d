"""The consent ledger: append-only, folded into the profile, and proof of who agreed to what."""

from __future__ import annotations

import random

import peewee
import pytest

from core.audience import consent
from core.audience.consent import Event
from core.audience.contacts import create
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls

NUMBERS = [f"+86138001380{n:02}" for n in range(12)]


def people(rt, n=1):
    return [(create(rt, number), rt.keys.blind_index(number)) for number in NUMBERS[:n]]


def bits(contact_id):
    return database.one("SELECT consent_bits, optout_bits FROM profile WHERE contact_id = ?", (contact_id,))


def record(rt, *events):
    with database.write_tx():
        consent.record(rt, events)


def test_the_last_event_of_a_class_wins(rt):
    [(one, bidx)] = people(rt)
    record(rt, Event(one, bidx, Cls.mass, "opt_in"), Event(one, bidx, Cls.voice, "opt_out"))
    assert bits(one) == (Cls.mass.bit, Cls.voice.bit)
    record(rt, Event(one, bidx, Cls.mass, "opt_out"), Event(one, bidx, Cls.voice, "opt_in"))
    assert bits(one) == (Cls.voice.bit, Cls.mass.bit)
    record(rt, Event(one, bidx, Cls.voice, "erase"), Event(one, bidx, Cls.mass, "ask"))
    assert bits(one) == (0, Cls.mass.bit)
    assert consent.check() is None


def test_two_events_of_one_class_in_one_call_are_in_order(rt):
    [(one, bidx)] = people(rt)
    record(rt, Event(one, bidx, Cls.mass, "opt_in"), Event(one, bidx, Cls.mass, "opt_out"))
    assert bits(one) == (0, Cls.mass.bit)


@pytest.mark.parametrize(
    "statement", ["UPDATE consent_event SET action = 'opt_in'", "DELETE FROM consent_event"]
)
def test_the_ledger_refuses_to_be_changed(rt, statement):
    [(one, bidx)] = people(rt)
    record(rt, Event(one, bidx, Cls.mass, "opt_out"))
    with pytest.raises(peewee.DatabaseError, match="append-only"), database.write_tx():
        database.execute(statement)
    assert [event["action"] for event in consent.history(one)] == ["opt_out"]


def test_any_sequence_folds_to_the_same_as_a_plain_replay(rt):
    chance, crowd = random.Random(7), people(rt, 12)
    truth = {one: {} for one, _ in crowd}
    for _round in range(30):
        events = []
        for _ in range(chance.randint(1, 8)):
            one, bidx = chance.choice(crowd)
            cls, action = chance.choice(list(Cls)), chance.choice((*consent.STATES, *consent.NOTES))
            events.append(Event(one, bidx, cls, action))
            if action in consent.STATES:
                truth[one][cls] = action
        record(rt, *events)
    for one, _ in crowd:
        wanted = [
            sum(cls.bit for cls, action in truth[one].items() if action == which)
            for which in ("opt_in", "opt_out")
        ]
        assert list(bits(one)) == wanted
    assert consent.check() is None


def test_check_names_the_first_wrong_contact_and_refold_repairs_it(rt):
    (one, bidx), (two, _) = people(rt, 2)
    record(rt, Event(one, bidx, Cls.mass, "opt_in"))
    with database.write_tx():
        database.execute("UPDATE profile SET consent_bits = 8 WHERE contact_id = ?", (two,))
    assert f"Contact {two} has consent bits 8" in consent.check()
    assert consent.refold() == 1
    assert (consent.check(), bits(one), bits(two)) == (None, (Cls.mass.bit, 0), (0, 0))


def test_marketing_needs_consent_and_codes_do_not(rt_sqlite):
    [(one, _)] = people(rt_sqlite)
    may = {cls.name: at.may_text for cls, at in consent.state(one).items()}
    assert may == {"otp": True, "notice": True, "mass": False, "voice": False}
    consent.change(rt_sqlite, one, Cls.mass, "opt_in", source="web form", wording="Yes, text me", who="a@b.c")
    at = consent.state(one)[Cls.mass]
    assert (at.may_text, at.event["source"], at.event["wording"], at.event["who"]) == (
        True,
        "web form",
        "Yes, text me",
        "a@b.c",
    )


def test_consent_without_a_source_is_refused(rt_sqlite):
    [(one, _)] = people(rt_sqlite)
    with pytest.raises(Refusal, match="where this comes from") as refused:
        consent.change(rt_sqlite, one, Cls.mass, "opt_in", source="  ")
    assert (refused.value.field, consent.history(one)) == ("source", [])


def test_a_code_cannot_be_opted_out_of_in_the_ledger(rt_sqlite):
    [(one, _)] = people(rt_sqlite)
    with pytest.raises(Refusal, match="suppress the number"):
        consent.change(rt_sqlite, one, Cls.otp, "opt_out", source="phone call")


def test_unknown_classes_and_actions_are_refused(rt_sqlite):
    [(one, bidx)] = people(rt_sqlite)
    with pytest.raises(Refusal, match="“sms” is not one of otp, notice, mass, voice"):
        consent.parse_class("sms")
    with pytest.raises(Refusal, match="no consent action"):
        record(rt_sqlite, Event(one, bidx, Cls.mass, "agree"))


def test_plugins_hear_of_changes_once_a_class_and_action(rt_sqlite, monkeypatch):
    heard = []
    monkeypatch.setattr(
        type(rt_sqlite.plugins), "call", lambda _self, hook, **what: heard.append((hook, what))
    )
    crowd = people(rt_sqlite, 3)
    consent.announce(rt_sqlite, [Event(one, bidx, Cls.mass, "opt_in") for one, bidx in crowd])
    assert heard == [
        ("consent_changed", {"contact_ids": [one for one, _ in crowd], "cls": "mass", "action": "opt_in"})
    ]


def test_a_bulk_of_events_folds_in_few_statements(rt, monkeypatch):
    crowd, statements = people(rt, 12), []
    real = database.execute
    monkeypatch.setattr(
        database, "execute", lambda sql, params=(): (statements.append(sql), real(sql, params))[1]
    )
    record(rt, *[Event(one, bidx, Cls.mass, "opt_in", "import", batch_id=3) for one, bidx in crowd])
    assert sum("UPDATE profile" in sql for sql in statements) == 1
    assert {bits(one) for one, _ in crowd} == {(Cls.mass.bit, 0)}
