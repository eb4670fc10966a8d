"""Every route declares its permission, and each role gets exactly what it declares."""

from __future__ import annotations

from functools import wraps

import pytest

from core.security.roles import PERMISSIONS, ROLES
from core.web import access
from core.web.application import make_app
from tests.people import signed_in
from tests.url_kit import routes


def hollow(app):
    """Replace all views by one that says it was reached, so that only the guard is asked."""
    for endpoint, view in app.view_functions.items():
        app.view_functions[endpoint] = wraps(view)(lambda **_kw: "reached")


def test_a_route_without_a_permission_fails_the_start(rt_sqlite, monkeypatch):
    from flask import Blueprint

    planted = Blueprint("planted", __name__)

    @planted.get("/planted")
    def naked():
        return "secret"

    monkeypatch.setattr("core.web.application.blueprints", lambda: [planted])
    with pytest.raises(RuntimeError, match=r"planted\.naked"):
        make_app(rt_sqlite)


def test_an_unknown_permission_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match="conquer"):
        access.allow("conquer")


def test_all_routes_for_all_roles_and_methods(app):
    clients = {role: signed_in(app, role) for role in ROLES}
    anonymous = app.test_client()
    table = list(routes(app))
    hollow(app)
    app.config["WTF_CSRF_ENABLED"] = False
    wrong = []
    for endpoint, method, url in table:
        needed = access.permission_of(app, endpoint)
        answer = anonymous.open(url, method=method)
        if needed == access.PUBLIC:
            ok = answer.data == b"reached"
        else:
            ok = answer.status_code == 302 and answer.headers["Location"].startswith("/login")
        if not ok and answer.status_code != 404:
            wrong.append((endpoint, method, "nobody", answer.status))
        for role, client in clients.items():
            answer = client.open(url, method=method)
            allowed = needed in (access.PUBLIC, access.SIGNED_IN) or needed in ROLES[role]
            if (answer.data == b"reached") != allowed or (not allowed and answer.status_code != 403):
                wrong.append((endpoint, method, role, answer.status))
    assert not wrong
    assert {access.permission_of(app, endpoint) for endpoint, _, _ in table} <= {
        *PERMISSIONS,
        access.PUBLIC,
        access.SIGNED_IN,
    }


def test_a_wrong_method_is_405_and_names_the_right_ones(app, client):
    answer = client.delete("/settings")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert b"Not this way" in answer.data


def test_htmx_without_a_session_reloads_at_the_sign_in_page(app):
    answer = app.test_client().get("/settings/audit", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")


def test_each_weaker_role_is_contained_in_the_stronger():
    chain = list(ROLES.values())
    assert all(weak <= strong for weak, strong in zip(chain, chain[1:], strict=False))
    assert ROLES["admin"] == set(PERMISSIONS)


def test_a_get_changes_nothing(app, client):
    """Bookkeeping of the visit itself is left out: when a session was seen."""
    from core.db import database
    from core.db.models import ALL

    def content():
        return {
            model._meta.table_name: database.query(f"SELECT * FROM {model._meta.table_name} ORDER BY 1")
            for model in ALL
            if model._meta.table_name not in ("session_record", "user_account")
        }

    before = content()
    for endpoint, method, url in list(routes(app)):
        if method == "GET" and endpoint != "vendor.file":
            answer = client.get(url)
            assert answer.status_code < 500, (url, answer.status)
    after = content()
    assert [name for name in before if before[name] != after[name]] == []
