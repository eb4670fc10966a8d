"""Errors below /api/v1 have one shape, whoever raises them."""

from __future__ import annotations

import pytest

from core.api import contacts, problems
from core.db import database
from tests.api_kit import Caller, problem


@pytest.fixture
def caller(rt_sqlite):
    return Caller(rt_sqlite)


def test_an_unknown_address_and_a_wrong_method_are_problems(caller):
    assert problem(caller("GET", "/nothing"))[:2] == (404, "not-found")
    assert problem(caller("GET", "/campaigns/99999999999999999999"))[:2] == (404, "not-found")
    assert problem(caller("GET", "/messages/9999999999999999999"))[:2] == (404, "not-found")
    answer = caller("DELETE", "/campaigns")
    assert problem(answer)[:2] == (405, "wrong-method")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_what_is_no_json_is_named(caller):
    assert problem(caller("PUT", "/contacts", b"[1"))[:2] == (400, "malformed")
    assert problem(caller("PUT", "/contacts", b"[]", Content_Type="text/csv"))[:2] == (415, "not-json")
    assert (
        caller("PUT", "/contacts", b"[]", Content_Type="application/json; charset=utf-8").status_code == 200
    )


def test_a_body_that_is_too_large_is_413_and_one_of_a_full_batch_is_not(caller):
    full = [{"phone": f"+86138{n:08d}", "name": "张" * 200} for n in range(1000)]
    assert caller("PUT", "/contacts", full).json["created"] == 1000
    assert problem(caller("PUT", "/contacts", b"[" + b" " * (8 << 20) + b"]"))[:2] == (413, "too-large")
    assert problem(caller("PUT", "/contacts", [{}] * 1001))[:2] == (422, "invalid")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": "+8613800138000", "class": "notice"}, "text"),
        ({"to": "+8613800138000", "class": "loud", "text": "x"}, "class"),
        ({"to": 5, "class": "notice", "text": "x"}, "to"),
        ({"to": "+8613800138000", "class": "notice", "text": "x", "when": "now"}, "when"),
        ({"to": "+8613800138000", "class": "notice", "text": "x" * 2001}, "text"),
        ({"to": "+8613800138000", "class": "notice", "text": ""}, "text"),
        ({"to": "+8613800138000", "class": "notice", "text": "a\0b"}, "text"),
        ([], ""),
    ],
)
def test_a_body_of_another_form_names_the_field(caller, body, field):
    assert problem(caller("POST", "/messages", body)) == (422, "invalid", field)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=201", "after=-1", "limit=5&limit=6", "after=%00"]
)
def test_a_parameter_of_another_form_names_itself(caller, query):
    field = query.partition("=")[0]
    assert problem(caller("GET", f"/campaigns?{query}")) == (422, "invalid", field)


def test_a_crash_is_a_problem_with_a_name_and_says_nothing_else(caller, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(contacts.upserts, "upsert", broken)
    answer = caller("PUT", "/contacts", [])
    assert problem(answer)[:2] == (500, "internal")
    assert answer.json["instance"].startswith("urn:cooee:error:")
    assert "secret" not in answer.get_data(as_text=True)


def test_the_sentence_is_in_the_language_asked_for_and_the_type_is_not(caller):
    answer = caller("GET", "/nothing", Accept_Language="zh-CN")
    assert answer.json["type"] == "urn:cooee:problem:not-found"
    assert answer.json["title"] == "Not found"
    assert "没有" in answer.json["detail"]


def test_pages_still_get_pages(client):
    answer = client.get("/nothing")
    assert answer.status_code == 404 and b"<html" in answer.data


def test_every_status_has_one_kind():
    kinds = {
        status: problems.response(status).json["type"] for status in (400, 404, 405, 413, 415, 422, 429, 500)
    }
    assert len(set(kinds.values())) == len(kinds)
    assert kinds[422] == "urn:cooee:problem:invalid"
    assert problems.response(418).json["status"] == 418 and problems.response(599).json["status"] == 599


def test_the_database_holds_no_answer_without_a_key(caller):
    caller("POST", "/events", [])
    assert database.scalar("SELECT COUNT(*) FROM api_answer") == 0
