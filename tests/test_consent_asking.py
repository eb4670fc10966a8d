"""Double opt-in by text, topics of campaigns, and opt-outs providers know of."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.audience import consent, contacts, keywords, suppression, topics
from core.contract.errors import Refusal
from core.contract.types import OPTED_OUT, Receipt, Result
from core.db import database, settings
from core.db.codes import Cls, State
from core.sending import accounts, asking, inbox, receipts, verify
from tests import send_kit as kit

PHONE = "+8613812345678"


@pytest.fixture
def person(rt):
    """A contact who signed up and has not confirmed; an account is there."""
    accounts.create(rt, "sim", "simulator", {})
    contact_id = contacts.create(rt, PHONE)
    settings.put("brand", "Yunwu")
    return contact_id


def ask(rt, contact_id, **given):
    return asking.ask(rt, contact_id, Cls.mass, source="web form", who="a@b.c", **given)


def later(monkeypatch, ms: int) -> None:
    real = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: real() + ms)


def test_the_question_is_a_notice_and_stands_in_the_ledger(rt, person):
    made = ask(rt, person)
    assert (made["class"], made["state"]) == ("notice", "ready")
    assert "Yunwu" in made["text"] and "/" in made["text"] and "{" not in made["text"]
    line = consent.history(person)[-1]
    assert (line["action"], line["who"]) == ("ask", "a@b.c") and "Yunwu" in line["wording"]
    assert consent.pending(person) == [Cls.mass]


def test_a_chinese_contact_is_asked_in_chinese(rt, person):
    contacts.edit(rt, person, {"language": "zh-CN"})
    assert "回复“是”" in ask(rt, person)["text"]


def test_a_yes_confirms(rt, person):
    ask(rt, person)
    bidx = rt.keys.blind_index(PHONE)
    assert keywords.Words.current().intent("是", "CN", pending=keywords.is_pending(bidx)) == "start"
    with database.write_tx():
        keywords.apply_inbound(rt, bidx, None, "start", evidence={"inbound": 1})
    assert consent.state(person)[Cls.mass].status == "opted_in"
    with pytest.raises(Refusal, match="agreed already"):
        ask(rt, person)


def test_nobody_is_asked_twice_within_ten_minutes_nor_four_times_a_week(rt, person, monkeypatch):
    ask(rt, person)
    with pytest.raises(Refusal, match="wait ten"):
        ask(rt, person)
    for minutes in (11, 11):
        later(monkeypatch, minutes * clock.MINUTE_MS)
        ask(rt, person)
    later(monkeypatch, 11 * clock.MINUTE_MS)
    with pytest.raises(Refusal, match="3 times within seven days"):
        ask(rt, person)
    later(monkeypatch, 7 * clock.DAY_MS)
    ask(rt, person)


def test_a_suppressed_number_is_not_asked(rt, person):
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, PHONE)], reason="stop")
    with pytest.raises(Refusal, match="cannot be asked"):
        ask(rt, person)
    assert consent.history(person) == []


def test_the_command_asks_and_topics_are_listed(cli, rt, person):
    done = cli("consent", "ask", PHONE, "--class", "mass", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["class"] == "notice"
    assert cli("consent", "ask", PHONE).exit_code == 1
    assert cli("consent", "topic", "add", "sale", "Sales", "--title-zh", "优惠").exit_code == 0
    assert cli("consent", "topic", "set", PHONE, "sale", "out", "--source", "phone").exit_code == 0
    assert json.loads(cli("consent", "topic", "list", "--json").stdout)[0]["opted_out"] == 1
    assert cli("consent", "topic", "set", PHONE, "nope", "out", "--source", "x").exit_code == 1
    tried = cli("consent", "keywords", "--test", "leave me alone", "--json")
    assert json.loads(tried.stdout)["meant"] == "stop"
    paper = json.loads(cli("consent", "export", PHONE, "--format", "json").stdout)
    assert [line["action"] for line in paper["ledger"]] == ["ask", "opt_out"] and paper["chain"]["intact"]
    assert "<table>" in cli("contact", "export", PHONE).stdout


# --- topics of campaigns ------------------------------------------------------------------------------


def test_a_campaign_with_a_topic_leaves_out_who_does_not_want_it(rt):
    topic, tape = topics.add("sale", "Sales"), kit.Tape()
    first, account = kit.setup(rt, tape, n=5)
    people = kit.people_of(first)
    topics.change(rt, people[0], topic, False, source="phone")
    options = {"approve": "off", "topic": "sale"}
    campaign = kit.kit.campaign(rt, name="Sales only", options=options, account_id=account)
    kit.kit.launched(rt, campaign)
    rows = dict(kit.rows(campaign, "contact_id, reason"))
    assert rows[people[0]] == "topic" and sum(reason == "topic" for reason in rows.values()) == 1
    late = next(contact for contact, reason in rows.items() if reason is None)
    topics.change(rt, late, topic, False, source="phone")
    kit.send_all(rt, campaign)
    after = dict(kit.rows(campaign, "contact_id, reason"))
    assert after[late] == "topic"
    assert len(tape.sent) == len(rows) - 2
    kit.whole(rt)


def test_an_unknown_topic_and_one_of_another_class_are_refused(rt_sqlite):
    from core.sending import options

    with pytest.raises(Refusal, match="no topic"):
        options.check({"topic": "nope"})
    topics.add("calls", "Calls", cls=Cls.voice)
    with pytest.raises(Refusal, match="of class voice"):
        kit.setup(rt_sqlite, n=2, options={"topic": "calls"})


# --- opt-outs providers know of -----------------------------------------------------------------------


def refusing(code, reason=None):
    """Refuses the first message it ever gets."""
    seen = []

    def act(messages):
        results = []
        for message in messages:
            seen.append(message.ref)
            bad = len(seen) == 1
            results.append(
                Result("rejected", code=code, reason=reason)
                if bad
                else Result("accepted", provider_id=f"p-{message.ref}")
            )
        return results

    return act


@pytest.mark.parametrize(
    ("code", "reason", "known"), [("21610", None, ("21610",)), ("x", OPTED_OUT, ()), (None, OPTED_OUT, ())]
)
def test_a_refusal_that_means_an_opt_out_is_written_back(rt, code, reason, known):
    tape = kit.Tape(optout_codes=known)
    tape.act = refusing(code, reason)
    campaign, account = kit.setup(rt, tape, n=4)
    kit.send_all(rt, campaign)
    [(message, contact)] = [
        row[:2] for row in kit.rows(campaign, "id, contact_id, state") if row[2] == State.rejected
    ]
    last = consent.state(contact)[Cls.mass].event
    assert (last["action"], last["source"], last["who"]) == ("opt_out", "provider", "provider")
    assert last["evidence"] == {"message": message, "account": account, "code": code or OPTED_OUT}
    held = suppression.of(contacts.get(rt, contact).phone_bidx)
    assert [row["reason"] for row in held] == ["provider"]
    kit.whole(rt)


def test_another_refusal_opts_nobody_out(rt):
    tape = kit.Tape(optout_codes=("21610",))
    tape.act = refusing("30007", "carrier filtered it")
    campaign, _account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign)
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 0


def test_a_receipt_can_say_so_too_and_twice_is_once(rt):
    tape = kit.Tape(optout_codes=("21610",), echoes_reference=True)
    campaign, account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign)
    told = [Receipt("undelivered", ref=tape.refs[0], code="21610"), Receipt("delivered", ref=tape.refs[1])]
    for _ in range(2):
        with database.write_tx():
            inbox.store(rt, [(account, inbox.SINK, inbox.pack_receipts(told))], clock.now_ms())
        receipts.apply(rt)
    assert database.scalar("SELECT COUNT(*) FROM suppression WHERE reason = 'provider'") == 1
    assert database.scalar("SELECT COUNT(*) FROM consent_event WHERE source = 'provider'") == 2
    assert verify.verify(rt) == []
