"""A code is asked for, sent, tried once, and never kept where it can be read."""

from __future__ import annotations

import re
import threading

import pytest

from core.audience import suppression
from core.contract.errors import Refusal
from core.db import classes, database
from core.sending.otp import codes, service
from tests.otp_kit import APP, Phone, ask, later, opened, row


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
