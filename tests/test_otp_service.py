"""A code is asked for, sent, tried once, and never kept where it can be read."""

from __future__ import annotations

import re
import threading

import pytest

from core import clock
from core.audience import suppression, timeline
from core.contract.errors import Refusal
from core.db import classes, database, settings
from core.db.codes import Cls
from core.sending import accounts, breaker, direct
from core.sending.otp import codes, guard, rules, service, upkeep, wording
from core.sending.routes import decision, editing
from core.sending.routes.rules import Target
from tests import campaign_kit as kit
from tests.otp_kit import APP, Phone, ask, later, opened


def row(otp_id: str, columns: str = "verified_at, voided_at, seed"):
    return database.one(f"SELECT {columns} FROM otp WHERE id = ?", (otp_id,))


def test_a_code_arrives_and_is_verified_once(rt):
    phone = Phone(rt)
    sent = ask(rt)
    assert sent.to == "+86138****8000" and sent.channel == "sms" and sent.resend_after_s == 60
    assert len(sent.id) == codes.ID_CHARS
    code = phone.code()
    assert re.fullmatch(r"\d{6}", code) and phone.texts[0].cls == "otp"
    assert phone.texts[0].text == f"您的验证码是{code}，5分钟内有效。请勿告诉他人。"
    assert service.verify(rt, APP, sent.id, code) == (True, 4)
    assert service.verify(rt, APP, sent.id, code) == (False, 3)
    verified_at, voided_at, seed = row(sent.id)
    assert verified_at and voided_at is None and seed is None


def test_what_people_type_is_forgiven(rt_sqlite):
    phone = Phone(rt_sqlite)
    sent = ask(rt_sqlite)
    code = phone.code()
    wide = "".join(chr(ord(char) + 0xFEE0) for char in code)
    assert service.verify(rt_sqlite, APP, sent.id, f" {wide[:3]}-{wide[3:]} ").verified


@pytest.mark.parametrize("length", [4, 10])
def test_letters_nobody_takes_for_another(rt_sqlite, length):
    phone = Phone(rt_sqlite)
    sent = ask(rt_sqlite, length=length, alphabet="alnum", locale="en")
    code = phone.code()
    assert len(code) == length and set(code) <= set(codes.ALNUM) and not set("0OQ1IL2Z5S8BUV") & set(code)
    assert service.verify(rt_sqlite, APP, sent.id, code.lower()).verified


def test_codes_are_equally_likely():
    class Keys:
        otp = b"k" * 32

    made = [codes.code(Keys, codes.new_seed(), 6, "digits") for _n in range(20_000)]
    counts = [sum(code.count(digit) for code in made) for digit in "0123456789"]
    # 120,000 digits: 12,000 of each, standard deviation 104; seven of them.
    assert all(abs(n - 12_000) < 730 for n in counts)


def test_after_five_wrong_tries_the_right_code_is_wrong(rt):
    phone = Phone(rt)
    sent = ask(rt)
    code = phone.code()
    wrong = "000000" if code != "000000" else "111111"
    assert [service.verify(rt, APP, sent.id, wrong).attempts_left for _n in range(6)] == [4, 3, 2, 1, 0, 0]
    assert service.verify(rt, APP, sent.id, code) == (False, 0)
    assert row(sent.id)[2] is None


def test_an_unknown_id_answers_like_a_wrong_code(rt):
    Phone(rt)
    sent = ask(rt)
    for otp_id, app in (("nobodyHasThisOne", APP), (sent.id, "api:other"), (sent.id, APP)):
        answers = [service.verify(rt, app, otp_id, "wrong") for _n in range(6)]
        assert answers == [(False, 4), (False, 3), (False, 2), (False, 1), (False, 0), (False, 0)]


def test_a_code_that_is_over_is_a_wrong_one(rt):
    phone = Phone(rt)
    sent = ask(rt, ttl_s=30)
    code = phone.code()
    later(31)
    assert service.verify(rt, APP, sent.id, code) == (False, 4)


def test_a_new_code_voids_the_older_one_of_that_number_and_app(rt):
    opened()
    phone = Phone(rt)
    first, other = ask(rt), None
    old = phone.code()
    later(11)
    other = ask(rt, app="api:bank")
    others = phone.code()
    later(11)
    second = ask(rt)
    new = phone.code()
    assert service.verify(rt, APP, first.id, old).verified is False
    assert service.verify(rt, "api:bank", other.id, others).verified
    assert service.verify(rt, APP, second.id, new).verified


