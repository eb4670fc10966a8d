"""Settings → API: make a token, see it once, revoke it."""

from __future__ import annotations

import re

import pytest

from core.db import database
from core.security import tokens
from core.sending import accounts, prices


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


def test_a_token_gets_networks_and_a_cap_and_the_list_shows_them(client):
    prices.put(
        accounts.create(client.application.extensions["cooee"], "main", "null", {}).id,
        [prices.Line(1, "CNY")],
    )
    form = {"name": "till", "scopes": ["messages.write"], "days": "0"}
    bounds = {"networks": "192.0.2.7/24\r\n2001:db8::1, 10.0.0.1", "cap": "50"}
    page = client.post("/settings/api", data=form | bounds).get_data(as_text=True)
    assert "It works only from:" in page and "CN¥ 50.00 a day" in page
    [token] = tokens.listed()
    assert token.networks == ("192.0.2.0/24", "2001:db8::1", "10.0.0.1")
    assert (token.cap_micros, token.cap_currency) == (50_000_000, "CNY")
    listed = client.get("/settings/api").get_data(as_text=True)
    assert "192.0.2.0/24" in listed and "0.00 of CN¥ 50.00 today" in listed


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("networks", "shop.example", "no address or network"), ("cap", "50 CNY", "No account has a price yet")],
)
def test_a_bound_that_makes_no_sense_stands_beside_its_field(client, field, value, words):
    form = {"name": "till", "scopes": ["messages.write"], "days": "0", field: value}
    answer = client.post("/settings/api", data=form)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and f'id="{field}-error"' in html and words in html
    assert tokens.listed() == []


def test_only_admins_get_there(login):
    assert login("approver").get("/settings/api").status_code == 403
    page = login("admin").get("/settings").get_data(as_text=True)
    assert "/settings/api" in page


def test_an_empty_page_says_what_to_do(client):
    page = client.get("/settings/api").get_data(as_text=True)
    assert "No program has a token yet" in page and "/api/v1/openapi.json" in page
    assert "curl -X PUT http://127.0.0.1:8000/api/v1/contacts" in page
