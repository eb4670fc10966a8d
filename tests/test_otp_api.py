"""POST /otp and POST /otp/{id}/verify: scopes, keys, limits, and answers that tell nothing."""

from __future__ import annotations

import re

from core.db import database
from core.sending.otp import rules
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem
from tests.otp_kit import Phone, later, opened

FIELDS = {"id", "to", "expires_at", "channel", "resend_after_s"}


def test_a_program_sends_a_code_and_checks_it(rt):
    phone, call = Phone(rt), Caller(rt)
    answer = call("POST", "/otp", {"to": "+8613800138000", "locale": "en", "length": 8, "ttl_s": 120})
    assert answer.status_code == 202 and set(answer.json) == FIELDS
    assert answer.json["to"] == "+86138****8000" and answer.json["resend_after_s"] == 60
    code = phone.code()
    assert len(code) == 8 and "2 minutes" in phone.texts[0].text and code not in answer.get_data(as_text=True)
    path = f"/otp/{answer.json['id']}/verify"
    assert call("POST", path, {"code": "nothing"}).json == {"verified": False, "attempts_left": 4}
    assert call("POST", path, {"code": code}).json == {"verified": True, "attempts_left": 3}
    assert call("POST", path, {"code": code}).json == {"verified": False, "attempts_left": 2}


def test_an_idempotency_key_gives_the_same_answer_and_one_code(rt):
    phone, call = Phone(rt), Caller(rt)
    wish = {"to": "+8613800138000"}
    first = call("POST", "/otp", wish, key="k1")
    again = call("POST", "/otp", wish, key="k1")
    assert again.get_data() == first.get_data() and again.headers["Idempotent-Replayed"] == "true"
    assert problem(call("POST", "/otp", {"to": "+8613800138001"}, key="k1"))[:2] == (422, "key-reused")
    path = f"/otp/{first.json['id']}/verify"
    code = phone.code()
    tried = call("POST", path, {"code": code}, key="v1")
    assert tried.json["verified"] and call("POST", path, {"code": code}, key="v1").json["verified"]
    assert call("POST", path, {"code": code}, key="v2").json["verified"] is False
    assert database.scalar("SELECT COUNT(*) FROM otp") == 1


def test_a_key_in_the_body_does_the_same_without_headers(rt):
    Phone(rt)
    call = Caller(rt)
    first = call("POST", "/otp", {"to": "+8613800138000", "key": "order-1"})
    assert call("POST", "/otp", {"to": "+8613800138000", "key": "order-1"}).json == first.json


def test_too_many_are_refused_with_a_time_to_come_again(rt):
    Phone(rt)
    call = Caller(rt)
    assert call("POST", "/otp", {"to": "+8613800138000"}).status_code == 202
    answer = call("POST", "/otp", {"to": "+8613800138000"})
    assert problem(answer) == (429, "otp-limit", "to")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    rules.save({"ip_hour": 1})
    assert call("POST", "/otp", {"to": "+8613800139000", "ip": "203.0.113.7"}).status_code == 202
    answer = call("POST", "/otp", {"to": "+8613800131000", "ip": "203.0.113.7"})
    assert problem(answer) == (429, "otp-limit", "ip") and int(answer.headers["Retry-After"]) > 3000


def test_only_tokens_with_the_scope(rt_sqlite):
    Phone(rt_sqlite)
    call = Caller(rt_sqlite, "messages.write")
    for path, body in (("/otp", {"to": "+8613800138000"}), ("/otp/x/verify", {"code": "1"})):
        assert problem(call("POST", path, body)) == (403, "forbidden", "otp.write")


def test_another_program_cannot_check_the_code(rt):
    phone, shop = Phone(rt), Caller(rt, "otp.write")
    bank = Caller(rt, "otp.write", name="bank", app=shop.app)
    sent = shop("POST", "/otp", {"to": "+8613800138000"}).json
    code = phone.code()
    assert bank("POST", f"/otp/{sent['id']}/verify", {"code": code}).json == {
        "verified": False, "attempts_left": 4,
    }  # fmt: skip
    assert shop("POST", f"/otp/{sent['id']}/verify", {"code": code}).json["verified"]


def test_numbers_known_and_unknown_blocked_and_free_get_the_same_answer(rt):
    opened()
    Phone(rt)
    kit.person(rt, 138000)
    kit.person(rt, 139000, blocked=15)
    call = Caller(rt)
    answers = [
        call("POST", "/otp", {"to": to}) for to in ("+8613800138000", "+8613800139000", "+8615912345678")
    ]
    assert {answer.status_code for answer in answers} == {202}
    shapes = {
        (tuple(answer.json), len(answer.json["id"]), answer.json["channel"], len(answer.get_data()))
        for answer in answers
    }
    assert len(shapes) == 1


def test_ids_nobody_has_answer_like_wrong_codes(rt):
    Phone(rt)
    call = Caller(rt)
    known = call("POST", "/otp", {"to": "+8613800138000"}).json["id"]
    for _n in range(6):
        one, other = (call("POST", f"/otp/{id_}/verify", {"code": "x"}) for id_ in (known, "0" * 22))
        assert one.status_code == other.status_code == 200 and one.json == other.json


def test_wishes_that_make_no_sense(rt_sqlite):
    Phone(rt_sqlite)
    call = Caller(rt_sqlite)
    for field, wish in (
        ("to", {"to": "12"}), ("to", {"to": "+14155552671"}), ("length", {"length": 3}), ("ttl_s", {"ttl_s": 3600}),
        ("channel", {"channel": "fax"}), ("text", {"text": "no code"}), ("ip", {"ip": "home"}), ("extra", {"extra": 1}),
    ):  # fmt: skip
        answer = call("POST", "/otp", {"to": "+8613800138000"} | wish)
        assert problem(answer) == (422, "invalid", field)
    assert problem(call("POST", "/otp/x/verify", {}))[2] == "code"


def test_the_text_of_a_code_is_masked_in_the_api_and_on_the_pages(rt_sqlite, client):
    phone, call = Phone(rt_sqlite), Caller(rt_sqlite)
    call("POST", "/otp", {"to": "+8613800138000", "locale": "en"})
    code = phone.code()
    message = str(database.scalar("SELECT id FROM message"))
    assert call("GET", f"/messages/{message}").json["text"].startswith("Your code is ••••••.")
    contact = database.scalar("SELECT id FROM contact")
    for url in (f"/messages/{message}", "/messages", f"/contacts/{contact}", "/settings/otp"):
        page = client.get(url)
        assert page.status_code == 200, url
        assert not re.search(rf"(?<!\d){code}(?!\d)", page.get_data(as_text=True)), url
    later(1)