def test_a_text_whose_code_is_void_does_not_go_out(rt):
    opened()
    phone = Phone(rt)
    ask(rt)
    later(11)
    ask(rt)
    phone.ring()
    assert len(phone.texts) == 1
    states = database.query("SELECT state, reason FROM message ORDER BY id")
    assert states == [(9, "voided"), (3, None)]


def test_only_one_of_many_tries_at_the_same_time_succeeds(rt):
    opened(attempts=10)
    phone = Phone(rt)
    sent = ask(rt)
    code, answers = phone.code(), []
    barrier = threading.Barrier(8)

    def attempt():
        barrier.wait()
        answers.append(service.verify(rt, APP, sent.id, code))
        database.proxy.close()

    threads = [threading.Thread(target=attempt) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.verified for answer in answers) == 1
    assert sorted(answer.attempts_left for answer in answers) == list(range(2, 10))


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


def test_the_same_key_is_the_same_code(rt):
    Phone(rt)
    first = ask(rt, key="order-1")
    assert ask(rt, key="order-1") == first
    with pytest.raises(Refusal) as refused:
        ask(rt, "+8613800138001", key="order-1")
    assert refused.value.status == 409
    assert database.scalar("SELECT COUNT(*) FROM otp") == 1


def test_the_gates_of_every_message_hold_for_codes(rt):
    phone = Phone(rt)
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(rt.keys.blind_index("+8613800138000"))], reason="stop")
    assert ask(rt).channel == "sms"
    phone.ring()
    assert not phone.texts and database.query("SELECT state, reason FROM message") == [(9, "suppressed")]


def test_consent_can_be_asked_for_codes(rt):
    phone = Phone(rt)
    classes.save("otp", {"consent": True})
    ask(rt)
    phone.ring()
    assert database.query("SELECT reason FROM message") == [("no_consent",)]


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


def test_seeds_go_when_codes_are_over(rt):
    Phone(rt)
    sent = ask(rt, ttl_s=30)
    assert upkeep.forget_seeds() == 0
    later(31)
    assert upkeep.forget_seeds() == 1 and row(sent.id)[2] is None


@pytest.mark.parametrize("lang", sorted(wording.TEXTS))
def test_every_language_says_the_code_and_takes_one_part(rt_sqlite, lang):
    from core.content import parts

    phone = Phone(rt_sqlite)
    ask(rt_sqlite, locale=lang)
    phone.ring()
    text = phone.texts[0].text
    assert re.search(r"\d{6}", text) and "{{" not in text
    assert parts.plan(text).parts == 1, text


def test_words_can_be_changed_and_taken_back(rt_sqlite):
    phone = Phone(rt_sqlite)
    settings.put("brand", "Cooee")
    wording.change("en", "{{code}} opens {{brand}} for {{minutes}} min", "", "ann")
    ask(rt_sqlite, locale="en-GB")
    phone.ring()
    assert re.fullmatch(r"\d{6} opens Cooee for 5 min", phone.texts[0].text)
    wording.change("en", "", "", "ann")
    assert wording.texts()["en"][0] == wording.TEXTS["en"][1]
    for bad in ("no code", "{{code}} {{name}}", "•••••• {{code}}", "x" * 400 + "{{code}}"):
        with pytest.raises(Refusal):
            wording.change("en", bad, "")


def test_a_text_of_the_callers_own_obeys_the_class(rt_sqlite):
    from core.content.wording import CN_OTP

    Phone(rt_sqlite)
    classes.save("otp", CN_OTP)
    with pytest.raises(Refusal, match="验证码"):
        ask(rt_sqlite, text="【Shop】{{code}} is it")
    with pytest.raises(Refusal, match="no link"):
        ask(rt_sqlite, text="【Shop】验证码{{code}} https://x.example")
    assert ask(rt_sqlite, text="【Shop】验证码{{code}}").id


def test_requests_that_make_no_sense_are_refused(rt_sqlite):
    Phone(rt_sqlite)
    for field, wish in (
        ("length", {"length": 3}), ("ttl_s", {"ttl_s": 601}), ("alphabet", {"alphabet": "emoji"}),
        ("channel", {"channel": "pigeon"}), ("to", {"to": "12"}), ("to", {"to": "+14155552671"}),
        ("ip", {"ip": "here"}), ("lang", {"locale": "!!"}), ("text", {"text": "hi"}),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            ask(rt_sqlite, **{"to": "+8613800138000"} | wish)
        assert refused.value.field == field, wish
    assert database.scalar("SELECT COUNT(*) FROM otp") == 0


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
