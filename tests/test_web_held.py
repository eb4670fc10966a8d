"""A session that ends while somebody types: they are told why, and what they typed is not lost."""

from __future__ import annotations

import re
from html import unescape

import pytest

from core.content import templates
from core.db import database
from tests import campaign_kit as kit
from tests.people import PASSWORD, csrf_token

OURS = {"Sec-Fetch-Site": "same-origin"}
HIDDEN = re.compile(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">')
AREA = re.compile(r'<textarea name="([\w-]+)" hidden>\n([^<]*)</textarea>')


@pytest.fixture
def written(rt_sqlite):
    return kit.template("weekend", en="Hello. Reply STOP")


@pytest.fixture
def client(login):
    """A browser: the token of a form is in the form."""
    client = login("admin")
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    return client


def typed(words: str = "Hello\nagain. Reply STOP") -> dict[str, str]:
    return {"name": "weekend", "cls": "mass", "lang": "en", "default": "en", "text-en": words}


def end(client) -> dict[str, str]:
    """Half an hour without use; returns the token of a form that was open all the while."""
    token = csrf_token(client, "/templates")
    with database.write_tx():
        database.execute("UPDATE session_record SET seen_at = 0")
    return {"csrf_token": token}


def sign_in(client) -> None:
    token = csrf_token(client, "/login")
    answer = client.post(
        "/login", data={"email": "admin@shop.example", "password": PASSWORD, "csrf_token": token}
    )
    assert answer.status_code == 302


def fields(page: str) -> dict[str, str]:
    part = page[page.index('action="/templates/') :]
    part = part[: part.index("</form>")]
    return {name: unescape(value) for name, value in [*HIDDEN.findall(part), *AREA.findall(part)]}


def test_a_form_sent_too_late_waits_in_the_browser_for_the_sign_in(client, written):
    token = end(client)
    answer = client.post(f"/templates/{written}", data=typed() | token, headers=OURS)
    assert answer.status_code == 401
    page = answer.get_data(as_text=True)
    assert "You were signed out after 30 minutes without use." in page
    assert 'target="_blank"' in page
    # Sent once more before the sign-in it waits on.
    waiting = fields(page)
    assert client.post(f"/templates/{written}", data=waiting, headers=OURS).status_code == 401
    assert templates.texts(written)["en"].body == "Hello. Reply STOP"
    sign_in(client)
    assert client.post(f"/templates/{written}", data=waiting, headers=OURS).status_code == 303
    assert templates.texts(written)["en"].body == "Hello\nagain. Reply STOP"


def test_without_the_cookie_the_form_waits_as_well(client, written):
    for cookie in list(client._cookies.values()):
        client.delete_cookie(cookie.key, domain=cookie.domain, path=cookie.path)
    answer = client.post(f"/templates/{written}", data=typed() | {"csrf_token": "old"}, headers=OURS)
    assert answer.status_code == 401
    page = answer.get_data(as_text=True)
    assert "The form was open for too long" in page
    sign_in(client)
    answer = client.post(f"/templates/{written}", data=fields(page), headers=OURS)
    if answer.status_code == 401:  # the token began with another session: the page comes once more, signed in
        answer = client.post(
            f"/templates/{written}", data=fields(answer.get_data(as_text=True)), headers=OURS
        )
    assert answer.status_code == 303
    assert templates.texts(written)["en"].body == "Hello\nagain. Reply STOP"


def test_a_form_of_another_site_never_comes_back_as_a_button(client, written):
    answer = client.post(f"/templates/{written}", data=typed())
    assert answer.status_code == 400
    assert "again. Reply STOP" not in answer.get_data(as_text=True)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = client.post(f"/templates/{written}", data=typed(), headers=foreign)
    assert "again. Reply STOP" not in answer.get_data(as_text=True)


def test_no_password_goes_back_into_a_page(client):
    token = end(client)
    for path in ("/providers/new/simulator", "/people"):
        answer = client.post(path, data={"password": "hunter2", "name": "x"} | token, headers=OURS)
        assert answer.status_code == 302
        assert "hunter2" not in answer.get_data(as_text=True)
    answer = client.post(
        "/settings/general", data={"brand": "Shop", "api_secret": "hunter2"} | token, headers=OURS
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert "Shop" in page
    assert "hunter2" not in page


def test_a_key_in_the_editor_brings_a_message_and_leaves_the_page(client, written):
    token = end(client)
    answer = client.post(
        "/templates/check?only=panel", data=typed() | token, headers=OURS | {"HX-Request": "true"}
    )
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert answer.headers["HX-Retarget"] == "#flash"
    assert "30 minutes without use" in answer.get_data(as_text=True)
    assert 'target="_blank"' in answer.get_data(as_text=True)


def test_a_page_asked_for_too_late_says_why_and_comes_back(client):
    end(client)
    answer = client.get("/contacts?q=1")
    assert answer.headers["Location"] == "/login?next=/contacts?q%3D1"
    page = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert "You were signed out after 30 minutes without use." in page
    sign_in(client)
    token = end(client)
    late = client.post("/segments/save", data=token, headers={"Referer": "http://localhost/contacts?page=2"})
    assert late.headers["Location"] == "/login?next=/contacts?page%3D2"
    late = client.post("/segments/save", data=token, headers={"Referer": "https://evil.example/x"})
    assert late.headers["Location"] == "/login"
    late = client.post("/settings/general", data={"brand": "x"} | token)
    assert late.headers["Location"] == "/login?next=/settings/general"
