"""What a code leaves behind: nothing that tells it, nor whether a number is known."""

from __future__ import annotations

import pytest

from core.audience import timeline
from core.contract.errors import Refusal
from core.db import classes, database
from core.sending import direct
from core.sending.otp import guard, rules, service, upkeep
from tests import campaign_kit as kit
from tests.otp_kit import APP, Phone, ask, later, opened, row


def test_the_words_of_a_code_are_nowhere_to_be_read(rt, caplog):
    caplog.set_level("DEBUG")
    phone = Phone(rt)
    sent = ask(rt, locale="en")
    code = phone.code()
    message_id = row(sent.id, "message_id")[0]
    stored = database.query("SELECT body FROM message_text")
    assert stored == [("Your code is ••••••. It is good for 5 minutes. Do not share it with anyone.",)]
    assert direct.show(rt, message_id)["text"] == stored[0][0]
    contact = database.scalar("SELECT contact_id FROM otp")
    assert "••••••" in str(timeline.page(contact)) and code not in str(timeline.page(contact))
    dump = "".join(str(database.query(f'SELECT * FROM "{table}"')) for table in database.proxy.get_tables())
    assert code not in dump and code not in caplog.text
    assert code.encode() not in b"".join(f.read_bytes() for f in rt.settings.path("journal").glob("*"))


def test_a_code_of_somebody_else_is_masked_when_its_time_is_over(rt):
    phone = Phone(rt, voice=False)
    made = direct.send(rt, "+8613800138000", "otp", "Your code is 417 093, thanks", key="k1")
    assert made["text"] == "Your code is ••••••, thanks"
    phone.ring()
    assert phone.texts[0].text == "Your code is 417 093, thanks"
    assert "417" in database.scalar("SELECT body FROM message_text")
    classes.save("otp", {"latest_s": 30})
    assert upkeep.forget_words() == 0
    with database.write_tx():
        old = (database.scalar("SELECT id FROM message") >> 20) - 400_000
        for table, column in (("message_text", "message_id"), ("message", "id")):
            database.execute(f"UPDATE {table} SET {column} = ?", (old << 20,))
    assert upkeep.forget_words() == 1
    assert database.scalar("SELECT body FROM message_text") == "Your code is ••••••, thanks"
    again = direct.send(rt, "+8613800138000", "otp", "Your code is 417 093, thanks", key="k1")
    assert again["message_id"] == old << 20


def test_known_and_unknown_numbers_run_the_same_statements(rt, monkeypatch):
    for module in (rules, classes):
        monkeypatch.setattr(module, "KEPT_S", 1 << 30)  # nobody reads the rules anew in between
    opened()
    Phone(rt)
    kit.person(rt, 138000)
    ask(rt, "+8613900000000")  # makes the campaign
    seen: list[str] = []
    real = type(database.proxy.obj).execute_sql

    def spy(self, sql, params=None, *more):
        seen.append(sql)
        return real(self, sql, params, *more)

    monkeypatch.setattr(type(database.proxy.obj), "execute_sql", spy)

    def statements(work) -> list[str]:
        seen.clear()
        work()
        return list(seen)

    known = statements(lambda: ask(rt, "+8613800138000"))
    unknown = statements(lambda: ask(rt, "+8615912345678"))
    assert known == unknown and len(known) > 10
    sent = ask(rt, "+8613700000000")
    wrong = [statements(lambda: service.verify(rt, APP, sent.id, "no")) for _n in range(7)]
    nobody = [statements(lambda: service.verify(rt, APP, "nobody", "no")) for _n in range(7)]
    assert wrong == nobody


def test_seeds_go_when_codes_are_over(rt):
    Phone(rt)
    sent = ask(rt, ttl_s=30)
    assert upkeep.forget_seeds() == 0
    later(31)
    assert upkeep.forget_seeds() == 1 and row(sent.id)[2] is None


def test_status_tells_people_everything_but_the_code(rt_sqlite):
    phone = Phone(rt_sqlite)
    sent = ask(rt_sqlite)
    code = phone.code()
    seen = service.status(APP, sent.id)
    assert seen["state"] == "sent" and seen["message_state"] == "accepted" and code not in str(seen)
    service.verify(rt_sqlite, APP, sent.id, code)
    assert service.status("", sent.id)["state"] == "verified"
    with pytest.raises(Refusal):
        service.status("api:other", sent.id)
    assert rules.of().attempts == 5 and guard.blocked() == []
