"""Tries at a secret are counted in the database, so the limit holds over all processes."""

from __future__ import annotations

import pytest

from core.security import throttle, users
from core.web.application import make_app
from tests.people import PASSWORD, csrf_token


@pytest.fixture
def still(monkeypatch):
    """A clock that stands still in the middle of a minute, so that no window ends during a test."""
    from core import clock

    now = clock.now_ms() // 3_600_000 * 3_600_000 + 90_000
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    return now


def login(app, email, password, ip="10.0.0.1"):
    client = app.test_client()
    token = csrf_token(client, "/login")
    return client.post(
        "/login",
        data={"email": email, "password": password, "csrf_token": token},
        environ_base={"REMOTE_ADDR": ip},
    )


def test_the_limit_by_account_holds_over_two_applications(rt_sqlite, still):
    apps = [make_app(rt_sqlite), make_app(rt_sqlite)]
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    answers = [login(apps[i % 2], "li@shop.example", "wrong", ip=f"10.0.0.{i}").status_code for i in range(7)]
    assert answers == [200] * 5 + [429] * 2
    # The right password does not help while the limit holds, and the answer says how long to wait.
    refused = login(apps[0], "LI@shop.example", PASSWORD, ip="10.0.0.99")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "30"
    assert b"Wait 30 seconds" in refused.data


def test_the_limit_by_address_holds_over_accounts(app, still):
    answers = [login(app, f"p{i}@shop.example", "wrong").status_code for i in range(22)]
    assert answers == [200] * 20 + [429] * 2


def test_a_sign_in_that_succeeds_forgets_the_tries(app, still):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    for _ in range(3):
        assert [login(app, "li@shop.example", "wrong").status_code for _ in range(4)] == [200] * 4
        assert login(app, "li@shop.example", PASSWORD, ip="10.9.9.9").status_code == 302
        throttle.clear("security.login:ip", "10.0.0.1")


def test_links_are_limited_too(app, still):
    client = app.test_client()
    token = csrf_token(client, "/login")
    answers = [
        client.post("/link/guess", data={"csrf_token": token, "password": "x"}).status_code for _ in range(7)
    ]
    assert answers == [404] * 5 + [429] * 2


def test_windows_end(rt, monkeypatch):
    from core import clock

    now = 1_800_000_000_000
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    limit = (throttle.Limit(2, 60),)
    assert [throttle.hit("k", "A", limit) for _ in range(3)] == [0, 0, 60]
    assert throttle.hit("k", "b", limit) == 0
    now += 60_000
    assert throttle.hit("k", "a", limit) == 0
    now += 3 * clock.DAY_MS
    assert throttle.purge() >= 2


def test_a_number_is_used_once(rt):
    assert [throttle.once("totp", "1", 5) for _ in range(3)] == [True, False, False]
    assert throttle.once("totp", "2", 5)


def test_no_address_or_mail_is_stored_in_clear(app):
    from core.db import database

    login(app, "li@shop.example", "wrong", ip="10.1.2.3")
    keys = " ".join(key for (key,) in database.query("SELECT key FROM throttle"))
    assert keys and "10.1.2.3" not in keys and "shop.example" not in keys


@pytest.mark.parametrize("spelling", ["li@shop。example", " LI@shop.example", "li@ｓhop.example"])
def test_another_spelling_of_an_address_is_the_same_account(app, still, spelling):
    users.add("test", "li@shop.example", "viewer", PASSWORD)
    for i in range(5):
        assert login(app, "li@shop.example", "wrong", ip=f"10.0.0.{i}").status_code == 200
    assert login(app, spelling, PASSWORD, ip="10.0.0.99").status_code == 429


def test_a_network_of_ipv6_is_one_source(app, still):
    answers = [
        login(app, f"p{i}@shop.example", "wrong", ip=f"2001:db8:0:1:{i:x}::{i:x}").status_code
        for i in range(22)
    ]
    assert answers == [200] * 20 + [429] * 2
    assert login(app, "p@shop.example", "wrong", ip="2001:db8:0:2::1").status_code == 200
