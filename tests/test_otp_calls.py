"""A code that is called: at once, after a text that did not arrive, over the account the routes choose."""

from __future__ import annotations

import re

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.sending import accounts, breaker
from core.sending.otp import service, upkeep
from core.sending.routes import decision, editing
from core.sending.routes.rules import Target
from tests.otp_kit import APP, Phone, ask, later, opened, row


def test_a_call_follows_a_text_without_a_receipt(rt):
    phone = Phone(rt)
    sent = ask(rt, channel="auto", locale="en")
    code = phone.code()
    assert upkeep.fall_back(rt) == 0
    later(31)
    assert upkeep.fall_back(rt) == 1 and upkeep.fall_back(rt) == 0
    phone.ring()
    assert len(phone.texts) == 1 and [m.cls for m in phone.calls] == ["otp"]
    assert phone.calls[0].text.count(", ".join(code)) == 2 and phone.calls[0].lang == "en"
    assert "••••••" in database.scalar(
        "SELECT body FROM message_text WHERE message_id = (SELECT call_id FROM otp)"
    )
    assert service.verify(rt, APP, sent.id, code).verified


def test_a_call_follows_a_refused_text_at_once(rt):
    from core import Result

    phone = Phone(rt)
    phone.act = lambda message: Result("rejected", code="30006")
    ask(rt, channel="auto")
    phone.ring()
    assert upkeep.fall_back(rt) == 1
    phone.ring()
    assert len(phone.calls) == 1


@pytest.mark.parametrize("end", ["delivered", "in_doubt", "verified", "void"])
def test_no_call_where_none_is_wanted(rt, end):
    from core import Result

    opened()
    phone = Phone(rt)
    if end == "in_doubt":
        phone.act = lambda message: Result("unknown")
    sent = ask(rt, channel="auto")
    code = phone.code()
    if end == "delivered":
        with database.write_tx():
            database.execute("UPDATE message SET state = 4")
    elif end == "verified":
        assert service.verify(rt, APP, sent.id, code).verified
    elif end == "void":
        later(11)
        ask(rt, channel="sms")
    later(40)
    assert upkeep.fall_back(rt) == 0 and not phone.calls


def test_a_code_can_be_called_at_once(rt):
    phone = Phone(rt)
    assert ask(rt, channel="voice").channel == "voice"
    phone.ring()
    assert not phone.texts and len(phone.calls) == 1
    assert re.search(r"(\d, ){5}\d", phone.calls[0].text)


def through(phone: Phone) -> list[str]:
    """The accounts that called, in order."""
    phone.ring()
    return [
        name for (name,) in database.query(
            "SELECT a.name FROM otp o JOIN message m ON m.id = o.call_id JOIN account a ON a.id = m.account_id "
            "WHERE m.state = 3 ORDER BY m.id"
        )
    ]  # fmt: skip


def test_a_call_takes_the_account_the_routes_of_voice_choose(rt):
    opened(countries=["CN", "US"])
    phone = Phone(rt)
    other = accounts.create(rt, "other caller", "caller", {}).id
    texts = accounts.get("texter").id
    editing.add({"name": "texts", "cls": int(Cls.otp)}, [Target(texts)])
    rule = editing.add(
        {"name": "calls to China", "cls": int(Cls.voice), "countries": ["CN"]}, [Target(texts), Target(other)]
    )
    ask(rt, channel="auto")
    ask(rt, "+14155552671", channel="auto")
    phone.ring()
    later(31)
    assert upkeep.fall_back(rt) == 2
    assert sorted(through(phone)) == ["caller", "other caller"], "the rule for one, the first for the other"
    ask(rt, "+8613800138001", channel="voice")
    assert sorted(through(phone)) == ["caller", "other caller", "other caller"]
    call_id = database.scalar("SELECT MAX(call_id) FROM otp")
    assert (found := decision.of(call_id)).rule_id == rule.id and found.account_id == other
    assert found.out == ((texts, "class", None),), "texts never go where a call is wanted"


def test_a_call_waits_for_a_caller_that_rests_and_leaves_out_one_that_is_off(rt):
    opened()
    phone = Phone(rt)
    other = accounts.create(rt, "other caller", "caller", {}).id
    editing.add({"name": "calls", "cls": int(Cls.voice)}, [Target(phone.caller), Target(other)])
    breaker.rest(phone.caller, clock.now_ms() + 60_000)
    ask(rt, channel="voice")
    assert through(phone) == ["other caller"]
    breaker.rest(other, clock.now_ms() + 90_000)
    later(11)
    sent = ask(rt, channel="voice")
    assert database.scalar("SELECT m.account_id FROM otp o JOIN message m ON m.id = o.call_id WHERE o.id = ?",
                           (sent.id,)) == phone.caller  # fmt: skip
    accounts.switch(accounts.get("caller"), False)
    accounts.switch(accounts.get("other caller"), False)
    later(11)
    with pytest.raises(Refusal, match="No account can call"):
        ask(rt, channel="voice")


def test_without_an_account_that_calls_voice_is_refused_and_auto_texts(rt_sqlite):
    phone = Phone(rt_sqlite, voice=False)
    with pytest.raises(Refusal, match="No account can call"):
        ask(rt_sqlite, channel="voice")
    ask(rt_sqlite, channel="auto")
    assert row(service and database.scalar("SELECT id FROM otp"), "fallback_at") == (None,)
    assert phone.code()
