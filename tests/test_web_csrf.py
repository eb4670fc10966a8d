"""An unsafe request needs the token and must come from our own pages."""

from __future__ import annotations

import pytest

from tests.people import csrf_token


@pytest.fixture
def bare(client):
    """Signed in, but sending no token."""
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    return client


def test_a_post_without_the_token_is_400_and_changes_nothing(bare):
    answer = bare.post("/settings/account", data={"name": "Mallory", "language": "", "zone": "", "theme": ""})
    assert answer.status_code == 400
    assert b"Mallory" not in bare.get("/settings/account").data


def test_a_wrong_token_is_400(bare):
    assert bare.post("/settings/theme", data={"theme": "dark", "csrf_token": "x"}).status_code == 400


def test_the_token_of_another_session_is_400(bare, app):
    other = csrf_token(app.test_client(), "/login")
    assert bare.post("/settings/theme", data={"theme": "dark", "csrf_token": other}).status_code == 400


def test_sign_out_needs_the_token(bare):
    assert bare.post("/logout").status_code == 400
    assert bare.get("/settings/account").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_request_from_elsewhere_is_refused_even_with_the_token(client, headers):
    answer = client.post("/settings/theme", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == 403
    assert b"another site" in answer.data


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}]
)
def test_a_request_from_our_own_pages_passes(client, headers):
    assert client.post("/settings/theme", data={"theme": "dark"}, headers=headers).status_code == 303


def test_only_program_blueprints_are_exempt(app):
    from core.web.access import MACHINE_BLUEPRINTS

    exempt = {blueprint.name for blueprint in app.extensions["csrf"]._exempt_blueprints}
    assert exempt == set(MACHINE_BLUEPRINTS) & set(app.blueprints)
    assert "health" in exempt
    assert not app.extensions["csrf"]._exempt_views
