"""The same key twice gives the same answer and acts once; another body is 422."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from core import clock, housekeeping
from core.api import idempotency
from core.api.idempotency import Answer
from core.api.problems import Problem
from core.contract.errors import Refusal
from core.db import database
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem

EVENT = {"phone": "+8613800000001", "type": "view", "at": "2026-05-01T10:00:00Z"}


def test_the_same_key_gives_the_same_answer_byte_for_byte_and_acts_once(rt):
    caller = Caller(rt)
    kit.person(rt, 1)
    first = caller("POST", "/events", [EVENT], key="a")
    again = caller("POST", "/events", [EVENT], key="a")
    assert first.json["stored"] == again.json["stored"] == 1
    assert first.data == again.data and first.content_type == again.content_type
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert caller("POST", "/events", [EVENT]).json["duplicate"] == 1


def test_another_body_or_another_address_with_the_key_is_422(rt):
    caller = Caller(rt)
    assert caller("POST", "/events", [EVENT], key="a").status_code == 200
    assert problem(caller("POST", "/events", [], key="a"))[:2] == (422, "key-reused")
    assert problem(caller("POST", "/campaigns/1/launch", key="a"))[:2] == (422, "key-reused")
    assert database.scalar("SELECT COUNT(*) FROM api_answer") == 1


def test_a_refusal_is_an_answer_too(rt):
    caller = Caller(rt)
    first, again = (caller("POST", "/campaigns/77/pause", key="p") for _ in range(2))
    assert first.status_code == again.status_code == 404
    assert first.data == again.data and again.headers["Idempotent-Replayed"] == "true"


def test_two_tokens_may_use_one_key(rt):
    one, two = Caller(rt), Caller(rt, name="other")
    assert one("POST", "/events", [EVENT], key="a").status_code == 200
    assert "Idempotent-Replayed" not in two("POST", "/events", [EVENT], key="a").headers


def test_eight_at_once_act_once_and_get_one_answer(rt):
    caller, threads = Caller(rt), Barrier(8)
    kit.segment("Everyone")
    kit.template("Hello")
    kit.account(rt)
    draft = {"name": "Winter", "segment": "Everyone", "templates": ["Hello"], "account": "main"}

    def call(_n: int):
        try:
            threads.wait()
            return caller("POST", "/campaigns", draft, key="winter")
        finally:
            database.proxy.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert database.scalar("SELECT COUNT(*) FROM campaign") == 1


def test_eight_at_once_send_one_message(rt):
    caller, threads = Caller(rt), Barrier(8)
    kit.account(rt)
    text = {"to": "+8613800000001", "class": "notice", "text": "Your parcel is here."}

    def call(_n: int):
        try:
            threads.wait()
            return caller("POST", "/messages", text, key="parcel-1")
        finally:
            database.proxy.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.data for answer in answers}) == 1
    assert database.scalar("SELECT COUNT(*) FROM message") == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ключ"])
def test_a_key_that_cannot_be_one_is_refused(rt_sqlite, key):
    answer = Caller(rt_sqlite)("POST", "/events", [], Idempotency_Key=key.encode().decode("latin-1"))
    assert problem(answer) == (422, "invalid", "Idempotency-Key")


def good() -> Answer:
    return Answer(200, "application/json", b"{}")


def test_a_call_still_at_work_is_409_after_a_while(rt, monkeypatch):
    monkeypatch.setattr(idempotency, "WAIT_S", 0.0)

    def slow() -> Answer:
        with pytest.raises(Problem) as refused:
            idempotency.once(rt.keys, 1, "k", b"same", good)
        assert refused.value.status == 409 and refused.value.wait_s
        return good()

    assert idempotency.once(rt.keys, 1, "k", b"same", slow) == good()
    assert idempotency.once(rt.keys, 1, "k", b"same", slow).replayed


def test_the_key_of_a_process_that_died_is_free_after_a_while(rt, monkeypatch):
    class Killed(BaseException):
        """What a kill leaves: no clean-up runs."""

    def killed() -> Answer:
        raise Killed

    monkeypatch.setattr(idempotency, "WAIT_S", 0.0)
    with pytest.raises(Killed):
        idempotency.once(rt.keys, 1, "k", b"same", killed)
    with pytest.raises(Problem):
        idempotency.once(rt.keys, 1, "k", b"same", good)
    later = clock.now_ms() + idempotency.HELD_MS + 1
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    assert not idempotency.once(rt.keys, 1, "k", b"same", good).replayed
    assert idempotency.once(rt.keys, 1, "k", b"same", good).replayed


def test_what_is_kept_names_nobody_in_plain(rt):
    caller = Caller(rt)
    kit.account(rt)
    text = {"to": "+8613800000001", "class": "notice", "text": "Dear Anna Smith"}
    answer = caller("POST", "/messages", text, key="m")
    assert b"+8613800000001" in answer.data and b"Anna" in answer.data
    [row] = database.query("SELECT * FROM api_answer")
    kept = b" ".join(bytes(value) for value in row if isinstance(value, bytes | memoryview))
    assert len(kept) > 100 and b"13800000001" not in kept and b"Anna" not in kept


@pytest.mark.parametrize("atomic", [False, True])
def test_a_crash_gives_the_key_back(rt, atomic):
    def crash() -> Answer:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        idempotency.once(rt.keys, 1, "k", b"same", crash, atomic=atomic)
    assert not idempotency.once(rt.keys, 1, "k", b"same", good, atomic=atomic).replayed


def test_atomic_work_and_its_answer_stand_or_fall_together(rt):
    def refused() -> Answer:
        kit.segment("half made")
        raise Refusal("No.", status=409)

    answer = idempotency.once(rt.keys, 1, "k", b"same", refused, atomic=True)
    assert answer.status == 409
    assert database.scalar("SELECT COUNT(*) FROM segment") == 0
    assert idempotency.once(rt.keys, 1, "k", b"same", refused, atomic=True).replayed


def test_answers_are_kept_for_a_day(rt, monkeypatch):
    idempotency.once(rt.keys, 1, "k", b"same", good)
    start = clock.now_ms()
    monkeypatch.setattr(clock, "now_ms", lambda: start + clock.DAY_MS - 60_000)
    housekeeping.run(rt)
    assert idempotency.once(rt.keys, 1, "k", b"same", good).replayed
    monkeypatch.setattr(clock, "now_ms", lambda: start + clock.DAY_MS + 60_000)
    housekeeping.run(rt)
    assert not idempotency.once(rt.keys, 1, "k", b"same", good).replayed
