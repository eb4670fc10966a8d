"""Tokens: shown once, kept as a hash, held to their scopes, their end and their rate."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.security import tokens
from core.web.application import make_app
from tests.api_kit import Caller, problem


@pytest.fixture
def at(monkeypatch):
    """A clock that stands still until the test moves it."""
    now = [clock.now_ms() // 3_600_000 * 3_600_000 + 90_000]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    return now


def test_the_command_prints_the_token_once_and_stores_only_its_hash(cli):
    made = cli("token", "add", "shop", "--scope", "contacts.write", "events.write")
    assert made.exit_code == 0
    text = made.stdout.strip()
    assert text.startswith("cooee_") and len(text) >= 6 + 43
    [row] = database.query("SELECT token_hash, prefix, scopes FROM api_token")
    assert bytes(row[0]) == sha256(text.encode()).digest()
    assert text.startswith(row[1]) and len(row[1]) == 12
    assert row[2] == "contacts.write events.write"
    listed = cli("token", "list", "--json").stdout
    assert text not in listed
    assert json.loads(listed)[0]["state"] == "active"
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE detail LIKE ?", (f"%{text}%",)) == 0
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'token.add'") == 1


def test_a_revoked_token_is_refused_from_the_next_call_on(cli, rt):
    caller = Caller(rt, "segments.read")
    assert caller("GET", "/segments").status_code == 200
    assert cli("token", "revoke", caller.row.id).exit_code == 0
    assert problem(caller("GET", "/segments"))[:2] == (401, "unauthorized")
    assert cli("token", "revoke", 999).exit_code == 1


def test_a_token_expires(rt_sqlite, at):
    text, row = tokens.create("test", "shop", ["segments.read"], 30)
    at[0] = row.expires_at - 1
    assert tokens.find(text)
    at[0] = row.expires_at
    assert tokens.find(text) is None
    forever, _row = tokens.create("test", "shop", ["segments.read"], 0)
    at[0] += 3650 * clock.DAY_MS
    assert tokens.find(forever)


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("", ["segments.read"], 1, "name"),
        ("x" * 61, ["segments.read"], 1, "name"),
        ("shop", [], 1, "scopes"),
        ("shop", ["segments.rule"], 1, "scopes"),
        ("shop", ["segments.read"], -1, "days"),
        ("taken", ["segments.read"], 1, "name"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(rt_sqlite, name, scopes, days, field):
    tokens.create("test", "taken", ["segments.read"])
    with pytest.raises(Refusal) as refused:
        tokens.create("test", name, scopes, days)
    assert refused.value.field == field


def test_without_a_token_or_with_a_wrong_one_nothing_is_answered(rt_sqlite):
    caller = Caller(rt_sqlite)
    for given in ("Bearer cooee_" + "x" * 43, "Bearer ", "Basic YTpi", "Bearer " + "y" * 5000):
        answer = caller("GET", "/segments", Authorization=given)
        assert problem(answer)[0] == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    bare = caller.app.test_client().get("/api/v1/segments")
    assert problem(bare)[:2] == (401, "unauthorized")


def test_wrong_tokens_are_counted_and_a_right_one_is_let_through(rt_sqlite, at):
    caller = Caller(rt_sqlite)
    wrong = [caller("GET", "/segments", Authorization="Bearer cooee_x") for _ in range(22)]
    assert [answer.status_code for answer in wrong] == [401] * 20 + [429] * 2
    assert wrong[-1].headers["Retry-After"] == "30"
    assert caller("GET", "/segments").status_code == 200


def test_a_missing_scope_is_403_and_named(rt_sqlite):
    caller = Caller(rt_sqlite, "segments.read")
    answer = caller("PUT", "/contacts", [])
    assert problem(answer) == (403, "forbidden", "contacts.write")


def test_every_endpoint_asks_for_its_scope(rt_sqlite):
    from core.api.blueprint import ENDPOINTS

    app = make_app(rt_sqlite)
    for number, endpoint in enumerate(ENDPOINTS):
        others = [scope for scope in tokens.SCOPES if scope != endpoint.scope]
        caller = Caller(rt_sqlite, *others, name=f"t{number}", app=app)
        path = endpoint.path.replace("{id}", "1").replace("{name}", "x").replace("{phone}", "x")
        assert problem(caller(endpoint.method, path, []))[2] == endpoint.scope


def test_the_rate_holds_a_token_and_over_all_processes(rt_sqlite, at):
    rt_sqlite.settings.api_per_minute = 3
    one = Caller(rt_sqlite)
    two = Caller(rt_sqlite, name="other")
    answers = [one("GET", "/segments")] + [
        make_app(rt_sqlite).test_client().get("/api/v1/segments", headers={"Authorization": f"Bearer {one.token}"})
        for _ in range(3)
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert problem(answers[-1])[1] == "too-many"
    assert answers[-1].headers["Retry-After"] == "30"
    assert two("GET", "/segments").status_code == 200
    at[0] += 60_000
    assert one("GET", "/segments").status_code == 200


def test_the_last_use_is_written_at_most_once_a_minute(rt, at):
    caller = Caller(rt)

    def used() -> int | None:
        return database.scalar("SELECT last_used_at FROM api_token")

    assert used() is None
    caller("GET", "/segments")
    first = used()
    assert first == at[0]
    at[0] += 59_000
    caller("GET", "/segments")
    assert used() == first
    at[0] += 2_000
    caller("GET", "/segments")
    assert used() == at[0]
