"""Settings → API: make a token, see it once, revoke it."""

from __future__ import annotations

import re

from core.db import database
from core.security import tokens


def test_a_token_is_made_shown_once_used_and_revoked(client, app):
    form = {"name": "Shop <b>", "scopes": ["segments.read", "events.write"], "days": "90"}
    page = client.post("/settings/api", data=form).get_data(as_text=True)
    [text] = set(re.findall(r"cooee_[\w-]{43}", page))
    assert "Shop &lt;b&gt;" in page and "not shown again" in page
    listed = client.get("/settings/api").get_data(as_text=True)
    assert text not in listed and text[: tokens.SHOWN] in listed and "segments.read" in listed
    head = {"Authorization": f"Bearer {text}"}
    assert app.test_client().get("/api/v1/segments", headers=head).status_code == 200
    [token] = tokens.listed()
    assert token.scopes == {"segments.read", "events.write"} and token.created_by == "admin@shop.example"
    assert round((token.expires_at - token.created_at) / 86_400_000) == 90
    answer = client.post(f"/settings/api/{token.id}/revoke", follow_redirects=True)
    assert "is revoked" in answer.get_data(as_text=True)
    assert app.test_client().get("/api/v1/segments", headers=head).status_code == 401
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action LIKE 'token.%'") == 2


def test_a_form_that_makes_no_sense_says_so_beside_the_field(client):
    for form in ({"name": "", "scopes": ["segments.read"]}, {"name": "x"}, {"name": "x", "scopes": ["all"]}):
        answer = client.post("/settings/api", data=form | {"days": "90"})
        assert answer.status_code == 422 and "invalid-feedback" in answer.get_data(as_text=True)
    assert tokens.listed() == []


def test_a_name_that_is_taken_stands_beside_the_name(client):
    form = {"name": "shop", "scopes": ["segments.read"], "days": "0"}
    assert client.post("/settings/api", data=form).status_code == 200
    answer = client.post("/settings/api", data=form)
    assert answer.status_code == 422 and "active token" in answer.get_data(as_text=True)


def test_only_admins_get_there(login):
    assert login("approver").get("/settings/api").status_code == 403
    page = login("admin").get("/settings").get_data(as_text=True)
    assert "/settings/api" in page


def test_an_empty_page_says_what_to_do(client):
    page = client.get("/settings/api").get_data(as_text=True)
    assert "No program has a token yet" in page and "/api/v1/openapi.json" in page
    assert "curl -X PUT http://127.0.0.1:8000/api/v1/contacts" in page
